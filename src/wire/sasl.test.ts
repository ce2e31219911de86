import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { plainMessage, tokenDismissal, tokenMechanism, tokenMessage, tokenRefusal } from "./sasl.ts";

const SERVER = { host: "server.example.com", port: 143 };
const decoded = (message: string | null) => Buffer.from(message ?? "", "base64").toString("utf8");

test("PLAIN is written as in RFC 4616, with the identity that is meant in front of the one that signs in", () => {
  assert.equal(decoded(plainMessage({ kind: "password", username: "tim", password: "tanstaaftanstaaf" })), "\0tim\0tanstaaftanstaaf");
  const master = { kind: "password", username: "Kurt", password: "xipj3plmq", authorizationIdentity: "Ursel" } as const;
  assert.equal(decoded(plainMessage(master)), "Ursel\0Kurt\0xipj3plmq");
});

test("OAUTHBEARER is written as in the example of RFC 7628 4.1", () => {
  const message = tokenMessage(
    "OAUTHBEARER",
    { kind: "token", username: "user@example.com", token: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==" },
    SERVER,
  );
  assert.equal(
    message,
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB",
  );
});

test("XOAUTH2 is written as in Google's example", () => {
  const message = tokenMessage(
    "XOAUTH2",
    { kind: "token", username: "someuser@example.com", token: "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg" },
    SERVER,
  );
  assert.equal(
    message,
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
  );
});

test("commas and equals signs of a user name do not end the header of OAUTHBEARER", () => {
  const message = decoded(tokenMessage("OAUTHBEARER", { kind: "token", username: "a=b,c", token: "t" }, SERVER));
  assert.ok(message.startsWith("n,a=a=3Db=2Cc,\x01host="), message);
});

test("no value can begin a field of its own", () => {
  const control = fc.integer({ min: 0, max: 32 }).map((code) => String.fromCharCode(code === 32 ? 127 : code));
  const spoilt = fc.tuple(fc.string(), control, fc.string()).map((parts) => parts.join(""));
  fc.assert(
    fc.property(spoilt, fc.constantFrom("OAUTHBEARER" as const, "XOAUTH2" as const), (value, mechanism) => {
      assert.equal(tokenMessage(mechanism, { kind: "token", username: value, token: "t" }, SERVER), null);
      assert.equal(tokenMessage(mechanism, { kind: "token", username: "u", token: value }, SERVER), null);
    }),
  );
  for (const field of ["username", "password", "authorizationIdentity"]) {
    assert.equal(plainMessage({ kind: "password", username: "u", password: "p", [field]: "a\0b" }), null);
  }
});

test("the mechanism is OAUTHBEARER where both are offered, the other where only that is, and none that the profile does not allow", () => {
  const both = new Set(["PLAIN", "XOAUTH2", "OAUTHBEARER"]);
  assert.equal(tokenMechanism("oauth", both), "OAUTHBEARER");
  assert.equal(tokenMechanism("oauth", new Set(["XOAUTH2"])), "XOAUTH2");
  assert.equal(tokenMechanism("xoauth2", both), "XOAUTH2");
  assert.equal(tokenMechanism("oauthbearer", new Set(["XOAUTH2"])), null);
  for (const authentication of ["auto", "plain", "login", "none"] as const) assert.equal(tokenMechanism(authentication, both), null);
});

test("a refusal is read in the RFC's words and in Google's, and its challenge is dismissed as each mechanism asks", () => {
  const challenge = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
  assert.deepEqual(tokenRefusal(challenge({ status: "invalid_token", scope: "mail", "openid-configuration": "https://a.test" })), {
    status: "invalid_token",
    scope: "mail",
  });
  assert.deepEqual(tokenRefusal(challenge({ status: "400", schemes: "Bearer", scope: "https://mail.google.com/" })), {
    status: "400",
    scope: "https://mail.google.com/",
  });
  assert.equal(tokenRefusal(challenge({ status: 401 }))?.status, "401");
  assert.equal(decoded(tokenDismissal("OAUTHBEARER")), "\x01");
  assert.equal(tokenDismissal("XOAUTH2"), "");
});

test("whatever a server sends as a challenge, it is a refusal or nothing", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.json().map((text) => Buffer.from(text).toString("base64")),
      ),
      (text) => void tokenRefusal(text),
    ),
  );
  assert.equal(tokenRefusal("=".repeat(10_000)), null);
  assert.equal(tokenRefusal(""), null);
});
