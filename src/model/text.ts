/** Text as PostgreSQL can store it: without NUL, and with lone surrogates replaced. Mail may hold both; both would abort a whole page. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll("\u0000", "\uFFFD");
}

/** What JSON.stringify writes for a NUL and for a lone surrogate. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/;

/** JSON whose strings are storable, for a jsonb parameter. */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Looking at each string would double the time, and hardly any mail needs it.
  return json.includes("\\u") && UNSTORABLE.test(json)
    ? JSON.stringify(value, (_key, part: unknown) => (typeof part === "string" ? storableText(part) : part))
    : json;
}
