import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { StoredMessage } from "../folder.ts";
import { MAXIMUM_PART_DEPTH } from "../limits.ts";
import type { FetchItem, SectionText } from "./command.ts";
import { fetchResponse, sectionBytes } from "./fetch.ts";

const INNER = "From: Eve <eve@x.test>\r\nSubject: inner\r\n\r\ninner text\r\n";
const MIXED = Buffer.from(
  [
    "From: Ann <ann@x.test>",
    "To: team: bob@x.test, (Cy) cy@x.test;, dan@x.test",
    "Subject: a",
    " folded one",
    'Content-Type: multipart/mixed; boundary="b 1"',
    "",
    "preamble",
    "--b 1",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "one",
    "--b 1",
    "Content-Type: message/rfc822",
    'Content-Disposition: attachment; filename="in\\"ner.eml"',
    "",
    `${INNER}--b 1--`,
    "epilogue",
    "",
  ].join("\r\n"),
  "latin1",
);

function section(part: number[], text: SectionText | null = null): string | undefined {
  return sectionBytes(MIXED, { part, text })?.toString("latin1");
}

function fetched(mime: Buffer, item: FetchItem): string {
  const message: StoredMessage = { uid: 7, mime, internalDate: new Date(0), flags: new Set(), modseq: 3 };
  return Buffer.concat(
    fetchResponse(2, message, [item]).map((chunk) => (typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk)),
  ).toString("latin1");
}

describe("IMAP FETCH", () => {
  it("cuts a message into the sections of RFC 3501 6.4.5", () => {
    assert.equal(section([]), MIXED.toString("latin1"));
    assert.equal(`${section([], { kind: "HEADER" })}${section([], { kind: "TEXT" })}`, MIXED.toString("latin1"));
    assert.equal(section([1]), "one");
    assert.equal(section([1], { kind: "MIME" }), "Content-Type: text/plain; charset=utf-8\r\n\r\n");
    assert.equal(section([2]), INNER.slice(0, -2));
    assert.equal(section([2], { kind: "HEADER" }), "From: Eve <eve@x.test>\r\nSubject: inner\r\n\r\n");
    assert.equal(section([2], { kind: "TEXT" }), "inner text");
    assert.equal(section([2, 1]), "inner text");
    assert.equal(section([1], { kind: "HEADER" }), undefined);
    assert.equal(section([3]), undefined);
    assert.equal(section([1, 1]), undefined);
  });

  it("chooses header fields as they stand in the message, folds and all", () => {
    const fields = ["SUBJECT", "from"];
    assert.equal(section([], { kind: "HEADER.FIELDS", fields }), "From: Ann <ann@x.test>\r\nSubject: a\r\n folded one\r\n\r\n");
    assert.equal(
      section([], { kind: "HEADER.FIELDS.NOT", fields: [...fields, "to"] }),
      'Content-Type: multipart/mixed; boundary="b 1"\r\n\r\n',
    );
  });

  it("answers a partial with its offset, empty beyond the end", () => {
    const item = (offset: number): FetchItem => ({
      kind: "section",
      section: { part: [1], text: null },
      partial: { offset, length: 2 },
      peek: true,
      legacyName: null,
    });
    assert.equal(fetched(MIXED, item(1)), "* 2 FETCH (BODY[1]<1> {2}\r\nne)\r\n");
    assert.equal(fetched(MIXED, item(9)), "* 2 FETCH (BODY[1]<9> {0}\r\n)\r\n");
  });

  it("describes envelope, groups and parts", () => {
    assert.equal(
      fetched(MIXED, { kind: "ENVELOPE" }),
      '* 2 FETCH (ENVELOPE (NIL "a folded one" (("Ann" NIL "ann" "x.test")) (("Ann" NIL "ann" "x.test")) (("Ann" NIL "ann" "x.test")) ' +
        '((NIL NIL "team" NIL)(NIL NIL "bob" "x.test")("Cy" NIL "cy" "x.test")(NIL NIL NIL NIL)(NIL NIL "dan" "x.test")) NIL NIL NIL NIL))\r\n',
    );
    assert.equal(
      fetched(MIXED, { kind: "BODYSTRUCTURE" }),
      '* 2 FETCH (BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 3 0 NIL NIL NIL NIL)' +
        '("message" "rfc822" NIL NIL NIL "7bit" 52 (NIL "inner" (("Eve" NIL "eve" "x.test")) (("Eve" NIL "eve" "x.test")) ' +
        '(("Eve" NIL "eve" "x.test")) NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 0 NIL NIL NIL NIL) 3 ' +
        'NIL ("attachment" ("filename" "in\\"ner.eml")) NIL NIL) "mixed" ("boundary" "b 1") NIL NIL NIL))\r\n',
    );
  });

  it("writes 8-bit header text as a literal, never in quotes", () => {
    const mime = Buffer.from("Subject: gr\xfcn\r\n\r\n", "latin1");
    assert.match(fetched(mime, { kind: "ENVELOPE" }), /\(NIL \{4\}\r\ngr\xfcn NIL/);
  });

  it("describes any bytes at all, however deep they claim to be nested", () => {
    const deep = Buffer.from("Content-Type: message/rfc822\r\n\r\n".repeat(MAXIMUM_PART_DEPTH * 50));
    assert.match(fetched(deep, { kind: "BODYSTRUCTURE" }), /"text" "plain"/);
    const pieces = fc.constantFrom(
      "Content-Type: multipart/mixed; boundary=b\r\n",
      "Content-Type: multipart/digest; boundary=b\r\n",
      "Content-Type: message/rfc822\r\n",
      'From: <<"((,;:\r\n',
      "To: a:b:c;;,@\r\n",
      "--b\r\n",
      "--b--\r\n",
      "\r\n",
      "text",
      "\xff",
      "\0",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const mime = Buffer.from(parts.join(""), "latin1");
        for (const kind of ["BODYSTRUCTURE", "BODY", "ENVELOPE"] as const) {
          assert.equal(balance(fetched(mime, { kind })), 0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** Open minus closed parentheses outside of strings. */
function balance(response: string): number {
  let level = 0;
  let at = 0;
  while (at < response.length) {
    const rest = response.slice(at);
    const literal = /^\{(\d+)\}\r\n/.exec(rest);
    const quoted = /^"(?:[^"\\]|\\.)*"/.exec(rest);
    if (rest.startsWith("(")) level++;
    if (rest.startsWith(")")) level--;
    at += literal ? literal[0].length + Number(literal[1]) : (quoted?.[0].length ?? 1);
  }
  return level;
}
