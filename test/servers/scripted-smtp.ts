import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { Certificate } from "./certificates.ts";

/** Where a client stands. `content begun` is the first byte after 354, `content` the final dot. */
export type SmtpStep =
  | "connect"
  | "EHLO"
  | "HELO"
  | "STARTTLS"
  | "AUTH"
  | "RSET"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "content begun"
  | "content"
  | "QUIT";

/** What the server does at a step instead of the usual: says these bytes as they are, waits, hangs up. */
export interface SmtpAct {
  readonly afterMs?: number;
  readonly say?: string;
  readonly cut?: boolean;
}

export interface SmtpMoment {
  readonly step: SmtpStep;
  /** The command line; the content at `content`. */
  readonly line: string;
  /** Which connection, from 1. */
  readonly connection: number;
}

export interface ScriptedSmtpOptions {
  /** Asked at each step; undefined = the usual answer. */
  readonly script?: (moment: SmtpMoment) => SmtpAct | undefined;
  /** EHLO keywords; default PIPELINING, 8BITMIME, SMTPUTF8, SIZE 100000. STARTTLS and AUTH are added where they are set up. */
  readonly extensions?: readonly string[];
  readonly tls?: { readonly certificate: Certificate; readonly from: "the start" | "STARTTLS" };
  /** Accepted as user and password; AUTH is not offered without. */
  readonly users?: Readonly<Record<string, string>>;
  /** Each byte in a segment of its own. */
  readonly splitBytes?: boolean;
}

export interface ReceivedMail {
  readonly from: string;
  readonly recipients: readonly string[];
  /** Dots undone, as the client meant it. */
  readonly content: string;
}

/** A mail server on 127.0.0.1 that misbehaves as told and remembers all that it heard. */
export interface ScriptedSmtp extends AsyncDisposable {
  readonly port: number;
  readonly received: readonly ReceivedMail[];
  /** The commands of each connection. */
  readonly heard: readonly (readonly string[])[];
  /** Most connections open at one time. */
  mostConnections(): number;
}

export async function startScriptedSmtp(options: ScriptedSmtpOptions = {}): Promise<ScriptedSmtp> {
  const received: ReceivedMail[] = [];
  const heard: string[][] = [];
  const open = new Set<Socket>();
  let most = 0;
  const server: Server = createServer((socket) => {
    open.add(socket);
    most = Math.max(most, open.size);
    socket.on("close", () => open.delete(socket));
    const commands: string[] = [];
    heard.push(commands);
    const conversation = new Conversation(socket, options, heard.length, commands, (mail) => received.push(mail));
    // A client that hangs up ends the conversation wherever it stands.
    conversation.run().catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return {
    port: address.port,
    received,
    heard,
    mostConnections: () => most,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Conversation {
  #socket: Socket;
  readonly #options: ScriptedSmtpOptions;
  readonly #connection: number;
  readonly #commands: string[];
  readonly #keep: (mail: ReceivedMail) => void;
  #buffer = "";
  #secure: boolean;
  #ended = false;
  #more: () => void = () => undefined;
  #from = "";
  #recipients: string[] = [];

  constructor(socket: Socket, options: ScriptedSmtpOptions, connection: number, commands: string[], keep: (mail: ReceivedMail) => void) {
    this.#options = options;
    this.#connection = connection;
    this.#commands = commands;
    this.#keep = keep;
    this.#secure = options.tls?.from === "the start";
    this.#socket = socket;
    if (this.#secure) this.#encrypt();
    else this.#listen();
  }

  async run(): Promise<void> {
    await this.#act("connect", "", "220 scripted.example.test ESMTP\r\n");
    for (;;) {
      const line = await this.#until("\r\n");
      this.#commands.push(line);
      await this.#obey(line);
    }
  }

  async #obey(line: string): Promise<void> {
    const verb = line.split(/[ :]/)[0]?.toUpperCase() ?? "";
    if (verb === "EHLO") {
      await this.#act("EHLO", line, this.#ehlo());
      return;
    }
    if (verb === "STARTTLS") {
      await this.#act("STARTTLS", line, "220 2.0.0 go ahead\r\n");
      return this.#encrypt();
    }
    if (verb === "AUTH") return await this.#signIn(line);
    if (verb === "DATA") return await this.#content(line);
    if (verb === "QUIT") {
      await this.#act("QUIT", line, "221 2.0.0 bye\r\n");
      this.#socket.end();
      return;
    }
    if (verb === "RCPT") {
      const said = await this.#act("RCPT", line, "250 2.1.5 ok\r\n");
      if (said.startsWith("2")) this.#recipients.push(pathOf(line));
      return;
    }
    if (verb === "MAIL" || verb === "RSET") {
      this.#recipients = [];
      this.#from = pathOf(line);
    }
    await this.#act(verb as SmtpStep, line, "250 2.0.0 ok\r\n");
  }

  async #content(line: string): Promise<void> {
    const said = await this.#act("DATA", line, "354 end with a dot\r\n");
    if (!said.startsWith("354")) return;
    await this.#some();
    await this.#act("content begun", "", "");
    // So that the dot of an empty message too stands after a line end.
    this.#buffer = `\r\n${this.#buffer}`;
    const content = `${await this.#until("\r\n.\r\n")}\r\n`.replaceAll("\r\n.", "\r\n").slice(2);
    const mail = { from: this.#from, recipients: this.#recipients, content };
    await this.#act("content", content, "250 2.0.0 queued\r\n", () => this.#keep(mail));
    this.#recipients = [];
  }

  async #signIn(line: string): Promise<void> {
    const [, mechanism, initial = ""] = line.split(" ");
    if (mechanism === "XOAUTH2" || mechanism === "OAUTHBEARER") return await this.#bearToken(line, decoded(initial));
    let given: string[];
    if (mechanism === "PLAIN") {
      given = decoded(initial).split("\0").slice(1);
    } else {
      await this.#write("334 VXNlcm5hbWU6\r\n");
      const user = decoded(await this.#until("\r\n"));
      await this.#write("334 UGFzc3dvcmQ6\r\n");
      given = [user, decoded(await this.#until("\r\n"))];
    }
    const [user = "", password = ""] = given;
    const known = this.#options.users?.[user] === password;
    await this.#act("AUTH", line, known ? "235 2.7.0 welcome\r\n" : "535 5.7.8 authentication failed\r\n");
  }

  /** A token stands where the others have a password. A refusal is explained first, and told when the client dismissed the explanation. */
  async #bearToken(line: string, message: string): Promise<void> {
    const fields = message.split("\x01");
    const user = /^(?:user|n,a)=(.*?),?$/.exec(fields[0] ?? "")?.[1] ?? "";
    const known = message.endsWith("\x01\x01") && fields.includes(`auth=Bearer ${this.#options.users?.[user]}`);
    if (known) return void (await this.#act("AUTH", line, "235 2.7.0 welcome\r\n"));
    await this.#write(`334 ${Buffer.from('{"status":"401","schemes":"Bearer"}').toString("base64")}\r\n`);
    const dismissal = await this.#until("\r\n");
    const dismissed = dismissal === (line.startsWith("AUTH XOAUTH2") ? "" : "AQ==");
    await this.#act("AUTH", line, dismissed ? "535 5.7.8 authentication failed\r\n" : "500 5.5.2 that is no dismissal\r\n");
  }

  #ehlo(): string {
    const { extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 100000"], tls, users } = this.#options;
    const all = [
      "scripted.example.test",
      ...extensions,
      ...(tls?.from === "STARTTLS" && !this.#secure ? ["STARTTLS"] : []),
      ...(users ? ["AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER"] : []),
    ];
    return all.map((keyword, i) => `250${i === all.length - 1 ? " " : "-"}${keyword}\r\n`).join("");
  }

  /** Does what the script says, else says `usual`; returns what was said. `done` is called when the client has its yes or was cut off. */
  async #act(step: SmtpStep, line: string, usual: string, done: () => void = () => undefined): Promise<string> {
    const act = this.#options.script?.({ step, line, connection: this.#connection }) ?? { say: usual };
    if (act.afterMs !== undefined) await sleep(act.afterMs, undefined, { ref: false });
    const say = act.say ?? "";
    if (step === "content" && (say === "" || say.startsWith("2"))) done();
    await this.#write(say);
    if (act.cut) {
      this.#ended = true;
      this.#socket.end();
      this.#socket.destroySoon();
      throw new Error("hung up as told");
    }
    return say;
  }

  async #write(text: string): Promise<void> {
    for (const part of this.#options.splitBytes ? Buffer.from(text) : [Buffer.from(text)]) {
      this.#socket.write(typeof part === "number" ? Buffer.of(part) : part);
      if (this.#options.splitBytes) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #until(mark: string): Promise<string> {
    while (!this.#buffer.includes(mark)) await this.#next();
    const at = this.#buffer.indexOf(mark);
    const text = this.#buffer.slice(0, at);
    this.#buffer = this.#buffer.slice(at + mark.length);
    return text;
  }

  async #some(): Promise<void> {
    while (this.#buffer === "") await this.#next();
  }

  async #next(): Promise<void> {
    if (this.#ended) throw new Error("the client hung up");
    await new Promise<void>((resolve) => {
      this.#more = resolve;
    });
  }

  #encrypt(): void {
    const certificate = this.#options.tls?.certificate;
    if (!certificate) throw new Error("no certificate to encrypt with");
    this.#secure = true;
    this.#socket.removeAllListeners("data");
    this.#socket = new TLSSocket(this.#socket, { isServer: true, ...certificate });
    this.#listen();
  }

  #listen(): void {
    const ended = () => {
      this.#ended = true;
      this.#more();
    };
    this.#socket
      .setNoDelay(true)
      .on("data", (chunk: Buffer) => {
        this.#buffer += chunk.toString("utf8");
        this.#more();
      })
      .on("error", ended)
      .on("end", ended)
      .on("close", ended);
  }
}

function pathOf(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? "";
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
