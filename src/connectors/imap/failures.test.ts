import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointOver } from "../../../test/endpoints.ts";
import { classify } from "./failures.ts";

const ENDPOINT = endpointOver("imap", 993);

const ABOUT = { endpoint: ENDPOINT, mailbox: "ann@example.test" };

test("an error that nobody knows is the connection's while it is opened, and a fault of the program afterwards", () => {
  const error = Object.assign(new Error("a new fault"), { code: "SOMETHING_NEW" });
  const failure = classify(error, { ...ABOUT, connecting: true });
  assert.deepEqual([failure.code, failure.scope], ["securing failed", "profile"]);
  assert.throws(() => classify(error, ABOUT), error);
  const bug = new TypeError("bug");
  assert.throws(() => classify(bug, { ...ABOUT, connecting: true }), bug);
});

/** Answers of Dovecot, Courier, Exchange, Microsoft 365, Gmail and Cyrus to a sign-in, as imapflow hands them on, and what each is about. */
const REFUSED: readonly (readonly [said: string, expected: string])[] = [
  ["[AUTHENTICATIONFAILED] Authentication failed.", "sign-in refused"],
  ["Login failed.", "sign-in refused"],
  ["LOGIN failed.", "sign-in refused"],
  ["[AUTHENTICATIONFAILED] Invalid credentials (Failure)", "sign-in refused"],
  ["[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)", "sign-in refused"],
  ["[CONTACTADMIN] Account disabled", "account disabled"],
  ["Account_disabled", "account disabled"],
  ["Your account has been locked after too many failed logins", "account disabled"],
  ["[AUTHENTICATIONFAILED] Account suspended", "account disabled"],
  ["[EXPIRED] Password expired", "password expired"],
  ["Your password has expired", "password expired"],
  ["[UNAVAILABLE] Temporary authentication failure.", "sign-in not available"],
  ["[UNAVAILABLE] Account is temporarily locked", "sign-in not available"],
  ["[INUSE] Account is locked by another session", "mailbox in use"],
  ["[LIMIT] Daily limit of this account reached", "limit reached"],
  ["[AUTHORIZATIONFAILED] User not authorized", "access not granted"],
  ["[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", "encryption required"],
  ["User is authenticated but not connected.", "mailbox not opened"],
  ["Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", "too many connections"],
];

test("each refusal of a sign-in has its cause, and different causes have different sentences", () => {
  const codes = new Map<string, string>();
  for (const [said, expected] of REFUSED) {
    const facts = { authenticationFailed: true, responseStatus: "NO", responseText: said };
    const { code, message } = classify(Object.assign(new Error("Command failed"), facts), ABOUT);
    assert.equal(code, expected, said);
    assert.equal(codes.get(message) ?? code, code, said);
    codes.set(message, code);
  }
});
