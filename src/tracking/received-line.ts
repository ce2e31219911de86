/** Who handed a message to the server that wrote a Received field (RFC 5321 4.4). */
export interface Handover {
  /** All IP addresses that the server wrote of whoever handed it over, and those that the client said of itself. */
  readonly addresses: readonly string[];
  /** It came from no other machine: a program of the server itself handed it over. */
  readonly isLocal: boolean;
  /** By which protocol, in lower case (`esmtps`, `lmtp`), or null. */
  readonly protocol: string | null;
}

/** IP addresses as they stand in such a field, in brackets or bare (Exchange). */
const ADDRESS =
  /(?<![\w.:-])(?:ipv6:)?((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\d{1,3}(?:\.\d{1,3}){3})?)(?![\w.:-])/gi;

/**
 * Reads a Received field. Its comments hold what clients said of themselves, certificates too, so that words in them are no words of the server: only
 * addresses are looked for there, and of these all must be believed by whoever asks. Linear in the field, which is short.
 */
export function handoverOf(received: string): Handover {
  const spoken = withoutComments(received);
  const by = spoken.search(/(?:^|\s)by\s/i);
  const client = by < 0 ? received : received.slice(0, by);
  const rest = by < 0 ? "" : spoken.slice(by);
  return {
    addresses: [...client.matchAll(ADDRESS)].flatMap(([, address]) => address ?? []),
    isLocal: by >= 0 && !/^\s*from\s/i.test(spoken),
    protocol: /\swith\s+([\w-]{1,20})/i.exec(rest)?.[1]?.toLowerCase() ?? null,
  };
}

/** The same text with blanks in the place of comments, which may stand in each other (RFC 5322 3.2.2). */
export function withoutComments(text: string): string {
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
