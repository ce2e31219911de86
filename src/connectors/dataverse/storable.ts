import { storableText } from "../../model/text.ts";

/** What XML, in which Dynamics keeps and passes text, cannot hold: control characters but tabulator and line ends (XML 1.0 2.2). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones.
const UNSTORABLE = /[\u0001-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** Text as Dynamics can store it: without NUL and other control characters, lone surrogates replaced. */
export function storable(text: string): string {
  return storableText(text).replace(UNSTORABLE, "\uFFFD");
}

/** At most so many UTF-16 units, and no half of a character at the end. */
export function cut(text: string, most: number): string {
  return text.length <= most
    ? text
    : text
        .slice(0, most)
        .toWellFormed()
        .replace(/\uFFFD$/, "");
}

/** An address as Dynamics can store it: without any control character, which would begin another header when the email is written. */
export function storableAddress(address: string): string {
  return storable(address).replace(/\p{Cc}/gu, "\uFFFD");
}
