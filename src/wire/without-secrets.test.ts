import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { secretForms, withoutSecrets } from "./without-secrets.ts";

const said = (text: string, password: string) => withoutSecrets(text, secretForms({ kind: "password", username: "ann", password }));
const base64 = (text: string) => Buffer.from(text).toString("base64");

test("a password is removed as it is, quoted, in capitals and in base64; the rest stays", () => {
  const password = 'tr"icky\\ one';
  assert.equal(said(`bad command: LOGIN "ann" "tr\\"icky\\\\ one" here`, password), 'bad command: LOGIN "ann" "[removed]" here');
  assert.equal(said(`BAD LOGIN ANN ${password.toUpperCase()}`, password), "BAD LOGIN ANN [removed]");
  for (const text of [`\0ann\0${password}`, `ann\0ann\0${password}`, password, "ann"]) {
    assert.match(said(`unknown: ${base64(text)} .`, password), /^unknown: \[removed\]=* \.$/);
  }
});

test("without a secret nothing is removed, not even where the password is empty", () => {
  assert.equal(withoutSecrets("any text", []), "any text");
  assert.equal(said("any text", ""), "any text");
});

test("no password of any signs survives in any text around it", () => {
  const password = fc.string({ minLength: 10, maxLength: 30, unit: "grapheme" });
  fc.assert(
    fc.property(password, fc.string(), fc.string(), (secret, before, after) => {
      assert.ok(!said(`${before}${secret}${after}`, secret).includes(secret));
    }),
  );
});

test("no token survives, whatever stands around it when it is encoded", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9._~+/-]{20,60}$/);
  fc.assert(
    fc.property(token, fc.string({ maxLength: 40 }), fc.string({ maxLength: 10 }), (secret, before, after) => {
      const forms = secretForms({ kind: "token", username: "ann", token: secret });
      const told = withoutSecrets(`${before}${secret}${after} ${base64(`${before}${secret}${after}`)}`, forms);
      assert.ok(!told.includes(secret));
      const encoded = Buffer.from(told.slice(told.lastIndexOf(" ") + 1).replaceAll("[removed]", ""), "base64").toString("latin1");
      assert.ok(!encoded.includes(secret.slice(4, -4)), told);
    }),
  );
});
