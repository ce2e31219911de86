/** Access tokens as signed JWTs (RFC 7519, 9068), checked by whoever is called with one. */
import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import { z } from "zod";
import type { SigningKeys } from "./signing-keys.ts";

/** Characters of a token; those with many groups in them have a few thousand. */
export const LONGEST_TOKEN = 16 * 1024;
/** Seconds by which the clocks of two servers may differ. */
const CLOCK_TOLERANCE = 60;
/** Bits of an RSA key (RFC 7518 3.3). */
const SHORTEST_RSA_KEY = 2048;

const ALGORITHMS = {
  RS256: { kty: "RSA", options: { padding: constants.RSA_PKCS1_PADDING } },
  PS256: { kty: "RSA", options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  ES256: { kty: "EC", options: { dsaEncoding: "ieee-p1363" } },
} as const;
export type Algorithm = keyof typeof ALGORITHMS;

const header = z.object({
  alg: z.enum(["RS256", "PS256", "ES256"]),
  kid: z.string().max(500).optional(),
  typ: z
    .string()
    .regex(/^(application\/)?(at\+)?jwt$/i)
    .optional(),
  crit: z.undefined().optional(),
});

const claims = z.looseObject({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  exp: z.number(),
  nbf: z.number().optional(),
  oid: z.string().optional(),
  appid: z.string().optional(),
  azp: z.string().optional(),
  upn: z.string().optional(),
  scp: z.string().optional(),
  idtyp: z.string().optional(),
});

/** What a token says, as far as somebody asks; of the rest nothing was checked. */
export type AccessClaims = z.output<typeof claims>;

/** For whom and by whom tokens must be. */
export interface TokenExpectation {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys: SigningKeys;
  readonly now: Date;
}

/** The token does not open anything. The message is for logs and may be told. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
}

/**
 * Checks signature, issuer, audience and times of a token and returns what it says. Only RS256, PS256 and ES256, with keys of the issuer that are for
 * that algorithm. Throws TokenRefused, or what `keys` throws where they cannot be had.
 */
export async function verifyAccessToken(token: string, { issuer, audiences, keys, now }: TokenExpectation): Promise<AccessClaims> {
  const [head = "", payload = "", signature = "", ...more] = token.length > LONGEST_TOKEN ? [] : token.split(".");
  if (signature === "" || more.length > 0) throw new TokenRefused("it is no signed JWT");
  const { alg, kid } = parsed(header, head, "its header is not one that is accepted");
  const signed = Buffer.from(`${head}.${payload}`, "ascii");
  const candidates = await keys.find(kid, (key) => isFor(key, alg));
  if (!candidates.some((key) => isSignedBy(key, alg, signed, decoded(signature))))
    throw new TokenRefused("no key of the issuer has signed it");
  const said = parsed(claims, payload, "it lacks claims, or they are not what they must be");
  const seconds = now.getTime() / 1000;
  if (said.iss !== issuer) throw new TokenRefused("another server issued it");
  if (![said.aud].flat().some((one) => audiences.includes(one))) throw new TokenRefused("it is for another service");
  if (said.exp <= seconds - CLOCK_TOLERANCE) throw new TokenRefused("it has expired");
  if (said.nbf !== undefined && said.nbf > seconds + CLOCK_TOLERANCE) throw new TokenRefused("it is not valid yet");
  return said;
}

function parsed<Output>(shape: z.ZodType<Output>, part: string, refusal: string): Output {
  try {
    return shape.parse(JSON.parse(decoded(part).toString("utf8")));
  } catch (cause) {
    if (cause instanceof TokenRefused) throw cause;
    throw new TokenRefused(refusal);
  }
}

function decoded(part: string): Buffer {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) throw new TokenRefused("it is not Base64url");
  return Buffer.from(part, "base64url");
}

function isFor({ kty, use, alg, crv }: JsonWebKey, algorithm: Algorithm): boolean {
  return (
    kty === ALGORITHMS[algorithm].kty &&
    (use === undefined || use === "sig") &&
    (alg === undefined || alg === algorithm) &&
    (kty !== "EC" || crv === "P-256")
  );
}

function isSignedBy(jwk: JsonWebKey, algorithm: Algorithm, signed: Buffer, signature: Buffer): boolean {
  const key = publicKey(jwk);
  if (!key || (key.asymmetricKeyDetails?.modulusLength ?? SHORTEST_RSA_KEY) < SHORTEST_RSA_KEY) return false;
  return verify("sha256", signed, { key, ...ALGORITHMS[algorithm].options }, signature);
}

/** Null: the issuer publishes something that is no key. */
function publicKey(jwk: JsonWebKey): KeyObject | null {
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    // Another key of the set may still be the one.
    return null;
  }
}
