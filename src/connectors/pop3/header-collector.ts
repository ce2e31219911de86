import type { Sink } from "./body-reader.ts";
import { Collector } from "./collector.ts";

const LF = 0x0a;
const CR = 0x0d;

/** What stands so far on the line that is being read. */
type Line = "nothing" | "CR" | "text";

/** Keeps the header of a message up to a limit; the body that servers send with it is counted and dropped (RFC 5322 2.1: an empty line parts them). */
export class HeaderCollector implements Sink {
  readonly #header: Collector;
  #line: Line = "nothing";
  #ended = false;
  #total = 0;

  constructor(limit: number) {
    this.#header = new Collector(limit);
  }

  /** Bytes that came, kept or not. */
  get total(): number {
    return this.#total;
  }

  /** The header is longer than the limit. */
  get over(): boolean {
    return this.#header.over;
  }

  write(chunk: Buffer, start: number, end: number): void {
    this.#total += end - start;
    if (this.#ended) return;
    this.#header.write(chunk, start, this.#endOfHeader(chunk, start, end));
  }

  /** What was kept, with the empty line. */
  content(): Buffer {
    return this.#header.content();
  }

  /** Where the header ends in the chunk: behind the empty line, or at `end`. */
  #endOfHeader(chunk: Buffer, start: number, end: number): number {
    for (let at = start; at < end; ) {
      const found = chunk.indexOf(LF, at);
      const lineEnd = found < 0 || found >= end ? end : found;
      this.#line = lineAfter(this.#line, chunk, at, lineEnd);
      if (lineEnd === end) return end;
      at = lineEnd + 1;
      this.#ended = this.#line !== "text";
      if (this.#ended) return at;
      this.#line = "nothing";
    }
    return end;
  }
}

/** The line with what stands from `at` up to `end`, which holds no line end. */
function lineAfter(line: Line, chunk: Buffer, at: number, end: number): Line {
  if (at === end) return line;
  return line === "nothing" && end === at + 1 && chunk[at] === CR ? "CR" : "text";
}
