import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAXIMUM_SEARCH_DEPTH } from "../limits.ts";
import { parseCommand } from "./parse-command.ts";

/** A command without literals. */
function parse(line: string) {
  return parseCommand({ lines: [line], literals: [] });
}

function parsed(line: string) {
  const result = parse(line);
  assert.ok("command" in result, "fault" in result ? result.fault : "");
  return result.command;
}

describe("IMAP command parser", () => {
  it("never throws, whatever a client writes", () => {
    const words = fc.constantFrom(
      "a1",
      "UID",
      "FETCH",
      "SEARCH",
      "STORE",
      "LIST",
      "SELECT",
      "APPEND",
      "1:*",
      "(",
      ")",
      "[",
      "]",
      "<0.5>",
      "BODY[",
      "{3}",
      "{9+}",
      '"x',
      '"y"',
      "RETURN",
      "NOT",
      "OR",
      "HEADER.FIELDS",
      "\\Seen",
      "QRESYNC",
      "&AOQ-",
      "&",
      "*",
      "%",
      " ",
      "\0",
    );
    const line = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(words).map((list) => list.join(" ")),
      fc.array(words).map((list) => list.join("")),
    );
    const raw = fc.record({
      lines: fc.array(line, { minLength: 1, maxLength: 4 }),
      literals: fc.array(
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        { maxLength: 4 },
      ),
    });
    fc.assert(
      fc.property(raw, (command) => {
        const result = parseCommand(command);
        assert.ok("command" in result || result.fault.length > 0);
      }),
      { numRuns: 2000 },
    );
  });

  it("reads a string the same, quoted or as a literal", () => {
    const word = fc.string({ unit: "grapheme-ascii" });
    fc.assert(
      fc.property(word, word, (user, password) => {
        const quoted = [user, password].map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join(" ");
        const expected = { tag: "a", command: { name: "LOGIN", user, password } };
        assert.deepEqual(parse(`a LOGIN ${quoted}`), expected);
        const lines = [`a LOGIN {${user.length}}`, ` {${password.length}+}`, ""];
        assert.deepEqual(parseCommand({ lines, literals: [Buffer.from(user), Buffer.from(password)] }), expected);
      }),
    );
  });

  it("keeps the tag of a command that it does not understand, and has none for a line without one", () => {
    assert.deepEqual(parse("a7 FROBNICATE"), { tag: "a7", fault: "Unknown command" });
    assert.deepEqual(parse("a7 NOOP x"), { tag: "a7", fault: "Unexpected text after the command" });
    assert.equal(parse("").tag, "*");
    assert.equal(parse("+ NOOP").tag, "*");
  });

  it("reads fetch items with sections and partials", () => {
    assert.deepEqual(parsed('a UID FETCH 1:3,7:* (FLAGS BODY.PEEK[HEADER.FIELDS (From "To")]<0.100> BODY[1.2.MIME] BODY[])'), {
      name: "FETCH",
      byUid: true,
      set: [
        { from: 1, to: 3 },
        { from: 7, to: Number.POSITIVE_INFINITY },
      ],
      items: [
        { kind: "FLAGS" },
        {
          kind: "section",
          section: { part: [], text: { kind: "HEADER.FIELDS", fields: ["From", "To"] } },
          partial: { offset: 0, length: 100 },
          peek: true,
          legacyName: null,
        },
        { kind: "section", section: { part: [1, 2], text: { kind: "MIME" } }, partial: null, peek: false, legacyName: null },
        { kind: "section", section: { part: [], text: null }, partial: null, peek: false, legacyName: null },
      ],
      changedSince: null,
      vanished: false,
    });
    for (const wrong of ["BODY[MIME]", "BODY[1.]", "BODY[.TEXT]", "BODY[1TEXT]", "BODY[0]", "BODY[]<1>", "BODY[]<1.0>", "BODY.PEEK"]) {
      assert.ok("fault" in parse(`a FETCH 1 ${wrong}`), wrong);
    }
  });

  it("refuses sequence sets that are none", () => {
    for (const wrong of ["0", "1:2:3", "1,", ":", "4294967296", "a"]) assert.ok("fault" in parse(`a FETCH ${wrong} FLAGS`), wrong);
  });

  it("reads nested searches up to a depth, and no deeper", () => {
    assert.deepEqual(parsed("a SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR (SEEN NOT DRAFT) SINCE 1-Feb-2026"), {
      name: "SEARCH",
      byUid: false,
      charset: "UTF-8",
      key: {
        kind: "or",
        left: {
          kind: "and",
          keys: [
            { kind: "flag", flag: "\\Seen", present: true },
            { kind: "not", key: { kind: "flag", flag: "\\Draft", present: true } },
          ],
        },
        right: { kind: "received", compare: "since", day: Date.UTC(2026, 1, 1) },
      },
      returning: new Set(["MIN", "COUNT"]),
    });
    assert.ok("command" in parse(`a SEARCH ${"NOT ".repeat(MAXIMUM_SEARCH_DEPTH)}ALL`));
    assert.ok("fault" in parse(`a SEARCH ${"NOT ".repeat(MAXIMUM_SEARCH_DEPTH + 1)}ALL`));
    assert.ok("fault" in parse(`a SEARCH ${"(".repeat(30_000)}`));
  });

  it("reads what a client knows of a mailbox that it selects again", () => {
    assert.deepEqual(parsed("a SELECT INBOX (QRESYNC (67890007 90060115194045000 41,43:211 (1,29 41,43)))"), {
      name: "SELECT",
      path: "INBOX",
      condstore: false,
      known: {
        uidValidity: 67890007,
        modseq: 90060115194045000,
        uids: [
          { from: 41, to: 41 },
          { from: 43, to: 211 },
        ],
      },
    });
  });

  it("takes a message with date and flags, and none with a NUL", () => {
    const lines = ['a APPEND "Sent" (\\seen Kept) " 7-Feb-2026 10:00:00 +0100" {3}', ""];
    assert.deepEqual(parseCommand({ lines, literals: [Buffer.from("abc")] }), {
      tag: "a",
      command: {
        name: "APPEND",
        path: "Sent",
        flags: ["\\Seen", "Kept"],
        internalDate: new Date("2026-02-07T09:00:00Z"),
        mime: Buffer.from("abc"),
      },
    });
    assert.ok("fault" in parseCommand({ lines: ["a APPEND Sent {1}", ""], literals: [Buffer.from([0])] }));
    assert.ok("fault" in parseCommand({ lines: ["a APPEND Sent (\\Recent) {1}", ""], literals: [Buffer.from("x")] }));
  });
});
