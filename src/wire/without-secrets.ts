/** A server hears the password and may say it back, in an error that people read, or that is logged and stored. */

const REMOVED = "[removed]";

/** The text without the secrets, in whatever letters they are written: servers answer in capitals what came in small ones. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  // The longest first: a short one may be part of it, and would leave the rest standing.
  const forms = [...new Set(secrets)].filter((form) => form !== "").sort((a, b) => b.length - a.length);
  return forms.length === 0 ? text : text.replace(new RegExp(forms.map(escaped).join("|"), "gi"), REMOVED);
}

/**
 * All that is sent to sign in with a user name and a password and tells the password: in clear, quoted (RFC 3501 4.3), and in base64 as
 * LOGIN and PLAIN (RFC 4616) send it, with and without padding; the user name in base64 too.
 */
export function secretForms(username: string, password: string): readonly string[] {
  if (password === "") return [];
  const quoted = password.replace(/["\\]/g, "\\$&");
  // What a reader makes of the password that takes its UTF-8 for Latin-1.
  const misread = Buffer.from(password, "utf8").toString("latin1");
  const encoded = [password, username, `\0${username}\0${password}`, `${username}\0${username}\0${password}`].map((text) =>
    Buffer.from(text, "utf8").toString("base64"),
  );
  const unpadded = encoded.map((text) => text.replace(/=+$/, ""));
  return [password, quoted, misread, ...encoded, ...unpadded].filter((form) => form !== "");
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
