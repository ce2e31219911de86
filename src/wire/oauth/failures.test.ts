import assert from "node:assert/strict";
import { test } from "node:test";
import { failureOf, type Holder, isAnswered } from "./failures.ts";
import { oauthSettings } from "./providers.ts";

const ANN: Holder = { name: "ann@example.test", scope: "mailbox", unattended: false };
const SETTINGS = oauthSettings(
  {
    provider: "other",
    tenant: "",
    clientId: "waypost",
    grant: "clientCredentials",
    scopes: ["mail"],
    tokenEndpoint: "https://login.example.test/token",
  },
  ["imap"],
  null,
);
const coded = (code: string, words: string) => Object.assign(new Error(words), { code });

test("an answer that is no HTTP is one that is not understood", () => {
  const failure = failureOf(coded("HPE_INVALID_CONSTANT", "Parse Error: Expected HTTP/"), SETTINGS, ANN, []);
  assert.equal(failure.code, "sign-in service not understood");
  assert.equal(failure.serverSaid, "Parse Error: Expected HTTP/");
});

test("an error of the connection that nobody knows is told in its own words; whether tokens were handed out is not known then", () => {
  const failure = failureOf(coded("SOMETHING_NEW", "a new fault"), SETTINGS, ANN, []);
  assert.deepEqual([failure.code, failure.scope, isAnswered(failure)], ["securing failed", "profile", false]);
  assert.match(failure.message, /login\.example\.test:443 .*\(sign-in service\): "a new fault"/);
  const bug = new TypeError("bug");
  assert.throws(() => failureOf(bug, SETTINGS, ANN, []), bug);
});
