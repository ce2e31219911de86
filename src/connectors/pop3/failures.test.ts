import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointOver } from "../../../test/endpoints.ts";
import { pop3Failure, socketFailure } from "./failures.ts";

const ENDPOINT = endpointOver("pop3", 995);

const ABOUT = { endpoint: ENDPOINT, mailbox: "ann@example.test" };

test("an error that nobody knows is told in its own words while the connection is opened, and is a lost connection afterwards", () => {
  const error = Object.assign(new Error("a new fault"), { code: "SOMETHING_NEW" });
  const opening = socketFailure(error, ABOUT, false);
  assert.equal(opening.code, "securing failed");
  assert.match(opening.message, /"a new fault"/);
  assert.equal(socketFailure(error, ABOUT, true).code, "connection lost");
});

test("causes of a refused sign-in have sentences of their own", () => {
  const troubles = [
    ...(["sign-in refused", "account disabled", "password expired", "POP3 not enabled", "mailbox in use", "mailbox damaged"] as const),
    ...(["sign-in too soon", "sign-in not available", "too many connections", "encryption required"] as const),
  ];
  for (const part of ["message", "remedy"] as const)
    assert.equal(new Set(troubles.map((trouble) => pop3Failure(trouble, ABOUT)[part])).size, troubles.length, part);
});
