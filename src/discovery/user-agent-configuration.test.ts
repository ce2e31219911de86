import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DocumentRefused, readUserAgentConfiguration } from "./user-agent-configuration.ts";

const record = (document: Buffer) => `v=UAAC1; a=sha256; d=${createHash("sha256").update(document).digest("base64")}`;
const written = (value: unknown) => Buffer.from(JSON.stringify(value));

const DOCUMENT = written({
  protocols: { imap: { host: "imap.example.com" }, smtp: { host: "smtp.example.com" }, jmap: { url: "https://jmap.example.com/" } },
  authentication: { "oauth-public": { issuer: "https://auth.example.com" }, password: true },
  info: { provider: { name: "Example" } },
});

describe("a user agent configuration", () => {
  it("is read when DNS holds its digest, in one string or in several, beside older ones", () => {
    const signIn = ["password", "oauth"];
    const text = record(DOCUMENT);
    const records = [["unrelated"], [record(Buffer.from("older"))], [text.slice(0, 20), text.slice(20)]];
    assert.deepEqual(readUserAgentConfiguration(DOCUMENT, records), [
      { protocol: "imap", host: "imap.example.com", port: 993, security: "tls", username: null, signIn },
      { protocol: "smtp", host: "smtp.example.com", port: 465, security: "tls", username: null, signIn },
    ]);
  });

  it("is refused without the digest, with another one, or one of another kind", () => {
    assert.throws(() => readUserAgentConfiguration(DOCUMENT, []), /no digest/);
    for (const wrong of [
      record(Buffer.from("other")),
      record(DOCUMENT).replace("UAAC1", "UAAC2"),
      record(DOCUMENT).replace("sha256", "md5"),
      "",
      "d",
    ])
      assert.throws(() => readUserAgentConfiguration(DOCUMENT, [[wrong]]), /another one/);
  });

  it("is refused when it is no JSON or has other fields", () => {
    for (const document of [Buffer.from("{"), written([]), written({ protocols: { imap: "imap.example.com" } })])
      assert.throws(() => readUserAgentConfiguration(document, [[record(document)]]), DocumentRefused);
  });

  it("gives usable settings or is refused, whatever its JSON", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.record({ protocols: fc.record({ imap: fc.record({ host: fc.string() }) }) }).map((one) => JSON.stringify(one)),
        ),
        (text) => {
          const document = Buffer.from(text);
          try {
            for (const { host } of readUserAgentConfiguration(document, [[record(document)]])) assert.match(host, /^[a-z0-9_.-]+$/);
          } catch (error) {
            assert.ok(error instanceof DocumentRefused);
          }
        },
      ),
    );
  });
});
