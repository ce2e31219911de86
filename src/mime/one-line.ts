/**
 * Text as one line: line breaks, tabs and other control characters become blanks, the ends are trimmed. Cut to `limit` UTF-16
 * units without cutting a character in two. Half characters that the text came with are replaced: no database takes them.
 */
export function oneLine(text: string, limit: number = Number.POSITIVE_INFINITY): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, " ").trim();
  return cutText(line.toWellFormed(), limit);
}

/** The first `limit` UTF-16 units of a text, one less where that would cut a character in two. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
