/** Text as PostgreSQL can store it: without NUL, and with lone surrogates replaced. Mail may hold both; both would abort a whole page. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll("\u0000", "\uFFFD");
}

/** JSON whose strings are storable, for a jsonb parameter. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === "string" ? storableText(part) : part));
}
