import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import { ApiFault } from "../crm/webapi/exchange.ts";

/** Bytes of all bodies that are held at a time: two of the largest. */
const ALL_BODIES = 400 * 1024 * 1024;

/** The bytes of a body, which count until they are disposed of. */
export interface HeldBody extends Disposable {
  readonly bytes: Buffer;
}

/** Reads bodies of requests within one measure of memory for all of them. */
export class BodyRoom {
  readonly #all: number;
  #held = 0;

  constructor(all: number = ALL_BODIES) {
    this.#all = all;
  }

  /**
   * Reads what is left of `body`. Throws ApiFault: 413 where it has more than `largest` bytes, said beforehand or not; 415 where it is compressed; 503 where others take the room
   * now.
   */
  async read(body: unknown, headers: IncomingHttpHeaders, largest: number): Promise<HeldBody> {
    if (headers["content-encoding"] && headers["content-encoding"] !== "identity")
      throw new ApiFault(415, "0x80060888", "Compressed bodies are not supported.");
    if (Number(headers["content-length"] ?? 0) > largest) throw tooLarge(largest);
    const chunks: Buffer[] = [];
    let size = 0;
    const release = () => {
      this.#held -= size;
      size = 0;
    };
    try {
      if (body instanceof Readable)
        for await (const chunk of body) {
          const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
          size += bytes.length;
          this.#held += bytes.length;
          if (size > largest) throw tooLarge(largest);
          if (this.#held > this.#all)
            throw new ApiFault(503, "0x80044150", "Too many large bodies arrive at the same time.", { "Retry-After": "5" });
          chunks.push(bytes);
        }
    } catch (error) {
      release();
      throw error;
    }
    return { bytes: Buffer.concat(chunks), [Symbol.dispose]: release };
  }
}

function tooLarge(largest: number): ApiFault {
  return new ApiFault(413, "0x80044331", `The body has more than ${largest} bytes.`);
}
