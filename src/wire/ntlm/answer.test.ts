import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { accountOf, answerTo, channelBinding } from "./answer.ts";
import { negotiateMessage, OURS, readChallenge } from "./challenge.ts";

const text = (kind: number, value: string) => {
  const bytes = Buffer.from(value, "utf16le");
  const head = Buffer.alloc(4);
  head.writeUInt16LE(kind, 0);
  head.writeUInt16LE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
};

/** A server's question with the nonce of the examples of MS-NLMP 4.2.1. */
function question(info: Buffer, flags = OURS): Buffer {
  const head = Buffer.alloc(48);
  head.write("NTLMSSP\0", 0, "latin1");
  head.writeUInt32LE(2, 8);
  head.writeUInt32LE(flags >>> 0, 20);
  Buffer.from("0123456789abcdef", "hex").copy(head, 24);
  head.writeUInt16LE(info.length, 40);
  head.writeUInt16LE(info.length, 42);
  head.writeUInt32LE(48, 44);
  return Buffer.concat([head, info]);
}

const INFO = Buffer.concat([text(2, "Domain"), text(1, "Server"), Buffer.alloc(4)]);
const OPTIONS = { nonce: Buffer.from("aaaaaaaaaaaaaaaa", "hex"), now: new Date(0), binding: null, service: "HTTP/server" };
const ACCOUNT = accountOf("Domain\\User", "Password");

function answer(message: Buffer, options = OPTIONS) {
  const challenge = readChallenge(message);
  assert.ok(challenge !== null);
  return answerTo(challenge, ACCOUNT, options);
}

describe("an answer by NTLMv2", () => {
  test("names user and domain, and nothing of this machine", () => {
    const message = answer(question(INFO));
    assert.ok(message !== null);
    const field = (at: number) => {
      const offset = message.readUInt32LE(at + 4);
      return message.subarray(offset, offset + message.readUInt16LE(at)).toString("utf16le");
    };
    assert.deepEqual([field(28), field(36), field(44)], ["Domain", "User", ""]);
    assert.deepEqual([...negotiateMessage().subarray(16, 32)], new Array(16).fill(0));
  });

  test("is not given to a server that speaks only what is weaker, or says nothing of itself", () => {
    assert.equal(answer(question(INFO, OURS & ~0x0008_0000)), null);
    assert.equal(answer(question(INFO, OURS & ~0x0000_0001)), null);
    assert.equal(answer(question(Buffer.alloc(0))), null);
  });

  test("says a name with the domain in it as it is", () => {
    assert.deepEqual(accountOf("ann@corp.example", "x"), { domain: "", user: "ann@corp.example", password: "x" });
  });
});

describe("a server's question", () => {
  test("that is cut, overlong or points outside of itself is none, and nothing breaks", () => {
    assert.equal(readChallenge(Buffer.concat([question(INFO), Buffer.alloc(10_000)])), null);
    const whole = question(INFO);
    for (let length = 0; length < whole.length; length++) assert.equal(readChallenge(whole.subarray(0, length)), null);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const read = readChallenge(Buffer.concat([whole.subarray(0, 24), bytes]));
        for (const { value } of read?.pairs ?? []) assert.ok(value.length <= bytes.length);
      }),
    );
  });
});

test("a sign-in is bound to the server's certificate, by the hash that the certificate was signed with", () => {
  const certificate = Buffer.from("a certificate");
  const expected = (hash: string) => {
    const data = Buffer.concat([Buffer.from("tls-server-end-point:"), createHash(hash).update(certificate).digest()]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(data.length);
    return createHash("md5")
      .update(Buffer.concat([Buffer.alloc(16), length, data]))
      .digest("hex");
  };
  assert.equal(channelBinding(certificate, "ecdsa-with-SHA384").toString("hex"), expected("sha384"));
  assert.equal(channelBinding(certificate, "sha512WithRSAEncryption").toString("hex"), expected("sha512"));
  assert.equal(channelBinding(certificate, "sha1WithRSAEncryption").toString("hex"), expected("sha256"));
  assert.equal(channelBinding(certificate, undefined).toString("hex"), expected("sha256"));
});
