/** Servers that make a position false without saying so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Cursor } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type ScriptedImap, type ScriptedImapOptions, type ScriptedMessage, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

const OPTIONS = { limit: 100, since: new Date("2001-01-01") };

async function withServer(options: ScriptedImapOptions, work: (source: MailSource, server: ScriptedImap) => Promise<void>): Promise<void> {
  await using server = await startScriptedImap(options);
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  await work(system.source(access("ann")), server);
}

const named = (uid: number, id: string): ScriptedMessage => ({ uid, mime: message(id) });
const some = (...uids: number[]): ScriptedMessage[] => uids.map((uid) => named(uid, `m${uid}`));

async function page(source: MailSource, cursor: Cursor | null, since = OPTIONS.since): Promise<Extract<Pull, { kind: "page" }>> {
  const pull = await source.pull("INBOX", cursor, { ...OPTIONS, since });
  if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
  return pull;
}

async function lost(source: MailSource, cursor: Cursor): Promise<string> {
  const pull = await source.pull("INBOX", cursor, OPTIONS);
  assert.equal(pull.kind, "reset");
  return pull.kind === "reset" ? pull.reason : "";
}

for (const uidNext of [4, null]) {
  test(`a number given a second time is a lost position, ${uidNext === null ? "without UIDNEXT" : "with the same UIDNEXT"}`, async () => {
    await withServer({ inbox: { uidNext, messages: some(1, 2, 3) } }, async (source, { inbox }) => {
      const { cursor } = await page(source, null);
      inbox.messages = [...some(1, 2), named(3, "another")];
      assert.match(await lost(source, cursor), /UID 3 is another message/);
    });
  });
}

test("so it is where the first round read no message, because all are older than the mailbox's start", async () => {
  // A server whose SINCE finds nothing.
  const script = (command: string) => (/^UID SEARCH .*SINCE/.test(command) ? "* SEARCH\r\nOK done" : undefined);
  await withServer({ script, inbox: { uidNext: 4, messages: some(1, 2, 3) } }, async (source, { inbox }) => {
    const { heads, cursor } = await page(source, null);
    assert.deepEqual(heads, []);
    inbox.messages = [...some(1, 2), named(3, "another")];
    assert.match(await lost(source, cursor), /UID 3 is another message/);
  });
});

test("a message that left keeps its number: that another has it later is a lost position", async () => {
  await withServer({ inbox: { uidNext: 4, messages: some(1, 2, 3) } }, async (source, { inbox }) => {
    const first = await page(source, null);
    inbox.messages = some(1, 2);
    const second = await page(source, first.cursor);
    assert.deepEqual(second.present, ["7.1", "7.2"]);
    inbox.messages = [...some(1, 2), named(3, "another")];
    assert.match(await lost(source, second.cursor), /UID 3/);
  });
});

test("a message that shows up late below UIDNEXT is a lost position, so that it is read", async () => {
  await withServer({ inbox: { uidNext: 8, messages: some(1, 7) } }, async (source, { inbox }) => {
    const { cursor } = await page(source, null);
    inbox.messages = some(1, 5, 7);
    assert.match(await lost(source, cursor), /1 more below UID 8/);
    assert.equal((await page(source, null)).heads.length, 3);
  });
});

test("tombstones of messages that left long ago do not hide others that left now", async () => {
  const script = (command: string) =>
    command.includes("QRESYNC (")
      ? "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 9] n\r\n* OK [HIGHESTMODSEQ 20] m\r\n* VANISHED (EARLIER) 1:3\r\nOK [READ-ONLY] done"
      : undefined;
  const capabilities = ["ENABLE", "CONDSTORE", "QRESYNC"];
  await withServer({ script, capabilities, inbox: { uidNext: 9, modseq: "10", messages: some(5, 6, 7, 8) } }, async (source, { inbox }) => {
    const { cursor } = await page(source, null);
    inbox.messages = some(5, 6);
    assert.deepEqual((await page(source, cursor)).present, ["7.5", "7.6"]);
  });
});

test("a tombstone of a message that is there is not believed", async () => {
  const script = (command: string) =>
    command.includes("QRESYNC (")
      ? "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 4] n\r\n* OK [HIGHESTMODSEQ 20] m\r\n* VANISHED (EARLIER) 1\r\nOK [READ-ONLY] done"
      : undefined;
  const capabilities = ["ENABLE", "CONDSTORE", "QRESYNC"];
  await withServer({ script, capabilities, inbox: { uidNext: 4, modseq: "10", messages: some(1, 2, 3) } }, async (source, { inbox }) => {
    const { cursor } = await page(source, null);
    inbox.messages = some(1, 3);
    const { gone, present } = await page(source, cursor);
    assert.deepEqual([gone, present], [[], ["7.1", "7.3"]]);
  });
});

test("a remembered message that the server cannot hand out any more keeps nothing from being read, and is asked for no more", async () => {
  let damaged = false;
  const script = (command: string) => {
    const [, set = ""] = /^UID FETCH (\S+) .*HEADER/.exec(command) ?? [];
    const asksFor3 = set.split(",").some((run) => {
      const [from = 0, to = from] = run.split(":").map(Number);
      return from <= 3 && 3 <= to;
    });
    return damaged && asksFor3 ? Buffer.from("* BYE FETCH failed\r\n") : undefined;
  };
  await withServer({ script, inbox: { uidNext: 4, messages: some(1, 2, 3) } }, async (source, { inbox, heard }) => {
    const first = await page(source, null);
    damaged = true;
    inbox.messages = some(1, 2, 3, 4);
    inbox.uidNext = 5;
    const second = await page(source, first.cursor);
    assert.deepEqual(
      second.heads.map((head) => head.ref.id),
      ["7.4"],
    );
    const before = heard.length;
    await page(source, second.cursor);
    assert.ok(!heard.slice(before).some((command) => /FETCH \S*3/.test(command)), heard.slice(before).join(" | "));
  });
});
