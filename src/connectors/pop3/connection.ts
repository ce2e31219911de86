/** A connection from the greeting to the goodbye: one command and its answer at a time, or many on the way where the server can. */
import type { SecureContext } from "node:tls";
import type { Failure } from "../../model/failure.ts";
import { withoutSecrets } from "../../wire/without-secrets.ts";
import { capabilitiesOf, type Pop3Capabilities, UNTOLD } from "./capabilities.ts";
import type { Channel, Line } from "./channel.ts";
import { Collector } from "./collector.ts";
import { type Circumstances, type Pop3Trouble, pop3Failure, type TroubleFacts } from "./failures.ts";
import { type Moment, troubleOf } from "./refusals.ts";
import { parseChallenge, parseReply, type Reply, shown } from "./reply.ts";

/** Bytes of an answer to CAPA; real ones have some hundred. */
const CAPABILITY_BYTES = 64 * 1024;

/** Milliseconds that saying goodbye may take: until the server has let go of the mailbox, nobody gets in again. */
const GOODBYE = 5000;

/** A reply with what is needed to read what follows it. */
export interface Answer extends Reply {
  readonly lineEnd: Line["end"];
}

export class Connection {
  readonly about: Circumstances;
  /** Text of the greeting, with the time stamp of APOP where there is one. */
  readonly greeting: string;
  readonly channel: Channel;
  capabilities: Pop3Capabilities = UNTOLD;
  /** The server answered CAPA. */
  tellsCapabilities = false;
  /** Made of a secret for this connection alone: what the server says back of it is told to nobody. */
  readonly #secrets: string[] = [];

  private constructor(about: Circumstances, channel: Channel, greeting: string) {
    this.about = about;
    this.channel = channel;
    this.greeting = greeting;
  }

  /** Reads the greeting and asks for the capabilities. */
  static async greet(about: Circumstances, channel: Channel): Promise<Connection> {
    const line = await channel.line();
    const reply = parseReply(line.bytes);
    if (reply === null) {
      channel.destroy();
      throw pop3Failure("not a POP3 server", about, { serverSaid: shown(line.bytes) });
    }
    const connection = new Connection(about, channel, reply.text);
    if (!reply.ok) throw connection.refusal(reply, "greeting");
    await connection.askCapabilities();
    return connection;
  }

  /** Never goes on in clear. What was offered before TLS counts for nothing after it (RFC 2595 4). */
  async startTls(trust: SecureContext): Promise<void> {
    const answer = this.capabilities.startTls ? await this.ask("STLS") : null;
    if (answer === null || !answer.ok) throw this.failure("STARTTLS not offered", { serverSaid: answer?.text });
    await this.channel.encrypt(trust);
    await this.askCapabilities();
  }

  /** Some servers offer other things once the mailbox is open (RFC 2449 3). One that does not know CAPA is taken to know RFC 1939. */
  async askCapabilities(): Promise<void> {
    const answer = await this.ask("CAPA");
    this.tellsCapabilities = answer.ok;
    this.capabilities = UNTOLD;
    if (!answer.ok) return;
    const listing = new Collector(CAPABILITY_BYTES);
    await this.channel.body(answer.lineEnd, listing, () => listing.over);
    this.capabilities = capabilitiesOf(listing.content());
  }

  /** Removes it from all that the server says from now on. */
  keepSecret(secret: string): void {
    this.#secrets.push(secret);
  }

  async ask(command: string): Promise<Answer> {
    this.channel.write(command);
    return this.answer();
  }

  /** The status line of the next answer. */
  async answer(): Promise<Answer> {
    return this.#answerIn(await this.channel.line());
  }

  /** The next line of a conversation that AUTH began: a challenge, in base64, or the reply that ends it. */
  async answerOrChallenge(): Promise<Answer | { readonly challenge: string }> {
    const line = await this.channel.line();
    const challenge = parseChallenge(line.bytes);
    return challenge !== null ? { challenge } : this.#answerIn(line);
  }

  #answerIn({ bytes, end }: Line): Answer {
    const reply = parseReply(bytes);
    if (reply === null) throw this.failure("protocol error", { serverSaid: withoutSecrets(shown(bytes), this.#secrets) });
    return { ...reply, text: withoutSecrets(reply.text, this.#secrets), lineEnd: end };
  }

  /** The failure for a refusal, which leaves the connection usable. */
  refusal(reply: Reply, moment: Moment): Failure {
    const trouble = troubleOf(reply, moment, this.capabilities);
    const delay = trouble === "sign-in too soon" ? this.capabilities.loginDelay : null;
    return pop3Failure(trouble, this.about, {
      serverSaid: reply.text,
      ...(delay === null ? {} : { notBefore: new Date(Date.now() + delay * 1000) }),
    });
  }

  /** The failure for trouble that ends this connection: it is dropped. */
  failure(trouble: Pop3Trouble, facts: TroubleFacts = {}): Failure {
    this.channel.destroy();
    return pop3Failure(trouble, this.about, facts);
  }

  /**
   * Says goodbye and waits until the server has closed. RSET first: nothing is to be deleted (a server may mark what it handed out), and Dovecot
   * then forgets that it handed out anything, so that no message becomes "read" (invariant 11). Never throws.
   */
  async leave(): Promise<void> {
    try {
      for (const command of ["RSET", "QUIT"]) {
        if (this.channel.ended) return;
        await patiently(this.ask(command));
      }
    } catch {
      // A server that does not say goodbye is not waited for.
      this.channel.destroy();
      return;
    }
    await this.channel.closed(GOODBYE);
  }
}

async function patiently<T>(asked: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("no goodbye")), GOODBYE);
  // Whoever loses the race has nobody to hear it.
  asked.catch(() => undefined);
  try {
    return await Promise.race([asked, promise]);
  } finally {
    clearTimeout(timer);
  }
}
