import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hasLineBreak, isSendable, needsSmtpUtf8 } from "./address-syntax.ts";

describe("isSendable", () => {
  const good = [
    "a@b.example",
    "first.last+tag@sub.b-c.example",
    '"a b"@x.example',
    "o'neil@x.example",
    "a..b.@docomo.example",
    "jürgen@müller.example",
    "用户@例子.example",
    "root@localhost",
    "a@[127.0.0.1]",
    "a@[IPv6:::1]",
    `${"l".repeat(64)}@x.example`,
  ];
  for (const address of good) it(`takes ${address}`, () => assert.equal(isSendable(address), true));
  const bad = [
    "",
    "a",
    "@x",
    "a@",
    "a b@x.example",
    "a@b c",
    "a@b@c.example",
    "<a@b.example>",
    "a,b@x.example",
    "a@x..example",
    "a@-x.example",
    "a@x.example.",
    'a"b@x.example',
    '"a@x.example',
    '"a>b"@x.example',
    "a\r\n@x.example",
    "a\u0000@x.example",
    `${"l".repeat(65)}@x.example`,
    `a@${"x".repeat(64)}.example`,
    `a@${"x.".repeat(130)}example`,
    "a@[127.0.0.1",
    "a@x\u2028.example",
  ];
  for (const address of bad) it(`refuses ${JSON.stringify(address).slice(0, 60)}`, () => assert.equal(isSendable(address), false));

  it("takes what mail programs take, and never what could end a command or a header", () => {
    fc.assert(fc.property(fc.emailAddress(), (address) => assert.equal(isSendable(address), true)));
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (local, domain) => {
        const address = `${local}@${domain}`;
        if (isSendable(address)) assert.doesNotMatch(address, /[\p{Cc}<>\u2028\u2029]/u);
      }),
    );
  });
});

it("hasLineBreak finds every kind of line break", () => {
  for (const text of ["a\rb", "a\nb", "a\u0085b", "a\u2028b", "a\u2029b"]) assert.equal(hasLineBreak(text), true);
  assert.equal(hasLineBreak("a b\t"), false);
});

it("needsSmtpUtf8 is true of a local part outside ASCII, and not of a domain, which has an ASCII form", () => {
  assert.deepEqual(["a@b.example", "ü@b.example", "a@ü.example"].map(needsSmtpUtf8), [false, true, false]);
});
