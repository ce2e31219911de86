/** What a server asks for that does not know who is there: the values of `WWW-Authenticate` (RFC 9110 11.6.1, RFC 6750 3, wire 9). */

/** Characters of a value that are looked at, and values. */
const LONGEST = 8 * 1024;
const MOST = 20;

export interface Challenges {
  /** Schemes that are offered, in small letters. */
  readonly schemes: readonly string[];
  /** What stands behind a scheme as one word (NTLM, Negotiate). */
  token(scheme: "ntlm" | "negotiate"): Buffer | null;
  /** The parameters of `Bearer`. */
  readonly bearer: Readonly<Record<string, string>>;
}

export function readChallenges(values: readonly string[]): Challenges {
  const short = values.slice(0, MOST).map((value) => value.slice(0, LONGEST));
  // Schemes stand in values of their own, or several in one, divided by commas.
  const parts = short.flatMap((value) => value.split(/,\s*(?=(?:Bearer|NTLM|Negotiate|Basic|Digest)\b(?!\s*=))/i));
  const schemes = parts.flatMap((part) => /^\s*([A-Za-z][\w-]*)/.exec(part)?.[1]?.toLowerCase() ?? []);
  const bearer: Record<string, string> = Object.create(null);
  for (const part of parts) {
    if (!/^\s*Bearer\b/i.test(part)) continue;
    // On premises the values stand without quotation marks.
    for (const [, name = "", quoted, bare = ""] of part.matchAll(/(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))/g))
      bearer[name.toLowerCase()] ??= quoted ?? bare;
  }
  return {
    schemes: [...new Set(schemes)],
    bearer,
    token(scheme) {
      for (const part of parts) {
        const [, name = "", word = ""] = /^\s*([A-Za-z]+)\s+([A-Za-z0-9+/]+=*)\s*$/.exec(part) ?? [];
        if (name.toLowerCase() === scheme) return Buffer.from(word, "base64");
      }
      return null;
    },
  };
}

/** How an organization wants people to sign in, as it says itself (wire 9). */
export type SignInFound =
  | { readonly kind: "oauth"; readonly authorizationEndpoint: string; readonly tokenEndpoint: string; readonly resource: string }
  | { readonly kind: "windows"; readonly schemes: readonly ("ntlm" | "negotiate")[] }
  | { readonly kind: "unknown"; readonly schemes: readonly string[] };

/** Addresses that lead to this machine itself (RFC 8252 8.3): only there may a password travel without TLS. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Only addresses of https are believed: somebody signs in there. */
export function signInFound(values: readonly string[]): SignInFound {
  const { schemes, bearer } = readChallenges(values);
  const authorization = httpsAddress(bearer.authorization_uri);
  const resource = bearer.resource_id;
  if (authorization !== null && resource !== undefined) {
    const authorizationEndpoint = authorization.href;
    const tokenEndpoint = new URL(authorization.pathname.replace(/\/authorize\/?$/, "/token"), authorization).href;
    if (tokenEndpoint !== authorizationEndpoint) return { kind: "oauth", authorizationEndpoint, tokenEndpoint, resource };
  }
  const windows = (["ntlm", "negotiate"] as const).filter((scheme) => schemes.includes(scheme));
  return windows.length > 0 ? { kind: "windows", schemes: windows } : { kind: "unknown", schemes };
}

function httpsAddress(text: string | undefined): URL | null {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.username !== "" || url.password !== "") return null;
  return url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.test(url.hostname)) ? url : null;
}
