import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback, meansUs, urlOf } from "./web-address.ts";

test("a server that listens everywhere is reached by the loopback address", () => {
  assert.equal(urlOf("0.0.0.0", 80), "http://127.0.0.1:80");
  assert.equal(urlOf("::", 80), "http://[::1]:80");
  assert.equal(urlOf("192.0.2.1", 8025), "http://192.0.2.1:8025");
  assert.equal(urlOf("crm.example", 1), "http://crm.example:1");
});

test("the host listened on, localhost and addresses mean this server", () => {
  for (const host of ["localhost", "LOCALHOST:8025", "127.0.0.1:1", "[::1]:8025", "192.0.2.7", "crm.example:8025", "CRM.example"]) {
    assert.ok(meansUs(host, ["0.0.0.0", "crm.example"]), host);
  }
});

test("names that a stranger can point here do not", () => {
  for (const host of [
    undefined,
    "",
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example:8025",
    "a@localhost",
    "localhost:x",
    "[evil]",
    "::1",
    "crm.example.",
  ]) {
    assert.equal(meansUs(host, ["0.0.0.0", "crm.example"]), false, String(host));
  }
  assert.equal(meansUs("0.0.0.0.evil.example", ["0.0.0.0"]), false);
});

test("loopback is told from other addresses", () => {
  assert.deepEqual(["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "1.127.0.1"].map(isLoopback), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
