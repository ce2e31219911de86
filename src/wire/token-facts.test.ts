import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Failure } from "../model/failure.ts";
import { tokenFacts, withTokenFacts } from "./token-facts.ts";

const NOW = new Date("2026-11-25T12:00:00Z");
const IN_AN_HOUR = NOW.getTime() / 1000 + 3600;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const tokenOf = (claims: object, header: object = { alg: "RS256", kid: "key-7" }) => `${part(header)}.${part(claims)}.c2lnbmF0dXJl`;

test("a token tells who made it, for whom and what, and with which key", () => {
  const claims = {
    iss: "https://login.example.com",
    aud: "mail",
    sub: "4711",
    upn: "ann@example.com",
    scp: "IMAP.AccessAsUser.All",
    exp: IN_AN_HOUR,
  };
  assert.equal(
    tokenFacts(tokenOf(claims), NOW),
    "The token says: made by https://login.example.com, for the audience mail, for the user ann@example.com, with the rights IMAP.AccessAsUser.All, signed with the key key-7, good until 2026-11-25 13:00:00 UTC. The mail server must expect exactly that.",
  );
  assert.match(
    tokenFacts(tokenOf({ aud: ["a", "b"], roles: ["IMAP.AccessAsApp"] }, {}), NOW) ?? "",
    /audience a b, with the rights IMAP\.AccessAsApp\./,
  );
});

test("one that is not good at this time says so first", () => {
  assert.match(
    tokenFacts(tokenOf({ exp: IN_AN_HOUR - 7200 }), NOW) ?? "",
    /^It expired at 2026-11-25 11:00:00 UTC, it is 2026-11-25 12:00:00 UTC here/,
  );
  assert.match(tokenFacts(tokenOf({ nbf: IN_AN_HOUR, exp: IN_AN_HOUR }), NOW) ?? "", /^It is not good before 2026-11-25 13:00:00 UTC/);
});

test("opaque tokens, and what only looks like one, say nothing", () => {
  for (const token of [
    "",
    "ya29.a0AfH6SMBx",
    "a.b.c",
    "..",
    `${part(1)}.${part([])}.x`,
    tokenOf({}, {}),
    tokenOf({ iss: 7, exp: "soon" }, {}),
  ])
    assert.equal(tokenFacts(token, NOW), null, token);
});

test("whatever a token holds, what is said of it is printable, short, and never the token", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("iss", "aud", "sub", "scope", "exp", "nbf"), fc.jsonValue()), fc.string(), (claims, kid) => {
      const token = tokenOf(claims, { kid });
      const facts = tokenFacts(token, NOW) ?? "";
      assert.match(facts, /^[\x20-\x7e]*$/);
      assert.ok(facts.length < 2000);
      assert.ok(!facts.includes(token) && !facts.includes("c2lnbmF0dXJl"));
    }),
  );
  fc.assert(fc.property(fc.string(), (token) => void tokenFacts(token, NOW)));
});

test("only a refused token is told more about", () => {
  const failure = (code: string) =>
    new Failure({ scope: "mailbox", code, message: "refused", remedy: "Look.", waitingHelps: false, cause: new Error("why") });
  const secret = { kind: "token", username: "ann", token: tokenOf({ aud: "mail" }) } as const;
  const told = withTokenFacts(failure("token refused"), secret, NOW);
  assert.match(told.remedy, /^Look\. The token says: for the audience mail/);
  assert.deepEqual([told.message, told.scope, String(told.cause)], ["refused", "mailbox", "Error: why"]);
  assert.equal(withTokenFacts(failure("sign-in refused"), secret, NOW).remedy, "Look.");
  assert.equal(withTokenFacts(failure("token refused"), { ...secret, token: "opaque" }, NOW).remedy, "Look.");
  assert.equal(withTokenFacts(failure("token refused"), { kind: "password", username: "ann", password: "x" }, NOW).remedy, "Look.");
});
