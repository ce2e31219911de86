import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointOver } from "../../../test/endpoints.ts";
import { smtpFailure, socketFailure } from "./failures.ts";

const ENDPOINT = endpointOver("smtp", 465);

test("an error that nobody knows is told in its own words while the connection is opened, and is a lost connection afterwards", () => {
  const error = Object.assign(new Error("a new fault"), { code: "SOMETHING_NEW" });
  const opening = socketFailure(error, ENDPOINT, false);
  assert.equal(opening.code, "securing failed");
  assert.match(opening.message, /"a new fault"/);
  assert.equal(socketFailure(error, ENDPOINT, true).code, "connection lost");
});

test("causes of a refused sign-in have sentences of their own", () => {
  const troubles = [
    ...([
      "sign-in refused",
      "account disabled",
      "password expired",
      "sign-in disabled",
      "sign-in required",
      "sign-in not offered",
    ] as const),
    ...(["sign-in not available", "no common sign-in method", "encryption required", "too many connections", "throttled"] as const),
  ];
  for (const part of ["message", "remedy"] as const)
    assert.equal(new Set(troubles.map((trouble) => smtpFailure(trouble, ENDPOINT)[part])).size, troubles.length, part);
});
