import type { PasswordSecret, Secret } from "../model/mailbox.ts";

/** A server hears the password and may say it back, in an error that people read, or that is logged and stored. */

const REMOVED = "[removed]";

/** The text without the secrets, in whatever letters they are written: servers answer in capitals what came in small ones. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  // The longest first: a short one may be part of it, and would leave the rest standing.
  const forms = [...new Set(secrets)].filter((form) => form !== "").sort((a, b) => b.length - a.length);
  return forms.length === 0 ? text : text.replace(new RegExp(forms.map(escaped).join("|"), "gi"), REMOVED);
}

/** All that is sent to sign in with a secret and tells it. */
export function secretForms(secret: Secret): readonly string[] {
  return secret.kind === "password" ? passwordForms(secret) : tokenForms(secret.token);
}

/**
 * A password in clear, quoted (RFC 3501 4.3), and in base64 as LOGIN and PLAIN (RFC 4616) send it, with and without padding; the user name
 * in base64 too.
 */
function passwordForms({ username, password, authorizationIdentity = "" }: PasswordSecret): readonly string[] {
  if (password === "") return [];
  const quoted = password.replace(/["\\]/g, "\\$&");
  // What a reader makes of the password that takes its UTF-8 for Latin-1.
  const misread = Buffer.from(password, "utf8").toString("latin1");
  const identities = new Set(["", username, authorizationIdentity]);
  const messages = [...identities].map((identity) => `${identity}\0${username}\0${password}`);
  const encoded = [password, username, ...messages].map((text) => Buffer.from(text, "utf8").toString("base64"));
  const unpadded = encoded.map((text) => text.replace(/=+$/, ""));
  return [password, quoted, misread, ...encoded, ...unpadded].filter((form) => form !== "");
}

/** A token in clear, and in base64 wherever it stands in what is encoded: each of its bytes may be the first of a group of three. */
function tokenForms(token: string): readonly string[] {
  if (token === "") return [];
  const within = [0, 1, 2].map((before) => {
    const encoded = Buffer.from("\0".repeat(before) + token, "utf8")
      .toString("base64")
      .replace(/=+$/, "");
    const whole = Math.floor((before + Buffer.byteLength(token)) / 3) * 4;
    return encoded.slice(before === 0 ? 0 : 4, whole);
  });
  return [token, ...within].filter((form) => form !== "");
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
