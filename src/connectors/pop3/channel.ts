/** One connection to a POP3 server: lines out, lines and multi-line answers in. Knows when something went wrong, not what POP3 does about it. */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext, TLSSocket } from "node:tls";
import type { Failure } from "../../model/failure.ts";
import { BodyReader, type LineEnd, type Sink } from "./body-reader.ts";
import { type Circumstances, pop3Failure, socketFailure } from "./failures.ts";
import { MAXIMUM_LINE, shown } from "./reply.ts";

/** Bytes taken from the network before somebody reads them; then the server has to wait. */
const HELD = 1024 * 1024;

/** Milliseconds to reach the host, and again to agree on TLS. */
const CONNECT_TIMEOUT = 30_000;

/** An answer may take so many timeouts for each SOME_BYTES of it: a server that drips is never silent, and never done. */
const STUCK = 10;
const SOME_BYTES = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** More came in one answer than was to come. The channel has ended: what is still on its way has nobody to read it. */
export class Flooded extends Error {}

/** One line without its end. */
export interface Line {
  readonly bytes: Buffer;
  readonly end: LineEnd;
}

/** Use from one place at a time. Every method throws the failure that ended the channel, if one did. */
export class Channel {
  readonly #about: Circumstances;
  #socket: Socket;
  #chunks: Buffer[] = [];
  #held = 0;
  #heard = false;
  #end: Failure | null = null;
  #wake: () => void = () => undefined;
  /** Of the answer that is being read: when it began, and what came of it. */
  #begun = Date.now();
  #come = 0;
  readonly #onData = (chunk: Buffer) => this.#receive(chunk);

  private constructor(about: Circumstances, socket: Socket) {
    this.#about = about;
    this.#socket = socket;
    this.#listen();
  }

  /** Connects in clear. @throws Failure of scope profile. */
  static async open(about: Circumstances): Promise<Channel> {
    const { host, port } = about.endpoint;
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    await settled(socket, "connect", about);
    return new Channel(about, socket);
  }

  /** Nothing can be sent or received any more. */
  get ended(): boolean {
    return this.#end !== null;
  }

  get encrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  /** The version of TLS; null in clear. */
  get protocol(): string | null {
    return this.#socket instanceof TLSSocket ? this.#socket.getProtocol() : null;
  }

  /** Writes command lines in one piece; each may hold anything but a line end. */
  write(...lines: readonly string[]): void {
    if (this.#end) throw this.#end;
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  /** The next line. What came before the end of the channel is still given. */
  async line(): Promise<Line> {
    this.#begun = Date.now();
    this.#come = 0;
    let line: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = await this.#next();
      const end = chunk.indexOf(LF);
      const taken = end < 0 ? chunk : chunk.subarray(0, end);
      line = line.length === 0 ? taken : Buffer.concat([line, taken]);
      if (line.length > MAXIMUM_LINE) throw this.#garbage(line);
      if (end < 0) continue;
      this.#putBack(chunk.subarray(end + 1));
      this.#heard = true;
      return line.at(-1) === CR ? { bytes: line.subarray(0, -1), end: "CRLF" } : { bytes: line, end: "LF" };
    }
  }

  /** A multi-line answer behind its status line. @throws Flooded when the sink has had too much and there is no end. */
  async body(lineEnd: LineEnd, sink: Sink, tooMuch: () => boolean): Promise<void> {
    const reader = new BodyReader(lineEnd, sink);
    while (!reader.ended) {
      const chunk = await this.#next();
      const taken = reader.push(chunk);
      this.#come += taken;
      if (taken < chunk.length) this.#putBack(chunk.subarray(taken));
      if (!reader.ended && tooMuch()) {
        this.destroy();
        throw new Flooded();
      }
    }
  }

  /**
   * Goes on over TLS. What came in clear and was not asked for is dropped, or an attacker in between could have it read as said under TLS
   * (RFC 2595 4; CVE-2011-0411 is the same of SMTP).
   */
  async encrypt(trust: SecureContext): Promise<void> {
    if (this.#end) throw this.#end;
    const { host, verifyCertificate } = this.#about.endpoint;
    const clear = this.#socket;
    clear.off("data", this.#onData);
    this.#chunks = [];
    this.#held = 0;
    const socket = connectTls({
      socket: clear,
      host,
      secureContext: trust,
      rejectUnauthorized: verifyCertificate,
      // RFC 6066 3: an address literal is no server name.
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    try {
      await settled(socket, "secureConnect", this.#about);
    } catch (error) {
      this.destroy();
      throw error;
    }
    this.#socket = socket;
    this.#listen();
  }

  /** Resolves when the server has closed, or after so many milliseconds; then it is closed. Never throws. */
  async closed(milliseconds: number): Promise<void> {
    const socket = this.#socket;
    if (this.#end !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => socket.destroy(), milliseconds);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.end();
    socket.resume();
    await promise;
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#finish(pop3Failure("connection lost", this.#about));
  }

  #listen(): void {
    const lost = () => this.#finish(pop3Failure("connection lost", this.#about));
    this.#socket
      .on("data", this.#onData)
      .on("error", (error) => this.#finish(socketFailure(error, this.#about, true)))
      .on("end", lost)
      .on("close", lost);
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held > HELD) this.#socket.pause();
    this.#wake();
  }

  /** The next chunk; waits for it as long as the server may be silent. */
  async #next(): Promise<Buffer> {
    let chunk = this.#chunks.shift();
    if (chunk === undefined) {
      await this.#arrival();
      chunk = this.#chunks.shift();
    }
    if (chunk === undefined) throw this.#end ?? new Error("woken without cause");
    this.#held -= chunk.length;
    if (this.#held <= HELD && this.#socket.isPaused() && this.#end === null) this.#socket.resume();
    return chunk;
  }

  #putBack(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#chunks.unshift(rest);
    this.#held += rest.length;
  }

  /** Resolves when something came or the channel ended. */
  async #arrival(): Promise<void> {
    const { timeout } = this.#about.endpoint;
    const allowed = STUCK * timeout * (1 + Math.floor(this.#come / SOME_BYTES));
    const left = this.#begun + allowed - Date.now();
    if (this.#end !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const late = () => this.#finish(pop3Failure(this.#heard ? "connection timed out" : "no greeting", this.#about));
    const timer = setTimeout(late, Math.max(0, Math.min(timeout, left)));
    this.#wake = resolve;
    await promise;
    this.#wake = () => undefined;
    clearTimeout(timer);
  }

  #garbage(line: Buffer): Failure {
    const trouble = this.#heard ? "protocol error" : "not a POP3 server";
    this.#finish(pop3Failure(trouble, this.#about, { serverSaid: shown(line) }));
    return this.#end ?? pop3Failure(trouble, this.#about);
  }

  #finish(failure: Failure): void {
    this.#end ??= failure;
    this.#socket.destroy();
    this.#wake();
  }
}

/** Waits for the one event that says a socket is ready. @throws Failure */
function settled(socket: Socket, event: "connect" | "secureConnect", about: Circumstances): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: Error) => {
    socket.destroy();
    reject(socketFailure(error, about, false));
  };
  const onClose = () => fail(Object.assign(new Error("closed while connecting"), { code: "ERR_SOCKET_CLOSED" }));
  const timeout = Math.min(CONNECT_TIMEOUT, about.endpoint.timeout);
  const timer = setTimeout(() => fail(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" })), timeout);
  // The listener for errors stays: an error after a timeout has nobody else to hear it, and would end the process.
  socket.on("error", fail);
  socket.once("close", onClose);
  socket.once(event, () => {
    socket.off("close", onClose);
    resolve();
  });
  return promise.finally(() => clearTimeout(timer));
}
