/** Servers that keep to the letter of POP3 or not even to that: told by a scripted server, because no real one at hand does it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeCursor } from "../../src/connectors/pop3/cursor.ts";
import { NO_LIKENESS, Seen } from "../../src/connectors/pop3/seen.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Cursor } from "../../src/model/message.ts";
import type { Applied, MailSource } from "../../src/ports.ts";
import { startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { contents, idOf, message, messageIds } from "./mail-source-rig.ts";
import { box, failing, open, PAGE, page, reading } from "./scripted-pop3-rig.ts";

/** What was not done, with the reason. */
const told = ({ undone }: Applied) => undone.map(({ ref, failure }) => [ref, failure.code, failure.waitingHelps]);

test("each byte in a segment of its own: heads and content are the same", () =>
  reading({ messages: box("a", "b"), splitBytes: true }, async (source) => {
    const { heads } = await page(source);
    assert.deepEqual(messageIds(heads), ["a", "b"].map(idOf));
    const answers = await contents(
      source,
      heads.map((head) => head.ref),
    );
    for (const [index, name] of ["a", "b"].entries()) {
      const content = answers.get(heads[index]?.ref.id ?? "");
      assert.ok(content?.kind === "mime" && content.mime.equals(message(name, ".\r\n..\r\nx\r\n")));
    }
  }));

test("a connection cut after any byte that the server says: nothing is lost, doubled or cut short", async () => {
  const messages = box("a", "b", "c");
  const read = async (source: MailSource) => {
    const { heads, cursor } = await page(source);
    const answers = await contents(
      source,
      heads.map((head) => head.ref),
    );
    for (const [index, head] of heads.entries()) {
      const content = answers.get(head.ref.id);
      assert.ok(content?.kind === "mime" && content.mime.equals(Buffer.from(messages[index]?.mime ?? "")), "whole");
    }
    return { ids: messageIds(heads), cursor };
  };
  const whole = await reading({ messages }, async (source, server) => {
    await read(source);
    await source.close();
    return server.said[0] ?? 0;
  });
  assert.ok(whole > 1000);
  let mended = 0;
  for (let after = 0; after <= whole; after += after < 200 || after > whole - 60 ? 1 : 7) {
    await using server = await startScriptedPop3({ messages, cut: { connection: 1, after } });
    const source = open(server);
    try {
      assert.deepEqual((await read(source)).ids, ["a", "b", "c"].map(idOf));
      mended++;
    } catch (error) {
      assert.ok(error instanceof Failure && error.waitingHelps, `after ${after} bytes: ${String(error)}`);
    } finally {
      await source.close();
    }
  }
  assert.ok(mended > 20, "a cut among many answers is mended by asking for the rest");
});

test("without CAPA, without TOP, without PIPELINING: read all the same, one command at a time", async () => {
  await reading({ messages: box("a", "b"), capabilities: null }, async (source, server) => {
    assert.deepEqual(messageIds((await page(source)).heads), ["a", "b"].map(idOf));
    assert.ok(server.heard[0]?.includes("TOP 1 0"));
  });
  await reading({ messages: box("a", "b"), capabilities: ["UIDL", "USER"] }, async (source, server) => {
    assert.deepEqual(messageIds((await page(source)).heads), ["a", "b"].map(idOf));
    assert.deepEqual(
      server.heard[0]?.filter((one) => /^(TOP|RETR)/.test(one)),
      ["RETR 1", "RETR 2"],
    );
  });
  // TOP is promised and refused.
  const script = (command: string) => (command.startsWith("TOP") ? "-ERR not implemented\r\n" : undefined);
  await reading({ messages: box("a", "b"), script }, async (source) => {
    assert.deepEqual(messageIds((await page(source)).heads), ["a", "b"].map(idOf));
  });
});

test("a server without UIDL is refused, with the remedy; an empty mailbox is empty", async () => {
  const script = (command: string) => (command === "UIDL" ? "-ERR unknown command\r\n" : undefined);
  await reading({ messages: box("a"), script }, async (source) => {
    const failure = await failing(() => page(source), "no message ids");
    assert.deepEqual([failure.scope, failure.waitingHelps], ["mailbox", false]);
    assert.match(failure.remedy, /IMAP/);
  });
  await reading({ messages: [], script }, async (source) => assert.deepEqual((await page(source)).heads, []));
});

test("one id for several messages, and an id that is given again: each message comes", () =>
  reading(
    {
      messages: [
        { uidl: "x", mime: message("a") },
        { uidl: "x", mime: message("bb") },
        { uidl: "x", mime: message("bb") },
      ],
    },
    async (source, server) => {
      const { heads, cursor } = await page(source);
      assert.deepEqual(messageIds(heads), ["a", "bb", "bb"].map(idOf));
      assert.equal(new Set(heads.map((head) => head.ref.id)).size, 3);
      server.messages = [{ uidl: "x", mime: message("another") }];
      const next = await page(source, cursor);
      assert.deepEqual(messageIds(next.heads), [idOf("another")]);
      assert.deepEqual(
        next.present,
        next.heads.map((head) => head.ref.id),
      );
    },
  ));

test("new ids for all messages are a lost cursor; for a few they are new messages", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `m${index}`);
  await reading({ messages: box(...names) }, async (source, server) => {
    const { cursor } = await page(source);
    server.messages = names.map((name) => ({ uidl: `moved-${name}`, mime: message(name) }));
    const pull = await source.pull("INBOX", cursor, PAGE);
    assert.equal(pull.kind, "reset");
    assert.equal((await page(source, null)).heads.length, 12);
  });
  await reading({ messages: box("a") }, async (source, server) => {
    const { cursor } = await page(source);
    server.messages = box("b");
    assert.deepEqual(messageIds((await page(source, cursor)).heads), [idOf("b")]);
  });
});

test("a list of 50,000 known messages: one that is new is asked for, one that is gone is missing, and nothing else is asked", async () => {
  const messages = Array.from({ length: 50_000 }, (_, index) => ({ uidl: `uid-${index}`, mime: "x".repeat(index % 7) }));
  const none = Seen.none();
  const seen = await none.changed(
    [],
    messages.map(({ uidl, mime }) => [none.digest(`${uidl} ${mime.length}`), NO_LIKENESS]),
  );
  await reading({ messages: [...messages.slice(1), { uidl: "new", mime: message("new") }] }, async (source, server) => {
    const { heads, present, more } = await page(source, writeCursor({ since: null, seen }));
    assert.deepEqual([messageIds(heads), present?.length, more], [[idOf("new")], 50_000, false]);
    assert.deepEqual(
      server.heard.flat().filter((one) => /^(TOP|RETR)/.test(one)),
      ["TOP 50000 0"],
    );
  });
});

test("sizes that are lies: what is larger than the limit is stopped, what is larger than announced comes whole", () =>
  reading(
    {
      messages: [
        { uidl: "huge", mime: message("huge", "y".repeat(3_000_000)), announcedSize: 100 },
        { uidl: "longer", mime: message("longer", `${"z".repeat(400_000)}\r\n`), announcedSize: 100 },
        { uidl: "told", mime: message("told", "w".repeat(10)), announcedSize: 5_000_000 },
        ...box("last"),
      ],
    },
    async (source, server) => {
      const { heads } = await page(source);
      assert.equal(heads.length, 4);
      const answers = await contents(
        source,
        heads.map((head) => head.ref),
        1_000_000,
      );
      const kinds = heads.map((head) => answers.get(head.ref.id)?.kind);
      assert.deepEqual(kinds, ["too large", "mime", "too large", "mime"]);
      const longer = answers.get(heads[1]?.ref.id ?? "");
      assert.ok(longer?.kind === "mime" && longer.mime.length > 400_000);
      assert.ok(!server.heard.flat().includes("RETR 3"), "what is announced as too large is not downloaded");
    },
  ));

test("floods are stopped: endless lines, endless answers, endless heads", async () => {
  const endless = "x".repeat(100_000);
  await failing(() => reading({ greeting: endless }, (source) => source.folders()), "not a POP3 server");
  const line = (command: string) => (command === "STAT" ? `+OK ${endless}` : undefined);
  await failing(() => reading({ script: line }, (source) => source.folders()), "protocol error");
  const listing = `+OK\r\n${"1 a\r\n".repeat(7_000_000)}`;
  const uidl = (command: string) => (command === "UIDL" ? listing : undefined);
  await failing(() => reading({ script: uidl, messages: box("a") }, (source) => page(source)), "listing damaged");
  const header = `+OK\r\n${"X-Filler: y\r\n".repeat(500_000)}`;
  const top = (command: string, connection: number) => (command === "TOP 1 0" && connection === 1 ? header : undefined);
  await reading({ script: top, messages: box("a", "b") }, async (source) => {
    const { heads } = await page(source);
    assert.deepEqual([heads[0]?.truncated, heads[1]?.messageId], [true, idOf("b")]);
  });
});

test("a page ends early when its headers are large: memory has a bound, and no message is lost or asked for twice", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `m${index}`);
  const filler = `${"x".repeat(990)}\r\n`;
  for (const command of ["TOP", "RETR"]) {
    const capabilities = command === "TOP" ? ["TOP", "UIDL"] : ["UIDL"];
    const header = names.map((name) => ({
      uidl: name,
      mime: message(name, "x\r\n", `X-Filler: ${filler} ${`y${filler} `.repeat(900)}\r\n`),
    }));
    await reading({ messages: header, capabilities }, async (source, server) => {
      const pages: string[][] = [];
      for (let cursor: Cursor | null = null, more = true; more; ) {
        const pull = await page(source, cursor);
        pages.push(messageIds(pull.heads));
        ({ cursor, more } = pull);
      }
      assert.deepEqual(pages.flat(), names.map(idOf));
      assert.ok(pages.length >= 2 && pages.length <= 4, JSON.stringify(pages));
      const asked = server.heard.flat().filter((one) => one.startsWith(command));
      assert.equal(asked.length, names.length);
      // Also a look at many by name reads them all.
      assert.equal((await source.find("INBOX", idOf("m19"))).length, 1);
    });
  }
  // A body that comes with the header is none.
  const body = names.map((name) => ({ uidl: name, mime: message(name, filler.repeat(900)) }));
  await reading({ messages: body, capabilities: ["UIDL", "PIPELINING"] }, async (source) => {
    const { heads, more } = await page(source);
    assert.deepEqual([heads.length, more, heads.some(({ truncated }) => truncated)], [names.length, false, false]);
  });
});

test("a damaged listing is no listing: nothing counts as gone", async () => {
  for (const answer of ["+OK\r\n1 uid-a\r\nnonsense\r\n.\r\n", "+OK\r\n1 uid-a\r\n1 uid-b\r\n.\r\n", "+OK\r\n1 uid-a\r\n.\r\n"]) {
    const script = (command: string) => (command === "UIDL" ? answer : undefined);
    await failing(() => reading({ messages: box("a", "b"), script }, (source) => page(source)), "listing damaged");
  }
});

test("a message at which the server hangs up again and again stops neither the others nor the mailbox", async () => {
  const script = (command: string) => (/^(TOP|RETR) 2\b/.test(command) ? null : undefined);
  await reading({ messages: box("a", "b", "c"), script }, async (source) => {
    const { heads } = await page(source);
    assert.deepEqual(
      heads.map((head) => [head.messageId, head.unreadable === undefined]),
      [
        [idOf("a"), true],
        [null, false],
        [idOf("c"), true],
      ],
    );
    const answered: string[] = [];
    await failing(async () => {
      for await (const content of source.content(
        heads.map((head) => head.ref),
        { maximumSize: 1_000_000 },
      )) {
        assert.equal(content.kind, "mime");
        answered.push(content.ref.id);
      }
    }, "message unreadable");
    assert.deepEqual(answered, [heads[0]?.ref.id, heads[2]?.ref.id]);
  });
});

test("a server that loses count of many commands at a time is asked one by one", async () => {
  let confused = false;
  const script = (command: string, connection: number) => {
    if (connection !== 1 || !command.startsWith("TOP")) return undefined;
    confused = true;
    return "250 what was the question?\r\n";
  };
  await reading({ messages: box("a", "b", "c"), script }, async (source, server) => {
    assert.deepEqual(messageIds((await page(source)).heads), ["a", "b", "c"].map(idOf));
    assert.deepEqual([confused, server.heard.length], [true, 2]);
  });
});

test("deleting that does not come to QUIT deletes nothing, and a refused QUIT is told", async () => {
  const cutAt = (verb: string) => (command: string, connection: number) =>
    command.startsWith(verb) && connection === 1 ? null : undefined;
  for (const verb of ["DELE 2", "QUIT"]) {
    await reading({ messages: box("a", "b"), script: cutAt(verb) }, async (source, server) => {
      const refs = (await page(source)).heads.map((head) => head.ref);
      const lost = refs.map((ref) => [ref, "connection lost", true]);
      const broken = await source.apply(refs, "delete");
      assert.deepEqual(told(broken), lost);
      assert.ok(
        broken.undone.every(({ apart }) => apart === true),
        "one of them may be why",
      );
      assert.equal(server.messages.length, 2, verb);
      const earlier = refs.map((ref) => [ref, "messages not looked at", true]);
      assert.deepEqual(told(await source.apply(refs, "delete")), earlier);
      assert.equal(server.messages.length, 2, "what was looked at in the session that broke may be another message now");
      await source.heads(refs);
      assert.deepEqual(await source.apply(refs, "delete"), { changed: refs, gone: [], undone: [] });
      assert.equal(server.messages.length, 0);
    });
  }
});

test("each message is told whether it was deleted, by the server's words about it, also where the end is refused or lost", async () => {
  const words = "-ERR some deleted messages not removed\r\n";
  for (const [act, marked] of [
    [undefined, null],
    [words, ["message not deleted", "some deleted messages not removed"]],
    [null, ["connection lost", undefined]],
  ] as const) {
    const script = (command: string) => (command === "DELE 2" ? "-ERR held\r\n" : command === "QUIT" ? act : undefined);
    await reading({ messages: box("a", "b", "c"), script }, async (source, server) => {
      const refs = (await page(source)).heads.map((head) => head.ref);
      const { changed, undone } = await source.apply(refs, "delete");
      const said = undone.map(({ ref, failure }) => [ref.id.split(" ")[0], failure.code, failure.serverSaid]);
      const held = ["uid-b", "message not deleted", "held"];
      assert.deepEqual(said, marked === null ? [held] : [["uid-a", ...marked], held, ["uid-c", ...marked]]);
      assert.deepEqual(changed, marked === null ? [refs[0], refs[2]] : []);
      if (marked === null) assert.equal(server.messages.length, 1);
    });
  }
});

test("a message that arrives between two looks is found by the second, in the same source", () =>
  reading({ messages: box("a") }, async (source, server) => {
    assert.deepEqual(await source.find("INBOX", idOf("b")), []);
    server.messages = box("a", "b");
    assert.equal((await source.find("INBOX", idOf("b"))).length, 1);
  }));

test("a server that falls silent, drips or never answers is given up after its time", async () => {
  const silent = (command: string) => (command.startsWith("TOP") ? "" : undefined);
  await using server = await startScriptedPop3({ messages: box("a"), script: silent });
  const source = open(server, { timeout: 300 });
  const begun = Date.now();
  await failing(() => page(source), "connection timed out");
  await source.close();
  assert.ok(Date.now() - begun < 3000);
  await using mute = await startScriptedPop3({ greeting: null });
  const other = open(mute, { timeout: 300 });
  await failing(() => other.folders(), "no greeting");
  await other.close();
});

test("the order of a page is the server's, and what lies in the first reading before the start is left out, but not what only its sender dated", () => {
  const old = "Received: by mail; Mon, 1 Jun 2020 00:00:00 +0000\r\n";
  const messages = [
    { uidl: "1", mime: message("old", undefined, old) },
    { uidl: "2", mime: message("undated") },
    { uidl: "3", mime: message("new", undefined, "Received: by mail; Tue, 24 Nov 2026 00:00:00 +0000\r\n") },
  ];
  const since = new Date("2026-11-24T00:00:00Z");
  return reading({ messages }, async (source, server) => {
    const pull = await source.pull("INBOX", null, { limit: 2, since });
    assert.ok(pull.kind === "page" && pull.more);
    assert.deepEqual(messageIds(pull.heads), [idOf("undated")]);
    assert.equal(pull.heads[0]?.receivedFrom, "sender");
    const rest = await source.pull("INBOX", pull.cursor, { limit: 2, since });
    assert.ok(rest.kind === "page" && !rest.more);
    assert.deepEqual(messageIds(rest.heads), [idOf("new")]);
    server.messages = [...server.messages, { uidl: "4", mime: message("late", undefined, old) }];
    const later = await source.pull("INBOX", rest.cursor, { limit: 2, since });
    assert.ok(later.kind === "page");
    assert.deepEqual(messageIds(later.heads), [idOf("late")], "after the first reading everything new is told");
  });
});
