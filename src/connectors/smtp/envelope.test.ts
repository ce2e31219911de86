import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { envelopeRefusal, needsSmtpUtf8, unsuitable, wireAddress } from "./envelope.ts";
import { type Extensions, extensionsOf, NO_EXTENSIONS } from "./extensions.ts";

const to = (...recipients: readonly string[]) => ({ from: "a@example.test", recipients, needsSmtpUtf8: false });

test("common and odd but lawful addresses pass", () => {
  for (const address of [
    "ann@example.test",
    "o'hara+x=y@example.test",
    '"ann lee"@example.test',
    "jürgen@münchen.test",
    "a@[192.0.2.1]",
    "a@localhost",
  ]) {
    assert.equal(envelopeRefusal(to(address)), null, address);
  }
  assert.equal(envelopeRefusal({ ...to("ann@example.test"), from: "" }), null, "the null sender of reports");
});

test("an address that could end a command, or be read two ways, is refused by name", () => {
  const bad = [
    "a@b\r\nRSET",
    "a@b\n",
    "a@b>",
    "<a@b",
    "a b@c",
    "a@b SIZE=1",
    '"a b"@c d',
    "a\u0000@b",
    "a@b\u0085",
    "@b",
    "a@",
    "a",
    "",
    "\ud800@b",
    `${"a".repeat(250)}@example.test`,
  ];
  for (const address of bad) {
    const refusal = envelopeRefusal(to("ann@example.test", address));
    assert.deepEqual(
      refusal?.refused.map((refused) => refused.address),
      [address],
    );
    assert.equal(refusal.permanent, true);
  }
  assert.equal(envelopeRefusal({ ...to("ann@example.test"), from: "a@b\r\nQUIT" })?.kind, "refused");
  assert.equal(envelopeRefusal(to())?.kind, "refused");
});

test("no address that passes can add a line or an angle bracket to a command", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
      const address = `${text}@example.test`;
      assert.ok(envelopeRefusal(to(address)) !== null || !/[\r\n<>]/.test(Buffer.from(address).toString("latin1")));
    }),
  );
});

const announced = (...keywords: readonly string[]): Extensions =>
  extensionsOf({ code: 250, enhanced: "", lines: ["mx.test", ...keywords] });

test("EHLO keywords are read in any case, unknown ones passed over", () => {
  const extensions = announced(
    "PIPELINING",
    "size 1000",
    "AUTH PLAIN login",
    "AUTH=CRAM-MD5",
    "x-unknown 1 2",
    "StartTLS",
    "8BITMIME",
    "SMTPUTF8",
  );
  assert.deepEqual(extensions, {
    size: { offered: true, limit: 1000 },
    pipelining: true,
    eightBitMime: true,
    smtpUtf8: true,
    startTls: true,
    signIn: new Set(["PLAIN", "LOGIN", "CRAM-MD5"]),
  });
  assert.deepEqual(announced(), NO_EXTENSIONS);
});

test("SIZE without a number, with zero or with nonsense sets no limit (RFC 1870 4)", () => {
  for (const keyword of ["SIZE", "SIZE 0", "SIZE many", `SIZE ${"9".repeat(40)}`]) {
    assert.deepEqual(announced(keyword).size, { offered: true, limit: null }, keyword);
  }
});

test("what a server cannot take is said in words that a person can act on", () => {
  const content = { size: 1001, eightBit: false };
  assert.match(unsuitable("mx:25", announced("SIZE 1000"), to("b@c"), content)?.response ?? "", /1001.*1000/);
  assert.equal(unsuitable("mx:25", announced("SIZE 1001"), to("b@c"), content), null);
  assert.match(unsuitable("mx:25", announced(), to("ü@c"), content)?.response ?? "", /ü@c/);
  assert.equal(unsuitable("mx:25", announced("SMTPUTF8"), to("ü@c"), content), null);
  assert.match(unsuitable("mx:25", announced(), { ...to("b@c"), needsSmtpUtf8: true }, content)?.response ?? "", /SMTPUTF8/);
  assert.match(unsuitable("mx:25", announced(), to("b@c"), { size: 1, eightBit: true })?.response ?? "", /8-bit/);
  assert.equal(needsSmtpUtf8(to("b@c")), false);
  assert.equal(needsSmtpUtf8({ ...to("b@c"), from: "ü@c" }), true);
});

test("an international domain goes out in its ASCII form, which needs no SMTPUTF8", () => {
  assert.equal(wireAddress("ann@münchen.test"), "ann@xn--mnchen-3ya.test");
  assert.equal(wireAddress("jürgen@münchen.test"), "jürgen@münchen.test");
  assert.equal(wireAddress("ann@example.test"), "ann@example.test");
  assert.equal(needsSmtpUtf8({ from: "ann@example.test", recipients: ["bob@münchen.test"], needsSmtpUtf8: false }), false);
});
