/**
 * The text of a multi-line answer (RFC 1939 3): lines until one that is a single dot; a line that begins with a dot had one put before it.
 * Pure: chunks cut anywhere in, content out, byte for byte.
 */

/** Where content goes. */
export interface Sink {
  /** Takes the bytes from `start` up to `end` of a chunk that its owner uses again afterwards. */
  write(chunk: Buffer, start: number, end: number): void;
}

/** How the server ends its lines, as it did on the status line. A server of the last century may end them all with a lone LF. */
export type LineEnd = "CRLF" | "LF";

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** Where the next byte stands. */
type Place = "line start" | "text" | "after CR" | "after dot" | "after dot and CR";

const LINE_THEN_DOT: Readonly<Record<LineEnd, Buffer>> = { CRLF: Buffer.from("\r\n."), LF: Buffer.from("\n.") };

/**
 * One answer. Where lines end with CRLF, a lone LF is content like any other byte: if it counted as a line end, whoever writes a message with
 * `LF . CRLF` in it could have the rest of it read as the answers to the next commands.
 */
export class BodyReader {
  readonly #lineEnd: LineEnd;
  readonly #sink: Sink;
  #place: Place = "line start";
  #ended = false;

  constructor(lineEnd: LineEnd, sink: Sink) {
    this.#lineEnd = lineEnd;
    this.#sink = sink;
  }

  /** The dot that ends the answer has come, with its line end. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Takes a chunk. Returns how many of its bytes belong to this answer: all of them, unless it ended. */
  push(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && !this.#ended) at = this.#place === "text" ? this.#text(chunk, at) : this.#step(chunk, at);
    return at;
  }

  /** Everything up to the next line that begins with a dot, at once. */
  #text(chunk: Buffer, from: number): number {
    const mark = LINE_THEN_DOT[this.#lineEnd];
    const found = chunk.indexOf(mark, from);
    const end = found < 0 ? chunk.length : found + mark.length - 1;
    this.#sink.write(chunk, from, end);
    this.#place = found >= 0 ? "line start" : this.#placeAfter(chunk, from, end);
    return end;
  }

  /** Where the byte after `end` stands; what stood before `from` is no part of a line end. */
  #placeAfter(chunk: Buffer, from: number, end: number): Place {
    const last = chunk[end - 1];
    if (this.#lineEnd === "LF") return last === LF ? "line start" : "text";
    if (last === CR) return "after CR";
    return last === LF && end - 2 >= from && chunk[end - 2] === CR ? "line start" : "text";
  }

  /** One byte at a place where it may mean something. */
  #step(chunk: Buffer, at: number): number {
    const byte = chunk[at];
    switch (this.#place) {
      case "line start":
        this.#place = byte === DOT ? "after dot" : "text";
        // A byte that is no dot is text, and read as such.
        return byte === DOT ? at + 1 : at;
      case "after CR":
        if (byte !== LF) {
          this.#place = "text";
          return at;
        }
        this.#sink.write(chunk, at, at + 1);
        this.#place = "line start";
        return at + 1;
      case "after dot":
        if (byte === LF && this.#lineEnd === "LF") return this.#end(at);
        this.#place = byte === CR ? "after dot and CR" : "text";
        return byte === CR ? at + 1 : at;
      case "after dot and CR":
        if (byte === LF) return this.#end(at);
        this.#sink.write(CARRIAGE_RETURN, 0, 1);
        this.#place = "after CR";
        return at;
      case "text":
        return at;
    }
  }

  #end(at: number): number {
    this.#ended = true;
    return at + 1;
  }
}

const CARRIAGE_RETURN = Buffer.of(CR);
