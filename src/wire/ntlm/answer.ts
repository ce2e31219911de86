/** The answer to a server's question (AUTHENTICATE_MESSAGE) by NTLMv2, and nothing weaker. Source: MS-NLMP 2.2.1.3, 3.1.5.1.2, 3.3.2. */
import { createHash, createHmac } from "node:crypto";
import { createNTLMHash } from "@ewsjs/ntlm-client/lib/hash.js";
import { type Challenge, FLAGS, negotiateMessage, OURS, PAIRS, type Pair, VERSION } from "./challenge.ts";

export interface Account {
  /** Empty where the user's name is one with a domain in it (`ann@corp.example`). */
  readonly domain: string;
  readonly user: string;
  readonly password: string;
}

export interface AnswerOptions {
  /** 8 random bytes. */
  readonly nonce: Buffer;
  readonly now: Date;
  /** What binds the sign-in to the TLS connection (`channelBinding`); null on one in clear. */
  readonly binding: Buffer | null;
  /** For whom it is, e.g. `HTTP/crm.corp.example`. */
  readonly service: string;
}

/** Offsets of MS-NLMP 2.2.1.3. */
const FIELDS = { lm: 12, nt: 20, domain: 28, user: 36, workstation: 44, key: 52 } as const;
const [FLAGS_AT, VERSION_AT, MIC_AT, PAYLOAD] = [60, 64, 72, 88];
/** Milliseconds from 1601 to 1970. */
const EPOCH = 11_644_473_600_000n;
/** MsvAvFlags: the message has a check of its integrity. */
const HAS_MIC = 2;

/**
 * `DOMAIN\user`, or a name with the domain in it, which is sent as it is.
 * @param name as people enter it
 */
export function accountOf(name: string, password: string): Account {
  const at = name.indexOf("\\");
  return at < 0 ? { domain: "", user: name, password } : { domain: name.slice(0, at), user: name.slice(at + 1), password };
}

/** @returns null where the server does not speak NTLMv2: what is weaker lets others find the password */
export function answerTo(challenge: Challenge, account: Account, options: AnswerOptions): Buffer | null {
  const { flags, pairs, nonce } = challenge;
  if ((flags & FLAGS.extendedSessionSecurity) === 0 || (flags & FLAGS.unicode) === 0 || pairs.length === 0) return null;
  const timestamp = pairs.find(({ kind }) => kind === PAIRS.timestamp)?.value;
  const temp = Buffer.concat([
    Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]),
    timestamp?.length === 8 ? timestamp : fileTime(options.now),
    options.nonce,
    Buffer.alloc(4),
    written(ourPairs(pairs, timestamp !== undefined, options)),
    Buffer.alloc(4),
  ]);
  const secret = secretOf(account);
  const proof = hmac(secret, nonce, temp);
  const payload = {
    lm: Buffer.alloc(24),
    nt: Buffer.concat([proof, temp]),
    domain: Buffer.from(account.domain, "utf16le"),
    user: Buffer.from(account.user, "utf16le"),
    workstation: Buffer.alloc(0),
    key: Buffer.alloc(0),
  };
  const message = assembled(payload, flags & OURS);
  if (timestamp !== undefined) hmac(hmac(secret, proof), negotiateMessage(), challenge.message, message).copy(message, MIC_AT);
  return message;
}

/** NTOWFv2 (MS-NLMP 3.3.2). */
function secretOf({ domain, user, password }: Account): Buffer {
  return hmac(createNTLMHash(password), Buffer.from(user.toUpperCase() + domain, "utf16le"));
}

/** What the server said of itself, and what we add; what it could have added in our name is left out. */
function ourPairs(pairs: readonly Pair[], withMic: boolean, { binding, service }: AnswerOptions): readonly Pair[] {
  const ours: readonly number[] = [PAIRS.flags, PAIRS.channelBindings, PAIRS.targetName];
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(HAS_MIC);
  return [
    ...pairs.filter(({ kind }) => !ours.includes(kind)),
    ...(withMic ? [{ kind: PAIRS.flags, value: flags }] : []),
    { kind: PAIRS.channelBindings, value: binding ?? Buffer.alloc(16) },
    { kind: PAIRS.targetName, value: Buffer.from(service, "utf16le") },
  ];
}

function written(pairs: readonly Pair[]): Buffer {
  const parts = pairs.flatMap(({ kind, value }) => {
    const head = Buffer.alloc(4);
    head.writeUInt16LE(kind, 0);
    head.writeUInt16LE(value.length, 2);
    return [head, value];
  });
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

function assembled(payload: Readonly<Record<keyof typeof FIELDS, Buffer>>, flags: number): Buffer {
  const head = Buffer.alloc(PAYLOAD);
  head.write("NTLMSSP\0", 0, "latin1");
  head.writeUInt32LE(3, 8);
  let offset = PAYLOAD;
  const order = ["domain", "user", "workstation", "lm", "nt", "key"] as const;
  for (const name of order) {
    const { length } = payload[name];
    head.writeUInt16LE(length, FIELDS[name]);
    head.writeUInt16LE(length, FIELDS[name] + 2);
    head.writeUInt32LE(offset, FIELDS[name] + 4);
    offset += length;
  }
  head.writeUInt32LE(flags >>> 0, FLAGS_AT);
  VERSION.copy(head, VERSION_AT);
  return Buffer.concat([head, ...order.map((name) => payload[name])]);
}

/** Hundreds of nanoseconds since 1601. */
function fileTime(now: Date): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE((BigInt(now.getTime()) + EPOCH) * 10_000n);
  return bytes;
}

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const sum = createHmac("md5", key);
  for (const part of parts) sum.update(part);
  return sum.digest();
}

/**
 * What binds a sign-in to the TLS connection that it happens on, so that nobody in between can use it on another one (RFC 5929 4, `tls-server-end-point`;
 * MS-NLMP 3.1.5.1.2).
 * @param certificate the server's, DER
 * @param algorithm how it was signed, e.g. `ecdsa-with-SHA384`, `sha256WithRSAEncryption`; undefined: not known
 */
export function channelBinding(certificate: Buffer, algorithm: string | undefined): Buffer {
  // RFC 5929 4.1: MD5 and SHA-1 become SHA-256.
  const hash = /sha-?(384|512)/i.exec(algorithm ?? "")?.[1] ?? "256";
  const data = Buffer.concat([Buffer.from("tls-server-end-point:"), createHash(`sha${hash}`).update(certificate).digest()]);
  // gss_channel_bindings_struct: no addresses, the length, the data.
  const struct = Buffer.alloc(20 + data.length);
  struct.writeUInt32LE(data.length, 16);
  data.copy(struct, 20);
  return createHash("md5").update(struct).digest();
}
