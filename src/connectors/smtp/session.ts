/** One session with a mail server, from connecting to signed in, phase by phase; then exchanges of commands and replies. */
import { hostname } from "node:os";
import type { SecureContext } from "node:tls";
import type { Failure } from "../../model/failure.ts";
import type { Endpoint, PasswordSecret, Secret, TokenSecret } from "../../model/mailbox.ts";
import { plainMessage, tokenDismissal, tokenMechanism, tokenMessage } from "../../wire/sasl.ts";
import { withTokenFacts } from "../../wire/token-facts.ts";
import { Channel } from "./channel.ts";
import { type Extensions, extensionsOf, NO_EXTENSIONS } from "./extensions.ts";
import { smtpFailure, type Trouble } from "./failures.ts";
import { type Command, type Meaning, meaningOf } from "./replies.ts";
import { type Reply, replyText } from "./reply.ts";

const MINUTE = 60_000;
/** RFC 5321 4.5.3.2, the least a client should wait, in milliseconds; bounded by the endpoint's timeout. */
const TIMEOUTS: Readonly<Record<Exclude<Command, "content">, number>> = {
  connect: 5 * MINUTE,
  EHLO: 5 * MINUTE,
  HELO: 5 * MINUTE,
  STARTTLS: 2 * MINUTE,
  AUTH: 2 * MINUTE,
  RSET: 5 * MINUTE,
  MAIL: 5 * MINUTE,
  RCPT: 5 * MINUTE,
  DATA: 2 * MINUTE,
};

/** Commands sent before the first of their replies is read, where the server has PIPELINING (RFC 2920). */
const PIPELINE = 100;

/** Where a session stands, what it was opened with. */
export interface SessionOptions {
  readonly endpoint: Endpoint;
  /** Null where the profile signs nobody in. */
  readonly secret: Secret | null;
  readonly trust: () => SecureContext;
  /** Told what a person should know though all went well. */
  readonly warn: (message: string) => void;
}

/** What one phase of opening came to, for a person. */
export interface Achieved {
  readonly message: string;
  /** What is weak about it, in a word and with the remedy. */
  readonly weakness?: { readonly code: string; readonly remedy: string };
}

export interface Phase {
  readonly name: string;
  run(session: Session): Promise<Achieved>;
}

/** A command line and what it is. */
export interface Line {
  readonly command: Exclude<Command, "connect" | "content">;
  readonly text: string;
  /** The address of a RCPT. */
  readonly recipient?: string;
}

export class Session {
  readonly options: SessionOptions;
  /** Messages offered so far, taken or not: the next one begins with RSET. */
  messages = 0;
  /** Whose address mail is offered from, for failures about it. */
  sender = "";
  #channel: Channel | null = null;
  #extensions = NO_EXTENSIONS;

  constructor(options: SessionOptions) {
    this.options = options;
  }

  get endpoint(): Endpoint {
    return this.options.endpoint;
  }

  get channel(): Channel {
    if (!this.#channel) {
      throw new Error("the session is not connected");
    }
    return this.#channel;
  }

  get extensions(): Extensions {
    return this.#extensions;
  }

  /** It can carry another message. */
  get usable(): boolean {
    return this.#channel !== null && !this.#channel.disturbed;
  }

  /** The bounded time to wait for the reply to a command. */
  timeout(command: Exclude<Command, "content">): number {
    return Math.min(TIMEOUTS[command], this.endpoint.timeout);
  }

  async connect(): Promise<Achieved> {
    this.#channel = await Channel.open(this.endpoint);
    return { message: `${this.endpoint.host}:${this.endpoint.port} answers.` };
  }

  async encrypt(): Promise<Achieved> {
    const { host, verifyCertificate } = this.endpoint;
    const { protocol, dropped } = await this.channel.encrypt(this.options.trust());
    if (dropped) {
      this.options.warn(
        `${host} sent text in clear that belongs under TLS; it was dropped. Somebody may be tampering with the connection.`,
      );
    }
    return verifyCertificate
      ? { message: `${protocol}, and the certificate is that of ${host}.` }
      : {
          message: `${protocol}, but the certificate is not checked.`,
          weakness: {
            code: "certificate not verified",
            remedy: "Have the certificate checked, with its authority added to the profile where it is your own.",
          },
        };
  }

  /** Reads the greeting and says EHLO, or HELO to a server that does not know EHLO. */
  async greet(): Promise<Achieved> {
    const greeting = await this.channel.reply(this.timeout("connect"), "no greeting");
    this.#expectDone(greeting, "connect");
    await this.hello();
    return { message: `${this.endpoint.host} greets: ${replyText(greeting)}` };
  }

  async hello(): Promise<void> {
    const name = ownName(this.channel.localAddress);
    const reply = await this.ask({ command: "EHLO", text: `EHLO ${name}` });
    if (meaningOf(reply, "EHLO").kind === "not implemented") {
      this.#expectDone(await this.ask({ command: "HELO", text: `HELO ${name}` }), "HELO");
      this.#extensions = NO_EXTENSIONS;
      return;
    }
    this.#expectDone(reply, "EHLO");
    this.#extensions = extensionsOf(reply);
  }

  /** Never goes on in clear. What was offered before TLS counts for nothing after it (RFC 3207 4.2). */
  async startTls(): Promise<Achieved> {
    if (!this.extensions.startTls) {
      throw this.failure("STARTTLS not offered");
    }
    this.#expectDone(await this.ask({ command: "STARTTLS", text: "STARTTLS" }), "STARTTLS");
    const achieved = await this.encrypt();
    await this.hello();
    return achieved;
  }

  /** RFC 4954, with the mechanism that the endpoint names; for `auto` PLAIN before LOGIN, for `oauth` OAUTHBEARER before XOAUTH2. */
  async signIn(secret: Secret): Promise<Achieved> {
    const reply = secret.kind === "token" ? await this.#bearToken(secret) : await this.#tellPassword(secret);
    this.#expectDone(reply, "AUTH");
    const message = `${this.endpoint.host} signed ${secret.username} in.`;
    return this.endpoint.security === "none"
      ? { message, weakness: { code: "in clear", remedy: "The password went over the network in clear: choose TLS or STARTTLS." } }
      : { message };
  }

  /** One command, one reply. */
  async ask(line: Line): Promise<Reply> {
    this.channel.command(line.text);
    return await this.channel.reply(this.timeout(line.command));
  }

  /**
   * Sends lines and hands over the reply to each, in order; many at a time where the server has PIPELINING. After a false from `take`
   * no more are sent, but the replies to those on the way are still handed over: they must be read to stay in step.
   */
  async exchange(lines: readonly Line[], take: (line: Line, reply: Reply) => boolean): Promise<void> {
    const size = this.extensions.pipelining ? PIPELINE : 1;
    let more = true;
    for (let from = 0; from < lines.length && more; from += size) {
      const group = lines.slice(from, from + size);
      this.channel.command(...group.map(({ text }) => text));
      for (const line of group) {
        more = take(line, await this.channel.reply(this.timeout(line.command))) && more;
      }
    }
  }

  /** The failure for trouble that ends this session: the connection is dropped. */
  failure(trouble: Trouble, reply?: Reply): Failure {
    const { secret } = this.options;
    if (trouble === "sign-in refused" && secret?.kind === "token") return withTokenFacts(this.failure("token refused", reply), secret);
    this.#channel?.destroy();
    const serverSaid = reply === undefined ? undefined : replyText(reply);
    const user = secret?.username ?? null;
    const who = trouble === "sender not permitted" ? `${user ?? "this machine"} send as ${this.sender}` : user;
    return smtpFailure(trouble, this.endpoint, { user: who, serverSaid });
  }

  /** The failure for a reply that did not do what its command is for. */
  failureOf(meaning: Exclude<Meaning, { kind: "done" }>, reply: Reply): Failure {
    return this.failure(meaning.kind === "trouble" ? meaning.trouble : "protocol error", reply);
  }

  /** Says goodbye; resolves when closed. */
  async close(): Promise<void> {
    await this.#channel?.quit();
  }

  #expectDone(reply: Reply, command: Command): void {
    const meaning = meaningOf(reply, command);
    if (meaning.kind !== "done") {
      throw this.failureOf(meaning, reply);
    }
  }

  async #tellPassword(secret: PasswordSecret): Promise<Reply> {
    const message = plainMessage(secret);
    if (message === null) {
      throw this.failure("sign-in refused");
    }
    if (this.#passwordMechanism(secret) === "PLAIN") {
      return await this.ask({ command: "AUTH", text: `AUTH PLAIN ${message}` });
    }
    let reply = await this.ask({ command: "AUTH", text: "AUTH LOGIN" });
    for (const answer of [secret.username, secret.password]) {
      if (reply.code === 334) {
        reply = await this.ask({ command: "AUTH", text: base64(answer) });
      }
    }
    return reply;
  }

  async #bearToken(secret: TokenSecret): Promise<Reply> {
    const mechanism = tokenMechanism(this.endpoint.authentication, this.extensions.signIn) ?? this.#noMechanism();
    const message = tokenMessage(mechanism, secret, this.endpoint);
    if (message === null) {
      throw this.failure("sign-in refused");
    }
    const reply = await this.ask({ command: "AUTH", text: `AUTH ${mechanism} ${message}` });
    // The server explains its refusal in a challenge before it says no (RFC 7628 3.2.3).
    return reply.code === 334 ? await this.ask({ command: "AUTH", text: tokenDismissal(mechanism) }) : reply;
  }

  #passwordMechanism({ authorizationIdentity }: PasswordSecret): "PLAIN" | "LOGIN" {
    const { authentication } = this.endpoint;
    const able = authorizationIdentity === undefined ? (["PLAIN", "LOGIN"] as const) : (["PLAIN"] as const);
    const allowed = able.filter((name) => authentication === "auto" || authentication === name.toLowerCase());
    return allowed.find((name) => this.extensions.signIn.has(name)) ?? this.#noMechanism();
  }

  #noMechanism(): never {
    const offered = [...this.extensions.signIn].join(", ");
    if (offered === "") throw smtpFailure("sign-in not offered", this.endpoint);
    throw smtpFailure("no common sign-in method", this.endpoint, { serverSaid: `AUTH ${offered}` });
  }
}

/** The phases that open a session with this endpoint, in order. */
export function phasesOf({ security }: Endpoint, secret: Secret | null): readonly Phase[] {
  const connect: Phase = { name: "connect", run: (session) => session.connect() };
  const greet: Phase = { name: "greeting", run: (session) => session.greet() };
  const opening: Readonly<Record<Endpoint["security"], readonly Phase[]>> = {
    tls: [connect, { name: "encrypt", run: (session) => session.encrypt() }, greet],
    starttls: [connect, greet, { name: "encrypt", run: (session) => session.startTls() }],
    none: [connect, greet],
  };
  return secret === null ? opening[security] : [...opening[security], { name: "sign in", run: (session) => session.signIn(secret) }];
}

/** Opens a session all the way. @throws Failure; nothing stays open then. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const session = new Session(options);
  try {
    for (const phase of phasesOf(options.endpoint, options.secret)) {
      await phase.run(session);
    }
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

/** RFC 5321 4.1.1.1, 4.1.3: the machine's full name, or the address that the connection comes from as a literal. */
function ownName(localAddress: string | undefined): string {
  const name = hostname();
  if (/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/i.test(name)) {
    return name;
  }
  const address = localAddress?.replace(/^::ffff:/, "") ?? "127.0.0.1";
  return address.includes(":") ? `[IPv6:${address.replace(/%.*$/, "")}]` : `[${address}]`;
}
