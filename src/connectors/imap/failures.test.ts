import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../model/mailbox.ts";
import { classify } from "./failures.ts";

const ENDPOINT: Endpoint = {
  protocol: "imap",
  host: "mail.example.test",
  port: 993,
  security: "tls",
  authentication: "auto",
  certificateAuthorities: null,
  verifyCertificate: true,
  timeout: 1000,
};

const ABOUT = { endpoint: ENDPOINT, mailbox: "ann@example.test" };

test("an error that nobody knows is the connection's while it is opened, and a fault of the program afterwards", () => {
  const error = Object.assign(new Error("a new fault"), { code: "SOMETHING_NEW" });
  const failure = classify(error, { ...ABOUT, connecting: true });
  assert.deepEqual([failure.code, failure.scope], ["securing failed", "profile"]);
  assert.throws(() => classify(error, ABOUT), error);
  const bug = new TypeError("bug");
  assert.throws(() => classify(bug, { ...ABOUT, connecting: true }), bug);
});
