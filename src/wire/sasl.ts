/**
 * What a client says to sign in by SASL, and what a server answers to a refused token. Pure; the protocols around it (RFC 3501 6.2.2,
 * RFC 4954, RFC 5034) send these messages in base64, which is how they are given here.
 */
import { z } from "zod";
import type { Authentication, PasswordSecret, TokenSecret } from "../model/mailbox.ts";

/** Mechanisms for an access token, the better one first: OAUTHBEARER is a standard, and names the server that the token is meant for. */
const TOKEN_MECHANISMS = ["OAUTHBEARER", "XOAUTH2"] as const;

export type TokenMechanism = (typeof TOKEN_MECHANISMS)[number];

/** The server that is signed in to, as RFC 7628 3.1 has the client say it. */
export interface SaslServer {
  readonly host: string;
  readonly port: number;
}

/** RFC 4616: NUL parts the fields of PLAIN, so none may hold it. */
const NUL = /\0/;

/** RFC 7628 3.1: \x01 parts the fields, and no control character has a place in a user name or a token (RFC 6750 2.1). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be found
const CONTROL = /[\0-\x1f\x7f]/;

/**
 * The message of PLAIN (RFC 4616 2). Null where a value holds NUL: the server would read another name out of it.
 */
export function plainMessage({ username, password, authorizationIdentity = "" }: PasswordSecret): string | null {
  const fields = [authorizationIdentity, username, password];
  return fields.some((field) => NUL.test(field)) ? null : base64(fields.join("\0"));
}

/**
 * The message of OAUTHBEARER (RFC 7628 3.1) or XOAUTH2 (Google's protocol of that name, which Microsoft took over). Null where user name,
 * token or host holds a control character: the rest of it would become a field of its own.
 */
export function tokenMessage(mechanism: TokenMechanism, { username, token }: TokenSecret, { host, port }: SaslServer): string | null {
  if ([username, token, host].some((value) => CONTROL.test(value))) return null;
  const fields =
    mechanism === "XOAUTH2"
      ? [`user=${username}`, `auth=Bearer ${token}`]
      : [`n,a=${saslName(username)},`, `host=${host}`, `port=${port}`, `auth=Bearer ${token}`];
  return base64(`${fields.join("\x01")}\x01\x01`);
}

/**
 * What the client sends after the server explained its refusal in a challenge; the server then ends the exchange with its no (RFC 7628 3.2.3:
 * a single \x01; XOAUTH2: nothing).
 */
export function tokenDismissal(mechanism: TokenMechanism): string {
  return mechanism === "OAUTHBEARER" ? base64("\x01") : "";
}

/**
 * The mechanism for a token among those that the server offers (upper case), or null where the profile allows none of them.
 * `auto`, `plain`, `login` and `none` allow no token.
 */
export function tokenMechanism(authentication: Authentication, offered: ReadonlySet<string>): TokenMechanism | null {
  return allowedTokenMechanisms(authentication).find((name) => offered.has(name)) ?? null;
}

/** The mechanisms for a token that a profile allows, the one to be preferred first. */
export function allowedTokenMechanisms(authentication: Authentication): readonly TokenMechanism[] {
  return TOKEN_MECHANISMS.filter((name) => authentication === "oauth" || authentication === name.toLowerCase());
}

/** Whether a profile signs in with an access token. */
export function isTokenAuthentication(authentication: Authentication): boolean {
  return allowedTokenMechanisms(authentication).length > 0;
}

/** Why a server refuses a token (RFC 7628 3.2.2). Google answers with HTTP status codes where the RFC has words. */
export interface TokenRefusal {
  /** `invalid_token`, `insufficient_scope`, `invalid_request`; `400` or `401` from Google. */
  readonly status: string;
  /** The scope that the server asks for, where it says. */
  readonly scope: string | undefined;
}

/** Longer challenges are no explanation. */
const MAXIMUM_CHALLENGE = 8192;

const refusalSchema = z.object({
  status: z.union([z.string().max(100), z.number().transform(String)]),
  scope: z.string().max(2000).optional().catch(undefined),
});

/** Reads the challenge (base64) by which a server explains that it refuses a token; null where it is none. */
export function tokenRefusal(challenge: string): TokenRefusal | null {
  if (challenge.length > MAXIMUM_CHALLENGE) return null;
  try {
    return tokenRefusalOf(JSON.parse(Buffer.from(challenge, "base64").toString("utf8")));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The same for a challenge that a library has read already. */
export function tokenRefusalOf(value: unknown): TokenRefusal | null {
  const { data } = refusalSchema.safeParse(value);
  return data === undefined ? null : { status: data.status, scope: data.scope };
}

/** RFC 5801 4: comma and equals sign part the header. */
function saslName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
