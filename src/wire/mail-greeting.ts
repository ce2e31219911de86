/** Asks a mail server what it offers, and goes away again without signing in. */
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";

export interface GreetingQuestion {
  readonly protocol: "imap" | "pop3" | "smtp";
  readonly host: string;
  readonly port: number;
  readonly security: "tls" | "starttls" | "none";
  readonly trust: SecureContext;
  readonly signal: AbortSignal;
  readonly lookup?: LookupFunction | undefined;
}

export interface GreetingAnswer {
  /** The first line of the server. */
  readonly greeting: string;
  /** Capabilities that it shows to everybody, after TLS where there is TLS. */
  readonly offers: readonly string[];
}

/** The server spoke, but not as a server of this protocol does; `serverSaid` is its line. */
export class UnexpectedAnswer extends Error {
  readonly serverSaid: string;
  constructor(message: string, serverSaid: string) {
    super(message);
    this.serverSaid = serverSaid;
  }
}

/** Bytes that a server may say before it is left. */
const LONGEST_TALK = 64 * 1024;
const LONGEST_WORDS = 300;

/** Connects, verifies the certificate against the host's name, reads greeting and capabilities. Throws what the socket, TLS or `signal` throws, or UnexpectedAnswer. */
export async function mailGreeting(question: GreetingQuestion): Promise<GreetingAnswer> {
  const { host, port, security, signal, lookup } = question;
  const options = { host, port, ...(lookup && { lookup }) };
  const talk = new Talk(security === "tls" ? connectTls({ ...options, ...tlsOf(question) }) : connect(options), signal);
  try {
    return await DIALOGUES[question.protocol](talk, question);
  } finally {
    talk.end();
  }
}

function tlsOf({ host, trust }: GreetingQuestion) {
  return { secureContext: trust, rejectUnauthorized: true, ...(isIP(host) === 0 && { servername: host }) };
}

type Dialogue = (talk: Talk, question: GreetingQuestion) => Promise<GreetingAnswer>;

const DIALOGUES: Readonly<Record<GreetingQuestion["protocol"], Dialogue>> = {
  async imap(talk, question) {
    const greeting = await talk.expect(/^\* (?:OK|PREAUTH)\b/i, "IMAP");
    if (question.security === "starttls") {
      await imapAnswer(talk, "a1", "STARTTLS");
      await talk.secure(question);
    }
    const lines = await imapAnswer(talk, "a2", "CAPABILITY");
    talk.send("a3 LOGOUT");
    const offers = lines.flatMap((line) => /^\* CAPABILITY (.*)$/i.exec(line)?.[1]?.trim().split(/\s+/) ?? []);
    return { greeting, offers };
  },
  async pop3(talk, question) {
    const greeting = await talk.expect(/^\+OK/i, "POP3");
    if (question.security === "starttls") {
      talk.send("STLS");
      await talk.expect(/^\+OK/i, "POP3 with STARTTLS");
      await talk.secure(question);
    }
    talk.send("CAPA");
    const offers: string[] = [];
    // A server that knows no CAPA (RFC 2449) is a server all the same.
    if (/^\+OK/i.test(await talk.line())) for (let line = await talk.line(); line !== "."; line = await talk.line()) offers.push(line);
    talk.send("QUIT");
    return { greeting, offers };
  },
  async smtp(talk, question) {
    const greeting = (await smtpReply(talk, /^220/))[0] ?? "";
    let offers = await ehlo(talk);
    if (question.security === "starttls") {
      talk.send("STARTTLS");
      await smtpReply(talk, /^220/);
      await talk.secure(question);
      offers = await ehlo(talk);
    }
    talk.send("QUIT");
    return { greeting, offers };
  },
};

async function imapAnswer(talk: Talk, tag: string, command: string): Promise<readonly string[]> {
  talk.send(`${tag} ${command}`);
  const lines: string[] = [];
  for (let line = await talk.line(); ; line = await talk.line()) {
    if (line.toLowerCase().startsWith(`${tag} ok`)) return lines;
    if (line.startsWith(`${tag} `)) throw new UnexpectedAnswer(`The server refuses ${command}.`, line);
    lines.push(line);
  }
}

async function ehlo(talk: Talk): Promise<readonly string[]> {
  // RFC 5321 4.1.3: a machine that need not have a name gives its address.
  talk.send(`EHLO [${talk.localAddress}]`);
  return (await smtpReply(talk, /^250/)).slice(1).map((line) => line.slice(4));
}

async function smtpReply(talk: Talk, wanted: RegExp): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let line = await talk.line(); ; line = await talk.line()) {
    if (!wanted.test(line)) throw new UnexpectedAnswer("The server does not answer as an SMTP server that serves everybody here.", line);
    lines.push(line);
    if (line[3] !== "-") return lines;
  }
}

/** Lines in and out of one connection, for as long as `signal` lets it. */
class Talk {
  #socket: Socket;
  #buffer = "";
  #heard = 0;
  #ended: Error | null = null;
  #look: () => void = () => undefined;
  readonly #signal: AbortSignal;

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
    this.#listen();
    if (signal.aborted) this.#onAbort();
  }

  get localAddress(): string {
    const address = this.#socket.localAddress?.replace(/^::ffff:/, "").replace(/%.*$/, "") ?? "127.0.0.1";
    return address.includes(":") ? `IPv6:${address}` : address;
  }

  send(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf("\n");
      if (end >= 0) {
        const line = this.#buffer.slice(0, end).replace(/\r$/, "");
        this.#buffer = this.#buffer.slice(end + 1);
        return line.slice(0, LONGEST_WORDS);
      }
      if (this.#ended) throw this.#ended;
      await new Promise<void>((look) => {
        this.#look = look;
      });
    }
  }

  async expect(wanted: RegExp, protocol: string): Promise<string> {
    const line = await this.line();
    if (!wanted.test(line)) throw new UnexpectedAnswer(`The server does not speak ${protocol} there.`, line);
    return line;
  }

  /** Goes on over TLS. What came in clear before it is forgotten (CVE-2011-0411). */
  async secure(question: GreetingQuestion): Promise<void> {
    const clear = this.#socket;
    clear.removeAllListeners("data");
    this.#buffer = "";
    this.#socket = connectTls({ socket: clear, ...tlsOf(question), host: question.host });
    this.#listen();
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("secureConnect", resolve);
      this.#socket.once("error", reject);
      this.#socket.once("close", () => reject(closed()));
    });
  }

  end(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#socket.destroySoon();
  }

  #onAbort = () => {
    const { reason } = this.#signal;
    this.#stop(reason instanceof Error ? reason : new Error("given up"));
  };

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      this.#heard += chunk.length;
      this.#buffer += chunk.toString("latin1");
      if (this.#heard > LONGEST_TALK)
        this.#stop(new UnexpectedAnswer("The server talks without end.", this.#buffer.slice(0, LONGEST_WORDS)));
      this.#look();
    });
    this.#socket.on("error", (error) => this.#stop(error));
    this.#socket.on("close", () => this.#stop(closed()));
  }

  #stop(error: Error): void {
    this.#ended ??= error;
    this.#socket.destroy();
    this.#look();
  }
}

function closed(): Error {
  return Object.assign(new Error("the server closed the connection"), { code: "ECONNRESET" });
}
