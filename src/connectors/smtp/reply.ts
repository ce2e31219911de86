/** SMTP replies as they come off the wire (RFC 5321 4.2). Pure: bytes in, replies out. */

/** One complete reply. */
export interface Reply {
  /** Three digits, 200 to 599. */
  readonly code: number;
  /** Enhanced status code (RFC 3463) such as `5.1.1`, or an empty string. */
  readonly enhanced: string;
  /** The text of all lines without codes. */
  readonly lines: readonly string[];
}

/** RFC 5321 4.5.3.1.5 allows 512 octets; servers write long texts with links. Beyond this it is no mail server. */
const MAXIMUM_LINE = 8 * 1024;
/** The longest EHLO replies in use have about 30 lines. */
const MAXIMUM_LINES = 200;
/** Enough for a person to understand it, and for a store to keep it. */
const MAXIMUM_SHOWN = 1000;

const LINE = /^([2-5]\d\d)(?:([ -])(.*))?$/s;
/** RFC 3463 2: class, subject and detail; the class repeats the first digit of the reply code. */
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?: +|$)/;
const LF = 0x0a;
const CR = 0x0d;

/** What stands on the line is no SMTP: the connection is of no further use. */
export class Garbage extends Error {
  /** The beginning of what came, printable. */
  readonly said: string;

  constructor(said: Buffer) {
    super("not an SMTP reply");
    this.said = printable(decoded(said.subarray(0, MAXIMUM_SHOWN)));
  }
}

/** Puts replies together from chunks cut anywhere. */
export class ReplyReader {
  #rest: Buffer = Buffer.alloc(0);
  #code = 0;
  #lines: string[] = [];

  /** True when part of a reply has come. */
  get partial(): boolean {
    return this.#rest.length > 0 || this.#lines.length > 0;
  }

  /**
   * The replies that this chunk completes. A reply is complete with the line end of its last line and not before.
   * @throws Garbage for anything but replies, for lines of one reply with different codes (RFC 5321 4.2.1), and beyond the limits.
   */
  *push(chunk: Buffer): Generator<Reply> {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let end = data.indexOf(LF); end >= 0; end = data.indexOf(LF)) {
      const line = data.subarray(0, end > 0 && data[end - 1] === CR ? end - 1 : end);
      data = data.subarray(end + 1);
      this.#rest = data;
      const reply = this.#add(line);
      if (reply) {
        yield reply;
      }
    }
    if (data.length > MAXIMUM_LINE) {
      throw new Garbage(data);
    }
    this.#rest = data;
  }

  #add(bytes: Buffer): Reply | null {
    const match = bytes.length > MAXIMUM_LINE ? null : LINE.exec(decoded(bytes));
    const code = Number(match?.[1]);
    if (!match || this.#lines.length >= MAXIMUM_LINES || (this.#lines.length > 0 && code !== this.#code)) {
      throw new Garbage(bytes);
    }
    this.#code = code;
    this.#lines.push(printable(match[3] ?? ""));
    if (match[2] === "-") {
      return null;
    }
    const lines = this.#lines;
    this.#lines = [];
    return replyOf(code, lines);
  }
}

/** Takes the enhanced code off each line (RFC 2034 4 repeats it on all of them). */
function replyOf(code: number, lines: readonly string[]): Reply {
  const found = ENHANCED.exec(lines.at(-1) ?? "")?.[1] ?? "";
  const enhanced = found.startsWith(String(code).charAt(0)) ? found : "";
  return { code, enhanced, lines: enhanced === "" ? lines : lines.map((line) => line.replace(ENHANCED, "")) };
}

/** The reply in one line, in the server's own words: `550 5.1.1 User unknown`. */
export function replyText(reply: Reply): string {
  const text = [String(reply.code), reply.enhanced, ...reply.lines].filter((part) => part !== "").join(" ");
  return text.length > MAXIMUM_SHOWN ? `${text.slice(0, MAXIMUM_SHOWN)}…` : text;
}

/** RFC 6531 3.7.4.1 has UTF-8; older servers write what they like. */
function decoded(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? bytes.toString("latin1") : text;
}

/** Control characters would play tricks in logs and terminals. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trimEnd();
}
