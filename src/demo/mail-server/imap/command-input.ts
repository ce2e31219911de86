import { MAXIMUM_LINE_BYTES } from "../limits.ts";
import type { RawCommand } from "./scanner.ts";

/** The client sent more than this server reads; the connection cannot be understood any further. */
export class InputTooLong extends Error {
  constructor(what: string) {
    super(what);
    this.name = "InputTooLong";
  }
}

/** A literal that was announced and will not come: the client waits for leave to send it and gets a refusal. */
export interface RefusedCommand {
  /** What was read of the command before the literal. */
  readonly refused: string;
}

const LITERAL_AT_END = /\{(\d{1,10})(\+?)\}$/;
const LF = 0x0a;
const CR = 0x0d;

/** Cuts the bytes of a client into commands with their literals (RFC 3501 4.3, RFC 7888). Holds one command in memory at a time. */
export class CommandInput {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** The next line as latin1 without its line break, or null at the end. @throws InputTooLong */
  async line(): Promise<string | null> {
    let end = this.#rest.indexOf(LF);
    while (end < 0) {
      const searched = this.#rest.length;
      if (searched > MAXIMUM_LINE_BYTES) throw new InputTooLong("Command line too long");
      if (!(await this.#more())) return null;
      end = this.#rest.indexOf(LF, searched);
    }
    if (end > MAXIMUM_LINE_BYTES) throw new InputTooLong("Command line too long");
    const line = this.#rest.toString("latin1", 0, this.#rest[end - 1] === CR ? end - 1 : end);
    this.#rest = this.#rest.subarray(end + 1);
    return line;
  }

  /**
   * The next command, or null at the end. `invite` is called before a literal that waits for leave. Literals of one command
   * may hold `literalLimit` bytes together, its lines {@link MAXIMUM_LINE_BYTES}.
   *
   * @throws InputTooLong where the bytes are on their way already (RFC 7888 section 4).
   */
  async command(literalLimit: number, invite: () => void): Promise<RawCommand | RefusedCommand | null> {
    const lines: string[] = [];
    const literals: Buffer[] = [];
    let room = literalLimit;
    let lineRoom = MAXIMUM_LINE_BYTES;
    for (;;) {
      const line = await this.line();
      if (line === null) return null;
      lines.push(line);
      lineRoom -= line.length;
      if (lineRoom < 0) throw new InputTooLong("Command too long");
      const announced = LITERAL_AT_END.exec(line);
      if (!announced) return { lines, literals };
      const size = Number(announced[1]);
      const waits = announced[2] === "";
      if (size > room) {
        if (!waits) throw new InputTooLong("Literal too long");
        return { refused: lines[0] ?? "" };
      }
      room -= size;
      if (waits) invite();
      const literal = await this.#bytes(size);
      if (literal === null) return null;
      literals.push(literal);
    }
  }

  async #bytes(size: number): Promise<Buffer | null> {
    const parts: Buffer[] = [this.#rest];
    let held = this.#rest.length;
    while (held < size) {
      const next = await this.#chunks.next();
      if (next.done) return null;
      parts.push(next.value);
      held += next.value.length;
    }
    const all = Buffer.concat(parts);
    // Copied, so that a kept message does not keep what came after it.
    const literal = Buffer.from(all.subarray(0, size));
    this.#rest = all.subarray(size);
    return literal;
  }

  async #more(): Promise<boolean> {
    const next = await this.#chunks.next();
    if (next.done) return false;
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    return true;
  }
}
