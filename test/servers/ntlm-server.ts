/** The server's side of NTLM (MS-NLMP), written for the tests from the specification and sharing nothing with what it checks. */
import { createHash, createHmac, randomBytes, timingSafeEqual, X509Certificate } from "node:crypto";
import type { Certificate } from "./certificates.ts";
import { md4 } from "./md4.ts";
import { type HeardRequest, type ScriptedWeb, startScriptedWeb, type WebAct } from "./scripted-web.ts";

export interface NtlmServerOptions {
  /** Passwords by `DOMAIN\user` or `user@domain`, in small letters. */
  readonly accounts: Readonly<Record<string, string>>;
  readonly scheme?: "NTLM" | "Negotiate";
  /** Over TLS; the sign-in must then be bound to the certificate (extended protection). */
  readonly certificate?: Certificate;
  /** Whether the question holds the server's time: then the answer must have a check of its integrity. Default true. */
  readonly withTime?: boolean;
  /** Speaks as servers did before 2000: no NTLMv2. */
  readonly old?: boolean;
  /** Ends the sign-in of a connection after so many requests. */
  readonly requestsPerSignIn?: number;
}

export interface NtlmServer extends ScriptedWeb {
  /** The user of each connection that was signed in. */
  readonly signedIn: readonly string[];
  /** Why sign-ins were refused. */
  readonly refusals: readonly string[];
}

interface Conversation {
  negotiate: Buffer;
  question: Buffer;
  user: string | null;
  requests: number;
}

/** Lets requests through to `handle` on connections on which somebody has signed in. */
export async function startNtlmServer(
  options: NtlmServerOptions,
  handle: (request: HeardRequest, user: string) => WebAct | Promise<WebAct>,
): Promise<NtlmServer> {
  const { scheme = "NTLM", requestsPerSignIn = Number.POSITIVE_INFINITY } = options;
  const conversations = new Map<number, Conversation>();
  const signedIn: string[] = [];
  const refusals: string[] = [];
  const offer = (token?: Buffer): WebAct => ({
    status: 401,
    headers: { "WWW-Authenticate": token === undefined ? [scheme, "Digest realm=x"] : `${scheme} ${token.toString("base64")}` },
  });
  const refuse = (why: string): WebAct => {
    refusals.push(why);
    return offer();
  };
  const web = await startScriptedWeb((request) => {
    const authorization = request.headers.authorization;
    const conversation = conversations.get(request.connection);
    if (authorization === undefined) {
      if (conversation?.user == null || conversation.requests++ >= requestsPerSignIn) return offer();
      return handle(request, conversation.user);
    }
    if (!authorization.startsWith(`${scheme} `)) return offer();
    const message = Buffer.from(authorization.slice(scheme.length + 1), "base64");
    if (message.toString("latin1", 0, 8) !== "NTLMSSP\0") return refuse("no message of NTLM");
    if (message.readUInt32LE(8) === 1) {
      const question = questionFor(options);
      conversations.set(request.connection, { negotiate: message, question, user: null, requests: 0 });
      return offer(question);
    }
    if (conversation === undefined) return refuse("an answer without a question");
    const checked = check(message, conversation, options);
    if (typeof checked === "string") return refuse(checked);
    conversation.user = checked.user;
    signedIn.push(checked.user);
    return handle(request, checked.user);
  }, options.certificate ?? null);
  return { ...web, signedIn, refusals };
}

const UNICODE = 0x1;
const EXTENDED = 0x0008_0000;

function questionFor({ withTime = true, old = false }: NtlmServerOptions): Buffer {
  const info = Buffer.concat([
    pair(2, Buffer.from("CORP", "utf16le")),
    pair(1, Buffer.from("CRM", "utf16le")),
    pair(4, Buffer.from("corp.example", "utf16le")),
    ...(withTime ? [pair(7, fileTime())] : []),
    pair(0, Buffer.alloc(0)),
  ]);
  const target = Buffer.from("CORP", "utf16le");
  const head = Buffer.alloc(56);
  head.write("NTLMSSP\0", 0, "latin1");
  head.writeUInt32LE(2, 8);
  head.writeUInt16LE(target.length, 12);
  head.writeUInt16LE(target.length, 14);
  head.writeUInt32LE(56, 16);
  head.writeUInt32LE((0x0281_8205 | UNICODE | (old ? 0 : EXTENDED)) >>> 0, 20);
  randomBytes(8).copy(head, 24);
  head.writeUInt16LE(info.length, 40);
  head.writeUInt16LE(info.length, 42);
  head.writeUInt32LE(56 + target.length, 44);
  return Buffer.concat([head, target, info]);
}

function pair(kind: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(kind, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, value]);
}

function fileTime(): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE((BigInt(Date.now()) + 11_644_473_600_000n) * 10_000n);
  return bytes;
}

const mac = (key: Buffer, ...parts: Buffer[]) => createHmac("md5", key).update(Buffer.concat(parts)).digest();

/** MS-NLMP 3.3.2: the key that password, user and domain give. */
export function ntowfv2(password: string, user: string, domain: string): Buffer {
  return mac(md4(Buffer.from(password, "utf16le")), Buffer.from(user.toUpperCase() + domain, "utf16le"));
}

/** MS-NLMP 3.3.2: what proves that somebody knows the password. */
export function ntProof(key: Buffer, serverNonce: Buffer, blob: Buffer): Buffer {
  return mac(key, serverNonce, blob);
}

function check(message: Buffer, { negotiate, question }: Conversation, options: NtlmServerOptions): { readonly user: string } | string {
  const field = (at: number) => {
    const [length, offset] = [message.readUInt16LE(at), message.readUInt32LE(at + 4)];
    return message.subarray(offset, offset + length);
  };
  const [domain, user, response] = [field(28).toString("utf16le"), field(36).toString("utf16le"), field(20)];
  const name = domain === "" ? user : `${domain}\\${user}`;
  const password = options.accounts[name.toLowerCase()];
  if (password === undefined) return `nobody is called ${name}`;
  if (response.length < 60) return "no answer by NTLMv2";
  const [proof, blob] = [response.subarray(0, 16), response.subarray(16)];
  const key = ntowfv2(password, user, domain);
  if (!timingSafeEqual(ntProof(key, question.subarray(24, 32), blob), proof)) return "the password is wrong";
  const pairs = pairsOf(blob.subarray(28));
  const time = blob.readBigUInt64LE(8) / 10_000n - 11_644_473_600_000n;
  if (Math.abs(Number(time) - Date.now()) > 30 * 60_000) return "the clock is wrong";
  if (options.withTime !== false) {
    if (((pairs.get(6)?.readUInt32LE(0) ?? 0) & 2) === 0) return "it says that it has no check of its integrity";
    const bare = Buffer.from(message);
    bare.fill(0, 72, 88);
    if (!mac(mac(key, proof), negotiate, question, bare).equals(message.subarray(72, 88))) return "its integrity is broken";
  }
  const wanted = options.certificate === undefined ? Buffer.alloc(16) : binding(options.certificate.cert);
  if (!(pairs.get(10) ?? Buffer.alloc(0)).equals(wanted)) return "it is bound to another connection";
  return { user: name };
}

function pairsOf(bytes: Buffer): Map<number, Buffer> {
  const pairs = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const [kind, length] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
    if (kind === 0) break;
    pairs.set(kind, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return pairs;
}

/** RFC 5929 4 in the structure of RFC 2744 3.11; the certificates of the tests are signed with SHA-256. */
function binding(pem: string): Buffer {
  const data = Buffer.concat([Buffer.from("tls-server-end-point:"), createHash("sha256").update(new X509Certificate(pem).raw).digest()]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return createHash("md5")
    .update(Buffer.concat([Buffer.alloc(16), length, data]))
    .digest();
}
