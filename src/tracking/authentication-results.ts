import { addressKey, domainOf } from "../model/address.ts";
import { withoutComments } from "./received-line.ts";

/** Results of one field; real ones have ten. */
const RESULTS_READ = 50;

/**
 * Whether a receiving server found that a message is of an address, or of its domain: by signing in, DMARC, DKIM or SPF (RFC 8601 2.7). How, as half a
 * sentence; null where it did not. Fields of other servers count for nothing, and one that says that DMARC failed outweighs all others.
 */
export function provenBy(fields: readonly string[], server: string, author: string): string | null {
  const results = fields.flatMap((field) => resultsOf(field, server));
  const domain = domainOf(author);
  if (domain === "" || results.some(({ method, result }) => method === "dmarc" && result === "fail")) return null;
  for (const one of results) {
    if (one.result !== "pass") continue;
    const how = passedBy(one, author, domain);
    if (how !== null) return how;
  }
  return null;
}

interface MethodResult {
  readonly method: string;
  readonly result: string;
  /** `ptype.property` in lower case, and its value. */
  readonly properties: ReadonlyMap<string, string>;
}

function passedBy({ method, properties }: MethodResult, author: string, domain: string): string | null {
  const value = (name: string) => properties.get(name) ?? "";
  if (method === "auth" && addressKey(value("smtp.auth")) === addressKey(author)) return `${author} signed in to send it`;
  if (method === "dmarc" && value("header.from").toLowerCase() === domain) return `DMARC passed for ${domain}`;
  if (method === "dkim" && isOver(value("header.d") || domainOf(value("header.i")), domain))
    return `it bears a valid DKIM signature of ${domain}`;
  if (method === "spf" && addressKey(value("smtp.mailfrom")) === addressKey(author)) return `SPF passed for ${author}`;
  return null;
}

/** The same domain, or one above it that is no top level domain. */
function isOver(signing: string, domain: string): boolean {
  const over = signing.toLowerCase();
  return over === domain || (over.includes(".") && domain.endsWith(`.${over}`));
}

/** `authserv-id [version]; method=result [ptype.property=value ...]; ...` (RFC 8601 2.2). */
function resultsOf(field: string, server: string): MethodResult[] {
  const [head = "", ...rest] = withoutComments(field).split(";");
  if (wordsOf(head)[0]?.toLowerCase() !== server.toLowerCase()) return [];
  return rest.slice(0, RESULTS_READ).flatMap((text) => {
    const [first, ...others] = wordsOf(text).map(pairOf);
    if (first === undefined) return [];
    // A method may bear a version: `dkim/1`.
    const method = first[0].split("/")[0] ?? "";
    return [{ method, result: first[1].toLowerCase(), properties: new Map(others) }];
  });
}

function wordsOf(text: string): string[] {
  return text
    .replace(/\s{0,9}=\s{0,9}/g, "=")
    .split(/\s+/)
    .filter((word) => word !== "");
}

function pairOf(word: string): readonly [string, string] {
  const equals = word.indexOf("=");
  if (equals < 0) return [word.toLowerCase(), ""];
  return [word.slice(0, equals).toLowerCase(), word.slice(equals + 1).replace(/^"(.*)"$/, "$1")];
}
