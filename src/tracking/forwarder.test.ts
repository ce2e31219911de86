import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ForwardTrace, ForwardTrust, TraceField } from "../model/forwarded.ts";
import { type ForwardSink, forwarderOf, mayHoldOriginals, possibleForwarders } from "./forwarder.ts";

const ANN = "ann@crm.example";
const BOB = "bob@customer.example";
const SINK = "sink@crm.example";
const USERS = new Set([ANN, "ben@crm.example"]);

const SERVER: ForwardTrust = { authenticationResults: null, forwardingServers: ["10.0.0.0/24"] };
const RESULTS: ForwardTrust = { authenticationResults: "mx.crm.example", forwardingServers: [] };

const received = (value: string): TraceField => ["received", value];
const OWN = received(
  "from mail.crm.example (mail.crm.example [10.0.0.5]) by sink.crm.example (Postfix) with ESMTPS id 4 for <sink@crm.example>; Mon",
);
const STRANGER = received("from mail.crm.example (unknown [203.0.113.9]) by sink.crm.example (Postfix) with ESMTP id 5; Mon");
const LMTP = received("from sink.crm.example by sink.crm.example with LMTP id abc (envelope-from <ann@crm.example>); Mon");
const results = (value: string): TraceField => ["authentication-results", value];

function traced(
  fields: readonly TraceField[],
  from: readonly string[] = [ANN],
  to: readonly string[] = ["Sink@crm.example"],
): ForwardTrace {
  return { fields, from, to };
}

const sinkOf = (trust: ForwardTrust): ForwardSink => ({ address: SINK, trust });

function found(fields: readonly TraceField[], trust: ForwardTrust, from?: readonly string[], to?: readonly string[]): string {
  const trace = traced(fields, from, to);
  const result = forwarderOf(trace, sinkOf(trust), USERS);
  if (result.way !== null) assert.equal(mayHoldOriginals(trace, sinkOf(trust)), result.way === "attached");
  else if (result.because.startsWith("Nothing proves")) assert.ok(!mayHoldOriginals(trace, sinkOf(trust)));
  return result.way === null ? `refused: ${result.because}` : `${result.way} by ${result.forwarder}`;
}

test("A forward that a forwarding server handed over is its author's", () => {
  assert.equal(found([OWN], SERVER), `attached by ${ANN}`);
  assert.equal(found([["return-path", "<>"], ["delivered-to", SINK], LMTP, OWN, STRANGER], SERVER), `attached by ${ANN}`);
  assert.equal(found([OWN], SERVER, ["Ann@CRM.example"]), `attached by ${ANN}`);
});

test("A stranger who writes a user's name into From gets nothing in", () => {
  const forged: readonly (readonly TraceField[])[] = [
    [],
    [STRANGER],
    [["return-path", `<${ANN}>`], STRANGER],
    // What the stranger's message brought along stands below the line that the receiving server wrote.
    [STRANGER, OWN],
    [LMTP, STRANGER, LMTP, OWN],
    // What the client says of itself.
    [received("from [10.0.0.5] (unknown [203.0.113.9]) by sink.crm.example with ESMTP; Mon")],
    [received("from [203.0.113.9] (helo=[10.0.0.5]) by sink.crm.example with esmtp (Exim 4.96); Mon")],
    [received("from 10.0.0.5 (HELO 10.0.0.5) (203.0.113.9) by sink.crm.example with SMTP; Mon")],
    [received('from x (unknown [203.0.113.9] (Client CN "a by b with LMTP c")) by sink.crm.example with ESMTPS; Mon'), OWN],
    [received("from mail.crm.example by sink.crm.example with ESMTP; Mon")],
    [["x-sieve-redirected-from", ANN], STRANGER],
  ];
  for (const fields of forged) assert.match(found(fields, SERVER), /^refused: Nothing proves/, JSON.stringify(fields));
});

test("The sentence of a refusal tells who is not believed and by what it could be", () => {
  assert.equal(
    found([["return-path", "<x@stranger.example>"], STRANGER], { ...RESULTS, forwardingServers: ["10.0.0.5"] }),
    "refused: Nothing proves that the message is a forward of ann@crm.example: mx.crm.example did not find crm.example genuine, and no forwarding server handed it over. Its envelope sender is <x@stranger.example>.",
  );
});

test("Exchange writes bare addresses, and IPv6 ones count too", () => {
  const trust = { ...SERVER, forwardingServers: ["10.0.0.5", "2001:db8::/32"] };
  const exchange =
    "from EX1.crm.example (10.0.0.5) by EX2.crm.example (10.0.0.9) with Microsoft SMTP Server (version=TLS1_2) id 15.1.2507.35; Mon";
  assert.equal(found([received(exchange)], trust), `attached by ${ANN}`);
  assert.equal(found([received("from a (a.example [IPv6:2001:db8::7]) by b with ESMTP; Mon")], trust), `attached by ${ANN}`);
});

test("A program of the server itself counts as 127.0.0.1, and only where that is named", () => {
  const local = received("by mail.crm.example (Postfix, from userid 107) id 77; Mon");
  assert.match(found([local], SERVER), /^refused/);
  assert.equal(found([local], { ...SERVER, forwardingServers: ["127.0.0.1"] }), `attached by ${ANN}`);
});

test("A redirected message is that of the user whom the redirecting server names, whoever wrote it", () => {
  for (const field of [
    ["x-sieve-redirected-from", ANN],
    ["resent-from", `Ann <${ANN}>`],
    ["x-forwarded-for", `${ANN} ${SINK}`],
    ["delivered-to", ANN],
  ] as const)
    assert.equal(found([["delivered-to", SINK], OWN, field, STRANGER], SERVER, [BOB]), `redirected by ${ANN}`, field[0]);
});

test("What a redirected message held before it came to the redirecting server proves nothing", () => {
  assert.match(
    found([OWN, STRANGER, ["x-sieve-redirected-from", ANN]], SERVER, [BOB]),
    /^refused.*bob@customer\.example is no mailbox of a user/,
  );
});

test("An alias on the way to the forward mailbox makes no redirected message of a forward", () => {
  assert.equal(found([["delivered-to", SINK], ["delivered-to", "crm-in@crm.example"], OWN], SERVER), `attached by ${ANN}`);
});

test("Whoever is no user with the delivery method Forward Mailbox gets nothing in, also by a proven forward", () => {
  assert.match(found([OWN], SERVER, ["carl@crm.example"]), /^refused.*carl@crm\.example is no mailbox of a user/);
  assert.match(found([OWN, ["x-sieve-redirected-from", "carl@crm.example"], STRANGER], SERVER, [ANN]), /^refused.*carl@crm\.example/);
});

test("Two authors are nobody", () => {
  assert.match(found([OWN], SERVER, [ANN, "ben@crm.example"]), /^refused.*no single author/);
  assert.match(found([OWN], SERVER, []), /^refused.*no single author/);
});

test("What the named server found genuine counts", () => {
  for (const value of [
    "mx.crm.example; dmarc=pass (p=REJECT) header.from=crm.example",
    "MX.crm.example 1; spf=fail smtp.mailfrom=x@y; dkim=pass header.d=crm.example header.s=s1",
    "mx.crm.example; dkim=pass header.i=@crm.example",
    'mx.crm.example; spf=pass smtp.mailfrom="ann@crm.example"',
    "mx.crm.example; auth=pass smtp.auth=ann@crm.example",
  ])
    assert.equal(found([STRANGER, results(value)], RESULTS), `attached by ${ANN}`, value);
});

test("What another server found, or what was found of another address, does not", () => {
  for (const value of [
    "mx.stranger.example; dmarc=pass header.from=crm.example",
    "mx.crm.example.stranger.example; dmarc=pass header.from=crm.example",
    "mx.crm.example (x); none",
    "mx.crm.example; dmarc=pass header.from=stranger.example",
    "mx.crm.example; dkim=pass header.d=stranger.example",
    "mx.crm.example; dkim=pass header.d=example",
    "mx.crm.example; spf=pass smtp.mailfrom=crm.example",
    "mx.crm.example; spf=softfail smtp.mailfrom=ann@crm.example",
    "mx.crm.example; spf=fail (dmarc=pass header.from=crm.example; dkim=pass header.d=crm.example) smtp.mailfrom=x@y",
    "mx.crm.example; dkim=pass header.d=crm.example; dmarc=fail header.from=crm.example",
  ])
    assert.match(found([STRANGER, results(value)], RESULTS), /^refused: Nothing proves/, value);
});

test("What a client says of itself can be neither the server's words nor hide the address that the server saw", () => {
  const forged: readonly string[] = [
    // It greets with words that end what is told of a client, before the server's own.
    "from [10.0.0.5] by sink.crm.example with ESMTP (unknown [203.0.113.9]) by sink.crm.example (Sendmail) with ESMTP id 6; Mon",
    "from x by y with LMTP (unknown [203.0.113.9]) by sink.crm.example (Sendmail) with ESMTP id 6; Mon",
    "from x( (unknown [203.0.113.9]) by sink.crm.example with ESMTP id 6 (envelope-from <a) by y with LMTP z@b>); Mon",
    // Its sender's address, which servers write in a comment.
    'from x ([203.0.113.9]) by sink.crm.example with esmtps (Exim 4.96) (envelope-from <"a) by y with LMTP (b"@evil.example>) id 1; Mon',
    // The server writes nothing but the greeting.
    "from [10.0.0.5] by sink.crm.example with ESMTP id 6; Mon",
    "from [10.0.0.5] (unknown [unknown]) by sink.crm.example with ESMTP id 6; Mon",
    // A hop within a system of many machines.
    "by 2002:a05:6512:3b0:b0:500:1 with SMTP id x1; Mon",
    "(qmail 12 invoked from network); Mon",
    // Longer than is read.
    "",
  ];
  for (const value of forged)
    for (const below of [[], [OWN], [LMTP, OWN]])
      assert.match(
        found([received(value), ...below], { ...SERVER, forwardingServers: ["10.0.0.0/24", "127.0.0.1"] }),
        /^refused: Nothing proves/,
        value,
      );
});

test("An address that the server saw counts also with the client's port, and the name with which the client greeted never does", () => {
  for (const value of [
    "from evil.test ([203.0.113.9:37252] helo=10.0.0.5) by mx.crm.example (ecelerity 4) with ESMTP id x; Mon",
    "from evil.test (HELO 10.0.0.5) (203.0.113.9:1234) by mx.crm.example with SMTP; Mon",
    "from evil.test (EHLO [10.0.0.5]) (evil.test) by mx.crm.example with SMTP; Mon",
    "from 10.0.0.5 (HELO 10.0.0.5) (unknown) by mx.crm.example with SMTP; Mon",
    "from evil.test (HELO  10.0.0.5) by mx.crm.example with SMTP; Mon",
  ])
    assert.match(found([received(value)], SERVER), /^refused: Nothing proves/, value);
  for (const value of [
    "from mail.crm.example ([10.0.0.5:37252] helo=mail.crm.example) by mx.crm.example with ESMTP id x; Mon",
    "from mail.crm.example (HELO mail.crm.example) (10.0.0.5:1234) by mx.crm.example with SMTP; Mon",
    "from [10.0.0.5]:1234 (helo=mail.crm.example) by mx.crm.example with esmtps id 6; Mon",
  ])
    assert.equal(found([received(value)], SERVER), `attached by ${ANN}`, value);
});

test("Exim writes the address of a client without a name first, and what it greeted with behind", () => {
  assert.equal(found([received("from [10.0.0.5] (helo=mail.crm.example) by sink with esmtps id 6; Mon")], SERVER), `attached by ${ANN}`);
  assert.match(found([received("from [203.0.113.9] (helo=[10.0.0.5]) by sink with esmtps id 6; Mon")], SERVER), /^refused: Nothing proves/);
});

test("What somebody redirects who is no user is not taken for its author's forward", () => {
  for (const field of [
    ["delivered-to", "carl@crm.example"],
    ["delivered-to", SINK],
    ["resent-from", "carl@crm.example"],
  ] as const)
    assert.match(found([OWN, field, STRANGER], SERVER, [ANN]), /^refused.*is no mailbox of a user/, field.join());
});

test("Of several fields that name who redirected a message the topmost counts, for the sender's own stand below", () => {
  const forged: TraceField = ["x-sieve-redirected-from", ANN];
  assert.match(found([OWN, ["x-forwarded-for", "carl@crm.example"], forged, STRANGER], SERVER, [BOB]), /^refused.*carl@crm\.example/);
  const mixed = [OWN, ["resent-from", "ben@crm.example"] as const, forged, STRANGER];
  assert.equal(found(mixed, SERVER, [BOB]), "redirected by ben@crm.example");
  const flood = Array.from({ length: 190 }, (_, index): TraceField => ["x-sieve-redirected-from", `u${index}@crm.example`]);
  assert.equal(found([OWN, ["delivered-to", ANN], ...flood, STRANGER], SERVER, [BOB]), `redirected by ${ANN}`);
  assert.ok(possibleForwarders(traced([OWN, ["delivered-to", ANN], ...flood], Array(100).fill(BOB))).includes(ANN));
});

test("Where the forwarding server does not write that a message came to it, what names a redirecting user may be the sender's", () => {
  assert.match(found([OWN, ["x-sieve-redirected-from", ANN]], SERVER, [BOB]), /^refused.*no Received field tells/i);
});

test("Of several fields under the server's name the topmost counts, whatever a stranger wrote below", () => {
  const forged = results("mx.crm.example; dmarc=pass header.from=crm.example; dkim=pass header.d=crm.example");
  for (const own of [
    "mx.crm.example; none",
    "mx.crm.example; spf=softfail smtp.mailfrom=x@evil.example",
    "mx.crm.example; dmarc=none header.from=crm.example; dkim=none",
    "mx.crm.example; dkim=pass header.d=evil.example",
    'mx.crm.example; spf=none smtp.mailfrom="does not end',
    "mx.crm.example (does not end; dmarc=none",
    // Longer than is read: it may be the server's.
    "",
  ])
    assert.match(found([STRANGER, results(own), forged, forged], RESULTS), /^refused: Nothing proves/, own);
  assert.match(
    found([STRANGER, forged, results("mx.crm.example; dmarc=fail header.from=crm.example")], RESULTS),
    /^refused: Nothing proves/,
  );
  assert.equal(found([STRANGER, results("other.example; dmarc=fail"), forged], RESULTS), `attached by ${ANN}`);
});

test("What a sender's address holds is no result, in quotation marks or without", () => {
  for (const value of [
    'mx.crm.example; spf=pass smtp.mailfrom="x; dmarc=pass header.from=crm.example; y"@evil.example',
    'mx.crm.example; spf=pass smtp.mailfrom="x\\"; dmarc=pass header.from=crm.example; y"@evil.example; dmarc=none',
    'mx.crm.example; spf=pass smtp.mailfrom="("@evil.example; dmarc=fail header.from=crm.example; x=")"; dkim=pass header.d=crm.example',
    "mx.crm.example; spf=pass smtp.mailfrom=x; dmarc=pass header.from=crm.example; y@evil.example; dmarc=none header.from=crm.example",
    "mx.crm.example; spf=pass smtp.mailfrom=x; dmarc=pass header.from=crm.example y@evil.example",
    "mx.crm.example; dmarc=pass@evil.example header.from=crm.example",
  ])
    assert.match(found([STRANGER, results(value)], RESULTS), /^refused: Nothing proves/, value);
});

test("Results are read however a server writes them", () => {
  for (const value of [
    "mx.crm.example; dkim=pass (2048-bit key; unprotected) header.d = crm.example header.b=ab=c; spf=none (a (b) c)",
    "mx.crm.example;dmarc=pass action=none header.from=CRM.example;compauth=pass reason=100",
  ])
    assert.equal(found([STRANGER, results(value)], RESULTS), `attached by ${ANN}`, value);
});

test("A message that a user signed for somebody else proves nothing when that one sends it on to the forward mailbox", () => {
  const signed = results("mx.crm.example; dkim=pass header.d=crm.example; dmarc=pass header.from=crm.example");
  assert.match(
    found([STRANGER, signed], RESULTS, [ANN], ["eve@evil.example"]),
    /^refused: Nothing proves.*not addressed to sink@crm\.example/,
  );
  assert.match(found([STRANGER, signed], RESULTS, [ANN], []), /^refused: Nothing proves/);
  assert.equal(found([STRANGER, signed], RESULTS, [ANN], ["x@crm.example", SINK]), `attached by ${ANN}`);
});

test("Nothing is believed where nothing is named", () => {
  const nobody: ForwardTrust = { authenticationResults: null, forwardingServers: [] };
  assert.match(found([OWN, results("mx.crm.example; dmarc=pass header.from=crm.example")], nobody), /nothing is named that proves it/);
});

test("All addresses that may be the forwarder's are asked for, each once", () => {
  const fields: readonly TraceField[] = [
    ["delivered-to", SINK],
    ["x-forwarded-for", `${ANN} ${SINK}`],
    ["resent-from", "Ben <ben@crm.example>"],
  ];
  assert.deepEqual(possibleForwarders(traced(fields, ["Ann@crm.example"])), [ANN, SINK, "ben@crm.example"]);
});

test("No header whatever makes it throw, and without a trusted hop none is believed", () => {
  const piece = fc.constantFrom(
    "from ",
    "by ",
    "with LMTP ",
    "(",
    ")",
    "[10.0.0.5]",
    "[203.0.113.9]",
    "\\",
    '"',
    ";",
    "=",
    "dmarc=pass",
    "mx.crm.example",
  );
  const value = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map((list) => list.join("")),
  );
  const name = fc.constantFrom("received", "authentication-results", "delivered-to", "resent-from", "x-forwarded-for", "return-path");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (fields) => {
      const result = forwarderOf(traced([STRANGER, ...fields]), sinkOf(SERVER), USERS);
      assert.equal(result.way, null);
      forwarderOf(traced(fields), sinkOf({ ...SERVER, authenticationResults: "mx.crm.example" }), USERS);
      possibleForwarders(traced(fields));
    }),
  );
});

test("Nothing that a server quotes of a sender can prove him to be a user", () => {
  const piece = fc.constantFrom(
    ";",
    "dmarc=pass ",
    "header.from=crm.example",
    "dkim=pass ",
    "header.d=crm.example",
    "(",
    ")",
    " ",
    "=",
    "mx.crm.example",
  );
  const told = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map((list) => list.join("")),
  );
  fc.assert(
    fc.property(told, told, (sender, comment) => {
      const quoted = `"${sender.replace(/[\\"]/g, "\\$&")}"@evil.example`;
      const inComment = comment.replace(/[\\()]/g, "\\$&");
      const value = `mx.crm.example; spf=pass (sender ${inComment}) smtp.mailfrom=${quoted}; dmarc=none header.from=crm.example`;
      assert.match(found([STRANGER, results(value)], RESULTS), /^refused: Nothing proves/);
    }),
  );
});
