import assert from "node:assert/strict";
import { test } from "node:test";
import { type Configuration, configurationSchema } from "../config.ts";
import { Failure } from "../model/failure.ts";
import { forwardRule, sieveScript } from "./forward-rule.ts";

type Mailbox = Readonly<Record<string, unknown>>;

const SINK = { address: "crm-in@example.com", forward: true, trust: { forwardingServers: ["10.0.0.5"] } };
const ANN = { address: "ann@example.com", user: "ann@example.com", incoming: "forward mailbox" };

function configuration(...mailboxes: readonly Mailbox[]): Configuration {
  return configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [{ name: "company", incoming: { protocol: "imap", host: "mail.example.com" } }],
    mailboxes,
  });
}

function failureOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof Failure);
    return error.code;
  }
  return assert.fail("no failure");
}

test("The rule sends a copy to the only forward mailbox, and keeps out what would go round in circles", () => {
  const { script, warnings, sink } = forwardRule(configuration(SINK, ANN), "Ann@example.com", undefined);
  assert.equal(sink, SINK.address);
  assert.match(script, /^require \["copy"\];$/m);
  assert.match(script, /^ {4}redirect :copy "crm-in@example\.com";$/m);
  for (const condition of [
    /exists "X-Waypost-Email"/,
    /:is "X-Sieve-Redirected-From" \["ann@example\.com", "<ann@example\.com>"\]/,
    /:is "Delivered-To" \["crm-in@example\.com"/,
  ])
    assert.match(script, condition);
  assert.deepEqual(warnings, []);
});

test("An address with quotes or backslashes stays one string", () => {
  assert.match(
    sieveScript("a\\b@example.com", 'c"d@example.com'),
    /:is "X-Sieve-Redirected-From" \["a\\\\b@example\.com",[\s\S]*redirect :copy "c\\"d@example\.com";/,
  );
});

test("A rule whose forwards would not be taken says so", () => {
  const direct = forwardRule(configuration(SINK, { ...ANN, incoming: true }), ANN.address, SINK.address);
  assert.match(direct.warnings.join("\n"), /ann@example\.com does not have "incoming: forward mailbox"/);
  const results = { ...SINK, trust: { authenticationResults: "mx.example.com" } };
  assert.match(forwardRule(configuration(results, ANN), ANN.address, undefined).warnings.join("\n"), /names no forwardingServers/);
});

test("Nothing is written for a mailbox that is none, nor to one that is no forward mailbox", () => {
  const two = configuration(SINK, { ...SINK, address: "other-in@example.com" }, ANN);
  assert.equal(
    failureOf(() => forwardRule(two, "nobody@example.com", SINK.address)),
    "mailbox unknown",
  );
  assert.equal(
    failureOf(() => forwardRule(two, SINK.address, SINK.address)),
    "forward mailbox",
  );
  assert.equal(
    failureOf(() => forwardRule(two, ANN.address, undefined)),
    "forward mailbox unknown",
  );
  assert.equal(
    failureOf(() => forwardRule(two, ANN.address, ANN.address)),
    "forward mailbox unknown",
  );
  assert.equal(forwardRule(two, ANN.address, "OTHER-in@example.com").sink, "other-in@example.com");
});
