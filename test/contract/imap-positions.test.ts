/** Servers that make a position false without saying so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Cursor } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type ScriptedImap, type ScriptedImapOptions, type ScriptedMessage, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { idOf, message } from "./mail-source-rig.ts";

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

/** Message-IDs of what is told again to be compared, and nothing else is. */
async function doubted(source: MailSource, cursor: Cursor): Promise<readonly (string | null)[]> {
  const { again, heads } = await page(source, cursor);
  assert.deepEqual(heads, []);
  return (again ?? []).map(({ messageId }) => messageId);
}

for (const uidNext of [4, null]) {
  test(`what looks otherwise under its number is told again, to be compared, ${uidNext === null ? "without UIDNEXT" : "with the same UIDNEXT"}`, async () => {
    await withServer({ inbox: { uidNext, messages: some(1, 2, 3) } }, async (source, { inbox }) => {
      const { cursor } = await page(source, null);
      inbox.messages = [...some(1, 2), named(3, "another")];
      assert.deepEqual(await doubted(source, cursor), [idOf("another")]);
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
    assert.deepEqual(await doubted(source, cursor), [idOf("another")]);
  });
});

test("a message that left keeps its number: that another is there later is a lost position", async () => {
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
    assert.match(await lost(source, cursor), /UID 5 is a message now and was none before/);
    assert.equal((await page(source, null)).heads.length, 3);
  });
});

test("where all that lay highest has left, what lies highest now is told again, once, to be compared", async () => {
  await withServer({ inbox: { uidNext: 7, messages: some(1, 2, 3, 4, 5, 6) } }, async (source, { inbox, heard }) => {
    const first = await page(source, null);
    inbox.messages = [...some(1, 2), named(8, "new")];
    inbox.uidNext = 9;
    const second = await page(source, first.cursor);
    const idsOf = (heads: Extract<Pull, { kind: "page" }>["again"]) => heads?.map((head) => head.ref.id);
    assert.deepEqual([idsOf(second.again), idsOf(second.heads)], [["7.1", "7.2"], ["7.8"]]);
    inbox.messages = some(1, 2);
    const asked = heard.length;
    const third = await page(source, second.cursor);
    assert.deepEqual([idsOf(third.again), idsOf(third.heads)], [[], []], "what was told again is remembered");
    assert.deepEqual(
      heard.slice(asked).filter((command) => command.startsWith("UID FETCH")).length,
      1,
      "and one question shows that nothing else lies there",
    );
  });
});

/** Messages whose headers are too long to be read whole, so that nothing can be compared with them. */
const long = (...uids: number[]): ScriptedMessage[] =>
  uids.map((uid) => ({ uid, mime: message(`m${uid}`, "x\r\n", `References:${` <${"a".repeat(60)}@example.test>\r\n`.repeat(4000)}`) }));

test("where nothing can be compared with any of those that lay highest, the next lower one bears witness, whether they came at once or one by one", async () => {
  for (const rounds of [[[1, 2, 3, 4, 5, 6, 7]], [[1, 2], [3], [4], [5], [6], [7]]]) {
    await withServer({ inbox: { uidNext: 1, messages: [] } }, async (source, { inbox }) => {
      let cursor: Cursor | null = null;
      for (const uids of rounds) {
        inbox.messages = [...inbox.messages, ...uids.flatMap((uid) => (uid <= 2 ? some(uid) : long(uid)))];
        inbox.uidNext = (uids.at(-1) ?? 0) + 1;
        cursor = (await page(source, cursor)).cursor;
      }
      cursor = (await page(source, cursor)).cursor;
      inbox.messages = [...some(1), named(2, "another"), ...long(3, 4, 5, 6, 7)];
      assert.deepEqual(await doubted(source, cursor ?? ""), [idOf("another")]);
    });
  }
});

test("so it does where a first round left them out for their age, and where the one that bore witness has left or is not handed out any more", async () => {
  let withheld = "";
  const script = (command: string) => {
    if (/^UID SEARCH .*SINCE/.test(command)) return "* SEARCH\r\nOK done";
    return withheld !== "" && command.startsWith(withheld) ? { cut: "* BYE FETCH failed\r\n" } : undefined;
  };
  await withServer({ script, inbox: { uidNext: 9, messages: [...some(1, 2, 3), ...long(4, 5, 6, 7, 8)] } }, async (source, { inbox }) => {
    const first = await page(source, null);
    assert.deepEqual(first.heads, []);
    inbox.messages = [...some(1, 2), ...long(4, 5, 6, 7, 8)];
    const second = await page(source, first.cursor);
    assert.deepEqual(
      second.again?.map((head) => head.ref.id),
      ["7.1", "7.2"],
    );
    withheld = "UID FETCH 2";
    const third = await page(source, second.cursor);
    assert.deepEqual(
      third.again?.map((head) => head.ref.id),
      ["7.1"],
    );
    withheld = "";
    inbox.messages = [named(1, "another"), ...some(2), ...long(4, 5, 6, 7, 8)];
    assert.deepEqual(await doubted(source, third.cursor), [idOf("another")]);
  });
});

test("an old message that a first round left out, above one that it read, is no other message; also where the round is taken up again", async () => {
  const script = (command: string) => (/^UID SEARCH .*SINCE/.test(command) ? "* SEARCH 2 5\r\nOK done" : undefined);
  await using server = await startScriptedImap({ script, inbox: { uidNext: 7, messages: some(1, 2, 3, 4, 5, 6) } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  let cursor: Cursor | null = null;
  const ids: string[] = [];
  for (let opening = 0; opening < 3; opening++) {
    const source = system.source(access("ann"));
    const pull: Pull = await source.pull("INBOX", cursor, { ...OPTIONS, limit: 1 });
    await source.close();
    if (pull.kind === "reset") throw new Error(pull.reason);
    ids.push(...pull.heads.map((head) => head.ref.id));
    assert.deepEqual(pull.again ?? [], []);
    cursor = pull.cursor;
  }
  assert.deepEqual(ids, ["7.2", "7.5"]);
  server.inbox.messages = [...some(1, 2, 3, 4, 5), named(6, "another")];
  assert.deepEqual(await doubted(system.source(access("ann")), cursor ?? ""), [idOf("another")]);
});

test("what was told again for its look is remembered as it is now: only another recipient, subject or moment of receipt is told once more", async () => {
  const shown = (id: string, internalDate = "23-Nov-2026 10:00:00 +0000"): ScriptedMessage => ({
    uid: 3,
    mime: Buffer.from(
      message(id)
        .toString("latin1")
        .replace(/^Subject: .*$/m, "Subject: Same"),
    ),
    internalDate,
  });
  await withServer({ inbox: { uidNext: 4, messages: [...some(1, 2), shown("one")] } }, async (source, { inbox }) => {
    let { cursor } = await page(source, null);
    const asked: unknown[] = [];
    for (const now of [shown("two"), shown("three"), shown("four", "23-Nov-2026 10:00:01 +0000"), named(3, "five")]) {
      inbox.messages = [...some(1, 2), now];
      const next = await page(source, cursor);
      asked.push(next.again?.map(({ ref }) => ref.id));
      cursor = next.cursor;
    }
    assert.deepEqual(asked, [["7.3"], [], ["7.3"], ["7.3"]]);
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

for (const validity of [null, "0"]) {
  test(`a folder ${validity === null ? "without UIDVALIDITY" : "with UIDVALIDITY 0"} is read to its end, and anew when it changed`, async () => {
    await withServer({ inbox: { validity, uidNext: 4, messages: some(1, 2, 3) } }, async (source, { inbox }) => {
      const half = await source.pull("INBOX", null, { ...OPTIONS, limit: 2 });
      assert.ok(half.kind === "page" && half.more);
      const rest = await page(source, half.cursor);
      assert.deepEqual(
        [...half.heads, ...rest.heads].map((head) => head.ref.id),
        ["0.1", "0.2", "0.3"],
      );
      const unchanged = await page(source, rest.cursor);
      assert.deepEqual([unchanged.heads, unchanged.gone, unchanged.present], [[], [], null]);
      inbox.messages = some(2, 3, 4).map((one, index) => ({ ...one, uid: index + 1, internalDate: "24-Nov-2026 10:00:00 +0000" }));
      const pull = await source.pull("INBOX", unchanged.cursor, OPTIONS);
      assert.ok(pull.kind === "reset" && pull.expected === true, "numbers mean nothing later, which is no news");
    });
  });
}
