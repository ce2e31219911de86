import type { Address } from "../model/address.ts";

/** A person's name as the CRM keeps it. */
export interface PersonName {
  readonly firstname: string;
  readonly lastname: string;
}

/** Characters of a display name that are read. */
const MAXIMUM_NAME = 200;

/** Longest first and last name that the CRM stores (`contact.firstname`, `contact.lastname`). */
const MAXIMUM_PART = 50;

/** What stands behind a comma and is no first name: `Ann Lee, PhD`. */
const SUFFIX = /^(?:jr|sr|i{2,3}|iv|phd|ph\.d|md|mba|esq)\.?$/i;

/**
 * The name of a sender by the display name: `Ann Lee`, `Lee, Ann`, `Ludwig van Beethoven`, without what stands in brackets and what a mailing list
 * appends. Where the display name tells no name (it is missing, or an address), the address is the last name: nothing is made up. Pure and bounded.
 */
export function personName({ name, address }: Address): PersonName {
  const words = plain(name);
  if (words.length === 0 || words.some((word) => word.includes("@"))) return { firstname: "", lastname: cut(address.trim()) };
  const comma = words.findIndex((word) => word.endsWith(","));
  const [before, after] = [words.slice(0, comma + 1).map(withoutComma), words.slice(comma + 1).map(withoutComma)];
  const isReversed = comma >= 0 && after.length > 0 && !after.every((word) => SUFFIX.test(word));
  if (isReversed) return { firstname: cut(after.join(" ")), lastname: cut(before.join(" ")) };
  return inOrder(words.map(withoutComma));
}

/** The last word is the last name, with the small words before it (`van der`) and the titles behind it. */
function inOrder(words: readonly string[]): PersonName {
  let start = words.length - 1;
  while (start > 1 && SUFFIX.test(words[start] ?? "")) start--;
  while (start > 1 && isParticle(words[start - 1] ?? "")) start--;
  return { firstname: cut(words.slice(0, start).join(" ")), lastname: cut(words.slice(start).join(" ")) };
}

/** The words of a display name, without quotation marks, control characters, brackets and `via` of a mailing list. */
function plain(name: string): readonly string[] {
  const text = name
    .slice(0, MAXIMUM_NAME)
    .replace(/[\p{Cc}\p{Cf}\p{Z}]/gu, " ")
    .replace(/\([^()]*\)|\[[^[\]]*\]/g, " ")
    .replace(/["“”„«»<>;]/g, " ")
    .replace(/^[\s']+|[\s']+$/g, "")
    .replace(/ +,/g, ",");
  const words = text.split(" ").filter((word) => word !== "" && word !== ",");
  const via = words.findIndex((word, index) => index > 0 && word.toLowerCase() === "via");
  return via < 0 ? words : words.slice(0, via);
}

function withoutComma(word: string): string {
  return word.replace(/,$/, "");
}

function isParticle(word: string): boolean {
  return word !== word.toUpperCase() && word === word.toLowerCase();
}

/** Cut between characters, never within one. */
function cut(text: string): string {
  return text.length <= MAXIMUM_PART
    ? text
    : text
        .slice(0, MAXIMUM_PART)
        .replace(/[\ud800-\udbff]$/, "")
        .trim();
}
