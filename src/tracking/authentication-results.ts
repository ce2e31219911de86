import { addressKey, domainOf } from "../model/address.ts";

/**
 * Whether a receiving server found that a message is of an address, or of its domain: by signing in, DMARC, DKIM or SPF (RFC 8601 2.7). How, as half a
 * sentence; null where it did not. Only the topmost field of that server counts: one that a stranger wrote under its name stands below. A field too long to
 * be read, which is empty here, may be the server's, so that none below it counts. That DMARC failed outweighs all, in whichever field it stands. Pure.
 * @param fields values of Authentication-Results from the top down
 */
export function provenBy(fields: readonly string[], server: string, author: string): string | null {
  const its = fields.map((field) => (field === "" ? [] : resultsOf(field, server))).filter((results) => results !== null);
  const domain = domainOf(author);
  if (domain === "" || its.flat().some(({ method, result }) => method === "dmarc" && result === "fail")) return null;
  const [topmost = []] = its;
  const hasOneVerdict = topmost.every(({ method, result }) => method !== "dmarc" || result === "pass");
  for (const one of topmost) {
    // Two verdicts of DMARC on one message: somebody else wrote one of them, in what the server quotes.
    if (one.result !== "pass" || (one.method === "dmarc" && !hasOneVerdict)) continue;
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

/** `authserv-id [version]; method=result [ptype.property=value ...]; ...` (RFC 8601 2.2). Null: the field is not this server's. */
function resultsOf(field: string, server: string): MethodResult[] | null {
  const { sections, isWhole } = sectionsOf(field);
  const [head = [], ...rest] = sections;
  if (head[0]?.name.toLowerCase() !== server.toLowerCase()) return null;
  return isWhole ? rest.flatMap(resultOf) : [];
}

/** None where something else than results stands there: such words come from what the server quotes without quotation marks. */
function resultOf(pairs: readonly Pair[]): MethodResult[] {
  const [first, ...others] = pairs;
  if (first === undefined || pairs.some(({ value }) => value === null) || !/^[a-z]{1,20}$/i.test(first.value ?? "")) return [];
  const properties = new Map<string, string>();
  for (const { name, value } of others) properties.set(name.toLowerCase(), value ?? "");
  // A method may bear a version: `dkim/1`.
  const method = first.name.toLowerCase().split("/")[0] ?? "";
  return [{ method, result: first.value?.toLowerCase() ?? "", properties }];
}

interface Pair {
  readonly name: string;
  /** What stands behind the equals sign; null: there is none. */
  readonly value: string | null;
}

/**
 * The pairs between the semicolons. Comments (RFC 5322 3.2.2) are blanks, and what stands in quotation marks is text whatever it holds: a sender's
 * address may bring anything along there. Not whole where one of them does not end. Linear in the field, which is short.
 */
function sectionsOf(field: string): { readonly sections: readonly (readonly Pair[])[]; readonly isWhole: boolean } {
  const sections: Pair[][] = [[]];
  let [name, value, isBehindBlank] = ["", null as string | null, false];
  const end = () => {
    if (name !== "" || value !== null) sections.at(-1)?.push({ name, value });
    [name, value, isBehindBlank] = ["", null, false];
  };
  const append = (text: string) => {
    // A blank ends a pair, unless the value is still to come.
    if (isBehindBlank && (value === null ? name : value) !== "") end();
    isBehindBlank = false;
    if (value === null) name += text;
    else value += text;
  };
  for (let at = 0; at < field.length; at += 1) {
    const character = field.charAt(at);
    if (character === '"' || character === "(") {
      const over = character === "(" ? commentEnd(field, at) : quotationEnd(field, at);
      if (over < 0) {
        end();
        return { sections, isWhole: false };
      }
      if (character === "(") isBehindBlank = true;
      else append(field.slice(at + 1, over).replace(/\\(.)/g, "$1"));
      at = over;
    } else if (character === ";") {
      end();
      sections.push([]);
    } else if (/\s/.test(character)) isBehindBlank = true;
    else if (character === "=" && value === null) [value, isBehindBlank] = ["", false];
    else append(character);
  }
  end();
  return { sections, isWhole: true };
}

function quotationEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text.charAt(at) === "\\") at += 1;
    else if (text.charAt(at) === '"') return at;
  }
  return -1;
}

function commentEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") at += 1;
    else if (character === "(") depth += 1;
    else if (character === ")") {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}
