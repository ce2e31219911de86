import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionFailure } from "./connection-failure.ts";

const TARGET = { host: "mail.example.test", port: 587, purpose: "outgoing mail" };

const coded = (code: string) => Object.assign(new Error(`made up: ${code}`), { code });

test("each cause of a broken connection has its own word", () => {
  const words: Readonly<Record<string, string>> = {
    ENOTFOUND: "host unknown",
    EAI_AGAIN: "name service not available",
    ECONNREFUSED: "connection refused",
    ETIMEDOUT: "connection timed out",
    EHOSTUNREACH: "host unreachable",
    ECONNRESET: "connection lost",
    CERT_HAS_EXPIRED: "certificate expired",
    ERR_TLS_CERT_ALTNAME_INVALID: "certificate for another name",
    CERT_NOT_YET_VALID: "certificate not yet valid",
    DEPTH_ZERO_SELF_SIGNED_CERT: "certificate self-signed",
    SELF_SIGNED_CERT_IN_CHAIN: "certificate not trusted",
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate not trusted",
    CERT_REVOKED: "certificate not trusted",
    ERR_SSL_WRONG_VERSION_NUMBER: "wrong security for the port",
    ERR_SSL_UNSUPPORTED_PROTOCOL: "TLS version too old",
    ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "TLS version too old",
    ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "client certificate required",
    ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "TLS not possible",
  };
  for (const [code, word] of Object.entries(words)) {
    const failure = connectionFailure(coded(code), TARGET);
    assert.equal(failure?.code, word, code);
    assert.match(failure.message, /mail\.example\.test/);
    assert.notEqual(failure.remedy, "");
  }
});

test("the cause is found behind other errors and among several attempts", () => {
  assert.equal(connectionFailure(new Error("outer", { cause: coded("ENOTFOUND") }), TARGET)?.code, "host unknown");
  assert.equal(
    connectionFailure(new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")], "all attempts failed"), TARGET)?.code,
    "connection refused",
  );
});

test("an error that is none of the connection's is not explained", () => {
  assert.equal(connectionFailure(new TypeError("bug"), TARGET), null);
  assert.equal(connectionFailure("text", TARGET), null);
  const loop = new Error("loop");
  loop.cause = loop;
  assert.equal(connectionFailure(loop, TARGET), null);
});

test("incoming and outgoing mail never get the same sentence", () => {
  for (const code of [
    "ENOTFOUND",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "ERR_SSL_WRONG_VERSION_NUMBER",
  ]) {
    const said = (purpose: string) => connectionFailure(coded(code), { ...TARGET, purpose })?.message;
    assert.notEqual(said("incoming mail"), said("outgoing mail"), code);
  }
});
