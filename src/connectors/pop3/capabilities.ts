/** What a server offers in its answer to CAPA (RFC 2449 5). */

export interface Pop3Capabilities {
  /** RFC 1939 7: heads without content. Servers without CAPA are simply asked. */
  readonly top: boolean;
  readonly uidl: boolean;
  /** Name and password in clear words are taken (USER and PASS). */
  readonly user: boolean;
  /** Mechanisms of AUTH (RFC 5034), in upper case. */
  readonly mechanisms: ReadonlySet<string>;
  /** RFC 2595 4. */
  readonly startTls: boolean;
  /** RFC 2449 6.6: many commands may be sent before the first is answered. */
  readonly pipelining: boolean;
  /** RFC 3206: a sign-in refused for the password's sake says so with [AUTH], any other refusal has another cause. */
  readonly tellsAuth: boolean;
  /** RFC 2449 6.5: least seconds between two sign-ins; null where none is announced. */
  readonly loginDelay: number | null;
}

/** A server that does not know CAPA: everything of RFC 1939 may be there, and nothing later is used unasked. */
export const UNTOLD: Pop3Capabilities = {
  top: true,
  uidl: true,
  user: true,
  mechanisms: new Set(),
  startTls: true,
  pipelining: false,
  tellsAuth: false,
  loginDelay: null,
};

/** Longer than any server asks for; more is a mistake. */
const LONGEST_DELAY = 24 * 60 * 60;

/** Reads the listing, a capability a line, in any case; unknown ones are passed over. */
export function capabilitiesOf(listing: Buffer): Pop3Capabilities {
  const offered = new Map(
    listing
      .toString("latin1")
      .toUpperCase()
      .split(/\r?\n/)
      .map((line) => line.trim().split(/[ \t]+/))
      .map(([tag = "", ...parameters]) => [tag, parameters] as const),
  );
  const delay = Number(/^\d{1,9}$/.exec(offered.get("LOGIN-DELAY")?.[0] ?? "")?.[0] ?? 0);
  return {
    top: offered.has("TOP"),
    uidl: offered.has("UIDL"),
    user: offered.has("USER"),
    mechanisms: new Set(offered.get("SASL") ?? []),
    startTls: offered.has("STLS"),
    pipelining: offered.has("PIPELINING"),
    tellsAuth: offered.has("AUTH-RESP-CODE"),
    loginDelay: delay > 0 ? Math.min(delay, LONGEST_DELAY) : null,
  };
}
