import { encodeWord, quoteString } from "nodemailer/lib/mime-funcs";
import type MimeNode from "nodemailer/lib/mime-node";

/**
 * Text that itself looks like an encoded word (RFC 2047), as an attacker writes it or as somebody quotes it. Written as it stands, a reader's
 * program would decode it and show something else than the author saw; so it is encoded once more, and decoding gives back the text.
 */

/** Longest encoded word here, well below the 75 characters of RFC 2047 2. */
const ENCODED_WORD = 52;

export function looksEncoded(text: string): boolean {
  return text.includes("=?");
}

/** Text for an unstructured header field. */
export function literalText(text: string): string {
  return looksEncoded(text) ? encodeWord(text, "Q", ENCODED_WORD) : text;
}

/** Display names of a written address field: between quotation marks nothing may be decoded (RFC 2047 5), but many programs do it. */
export function withLiteralNames(addresses: string): string {
  // Quoted local parts are matched too, so that the search stays in step, and left alone: only a display name has an angle bracket behind it.
  return addresses.replace(/"((?:[^"\\]|\\.)*)"( <)?/g, (quoted, inside: string, bracket: string | undefined) =>
    bracket === undefined ? quoted : `${nameOf(quoted.slice(0, -bracket.length), inside)}${bracket}`,
  );
}

function nameOf(quoted: string, inside: string): string {
  return looksEncoded(inside) ? literalText(inside.replace(/\\(.)/g, "$1")) : quoted;
}

/** Content-Disposition with such a file name: the value of a parameter, which is encoded in another way (RFC 2231). */
export function dispositionWithName(disposition: string, filename: string): string {
  return `${disposition}; filename=${quoteString(filename)}`;
}

/** Lets a message that is about to be built write the display names of its address fields literally. */
export function writeNamesLiterally(root: MimeNode): MimeNode {
  const encode = root.encodeHeaderValue.bind(root);
  root.encodeHeaderValue = (key, value) => (/^(?:From|To|Cc)$/i.test(key) ? withLiteralNames(encode(key, value)) : encode(key, value));
  return root;
}
