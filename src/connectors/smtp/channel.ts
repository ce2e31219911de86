/** One connection to a mail server: lines and content out, replies in. Knows when something went wrong, not what SMTP does about it. */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext, type TLSSocket } from "node:tls";
import type { Failure } from "../../model/failure.ts";
import type { Endpoint } from "../../model/mailbox.ts";
import { smtpFailure, socketFailure } from "./failures.ts";
import { Garbage, type Reply, ReplyReader } from "./reply.ts";

const SECOND = 1000;
/** To reach the host, and again to agree on TLS. */
const CONNECT_TIMEOUT = 30 * SECOND;
/** How long a server may take to close after QUIT. */
const QUIT_TIMEOUT = 2 * SECOND;
/** Many more than we ever wait for at a time (PIPELINE of session.ts): a server that goes on talking is stopped here. */
const MAXIMUM_WAITING = 1000;

/** Use from one place at a time. Every method throws the failure that ended the channel, if one did. */
export class Channel {
  readonly endpoint: Endpoint;
  #socket: Socket;
  #reader = new ReplyReader();
  readonly #replies: Reply[] = [];
  #heard = false;
  #end: Failure | null = null;
  #look: () => void = () => undefined;
  readonly #onData = (chunk: Buffer) => this.#receive(chunk);

  private constructor(endpoint: Endpoint, socket: Socket) {
    this.endpoint = endpoint;
    this.#socket = socket;
    this.#listen();
  }

  /** Connects in clear. @throws Failure of scope profile. */
  static async open(endpoint: Endpoint): Promise<Channel> {
    const socket = connect({ host: endpoint.host, port: endpoint.port, noDelay: true, keepAlive: true });
    await settled(socket, "connect", endpoint);
    return new Channel(endpoint, socket);
  }

  /** Nothing can be sent or received any more. */
  get ended(): boolean {
    return this.#end !== null;
  }

  /** The server ended the connection or says something that nobody asked: what it says next cannot be trusted to be an answer. */
  get disturbed(): boolean {
    return this.ended || this.#replies.length > 0 || this.#reader.partial;
  }

  /** This machine's side of the connection. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  /** Writes command lines in one piece; each may hold anything but a line end. */
  command(...lines: readonly string[]): void {
    if (this.#end) {
      throw this.#end;
    }
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  /** The next reply, waited for at most `timeout` milliseconds; replies that came before the end are given first. */
  async reply(timeout: number, whenSilent: "no answer" | "no greeting" = "no answer"): Promise<Reply> {
    await this.#until(() => this.#replies.length > 0, timeout, whenSilent);
    const reply = this.#replies.shift();
    if (reply) {
      return reply;
    }
    throw this.#end ?? smtpFailure(whenSilent, this.endpoint);
  }

  /** Writes content. Resolves when there is room for more, and at once when the server speaks: see {@link disturbed}. */
  async content(bytes: Buffer, timeout: number): Promise<void> {
    if (this.#end) {
      throw this.#end;
    }
    if (!this.#socket.write(bytes)) {
      await this.#until(() => !this.#socket.writableNeedDrain || this.#replies.length > 0, timeout, "no answer");
    }
  }

  /**
   * Goes on over TLS. What came in clear and was not asked for is dropped, or an attacker in between could have it read as said
   * under TLS (RFC 3207 6; CVE-2011-0411).
   * @returns the TLS socket's facts, and whether anything was dropped
   */
  async encrypt(trust: SecureContext): Promise<{ readonly protocol: string; readonly dropped: boolean }> {
    if (this.#end) {
      throw this.#end;
    }
    const { host, verifyCertificate } = this.endpoint;
    const dropped = this.disturbed;
    const clear = this.#socket;
    clear.off("data", this.#onData);
    this.#replies.length = 0;
    this.#reader = new ReplyReader();
    const socket: TLSSocket = connectTls({
      socket: clear,
      host,
      secureContext: trust,
      rejectUnauthorized: verifyCertificate,
      // RFC 6066 3: an address literal is no server name.
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    try {
      await settled(socket, "secureConnect", this.endpoint);
    } catch (error) {
      this.destroy();
      throw error;
    }
    this.#socket = socket;
    this.#listen();
    return { protocol: socket.getProtocol() ?? "TLS", dropped };
  }

  /** Says goodbye and resolves when the connection is closed. Never throws. */
  async quit(): Promise<void> {
    if (this.#end) {
      return;
    }
    const socket = this.#socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => socket.destroy(), QUIT_TIMEOUT);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.end("QUIT\r\n");
    await promise;
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#finish(smtpFailure("connection lost", this.endpoint));
  }

  #listen(): void {
    const lost = () => this.#finish(smtpFailure("connection lost", this.endpoint));
    this.#socket
      .on("data", this.#onData)
      .on("drain", () => this.#look())
      .on("error", (error) => this.#finish(socketFailure(error, this.endpoint, true)))
      .on("end", lost)
      .on("close", lost);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const reply of this.#reader.push(chunk)) {
        this.#replies.push(reply);
        this.#heard = true;
      }
      if (this.#replies.length > MAXIMUM_WAITING) {
        throw new Garbage(chunk);
      }
    } catch (error) {
      const serverSaid = error instanceof Garbage ? error.said : undefined;
      this.#finish(smtpFailure(this.#heard ? "protocol error" : "not a mail server", this.endpoint, { serverSaid, cause: error }));
    }
    this.#look();
  }

  #finish(failure: Failure): void {
    this.#end ??= failure;
    this.#socket.destroy();
    this.#look();
  }

  /** Resolves when `ready`, when the channel ends, or when `timeout` is over, which ends it. */
  #until(ready: () => boolean, timeout: number, whenSilent: "no answer" | "no greeting"): Promise<void> {
    if (this.#end !== null || ready()) {
      return Promise.resolve();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#finish(smtpFailure(whenSilent, this.endpoint)), timeout);
    this.#look = () => {
      if (this.#end !== null || ready()) {
        clearTimeout(timer);
        this.#look = () => undefined;
        resolve();
      }
    };
    return promise;
  }
}

/** Waits for the one event that says a socket is ready. @throws Failure */
function settled(socket: Socket, event: "connect" | "secureConnect", endpoint: Endpoint): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: Error) => {
    socket.destroy();
    reject(socketFailure(error, endpoint, false));
  };
  const onClose = () => fail(new Error("closed while connecting"));
  const timeout = Math.min(CONNECT_TIMEOUT, endpoint.timeout);
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
