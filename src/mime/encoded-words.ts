import { decodeText } from "./charset.ts";

/**
 * An RFC 2047 encoded word, with the language tag of RFC 2231 5. Laxer than the grammar where mail programs are: blanks inside
 * the encoded text. No part can run past a `?`, so that matching is linear whatever the text.
 */
const ENCODED_WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=/gi;

interface Run {
  readonly charset: string;
  readonly encoding: string;
  /** Encoded text of one or more adjacent words, each still encoded by itself. */
  readonly words: string[];
}

/**
 * Text with its encoded words decoded. Blanks between two of them are left out (RFC 2047 6.2), and adjacent words of one
 * charset are joined as bytes before they are decoded, because many programs cut a character in two.
 */
export function decodeWords(text: string): string {
  if (!text.includes("=?")) return text;
  let decoded = "";
  let end = 0;
  let run: Run | null = null;
  for (const match of text.matchAll(ENCODED_WORD)) {
    const [whole, charset = "", encoding = "", word = ""] = match;
    const between = text.slice(end, match.index);
    const adjacent = run !== null && between.trim() === "";
    if (run && adjacent && sameCoding(run, charset, encoding)) {
      run.words.push(word);
    } else {
      decoded += decodeRun(run) + (adjacent ? "" : between);
      run = { charset, encoding: encoding.toLowerCase(), words: [word] };
    }
    end = match.index + whole.length;
  }
  return decoded + decodeRun(run) + text.slice(end);
}

function sameCoding(run: Run, charset: string, encoding: string): boolean {
  return run.charset.toLowerCase() === charset.toLowerCase() && run.encoding === encoding.toLowerCase();
}

function decodeRun(run: Run | null): string {
  if (run === null) return "";
  const bytes = run.encoding === "q" ? run.words.map(qBytes) : wholeGroups(run.words).map((word) => Buffer.from(word, "base64"));
  return decodeText(Buffer.concat(bytes), run.charset);
}

/** Base64 words, those joined that were cut inside a group of four (RFC 2047 forbids it; some programs do it). */
function wholeGroups(words: readonly string[]): string[] {
  const groups: string[] = [];
  let open = "";
  for (const word of words) {
    const letters = word.replace(/\s+/g, "");
    open += letters;
    // To look at the end of what grows would copy it for each word.
    if (open.length % 4 === 0 || letters.endsWith("=")) {
      groups.push(open);
      open = "";
    }
  }
  return open === "" ? groups : [...groups, open];
}

function qBytes(word: string): Buffer {
  const source = Buffer.from(word.replaceAll("_", " "), "utf8").toString("latin1");
  const decoded = source.replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(decoded, "latin1");
}
