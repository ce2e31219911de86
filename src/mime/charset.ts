import { isAscii, isUtf8 } from "node:buffer";
import iconv from "iconv-lite";
import { fromHz, fromIso2022Kr } from "./shifted-charsets.ts";

type Decode = (bytes: Uint8Array) => string;

/** A charset label is a short token; anything else is rubbish that need not be looked up. */
const LABEL = /^[a-z0-9_.:+()-]{1,64}$/;

/** Labels remembered. Messages make labels up, and a label nobody knows is dear to look up; the memory is emptied when it is full. */
const REMEMBERED_LABELS = 256;

/**
 * Labels that promise ASCII or nothing at all. When bytes above 127 follow, the label is wrong, and looking at the bytes
 * tells more than the label does.
 */
const NO_PROMISE = new Set(["us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit", "8bit", "default"]);

/** Labels, without their dashes and dots, that mean a set by another name, or one that has (nearly) all letters of theirs. */
const ALIASES: Readonly<Record<string, string>> = {
  cp65001: "utf-8",
  cp950: "big5",
  csiso2022kr: "iso-2022-kr",
  eucgb2312cn: "gbk",
  eucjis2004: "euc-jp",
  eucjisx0213: "euc-jp",
  gb180302000: "gb18030",
  hz: "hz-gb-2312",
  hzgb: "hz-gb-2312",
  hzgb2312: "hz-gb-2312",
  iso2022jp: "iso-2022-jp",
  iso2022jp1: "iso-2022-jp",
  iso2022jp2: "iso-2022-jp",
  iso2022jp2004: "iso-2022-jp",
  iso2022jp3: "iso-2022-jp",
  iso2022jpext: "iso-2022-jp",
  iso2022kr: "iso-2022-kr",
  maccentraleurope: "maccenteuro",
  maclatin2: "maccenteuro",
  ms950: "big5",
  shiftjis2004: "shift_jis",
  shiftjisx0213: "shift_jis",
  uhc: "euc-kr",
  ujis: "euc-jp",
  utf16: "utf-16",
  xmacce: "maccenteuro",
  xmaccentraleurroman: "maccenteuro",
  xmacjapanese: "shift_jis",
  xmackorean: "euc-kr",
  xmacsimpchinese: "gbk",
  xmactradchinese: "big5",
};

const decoders = new Map<string, Decode | null>();
const utf8 = new TextDecoder("utf-8");
const windows1252 = new TextDecoder("windows-1252");

/**
 * Text of `bytes` in the charset that a message names. Never throws: without a label, or with one that nobody knows, the text
 * is read as UTF-8 if it is valid UTF-8 and as windows-1252 otherwise. NUL is left out, because PostgreSQL cannot store it.
 *
 * TextDecoder goes first, because it alone has ISO-2022-JP; iconv-lite adds UTF-7 and the DOS and Macintosh sets (reference/stack.md 3); the two sets
 * that shift between letters, and that browsers refuse, are our own.
 */
export function decodeText(bytes: Uint8Array, label: string | null): string {
  const decode = label === null ? null : decoderFor(label);
  const text = decode === null ? guessed(bytes) : decode(bytes);
  return text.includes("\0") ? text.replaceAll("\0", "") : text;
}

/** Whether {@link decodeText} goes by this label, rather than by a look at the bytes. */
export function knowsCharset(label: string): boolean {
  return NO_PROMISE.has(label.trim().toLowerCase()) || decoderFor(label) !== null;
}

/** Text of a string that holds one byte per character, as header fields are kept: ASCII as it is, else by a look at the bytes. */
export function textOfBytes(latin1: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the question is exactly whether all characters are ASCII
  return /^[\x01-\x7f]*$/.test(latin1) ? latin1 : decodeText(Buffer.from(latin1, "latin1"), null);
}

function guessed(bytes: Uint8Array): string {
  return isUtf8(bytes) ? utf8.decode(bytes) : windows1252.decode(bytes);
}

/**
 * Escape sequences with nothing between them and the next one. Each encoded word of a subject ends in ASCII and begins anew (RFC 2047 6.1), and
 * TextDecoder takes the join for an error and shows a replacement character.
 */
function withoutIdleEscapes(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  const shorter = text.replace(/(?:\x1b[$(][@BIJ])+(?=\x1b[$(][@BIJ])/g, "");
  return shorter.length === text.length ? bytes : Buffer.from(shorter, "latin1");
}

/** ISO-2022-JP has seven bits. Text with eight that claims to be it is UTF-8 or, in Japanese mail, one of the other two encodings. */
function otherJapanese(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return utf8.decode(bytes);
  for (const name of ["euc-jp", "shift_jis"]) {
    try {
      return new TextDecoder(name, { fatal: true }).decode(bytes);
    } catch {
      // Not valid in this encoding: the next one is tried.
    }
  }
  return windows1252.decode(bytes);
}

function decoderFor(label: string): Decode | null {
  const name = label.trim().toLowerCase();
  if (NO_PROMISE.has(name) || !LABEL.test(name)) return null;
  const known = decoders.get(name);
  if (known !== undefined) return known;
  const decode = newDecoder(ALIASES[name.replace(/[-_.]/g, "")] ?? name);
  if (decoders.size >= REMEMBERED_LABELS) decoders.clear();
  decoders.set(name, decode);
  return decode;
}

/** RFC 2781 4.3 with what is really written: the mark at the beginning tells the order of the bytes, and without one it is Windows'. */
function utf16(bytes: Uint8Array): string {
  return new TextDecoder(bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-16le").decode(bytes);
}

function newDecoder(name: string): Decode | null {
  if (name === "utf-16") return utf16;
  if (name === "iso-2022-kr") return (bytes) => (isAscii(bytes) ? iconv.decode(fromIso2022Kr(bytes), "euc-kr") : guessed(bytes));
  if (name === "hz-gb-2312") return (bytes) => (isAscii(bytes) ? iconv.decode(fromHz(bytes), "gbk") : guessed(bytes));
  try {
    const decoder = new TextDecoder(name);
    if (decoder.encoding === "iso-2022-jp")
      return (bytes) => (isAscii(bytes) ? decoder.decode(withoutIdleEscapes(bytes)) : otherJapanese(bytes));
    return (bytes) => decoder.decode(bytes);
  } catch {
    // TextDecoder throws for a label that the WHATWG list does not have: the question goes on to iconv-lite.
    return iconv.encodingExists(name) ? (bytes) => iconv.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name) : null;
  }
}
