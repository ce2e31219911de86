import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readChallenges, signInFound } from "./challenges.ts";

test("an organization on premises says where to sign in and for which resource", () => {
  const value = "Bearer authorization_uri=https://adfs.corp.example/adfs/oauth2/authorize, resource_id=https://sales.corp.example/";
  assert.deepEqual(signInFound([value]), {
    kind: "oauth",
    authorizationEndpoint: "https://adfs.corp.example/adfs/oauth2/authorize",
    tokenEndpoint: "https://adfs.corp.example/adfs/oauth2/token",
    resource: "https://sales.corp.example/",
  });
});

test("an organization online says it in quotation marks, and what was wrong with the token", () => {
  const value =
    'Bearer error="invalid_token", error_description="The token expired, or so", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"';
  const { bearer } = readChallenges([value]);
  assert.equal(bearer.error_description, "The token expired, or so");
  assert.equal(bearer.authorization_uri, "https://login.microsoftonline.com/common/oauth2/authorize");
});

test("Windows' ways to sign in are found in one value or in several, with the server's token", () => {
  for (const values of [["Negotiate", "NTLM TlRMTVNTUAACAAAA"], ["Negotiate, NTLM TlRMTVNTUAACAAAA"]]) {
    assert.deepEqual(signInFound(values), { kind: "windows", schemes: ["ntlm", "negotiate"] });
    assert.equal(readChallenges(values).token("ntlm")?.toString("latin1", 0, 7), "NTLMSSP");
    assert.equal(readChallenges(values).token("negotiate"), null);
  }
});

test("an address without TLS, or with a user name in it, is not believed", () => {
  for (const place of ["http://adfs.corp.example/authorize", "https://evil@corp.example/authorize", "ftp://x/authorize", "nonsense"])
    assert.equal(signInFound([`Bearer authorization_uri=${place}, resource_id=https://x/`]).kind, "unknown");
});

test("whatever a server says, it is read in time in line with its length", () => {
  fc.assert(fc.property(fc.array(fc.string()), (values) => signInFound(values).kind.length > 0));
  const before = performance.now();
  signInFound(new Array(1000).fill(`Bearer ${"a= ,".repeat(100_000)}`));
  assert.ok(performance.now() - before < 5000);
});
