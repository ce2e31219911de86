/** Who handed a message to the server that wrote a Received field (RFC 5321 4.4). */
export interface Handover {
  /** All IP addresses that the server wrote of whoever handed it over, and those that the client said of itself. */
  readonly addresses: readonly string[];
  /** It came from no other machine: a program of the server itself handed it over. */
  readonly isLocal: boolean;
  /** By which protocol, in lower case (`esmtps`, `lmtp`), or null where that is not beyond doubt. */
  readonly protocol: string | null;
}

/** IP addresses as they stand in such a field, in brackets or bare (Exchange), with the client's port or without. */
const ADDRESS =
  /(?<![\w.:-])(?:ipv6:)?((?:\d{1,3}\.){3}\d{1,3}(?=(?::\d{1,5})?(?![\w.:-]))|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\w.:-]))/gi;

/** With what the client greeted, as qmail and Exim write it behind. */
const GREETED_WITH = /\b(?:he|eh)lo[=\s]\s*\S+/gi;

/**
 * Reads a Received field. It holds what clients said of themselves, their certificates and senders' addresses too, so that words in it need not be the
 * server's: of several `by`, in comments too, the last one ends what is told of the client, all addresses before it must be believed by whoever
 * asks, and then neither the protocol counts nor that the message came from a program of the server. Linear in the field, which is short.
 */
export function handoverOf(received: string): Handover {
  const [first, ...others] = [...received.matchAll(/(?<=^|\s)by(?=\s)/gi)].map(({ index }) => index);
  const last = others.at(-1) ?? first;
  const addresses = toldOfClient(last === undefined ? received : received.slice(0, last));
  const spoken = withoutComments(received);
  if (first === undefined || others.length > 0 || spoken.slice(first, first + 2).trim() === "")
    return { addresses, isLocal: false, protocol: null };
  const rest = spoken.slice(first);
  return {
    addresses,
    // Servers that write their own address there tell of hops within a system (Gmail), whoever sent the message.
    isLocal: !/^\s*from\s/i.test(spoken) && addressesIn(rest.split(/\s+/, 2)[1] ?? "").length === 0,
    protocol: /\swith\s+([\w-]{1,20})/i.exec(rest)?.[1]?.toLowerCase() ?? null,
  };
}

/** None where all that could be one is the client's own word: the name with which it greeted stands first, and some servers write nothing else. */
function toldOfClient(clause: string): string[] {
  const greeting = /^\s*from\s+\S+/i.exec(clause)?.[0] ?? "";
  const observed = clause.slice(greeting.length);
  const own = observed.replace(GREETED_WITH, " ");
  // Exim writes the address first where it finds no name for it, and then the greeting.
  const isFirst = own !== observed && /^\s*from\s+\[/i.test(greeting);
  const isTold = isFirst || addressesIn(own).length > 0;
  return isTold ? addressesIn(clause) : [];
}

function addressesIn(text: string): string[] {
  return [...text.matchAll(ADDRESS)].flatMap(([, address]) => address ?? []);
}

/** The same text with blanks in the place of comments, which may stand in each other (RFC 5322 3.2.2). */
function withoutComments(text: string): string {
  let depth = 0;
  let plain = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\" && depth > 0) {
      plain += "  ".slice(0, text.length - at);
      at += 1;
      continue;
    }
    if (character === "(") depth += 1;
    plain += depth > 0 ? " " : character;
    if (character === ")" && depth > 0) depth -= 1;
  }
  return plain;
}
