import { decodeText } from "./charset.ts";
import { codePageLabel, fontCharsetLabel } from "./code-pages.ts";

/** What an RTF says: HTML where it was made of HTML (MS-OXRTFEX), else its plain text. */
export interface RtfText {
  readonly kind: "html" | "plain";
  readonly text: string;
}

/** Groups inside each other. Real documents have ten; what lies deeper is read as if it stood at this depth. */
const DEPTH = 1000;

/** Fonts of one document that are remembered. */
const FONTS = 10_000;

/** How far into the document it says that it was made of HTML (MS-OXRTFEX 2.1.3.1: among the first ten tokens). */
const ORIGIN_BYTES = 400;

/** Groups whose text is no text of the document. Those marked with `\*` are left out as well. */
const UNSEEN = new Set(
  "fonttbl colortbl stylesheet info pict object header headerl headerr headerf footer footerl footerr footerf".split(" "),
);

const CHARACTERS: Readonly<Record<string, string>> = {
  par: "\r\n",
  line: "\r\n",
  sect: "\r\n",
  page: "\r\n",
  row: "\r\n",
  cell: "\t",
  tab: "\t",
  lquote: "‘",
  rquote: "’",
  ldblquote: "“",
  rdblquote: "”",
  bullet: "•",
  endash: "–",
  emdash: "—",
  enspace: "\u2002",
  emspace: "\u2003",
};

const SYMBOLS: Readonly<Record<string, string>> = {
  "\\": "\\",
  "{": "{",
  "}": "}",
  "~": "\u00a0",
  _: "\u2011",
  "\r": "\r\n",
  "\n": "\r\n",
};

/** What braces open and close again. */
interface Group {
  unseen: boolean;
  /** HTML that the RTF carries along: all of it is text. */
  tag: boolean;
  /** RTF that stands for HTML carried elsewhere: none of it is text. */
  replaced: boolean;
  fontTable: boolean;
  /** Characters that stand behind a `\u` for readers that do not know it. */
  fallback: number;
  charset: string;
}

/**
 * The text of an RTF document. One pass over the bytes, whose time and memory are linear in them; never throws, and what is not
 * understood is passed over.
 */
export function rtfText(rtf: Buffer): RtfText {
  const kind = rtf.toString("latin1", 0, ORIGIN_BYTES).includes("\\fromhtml") ? "html" : "plain";
  return { kind, text: new RtfReader(rtf, kind).read() };
}

class RtfReader {
  readonly #rtf: Buffer;
  readonly #source: string;
  readonly #kind: RtfText["kind"];
  readonly #stack: Group[] = [];
  readonly #fonts = new Map<number, string>();
  readonly #texts: string[] = [];
  /** Bytes of text that wait to be decoded together: a character may take two. There are never more than the document has. */
  readonly #bytes: Buffer;
  #waiting = 0;
  #group: Group = { unseen: false, tag: false, replaced: false, fontTable: false, fallback: 1, charset: "windows-1252" };
  #at = 0;
  #tooDeep = 0;
  /** `\*` came, and the word behind it decides about the group. */
  #optional = false;
  #font = 0;
  /** Characters still to be passed over behind a `\u`. */
  #passing = 0;

  constructor(rtf: Buffer, kind: RtfText["kind"]) {
    this.#rtf = rtf;
    this.#source = rtf.toString("latin1");
    this.#kind = kind;
    this.#bytes = Buffer.allocUnsafe(rtf.length);
  }

  read(): string {
    while (this.#at < this.#source.length) {
      const character = this.#source.charAt(this.#at);
      this.#at += 1;
      if (character === "{") this.#opens();
      else if (character === "}") this.#closes();
      else if (character === "\\") this.#control();
      else if (character !== "\r" && character !== "\n" && character !== "\0") this.#byte(character.charCodeAt(0));
    }
    this.#decode();
    return this.#texts.join("").toWellFormed();
  }

  #opens(): void {
    this.#passing = 0;
    if (this.#stack.length >= DEPTH) this.#tooDeep += 1;
    else this.#stack.push({ ...this.#group });
  }

  #closes(): void {
    this.#passing = 0;
    this.#optional = false;
    if (this.#tooDeep > 0) {
      this.#tooDeep -= 1;
      return;
    }
    const around = this.#stack.pop();
    if (around === undefined) return;
    if (around.charset !== this.#group.charset) this.#decode();
    this.#group = around;
  }

  #control(): void {
    const symbol = this.#source.charAt(this.#at);
    if (symbol === "'") this.#hexadecimal();
    else if (/[a-zA-Z]/.test(symbol)) this.#word();
    else {
      this.#at += 1;
      if (symbol === "*") this.#optional = true;
      else this.#character(SYMBOLS[symbol] ?? "");
    }
  }

  #hexadecimal(): void {
    const digits = this.#source.slice(this.#at + 1, this.#at + 3);
    this.#at += 1;
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) return;
    this.#at += 2;
    this.#byte(Number.parseInt(digits, 16));
  }

  #word(): void {
    const [whole, word = "", number] = /^([a-zA-Z]{1,32})(-?\d{1,10})? ?/.exec(this.#source.slice(this.#at, this.#at + 50)) ?? [""];
    this.#at += whole.length;
    const value = number === undefined ? null : Number(number);
    if (this.#optional) {
      this.#optional = false;
      this.#decideGroup(word);
    } else if (UNSEEN.has(word)) {
      this.#group.unseen = true;
      this.#group.fontTable = word === "fonttbl";
    } else this.#obey(word, value);
  }

  #decideGroup(word: string): void {
    if (word === "htmltag" && this.#kind === "html") this.#group.tag = true;
    else this.#group.unseen = true;
  }

  #obey(word: string, value: number | null): void {
    const group = this.#group;
    if (word === "u" && value !== null) this.#unicode(value);
    else if (word === "bin") this.#at += Math.max(0, Math.min(value ?? 0, this.#rtf.length - this.#at));
    else if (word === "uc") group.fallback = Math.min(Math.max(value ?? 1, 0), 100);
    else if (word === "htmlrtf") group.replaced = value !== 0;
    else if (word === "ansicpg" && value !== null) this.#speaks(codePageLabel(value));
    else if (word === "f" && value !== null) this.#uses(value);
    else if (word === "fcharset" && value !== null) this.#describesFont(value);
    else this.#character(CHARACTERS[word] ?? "");
  }

  #uses(font: number): void {
    this.#font = font;
    const charset = this.#fonts.get(font);
    if (charset !== undefined && !this.#group.fontTable) this.#speaks(charset);
  }

  #describesFont(charset: number): void {
    const label = fontCharsetLabel(charset);
    if (this.#group.fontTable && label !== null && this.#fonts.size < FONTS) this.#fonts.set(this.#font, label);
  }

  #speaks(charset: string): void {
    if (this.#group.charset === charset) return;
    this.#decode();
    this.#group.charset = charset;
  }

  #unicode(value: number): void {
    this.#passing = 0;
    if (value >= -0x8000 && value <= 0xffff && value !== 0) this.#character(String.fromCharCode(value & 0xffff));
    this.#passing = this.#group.fallback;
  }

  /** Whether what comes now is text of the document; behind a `\u` it is not. */
  #shows(): boolean {
    if (this.#passing > 0) {
      this.#passing -= 1;
      return false;
    }
    const { unseen, tag, replaced } = this.#group;
    return !unseen && (tag || !replaced);
  }

  #byte(byte: number): void {
    if (this.#shows()) this.#bytes[this.#waiting++] = byte;
  }

  #character(text: string): void {
    if (text === "" || !this.#shows()) return;
    this.#decode();
    this.#texts.push(text);
  }

  #decode(): void {
    if (this.#waiting === 0) return;
    this.#texts.push(decodeText(this.#bytes.subarray(0, this.#waiting), this.#group.charset));
    this.#waiting = 0;
  }
}
