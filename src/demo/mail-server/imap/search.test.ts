import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoredMessage } from "../folder.ts";
import { parseCommand } from "./parse-command.ts";
import { compileSearch } from "./search.ts";

const MESSAGES: StoredMessage[] = [
  message(3, "Date: Sun, 1 Feb 2026 23:00:00 -0800\r\nFrom: Ann <ann@x.test>\r\nX-Empty:\r\n\r\nplain words\r\n", "2026-02-03T08:00:00Z", [
    "\\Seen",
  ]),
  message(
    5,
    "Date: Mon, 2 Feb 2026 08:00:00 +0000\r\nSubject: =?iso-8859-1?B?R3L8bg==?= =?utf-8?Q?_Tee?=\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuIHdvcmRz\r\n",
    "2026-02-02T23:59:59Z",
    ["\\Flagged", "Project"],
  ),
];

function message(uid: number, mime: string, internalDate: string, flags: string[]): StoredMessage {
  return { uid, mime: Buffer.from(mime, "latin1"), internalDate: new Date(internalDate), flags: new Set(flags), modseq: uid * 10 };
}

/** UIDs that the search keys find. */
function found(keys: string): number[] {
  const result = parseCommand({ lines: [`a SEARCH ${keys}`], literals: [] });
  assert.ok("command" in result && result.command.name === "SEARCH", keys);
  const test = compileSearch(result.command.key, { sequence: 2, uid: 5 });
  return MESSAGES.filter((each, index) => test({ sequence: index + 1, message: each })).map(({ uid }) => uid);
}

describe("IMAP SEARCH", () => {
  it("finds by every key of RFC 3501 6.4.4", () => {
    const expected: Record<string, number[]> = {
      ALL: [3, 5],
      OLD: [3, 5],
      NEW: [],
      RECENT: [],
      SEEN: [3],
      UNSEEN: [5],
      "FLAGGED KEYWORD project": [5],
      "UNKEYWORD Project": [3],
      "SINCE 3-Feb-2026": [3],
      "BEFORE 3-Feb-2026": [5],
      "ON 2-Feb-2026": [5],
      "SENTON 1-Feb-2026": [3],
      "SENTSINCE 2-Feb-2026": [5],
      "SENTBEFORE 2-Feb-2026": [3],
      "FROM ANN@x": [3],
      'SUBJECT "grün tee"': [],
      'HEADER X-Empty ""': [3],
      'HEADER From "nobody"': [],
      'BODY "plain words"': [3],
      'BODY "hidden words"': [5],
      "TEXT subject:": [5],
      "LARGER 1": [3, 5],
      "SMALLER 1": [],
      "1": [3],
      "2:*": [5],
      "UID 4:*": [5],
      "UID 1:2": [],
      "MODSEQ 31": [5],
      "OR SEEN FLAGGED": [3, 5],
      "NOT (SEEN FLAGGED)": [3, 5],
      "SEEN FLAGGED": [],
    };
    for (const [keys, uids] of Object.entries(expected)) assert.deepEqual(found(keys), uids, keys);
  });

  it("compares words with decoded headers, without regard to case", () => {
    const literal = Buffer.from("GRÜN TEE", "utf8");
    const result = parseCommand({ lines: [`a SEARCH CHARSET UTF-8 SUBJECT {${literal.length}}`, ""], literals: [literal] });
    assert.ok("command" in result && result.command.name === "SEARCH");
    const test = compileSearch(result.command.key, { sequence: 2, uid: 5 });
    assert.deepEqual(
      MESSAGES.filter((each) => test({ sequence: 1, message: each })).map(({ uid }) => uid),
      [5],
    );
  });
});
