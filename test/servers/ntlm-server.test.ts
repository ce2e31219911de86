import assert from "node:assert/strict";
import { test } from "node:test";
import { md4 } from "./md4.ts";
import { ntowfv2, ntProof } from "./ntlm-server.ts";

test("the tests' own MD4 gives what RFC 1320 says", () => {
  const sums: Readonly<Record<string, string>> = {
    "": "31d6cfe0d16ae931b73c59d7e0c089c0",
    abc: "a448017aaf21d8525fc10ae87aa6729d",
    "message digest": "d9130a8164549fe818874806e1c7014b",
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890": "e33b4ddc9c38f2199c3e7b164fcc0536",
  };
  for (const [text, sum] of Object.entries(sums)) assert.equal(md4(Buffer.from(text)).toString("hex"), sum, text);
});

test("the tests' own NTLM gives what the examples of MS-NLMP 4.2.4 say", () => {
  const key = ntowfv2("Password", "User", "Domain");
  assert.equal(key.toString("hex"), "0c868a403bfd7a93a3001ef22ef02e3f");
  const pair = (kind: number, text: string) => Buffer.concat([Buffer.from([kind, 0, text.length * 2, 0]), Buffer.from(text, "utf16le")]);
  const blob = Buffer.concat([
    Buffer.from("01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000", "hex"),
    pair(2, "Domain"),
    pair(1, "Server"),
    Buffer.alloc(8),
  ]);
  assert.equal(ntProof(key, Buffer.from("0123456789abcdef", "hex"), blob).toString("hex"), "68cd0ab851e51c96aabc927bebef6a1c");
});
