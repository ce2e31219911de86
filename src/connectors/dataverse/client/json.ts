import type { RawAnswer } from "./exchange.ts";

/** What an answer holds: parsed JSON, the text of what calls itself something else, null where there is nothing. Undefined: it calls itself JSON and is none. */
export function bodyOf({ headers, body }: Pick<RawAnswer, "headers" | "body">): unknown {
  if (body.length === 0) return null;
  const text = body.toString("utf8");
  if (!isJson(headers["content-type"])) return text;
  try {
    const parsed: unknown = JSON.parse(text.startsWith("\uFEFF") ? text.slice(1) : text);
    return parsed;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function isJson(contentType: string | undefined): boolean {
  return /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType ?? "");
}
