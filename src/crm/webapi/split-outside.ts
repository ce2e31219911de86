import { badQuery } from "./query-fault.ts";

/**
 * Splits at a separator that stands outside quotes, parentheses and brackets; in one pass. At most `most` parts, else ApiFault 400, as for quotes and
 * parentheses that do not match.
 */
export function splitOutside(text: string, separator: string, most: number): string[] {
  const parts: string[] = [];
  let [start, depth] = [0, 0];
  let quote: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const sign = text.charAt(at);
    // A doubled quote inside a string closes and opens it again: the same for our purpose.
    if (quote) quote = sign === quote ? null : quote;
    else if (sign === "'" || sign === '"') quote = sign;
    else if (sign === "(" || sign === "[" || sign === "{") depth++;
    else if (sign === ")" || sign === "]" || sign === "}") depth--;
    else if (sign === separator && depth === 0) {
      parts.push(text.slice(start, at));
      if (parts.length >= most) throw badQuery("Bad Request - Error in query syntax.");
      start = at + 1;
    }
    if (depth < 0) throw badQuery("Bad Request - Error in query syntax.");
  }
  if (depth !== 0 || quote) throw badQuery("Bad Request - Error in query syntax.");
  parts.push(text.slice(start));
  return parts;
}
