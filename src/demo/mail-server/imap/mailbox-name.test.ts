import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeMailboxName, encodeMailboxName, matchesPattern } from "./mailbox-name.ts";

describe("IMAP mailbox names", () => {
  it("come back from modified UTF-7 as they were, in printable ASCII", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (path) => {
        const wire = encodeMailboxName(path);
        assert.match(wire, /^[ -~]*$/);
        assert.equal(decodeMailboxName(wire), path);
      }),
    );
  });

  it("are written as the example of RFC 3501 5.1.3", () => {
    assert.equal(encodeMailboxName("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
    assert.equal(encodeMailboxName("A&B"), "A&-B");
  });

  it("are refused when they are not modified UTF-7", () => {
    for (const wrong of ["A&B", "&", "&A-", "&!!-", "ä", "a\tb", "&2AA-"]) assert.equal(decodeMailboxName(wrong), null, wrong);
  });

  it("fit a pattern as the same pattern written as a regular expression says", () => {
    const text = (symbols: string) => fc.string({ unit: fc.constantFrom(...symbols), maxLength: 8 });
    fc.assert(
      fc.property(text("ab/"), text("ab/*%"), (path, pattern) => {
        const expression = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("%", "[^/]*")}$`);
        assert.equal(matchesPattern(path, pattern, "/"), expression.test(path));
      }),
    );
  });
});
