import assert from "node:assert/strict";
import { test } from "node:test";
import { apopDigest, timestampOf } from "./sign-in.ts";

test("APOP says what RFC 1939 7 has as its example", () => {
  const stamp = timestampOf("POP3 server ready <1896.697170952@dbc.mtview.ca.us>");
  assert.equal(stamp, "<1896.697170952@dbc.mtview.ca.us>");
  assert.equal(apopDigest(stamp, "tanstaaf"), "c4c9334bac560ecc979e58001b3e22fb");
});

test("a time stamp that is no message id is none: an attacker chooses such to find out the password (CVE-2007-1558)", () => {
  for (const greeting of [
    "ready",
    "<no-at-sign>",
    "<a@b",
    "<a@b@c>",
    "<a b@c>",
    "<@b>",
    "<a@>",
    "<a@b\u00e9>",
    "<\u0001a@b>",
    "<a@b> <c@d>",
    "<<a@b>",
  ]) {
    assert.equal(timestampOf(greeting), null, greeting);
  }
});
