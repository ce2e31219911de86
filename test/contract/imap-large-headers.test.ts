/** Senders choose how long headers are. Told by a scripted server, which can also answer in another order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Cursor } from "../../src/model/message.ts";
import { type ScriptedImapOptions, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { LONG_AGO, message } from "./mail-source-rig.ts";

const COUNT = 30;
const UIDS = Array.from({ length: COUNT }, (_, index) => index + 1);
/** Below a mebibyte: the wanted fields are asked for, whole. */
const REFERENCES = `References:${` <${"a".repeat(60)}@example.test>\r\n`.repeat(12_000)}`;

/** The UIDs in each page of an inbox of large headers, and the message ids in all. */
async function pagesOf(options: Pick<ScriptedImapOptions, "rows" | "script">, more = "") {
  const messages = UIDS.map((uid) => ({ uid, mime: message(`m${uid}`, "x\r\n", REFERENCES + more) }));
  await using server = await startScriptedImap({ ...options, inbox: { uidNext: COUNT + 1, messages } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 100_000) });
  const source = system.source(access("ann"));
  const pages: number[][] = [];
  const ids: (string | null)[] = [];
  let cursor: Cursor | null = null;
  do {
    const pull = await source.pull("INBOX", cursor, { limit: 100, since: LONG_AGO });
    assert.ok(pull.kind === "page" && pages.length < COUNT, "it comes to an end");
    pages.push(pull.heads.map(({ ref }) => Number(ref.id.split(".")[1])));
    ids.push(...pull.heads.map(({ messageId }) => messageId));
    cursor = pull.more ? pull.cursor : null;
  } while (cursor !== null);
  const [head] = await source.heads([{ stream: "INBOX", id: "7.30" }]);
  assert.equal(head?.messageId, "m30@example.test");
  return { pages, ids };
}

const ALL = UIDS.map((uid) => `m${uid}@example.test`);

test("a page ends early when its headers are large: memory has a bound, and no message is lost", async () => {
  const { pages, ids } = await pagesOf({});
  assert.deepEqual([pages.flat(), ids], [UIDS, ALL]);
  assert.ok(pages.length >= 3 && pages.length <= 6, JSON.stringify(pages));
});

test("also when the server answers in another order, or the beginning of the whole header is read, or one answer is refused", async () => {
  const reversed = await pagesOf({ rows: (rows) => rows.toReversed() });
  assert.deepEqual([reversed.pages.flat(), reversed.ids], [UIDS, ALL]);
  const beyond = await pagesOf({}, `X-Filler:${` ${"x".repeat(900)}\r\n`.repeat(200)}`);
  assert.deepEqual([beyond.pages.flat(), beyond.ids], [UIDS, ALL]);
  assert.ok(
    beyond.pages.every(({ length }) => length <= 9),
    JSON.stringify(beyond.pages),
  );
  const refusing = await pagesOf({ script: (command) => (/^UID FETCH 1:\d+ .*HEADER/.test(command) ? "NO [SERVERBUG] no" : undefined) });
  assert.deepEqual([refusing.pages.flat(), refusing.ids], [UIDS, ALL]);
});

/** Pages of an inbox of so many messages that all have the same large header, to its end; with the bytes that the server had said after each. */
async function pagesOfMany(count: number, options: Pick<ScriptedImapOptions, "rows"> = {}) {
  const mime = message("same", "x\r\n", REFERENCES);
  const messages = Array.from({ length: count }, (_, index) => ({ uid: index + 1, mime }));
  await using server = await startScriptedImap({ ...options, inbox: { uidNext: count + 1, messages } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 100_000) });
  const source = system.source(access("ann"));
  const pages: { readonly uids: readonly number[]; readonly said: number }[] = [];
  let cursor: Cursor | null = null;
  do {
    const pull = await source.pull("INBOX", cursor, { limit: 1000, since: LONG_AGO });
    assert.ok(pull.kind === "page" && pages.length < count, "it comes to an end");
    pages.push({ uids: pull.heads.map(({ ref }) => Number(ref.id.split(".")[1])), said: server.said });
    cursor = pull.more ? pull.cursor : null;
  } while (cursor !== null);
  return pages;
}

test("large headers beyond the room of a page are not all transferred: the answer is given up, fewer are asked for, and none is skipped", async () => {
  const count = 150;
  for (const rows of [undefined, <Row>(all: readonly Row[]) => all.toReversed()]) {
    const pages = await pagesOfMany(count, rows && { rows });
    assert.deepEqual(
      pages.flatMap(({ uids }) => uids),
      Array.from({ length: count }, (_, index) => index + 1),
    );
    // 8 MiB kept, 32 passed over, 8 again, and what the system holds in between; all of it has 140 MB.
    const [first] = pages;
    assert.ok(first && first.said < 75_000_000, `${first?.said}`);
  }
});
