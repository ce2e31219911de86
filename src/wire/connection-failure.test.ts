import assert from "node:assert/strict";
import { test } from "node:test";
import { connectingFailure, connectionFailure } from "./connection-failure.ts";

const TARGET = { host: "mail.example.test", port: 587, purpose: "outgoing mail" };

const coded = (code: string, words = `made up: ${code}`) => Object.assign(new Error(words), { code });

test("each cause of a broken connection has its own word", () => {
  const words: Readonly<Record<string, string>> = {
    ENOTFOUND: "host unknown",
    EAI_AGAIN: "name service not available",
    ECONNREFUSED: "connection refused",
    ETIMEDOUT: "connection timed out",
    EHOSTUNREACH: "host unreachable",
    EPERM: "connection forbidden",
    EACCES: "connection forbidden",
    EMFILE: "too many open files",
    ENFILE: "too many open files",
    ECONNRESET: "connection lost",
    CA_MD_TOO_WEAK: "certificate too weak",
    ERROR_IN_CERT_NOT_AFTER_FIELD: "certificate not usable",
    CRL_HAS_EXPIRED: "certificate not usable",
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

test("a certificate whose fault Node has no code for is told by OpenSSL's words", () => {
  for (const words of ["EE certificate key too weak", "CA certificate key too weak", "CA signature digest algorithm too weak"])
    assert.equal(connectionFailure(coded("UNSPECIFIED", words), TARGET)?.code, "certificate too weak", words);
  const other = connectionFailure(coded("UNSPECIFIED", "proxy path length constraint exceeded"), TARGET);
  assert.equal(other?.code, "certificate not usable");
  assert.match(other.message, /: "proxy path length constraint exceeded"\.$/);
});

test("while connecting, an error that nobody knows is told in its own words", () => {
  const ofSystem = Object.assign(coded("EAFNOSUPPORT", "connect EAFNOSUPPORT ::1:587"), { syscall: "connect" });
  assert.equal(connectionFailure(ofSystem, TARGET), null);
  const network = connectingFailure(new Error("outer", { cause: ofSystem }), TARGET);
  assert.equal(network?.code, "connecting failed");
  assert.match(network.message, /"connect EAFNOSUPPORT ::1:587"\.$/);
  const handshake = connectingFailure(coded("SOMETHING_NEW", "80:error:\n a new fault.\n"), TARGET);
  assert.equal(handshake?.code, "securing failed");
  assert.match(handshake.message, /"80:error: a new fault"\.$/);
  assert.equal(connectingFailure(coded("ENOTFOUND"), TARGET)?.code, "host unknown");
});

test("a fault of the program, an abort and an error of a file are none of the connection's", () => {
  const faults = [
    Object.assign(new TypeError("bug"), { code: "ERR_INVALID_ARG_TYPE" }),
    Object.assign(coded("ABORT_ERR"), { name: "AbortError" }),
    Object.assign(coded("EACCES"), { syscall: "open", path: "/etc/secret" }),
    new Error("without a code"),
  ];
  for (const fault of faults) assert.equal(connectingFailure(fault, TARGET), null, fault.message);
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
