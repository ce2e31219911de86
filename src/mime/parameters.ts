import { decodeText, textOfBytes } from "./charset.ts";
import { decodeWords } from "./encoded-words.ts";

/** A field value with parameters (RFC 2045 5.1): `text/plain; charset=utf-8`. Names in lower case, values as they stand. */
export interface Structured {
  /** What stands before the first semicolon, in lower case. */
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Parameters read of one field; real ones have five, and names in many sections some dozen. Each takes many times its bytes in memory. */
const PARAMETERS = 500;

/** Sections of one continued parameter (RFC 2231 3) that are read; real ones have three. */
const SECTIONS = 100;

/**
 * Splits a field value into its value and parameters. Comments are left out, quoted strings taken out of their quotes; of a
 * parameter that stands twice the first counts, as everywhere (two readings of `boundary` would be two messages). Never throws.
 */
export function parseStructured(field: string): Structured {
  const [value = "", ...rest] = pieces(field);
  const parameters = new Map<string, string>();
  for (const piece of rest) {
    const equals = piece.indexOf("=");
    const name = piece.slice(0, Math.max(0, equals)).trim().toLowerCase();
    if (name !== "" && !parameters.has(name)) parameters.set(name, unquoted(piece.slice(equals + 1).trim()));
  }
  return { value: value.trim().toLowerCase(), parameters };
}

/**
 * The text of one parameter, or null: by RFC 2231 (charset, continuations) where it is written so, else with encoded words decoded,
 * which RFC 2047 forbids here and half of all programs write.
 */
export function parameterText(structured: Structured, name: string): string | null {
  const { parameters } = structured;
  const single = parameters.get(`${name}*`);
  if (single !== undefined) return extendedText([{ text: single, encoded: true }]);
  const sections: Section[] = [];
  while (sections.length < SECTIONS) {
    const key = `${name}*${sections.length}`;
    const encoded = parameters.get(`${key}*`);
    const text = encoded ?? parameters.get(key);
    if (text === undefined) break;
    sections.push({ text, encoded: encoded !== undefined });
  }
  if (sections.length > 0) return extendedText(sections);
  const plain = parameters.get(name);
  return plain === undefined ? null : decodeWords(textOfBytes(plain));
}

interface Section {
  readonly text: string;
  readonly encoded: boolean;
}

/** Sections are joined as bytes: a character may be cut in two between them. */
function extendedText(sections: readonly Section[]): string {
  const [first] = sections;
  const label = first?.encoded ? /^([^']*)'[^']*'/.exec(first.text) : null;
  const bytes = sections.map(({ text, encoded }, index) => {
    const body = index === 0 && label ? text.slice(label[0].length) : text;
    return encoded ? percentDecoded(body) : body;
  });
  const joined = bytes.join("");
  return label?.[1] ? decodeText(Buffer.from(joined, "latin1"), label[1]) : textOfBytes(joined);
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The field cut at its semicolons, without comments; a quoted string keeps its quotes. */
function pieces(field: string): string[] {
  const found: string[] = [];
  let piece = "";
  let depth = 0;
  let quoted = false;
  const lastClosing = field.lastIndexOf(")");
  for (let at = 0; at < field.length; at += 1) {
    const character = field.charAt(at);
    if (character === "\\" && (quoted || depth > 0)) {
      if (depth === 0) piece += character + field.charAt(at + 1);
      at += 1;
    } else if (depth > 0) {
      depth += character === "(" ? 1 : character === ")" ? -1 : 0;
    } else if (character === "(" && !quoted && at < lastClosing && standsAlone(field, at)) {
      depth = 1;
    } else if (character === ";" && !quoted) {
      found.push(piece);
      piece = "";
      if (found.length > PARAMETERS) return found;
    } else {
      if (character === '"') quoted = !quoted;
      piece += character;
    }
  }
  return [...found, piece];
}

/** A parenthesis inside a word opens no comment: it is part of a careless file name (`name=Invoice(1).pdf`). */
function standsAlone(field: string, at: number): boolean {
  return at === 0 || /[\s;]/.test(field.charAt(at - 1));
}

/**
 * A backslash counts as an escape only before a quote or another backslash: programs that write `"C:\Users\a.txt"` are
 * many, programs that escape letters are none.
 */
function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  const inside = /^"((?:[^"\\]|\\[\s\S])*)/.exec(value)?.[1] ?? "";
  return inside.replace(/\\(["\\])/g, "$1");
}
