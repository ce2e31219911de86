import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Certificate } from "./certificates.ts";

export interface ScriptedPop3Message {
  readonly uidl: string;
  readonly mime: Buffer | string;
  /** What LIST announces; the truth by default. */
  readonly announcedSize?: number;
}

/** What the server says in the place of its usual answer. A text or Buffer goes out as it is, even nothing at all; null hangs up. */
export type Pop3Act = string | Buffer | null | undefined;

export interface ScriptedPop3Options {
  /** The greeting without its line end; null: none comes. */
  readonly greeting?: string | null;
  /** Lines of CAPA; null: the server does not know the command. */
  readonly capabilities?: readonly string[] | null;
  readonly messages?: readonly ScriptedPop3Message[];
  /** Asked for each command; undefined = as usual. `connection` counts from 1. */
  readonly script?: (command: string, connection: number) => Pop3Act;
  /** STLS is possible. */
  readonly certificate?: Certificate;
  /** Each byte in a segment of its own. */
  readonly splitBytes?: boolean;
  /** The connection with that number hangs up when it has said so many bytes. */
  readonly cut?: { readonly connection: number; readonly after: number };
}

/** A POP3 server with one mailbox, account ann, password `secret`, that misbehaves as told. It proves nothing about real servers. */
export interface ScriptedPop3 extends AsyncDisposable {
  readonly port: number;
  /** What lies in the mailbox; a test changes it as it likes, and each session sees it as it was at its beginning. */
  messages: readonly ScriptedPop3Message[];
  /** The commands of each connection. */
  readonly heard: readonly (readonly string[])[];
  /** Bytes said, by connection. */
  readonly said: readonly number[];
}

const CAPABILITIES = ["TOP", "UIDL", "USER", "SASL PLAIN", "PIPELINING", "RESP-CODES"];
export const STAMP = "<1896.697170952@scripted.test>";

export async function startScriptedPop3(options: ScriptedPop3Options = {}): Promise<ScriptedPop3> {
  const heard: string[][] = [];
  const said: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .setNoDelay(true)
      .on("error", () => socket.destroy())
      .on("close", () => sockets.delete(socket));
    heard.push([]);
    said.push(0);
    new Conversation(socket, options, running, heard.length - 1, heard, said).begin();
  });
  const running = { messages: options.messages ?? [] };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return Object.assign(running, {
    port: address.port,
    heard,
    said,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
}

class Conversation {
  #socket: Socket;
  readonly #options: ScriptedPop3Options;
  readonly #server: { messages: readonly ScriptedPop3Message[] };
  readonly #index: number;
  readonly #heard: string[][];
  readonly #said: number[];
  #messages: readonly ScriptedPop3Message[] = [];
  readonly #deleted = new Set<number>();
  #buffer = "";
  #user = "";
  #challenged = false;
  /** What follows the answer that is being given. */
  #afterwards: () => void = () => undefined;
  #queue: Promise<void> = Promise.resolve();

  constructor(
    socket: Socket,
    options: ScriptedPop3Options,
    server: { messages: readonly ScriptedPop3Message[] },
    index: number,
    heard: string[][],
    said: number[],
  ) {
    this.#socket = socket;
    this.#options = options;
    this.#server = server;
    this.#index = index;
    this.#heard = heard;
    this.#said = said;
  }

  begin(): void {
    const { greeting = `+OK scripted ${STAMP}` } = this.#options;
    if (greeting !== null) this.#say(`${greeting}\r\n`);
    this.#listen();
  }

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => {
      this.#buffer += chunk.toString("latin1");
      for (let end = this.#buffer.indexOf("\r\n"); end >= 0; end = this.#buffer.indexOf("\r\n")) {
        const command = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        this.#obey(command);
      }
    });
  }

  #obey(command: string): void {
    this.#heard[this.#index]?.push(command);
    const act = this.#options.script?.(command, this.#index + 1);
    if (act === null) this.#hangUp();
    else if (act !== undefined) this.#say(act);
    else this.#say(this.#answer(command));
    this.#afterwards();
    this.#afterwards = () => undefined;
  }

  #answer(command: string): string {
    const [verb = "", first = "", second = ""] = command.split(" ");
    const message = this.#messages[Number(first) - 1];
    switch (this.#challenged ? "CHALLENGE" : verb.toUpperCase()) {
      case "CAPA": {
        const { capabilities = CAPABILITIES, certificate } = this.#options;
        if (capabilities === null) return "-ERR unknown command\r\n";
        const all = [...capabilities, ...(certificate && !(this.#socket instanceof TLSSocket) ? ["STLS"] : [])];
        return `+OK\r\n${all.map((one) => `${one}\r\n`).join("")}.\r\n`;
      }
      case "STLS":
        if (!this.#options.certificate) return "-ERR no\r\n";
        this.#afterwards = () => this.#encrypt();
        return "+OK\r\n";
      case "USER":
        this.#user = first;
        return "+OK\r\n";
      case "PASS":
        return this.#signIn(this.#user === "ann" && command.slice(5) === "secret");
      case "APOP":
        return this.#signIn(first === "ann" && second === createHash("md5").update(`${STAMP}secret`).digest("hex"));
      case "AUTH":
        this.#challenged = second === "";
        return this.#challenged ? "+ \r\n" : this.#plain(second);
      case "CHALLENGE":
        this.#challenged = false;
        return this.#plain(command);
      case "STAT":
        return `+OK ${this.#messages.length} 0\r\n`;
      case "UIDL":
        return this.#list((one) => one.uidl);
      case "LIST":
        return this.#list((one) => String(one.announcedSize ?? one.mime.length));
      case "TOP":
        return this.#text(message, (mime) => mime.slice(0, mime.indexOf("\r\n\r\n") + 4));
      case "RETR":
        return this.#text(message, (mime) => mime);
      case "DELE":
        this.#deleted.add(Number(first));
        return "+OK\r\n";
      case "RSET":
        this.#deleted.clear();
        return "+OK\r\n";
      case "NOOP":
        return "+OK\r\n";
      case "QUIT": {
        const gone = new Set(this.#messages.filter((_, index) => this.#deleted.has(index + 1)));
        this.#server.messages = this.#server.messages.filter((one) => !gone.has(one));
        this.#afterwards = () => this.#hangUp();
        return "+OK bye\r\n";
      }
      default:
        return "-ERR unknown command\r\n";
    }
  }

  #plain(base64: string): string {
    return this.#signIn(Buffer.from(base64, "base64").toString() === "\0ann\0secret");
  }

  #signIn(known: boolean): string {
    this.#messages = [...this.#server.messages];
    return known ? "+OK signed in\r\n" : "-ERR [AUTH] invalid\r\n";
  }

  #list(value: (message: ScriptedPop3Message) => string): string {
    return `+OK\r\n${this.#messages.map((one, index) => `${index + 1} ${value(one)}\r\n`).join("")}.\r\n`;
  }

  #text(message: ScriptedPop3Message | undefined, part: (mime: string) => string): string {
    if (message === undefined) return "-ERR no such message\r\n";
    return answerOf(part(Buffer.from(message.mime).toString("latin1")));
  }

  #say(what: string | Buffer): void {
    const bytes = typeof what === "string" ? Buffer.from(what, "latin1") : what;
    this.#queue = this.#queue.then(async () => {
      const { cut, splitBytes } = this.#options;
      const before = this.#said[this.#index] ?? 0;
      const left = cut?.connection === this.#index + 1 ? cut.after - before : Number.POSITIVE_INFINITY;
      const kept = bytes.subarray(0, Math.max(0, left));
      this.#said[this.#index] = before + kept.length;
      for (const piece of splitBytes ? kept : [kept]) {
        if (!this.#socket.writable) return;
        this.#socket.write(typeof piece === "number" ? Buffer.of(piece) : piece);
        if (splitBytes) await new Promise((resolve) => setImmediate(resolve));
      }
      if (bytes.length >= left) this.#socket.destroySoon();
    });
  }

  #hangUp(): void {
    this.#queue = this.#queue.then(() => void this.#socket.end());
  }

  #encrypt(): void {
    const { certificate } = this.#options;
    if (certificate === undefined) throw new Error("no certificate to encrypt with");
    this.#queue = this.#queue.then(() => {
      this.#socket.removeAllListeners("data");
      this.#socket = new TLSSocket(this.#socket, { isServer: true, ...certificate });
      this.#socket.on("error", () => this.#socket.destroy());
      this.#listen();
    });
  }
}

/** A multi-line answer (RFC 1939 3). */
export function answerOf(text: string): string {
  const whole = text === "" || text.endsWith("\r\n") ? text : `${text}\r\n`;
  return `+OK\r\n${whole.replace(/^\./gm, "..")}.\r\n`;
}
