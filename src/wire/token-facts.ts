/**
 * What an access token says of itself, for whoever has to find out why a mail server refuses it: servers say no more than `invalid_token`. Only a
 * JSON Web Token says anything (RFC 7519, RFC 9068); that of Google, and of Microsoft's personal accounts, is opaque. Nothing is verified here.
 */
import { z } from "zod";
import { Failure } from "../model/failure.ts";
import type { Secret } from "../model/mailbox.ts";

/** Characters of a part that is looked into, and of a value that is shown. */
const LONGEST_PART = 64 * 1024;
const LONGEST_VALUE = 120;

const text = z.string().min(1);
const seconds = z.number().positive().max(8_640_000_000_000);
const optional = <T>(schema: z.ZodType<T>) => schema.optional().catch(undefined);

const headerSchema = z.object({ kid: optional(text) });
const claimsSchema = z.object({
  iss: optional(text),
  aud: optional(
    z.union([
      text,
      z
        .array(text)
        .min(1)
        .transform((all) => all.join(" ")),
    ]),
  ),
  exp: optional(seconds),
  nbf: optional(seconds),
  scope: optional(text),
  scp: optional(text),
  roles: optional(
    z
      .array(text)
      .min(1)
      .transform((all) => all.join(" ")),
  ),
  upn: optional(text),
  preferred_username: optional(text),
  email: optional(text),
  sub: optional(text),
});

/** Sentences about the token, what certainly is wrong with it first; null where it says nothing. Never holds the token itself. */
export function tokenFacts(token: string, now: Date): string | null {
  const [header = "", payload = "", signature] = token.split(".", 4);
  const claims = signature === undefined ? undefined : claimsSchema.safeParse(jsonOf(payload)).data;
  if (claims === undefined) return null;
  const { iss, aud, exp, nbf, scope, scp, roles, upn, preferred_username: name, email, sub } = claims;
  const key = headerSchema.safeParse(jsonOf(header)).data?.kid;
  const time = now.getTime() / 1000;
  const wrong = [
    exp !== undefined && exp <= time ? `It expired at ${moment(exp)}, it is ${moment(time)} here: compare the clocks.` : null,
    nbf !== undefined && nbf > time ? `It is not good before ${moment(nbf)}, it is ${moment(time)} here: compare the clocks.` : null,
  ];
  const user = upn ?? name ?? email ?? sub;
  const rights = scope ?? scp ?? roles;
  const said = [
    ["made by", iss],
    ["for the audience", aud],
    ["for the user", user],
    ["with the rights", rights],
    ["signed with the key", key],
    ["good until", exp === undefined ? undefined : moment(exp)],
  ].flatMap(([what, value]) => (value === undefined ? [] : [`${what} ${shown(value)}`]));
  if (said.length === 0) return null;
  return [...wrong.filter((one) => one !== null), `The token says: ${said.join(", ")}. The mail server must expect exactly that.`].join(
    " ",
  );
}

/** A failure about a refused token with what that token says of itself behind its remedy. Other failures stay as they are. */
export function withTokenFacts(failure: Failure, secret: Secret, now: Date = new Date()): Failure {
  if (failure.code !== "token refused" || secret.kind !== "token") return failure;
  const facts = tokenFacts(secret.token, now);
  if (facts === null) return failure;
  const { message, cause } = failure;
  return new Failure({ ...failure, message, ...(cause !== undefined && { cause }), remedy: `${failure.remedy} ${facts}` });
}

function jsonOf(part: string): unknown {
  if (part.length > LONGEST_PART) return undefined;
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** For people and terminals: printable, and not without end. */
function shown(value: string): string {
  const printable = value.replace(/[^\x20-\x7e]+/g, "?");
  return printable.length > LONGEST_VALUE ? `${printable.slice(0, LONGEST_VALUE)}...` : printable;
}

function moment(time: number): string {
  return `${new Date(time * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
