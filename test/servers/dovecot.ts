import { createHmac, randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ImapFlow } from "imapflow";
import { type Certificate, makeCertificates } from "./certificates.ts";
import { type DovecotPorts, dovecotConfig } from "./dovecot-config.ts";
import { deliverByLmtp, type LmtpReply } from "./lmtp.ts";
import { freePorts } from "./ports.ts";
import {
  giveToAccount,
  type Program,
  readLog,
  removeFolder,
  runProgram,
  startProgram,
  temporaryFolder,
  untilClosed,
  untilListening,
} from "./processes.ts";

export interface DovecotOptions {
  /** Passwords by name; default alice, password secret. Sign in as `alice` or as `alice@any.host`. */
  readonly users?: Readonly<Record<string, string>>;
  /** What stands beside the password of a user, e.g. `{ full: "userdb_quota_rule=*:bytes=1" }` (extra fields of a passwd-file). */
  readonly userFields?: Readonly<Record<string, string>>;
  /** Accounts that may open every mailbox: sign in as `alice*router` with the password of `router`. Default router, masterpass. */
  readonly masters?: Readonly<Record<string, string>>;
  readonly format?: "maildir" | "mdbox" | "sdbox";
  readonly separator?: "/" | ".";
  /** What stands before each folder but INBOX itself, with its separator, e.g. `INBOX.`. */
  readonly prefix?: string;
  /** Drafts, Sent, Trash and Junk exist and are marked (RFC 6154); default true. */
  readonly specialUse?: boolean;
  /** Folders can be opened to others by SETACL and are then seen as `shared/alice/...`; default false. */
  readonly shared?: boolean;
  /** In folders of others `\Seen` is one's own (INDEXPVT); default false: it is the same for all who read them. */
  readonly privateSeen?: boolean;
  /** Default: a certificate for localhost from an authority nobody trusts (see `Dovecot.authority`). */
  readonly tls?: Certificate | "none";
  /** Refuse passwords on connections without TLS (LOGINDISABLED); default false. */
  readonly refusePlaintext?: boolean;
  /** Not announced, e.g. ["CONDSTORE", "QRESYNC"]. Dovecot would still understand a client that uses them unasked. */
  readonly withoutCapabilities?: readonly string[];
  /** Limits for a thousand connections at once; default false. */
  readonly manyConnections?: boolean;
  /** Who is asked about access tokens: the introspection endpoint of an authorization server (RFC 7662). Default: nobody, see `Dovecot.token`. */
  readonly introspection?: string;
  /** Public key (PEM) of an authorization server, whose tokens (RS256, key id 1) Dovecot then checks by itself. */
  readonly tokenKey?: string;
  /** The audience (`aud`) that tokens must have which Dovecot checks by itself. Left out: it does not look. */
  readonly tokenAudience?: string;
  /** More lines for dovecot.conf. */
  readonly extra?: string;
}

/** A message to be put into a folder as it is; a plain Buffer or string is one without flags, received now. */
export type Appended =
  | Buffer
  | string
  | { readonly mime: Buffer | string; readonly internalDate?: Date; readonly flags?: readonly string[] };

/** A running Dovecot with a mail store of its own in a temporary folder, unprivileged, on ports of 127.0.0.1. */
export interface Dovecot extends AsyncDisposable {
  readonly host: "127.0.0.1";
  readonly ports: DovecotPorts;
  readonly folder: string;
  /** PEM of the authority of the default certificate; undefined when the test brought its own or none. */
  readonly authority: string | undefined;
  log(): string;
  /** Delivers by LMTP as a mail server does: sets the internal date to now, throws for an unknown user. */
  deliver(user: string, mime: Buffer | string, sender?: string): Promise<LmtpReply>;
  /** Appends by IMAP in the order given, creating the folder if need be; resolves to the UIDs. */
  append(user: string, folder: string, ...messages: readonly Appended[]): Promise<number[]>;
  /** A signed-in IMAP connection of the rig's own, to look at or change a mailbox from outside the code under test. */
  withImap<T>(user: string, use: (client: ImapFlow) => Promise<T>): Promise<T>;
  /** Adds the user or changes the password. Open connections stay. */
  setPassword(user: string, password: string): Promise<void>;
  /** Ends all sessions of the user, as servers do whose tokens have expired. */
  disconnect(user: string): void;
  /** A bearer token for XOAUTH2 and OAUTHBEARER; a negative validity gives one that has expired. */
  token(user: string, validForSeconds?: number): string;
  /** Stops it and waits until the ports are free; `crash` kills all its processes at once. Mail stays until disposal. */
  stop(how?: "shutdown" | "crash"): Promise<void>;
  start(): Promise<void>;
  /** Stops and starts on the same ports and mail, with other options where some are given. */
  restart(changed?: DovecotOptions): Promise<void>;
}

export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  const [imap = 0, imaps = 0, pop3 = 0, pop3s = 0, lmtp = 0, sasl = 0] = await freePorts(6);
  const ports: DovecotPorts = { imap, imaps, pop3, pop3s, lmtp, sasl };
  const folder = temporaryFolder("dovecot");
  const tokenKey = randomBytes(32);
  const own = options.tls === undefined ? makeCertificates() : undefined;
  const users = new Map(Object.entries(options.users ?? { alice: "secret" }));
  const certificate = (current: DovecotOptions) => current.tls ?? own?.server ?? "none";
  let current = options;
  let program: Program | undefined;

  const write = () => {
    writeFiles(folder, ports, tokenKey, users, current, certificate(current));
    giveToAccount(folder);
  };
  const listening = () => (certificate(current) === "none" ? [imap, pop3, lmtp, sasl] : Object.values(ports));
  const log = () => readLog(path.join(folder, "dovecot.log"));

  const server: Dovecot = {
    host: "127.0.0.1",
    ports,
    folder,
    authority: own?.authority,
    log,
    deliver: (user, mime, sender) => deliverByLmtp(lmtp, user, mime, sender),
    append: (user, place, ...messages) => server.withImap(user, (client) => appendAll(client, place, messages)),
    async withImap(user, use) {
      const client = new ImapFlow({
        host: "127.0.0.1",
        port: imap,
        secure: false,
        tls: { rejectUnauthorized: false },
        auth: { user, pass: users.get(user) ?? "" },
        logger: false,
      });
      await client.connect();
      try {
        return await use(client);
      } finally {
        await client.logout();
      }
    },
    async setPassword(user, password) {
      users.set(user, password);
      write();
      // Dovecot looks at the file's date at most once a second.
      await sleep(1100);
    },
    disconnect: (user) => void runProgram("doveadm", ["-c", path.join(folder, "dovecot.conf"), "kick", user]),
    token: (user, validForSeconds = 3600) => jsonWebToken(user, validForSeconds, tokenKey),
    async start() {
      if (program?.running()) return;
      write();
      // A crash may leave this lock behind; Dovecot would wait ten seconds for its owner.
      rmSync(path.join(folder, "state/instances.lock"), { force: true });
      const args = ["-F", "-c", path.join(folder, "dovecot.conf")];
      program = await startProgram("dovecot", args, { dropRoot: true, onOrphaned: "TERM" });
      await untilListening(program, listening(), log);
    },
    async stop(how = "shutdown") {
      if (how === "crash") await program?.kill();
      else await program?.stop("SIGTERM");
      await untilClosed(Object.values(ports));
    },
    async restart(changed = {}) {
      await server.stop();
      current = { ...current, ...changed };
      for (const [user, password] of Object.entries(changed.users ?? {})) users.set(user, password);
      await server.start();
    },
    async [Symbol.asyncDispose]() {
      try {
        // Nothing of it is needed any more, and an orderly stop takes a second.
        await server.stop("crash");
      } finally {
        removeFolder(folder);
      }
    },
  };
  try {
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

function writeFiles(
  folder: string,
  ports: DovecotPorts,
  tokenKey: Buffer,
  users: ReadonlyMap<string, string>,
  options: DovecotOptions,
  certificate: Certificate | "none",
): void {
  const write = (name: string, content: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content, { mode: 0o600 });
  };
  const passwords = (entries: Iterable<readonly [string, string]>) =>
    [...entries].map(([name, password]) => `${name}:{PLAIN}${password}::::::${options.userFields?.[name] ?? ""}\n`).join("");
  write(
    "dovecot.conf",
    dovecotConfig(folder, ports, {
      format: options.format ?? "maildir",
      separator: options.separator ?? "/",
      prefix: options.prefix ?? "",
      specialUse: options.specialUse ?? true,
      shared: options.shared ?? false,
      privateSeen: options.privateSeen ?? false,
      tls: certificate !== "none",
      refusePlaintext: options.refusePlaintext ?? false,
      withoutCapabilities: options.withoutCapabilities ?? [],
      manyConnections: options.manyConnections ?? false,
      extra: options.extra ?? "",
    }),
  );
  write("users", passwords(users));
  write("masters", passwords(Object.entries(options.masters ?? { router: "masterpass" })));
  const keys = `local_validation_key_dict = fs:posix:prefix=${folder}/keys/`;
  write(
    "oauth2.conf",
    options.introspection === undefined
      ? `introspection_mode = local\n${keys}\nusername_attribute = sub\n${options.tokenAudience === undefined ? "" : `active_attribute = aud\nactive_value = ${options.tokenAudience}\n`}`
      : `introspection_mode = post\nintrospection_url = ${options.introspection}\nforce_introspection = yes\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n`,
  );
  if (options.tokenKey !== undefined) write("keys/default/RS256/1", options.tokenKey);
  write("keys/default/HS256/default", tokenKey.toString("base64"));
  if (certificate !== "none") {
    write("cert.pem", certificate.cert);
    write("key.pem", certificate.key);
  }
}

async function appendAll(client: ImapFlow, folder: string, messages: readonly Appended[]): Promise<number[]> {
  if (folder.toUpperCase() !== "INBOX") await client.mailboxCreate(folder);
  const uids: number[] = [];
  for (const message of messages) {
    const { mime, internalDate, flags } =
      typeof message === "string" || Buffer.isBuffer(message) ? { mime: message, internalDate: undefined, flags: undefined } : message;
    const kept = await client.append(folder, typeof mime === "string" ? Buffer.from(mime) : mime, [...(flags ?? [])], internalDate);
    if (kept === false || kept.uid === undefined) throw new Error(`Dovecot did not keep the message in ${folder}`);
    uids.push(kept.uid);
  }
  return uids;
}

/** A JSON Web Token signed with HMAC (RFC 7519, RFC 7515), which Dovecot checks by itself. */
function jsonWebToken(user: string, validForSeconds: number, key: Buffer): string {
  const now = Math.floor(Date.now() / 1000);
  const begin = Math.min(now, now + validForSeconds) - 60;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: user, iat: begin, nbf: begin, exp: now + validForSeconds };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}
