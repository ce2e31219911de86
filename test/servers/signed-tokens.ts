/** Signed tokens (RFC 7519, RFC 7515) as the tests' servers make and read them: on their own, so that no mistake is shared with what is tested. */
import { type KeyObject, sign, verify } from "node:crypto";

/** A token signed by RS256. */
export function signedToken(header: object, claims: object, key: KeyObject): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

/** Signed by the key, and not expired. */
export function isGood(token: string, key: KeyObject): boolean {
  const claims = claimsOf(token, key);
  return claims !== null && Number(claims.exp) > Date.now() / 1000;
}

/** The claims of a signed token; null when the signature is not that of the key. */
export function claimsOf(token: string, key: KeyObject): Readonly<Record<string, unknown>> | null {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const { alg } = headerOf(token);
  const signed = Buffer.from(`${header}.${payload}`);
  const given = Buffer.from(signature, "base64url");
  const pss = { key, padding: 6, saltLength: 32 };
  const valid = alg === "RS256" ? verify("sha256", signed, key, given) : alg === "PS256" && verify("sha256", signed, pss, given);
  return valid ? JSON.parse(Buffer.from(payload, "base64url").toString()) : null;
}

export function headerOf(token: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString() || "{}");
}
