/** What a server offers in its reply to EHLO (RFC 5321 4.1.1.1). */
import type { Reply } from "./reply.ts";

export interface Extensions {
  /** RFC 1870: `offered` lets us announce a size; `limit` in octets, null = none fixed. */
  readonly size: { readonly offered: boolean; readonly limit: number | null };
  /** RFC 2920. */
  readonly pipelining: boolean;
  /** RFC 6152. */
  readonly eightBitMime: boolean;
  /** RFC 6531. */
  readonly smtpUtf8: boolean;
  /** RFC 3207. */
  readonly startTls: boolean;
  /** RFC 4954: SASL mechanisms, in upper case. */
  readonly signIn: ReadonlySet<string>;
}

/** A server that knows only HELO. */
export const NO_EXTENSIONS: Extensions = {
  size: { offered: false, limit: null },
  pipelining: false,
  eightBitMime: false,
  smtpUtf8: false,
  startTls: false,
  signIn: new Set(),
};

/** Reads the reply; its first line is the greeting. Keywords in any case, unknown ones passed over. */
export function extensionsOf(reply: Reply): Extensions {
  const signIn = new Set<string>();
  const offered = new Map<string, readonly string[]>();
  for (const line of reply.lines.slice(1)) {
    // "AUTH=LOGIN" is what clients of the last century wanted; servers still write it beside the real line.
    const [keyword = "", ...parameters] = line.trim().toUpperCase().split(/[ =]+/);
    offered.set(keyword, parameters);
    if (keyword === "AUTH") {
      for (const mechanism of parameters) {
        signIn.add(mechanism);
      }
    }
  }
  const size = offered.get("SIZE");
  return {
    size: { offered: size !== undefined, limit: limitOf(size?.[0]) },
    pipelining: offered.has("PIPELINING"),
    eightBitMime: offered.has("8BITMIME"),
    smtpUtf8: offered.has("SMTPUTF8"),
    startTls: offered.has("STARTTLS"),
    signIn,
  };
}

/** RFC 1870 4: zero or no number means that there is no fixed limit. */
function limitOf(text: string | undefined): number | null {
  const limit = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return limit > 0 ? limit : null;
}
