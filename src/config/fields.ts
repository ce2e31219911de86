import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { z } from "zod";
import { Failure } from "../model/failure.ts";

/** Kinds of fields that stand in several places of the configuration. */

export const name = z.string().trim().min(1).max(100);
export const address = z
  .string()
  .trim()
  .max(200)
  .regex(/^[^\s@<>,;]+@[^\s@<>,;]+$/, "must be one mail address, like ann@example.com");

export const hostName = z
  .string()
  .trim()
  .max(253)
  .regex(/^[\w-]+(?:\.[\w-]+)*$/, "must be a host name without scheme and port, like crm.example.com");

export const secret = z
  .union([z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })], {
    error: "must be { env: NAME } or { file: path }: a secret never stands in this file itself",
  })
  .describe("Where the secret is: the name of an environment variable, or a file that holds only the secret.");

export type SecretReference = z.output<typeof secret>;

/** The secret that a reference points at; `what` it is, for messages, which never hold it. Throws Failure when it is not there. */
export function readSecret(reference: SecretReference, what: string): string {
  if ("env" in reference) {
    const value = process.env[reference.env];
    if (value) return value;
    throw secretMissing(
      `${what} is missing: the environment variable ${reference.env} is not set`,
      `Set ${reference.env} for the process, or refer to a file.`,
    );
  }
  try {
    return readFileSync(reference.file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw secretMissing(
      `${what} is missing: the file ${reference.file} cannot be read (${cause instanceof Error ? cause.message : String(cause)})`,
      "Create the file with the secret as its only line, readable for the process.",
    );
  }
}

function secretMissing(what: string, remedy: string): Failure {
  return new Failure({
    scope: "mailbox",
    code: "secret missing",
    message: `${what}.`,
    remedy,
    waitingHelps: true,
  });
}

/** Where a server is: a host name, which may hold letters of any script, or an address of IPv4 or IPv6. */
export const host = z
  .string()
  .trim()
  .min(1)
  .max(253)
  .refine((value) => isIP(value) !== 0 || /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?$/u.test(value), {
    error: "must be a host name or an address without scheme and port, like mail.example.com",
  });

/** Addresses that lead to this machine itself (RFC 8252 8.3): only there may a token travel without TLS. */
export const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export const webAddress = z.url({ error: "must be a web address, like https://login.example.com/token" }).refine(
  (text) => {
    // What is no address at all was told already.
    if (!URL.canParse(text)) return true;
    const { protocol, hostname, username, password } = new URL(text);
    return (protocol === "https:" || (protocol === "http:" && LOOPBACK.test(hostname))) && username === "" && password === "";
  },
  { error: "must begin with https:// (http:// only for this machine itself) and hold no user name" },
);
