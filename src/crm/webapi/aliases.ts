import { badQuery } from "./query-fault.ts";

/** More than any call has parameters. */
const MOST_ALIASES = 64;

/** The parameter aliases of a query string, still percent-encoded, by name with the sign: `@p1`. Throws ApiFault 400. */
export function aliasesOf(query: string): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>();
  if (!query.includes("@") && !query.includes("%40")) return aliases;
  for (const part of query.split("&")) {
    const at = part.indexOf("=");
    const name = at < 0 ? "" : decoded(part.slice(0, at));
    if (!name.startsWith("@")) continue;
    if (aliases.has(name) || aliases.size === MOST_ALIASES) throw badQuery("Bad Request - Error in query syntax.");
    aliases.set(name, decoded(part.slice(at + 1)));
  }
  return aliases;
}

/** A plus is a blank in a query string, as the server of Dynamics reads it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw badQuery("Bad Request - Error in query syntax.");
  }
}
