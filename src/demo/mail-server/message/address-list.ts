import { MAXIMUM_ADDRESS_FIELD_LENGTH, MAXIMUM_ENVELOPE_ADDRESSES } from "../limits.ts";

/** One entry of an address field, in the order of RFC 3501 7.4.2: groups are marked by entries without a host. */
export type EnvelopeAddress =
  | { readonly kind: "mailbox"; readonly name: string | null; readonly local: string; readonly host: string }
  | { readonly kind: "group start"; readonly name: string }
  | { readonly kind: "group end" };

interface Collected {
  readonly phrase: string[];
  angle: string | null;
  comment: string | null;
}

const TOKEN = /"((?:[^"\\]|\\.)*)"|<([^<>]*)>|\(((?:[^()\\]|\\.)*)\)|([,;:])|([^\s"<>(),;:]+)/g;

/** Reads an address field (RFC 5322 3.4) from its unfolded latin1 text. Never fails: what is no address becomes one without a host's dot. */
export function addressList(value: string): EnvelopeAddress[] {
  const found: EnvelopeAddress[] = [];
  let current: Collected = { phrase: [], angle: null, comment: null };
  let inGroup = false;
  const finish = () => {
    const address = toAddress(current);
    if (address) found.push(address);
    current = { phrase: [], angle: null, comment: null };
  };
  for (const [, quoted, angle, comment, special, word] of value.slice(0, MAXIMUM_ADDRESS_FIELD_LENGTH).matchAll(TOKEN)) {
    if (found.length >= MAXIMUM_ENVELOPE_ADDRESSES) break;
    if (quoted !== undefined) current.phrase.push(quoted.replace(/\\(.)/g, "$1"));
    else if (angle !== undefined) current.angle = angle.trim();
    else if (comment !== undefined) current.comment = comment;
    else if (word !== undefined) current.phrase.push(word);
    else if (special === ":" && !inGroup) {
      found.push({ kind: "group start", name: current.phrase.join(" ") });
      current = { phrase: [], angle: null, comment: null };
      inGroup = true;
    } else {
      finish();
      if (special === ";" && inGroup) {
        found.push({ kind: "group end" });
        inGroup = false;
      }
    }
  }
  finish();
  if (inGroup) found.push({ kind: "group end" });
  return found;
}

function toAddress(collected: Collected): EnvelopeAddress | null {
  const phrase = collected.phrase.join(" ");
  const written = collected.angle ?? phrase;
  if (written === "") return null;
  // An obsolete source route (`@relay:user@host`) is dropped: RFC 5321 4.1.1.3 tells to ignore it.
  const address = written.replace(/^@[^:]*:/, "");
  const at = address.lastIndexOf("@");
  const name = collected.angle === null ? collected.comment : phrase === "" ? collected.comment : phrase;
  return {
    kind: "mailbox",
    name,
    local: at < 0 ? address : address.slice(0, at),
    host: at < 0 ? "" : address.slice(at + 1),
  };
}
