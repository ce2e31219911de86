import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../model/mailbox.ts";
import { socketFailure } from "./failures.ts";

const ENDPOINT: Endpoint = {
  protocol: "pop3",
  host: "mail.example.test",
  port: 995,
  security: "tls",
  authentication: "auto",
  certificateAuthorities: null,
  verifyCertificate: true,
  timeout: 1000,
};

const ABOUT = { endpoint: ENDPOINT, mailbox: "ann@example.test" };

test("an error that nobody knows is told in its own words while the connection is opened, and is a lost connection afterwards", () => {
  const error = Object.assign(new Error("a new fault"), { code: "SOMETHING_NEW" });
  const opening = socketFailure(error, ABOUT, false);
  assert.equal(opening.code, "securing failed");
  assert.match(opening.message, /"a new fault"/);
  assert.equal(socketFailure(error, ABOUT, true).code, "connection lost");
});
