/** Servers that leave out, mix up or refuse things, as others have met them (peers.md B3, B4, B14). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Content, Cursor, MessageRef } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type ScriptedImap, type ScriptedImapOptions, type ScriptedMessage, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

const OPTIONS = { limit: 100, since: new Date("2001-01-01") };

async function withServer(
  options: ScriptedImapOptions,
  work: (source: MailSource, server: ScriptedImap) => Promise<void>,
  largest = 100_000,
): Promise<void> {
  await using server = await startScriptedImap(options);
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), largest) });
  await work(system.source(access("ann")), server);
}

const some = (...uids: number[]): ScriptedMessage[] => uids.map((uid) => ({ uid, mime: message(`m${uid}`) }));

async function page(source: MailSource, cursor: Cursor | null, limit = 100): Promise<Extract<Pull, { kind: "page" }>> {
  const pull = await source.pull("INBOX", cursor, { ...OPTIONS, limit });
  if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
  return pull;
}

const uidsOf = (pull: Extract<Pull, { kind: "page" }>) => pull.heads.map((head) => Number(head.ref.id.split(".")[1]));

async function contents(source: MailSource, refs: readonly MessageRef[], maximumSize = 50_000): Promise<Content[]> {
  const all: Content[] = [];
  for await (const content of source.content(refs, { maximumSize })) all.push(content);
  return all;
}

test("another UIDVALIDITY is a lost cursor, whether it is higher or lower", async () => {
  await withServer({ inbox: { validity: "7", uidNext: 4, messages: some(1, 2, 3) } }, async (source, { inbox }) => {
    const { cursor } = await page(source, null);
    for (const validity of ["8", "6", "70"]) {
      inbox.validity = validity;
      assert.equal((await source.pull("INBOX", cursor, OPTIONS)).kind, "reset", validity);
    }
    inbox.validity = "7";
    assert.equal((await source.pull("INBOX", cursor, OPTIONS)).kind, "page");
  });
});

test("a UIDNEXT that goes back is a lost cursor", async () => {
  await withServer({ inbox: { uidNext: 10, messages: some(1, 9) } }, async (source, { inbox }) => {
    const { cursor } = await page(source, null);
    inbox.uidNext = 9;
    assert.equal((await source.pull("INBOX", cursor, OPTIONS)).kind, "reset");
  });
});

test("without UIDNEXT in EXAMINE, STATUS is asked", async () => {
  let next = 8;
  const script = (command: string) => (command.startsWith("STATUS") ? `* STATUS INBOX (UIDNEXT ${next})\r\nOK done` : undefined);
  await withServer({ script, inbox: { messages: some(1, 5) } }, async (source, { inbox, heard }) => {
    const { cursor } = await page(source, null);
    inbox.messages = some(1, 5, 8);
    next = 9;
    assert.deepEqual(uidsOf(await page(source, cursor)), [8]);
    assert.ok(heard.some((command) => command.startsWith("STATUS")));
  });
});

test("without any UIDNEXT new mail is still found, and an emptied folder is not a lost cursor", async () => {
  const script = (command: string) => (command.startsWith("STATUS") ? "NO not here" : undefined);
  await withServer({ script, inbox: { messages: some(3, 5) } }, async (source, { inbox }) => {
    const first = await page(source, null);
    assert.deepEqual(uidsOf(first), [3, 5]);
    inbox.messages = some(3, 5, 6);
    const second = await page(source, first.cursor);
    assert.deepEqual(uidsOf(second), [6]);
    inbox.messages = [];
    const third = await page(source, second.cursor);
    assert.deepEqual([uidsOf(third), third.present], [[], []]);
    inbox.messages = some(9);
    assert.deepEqual(uidsOf(await page(source, third.cursor)), [9]);
  });
});

test("a server that always returns the last message does not make it new", async () => {
  const script = (command: string) => (/^UID SEARCH UID 10:/.test(command) ? "* SEARCH 9\r\nOK done" : undefined);
  await withServer({ script, inbox: { uidNext: 10, messages: some(1, 9) } }, async (source, { inbox }) => {
    const { cursor } = await page(source, null);
    inbox.uidNext = 12;
    const next = await page(source, cursor);
    assert.deepEqual([uidsOf(next), next.gone, next.present, next.more], [[], [], null, false]);
  });
});

test("one message that makes the server refuse a whole FETCH costs no other, and is itself told with what is known", async () => {
  const script = (command: string) => (/^UID FETCH (2|1:3) .*HEADER/.test(command) ? "NO [SERVERBUG] internal error" : undefined);
  await withServer({ script, inbox: { uidNext: 4, messages: some(1, 2, 3) } }, async (source) => {
    const { heads } = await page(source, null);
    assert.deepEqual(
      heads.map((head) => [head.ref.id, head.messageId]),
      [
        ["7.1", "m1@example.test"],
        ["7.2", null],
        ["7.3", "m3@example.test"],
      ],
    );
    assert.equal(heads[1]?.received.toISOString(), "2026-11-23T10:00:00.000Z");
    assert.ok((heads[1]?.size ?? 0) > 0);
  });
});

test("an answer that makes no sense costs no other message", async () => {
  const garbled = (uid: number) => `* 2 FETCH (UID ${uid} BODY[HEADER.FIELDS (X)] "unclosed\r\n`;
  const script = (command: string) => {
    if (/^UID FETCH 2 .*HEADER/.test(command)) return `${garbled(2)}OK done`;
    if (!/^UID FETCH 1:3 .*HEADER/.test(command)) return undefined;
    const row = (seq: number) => {
      const header = `Message-ID: <m${seq}@example.test>\r\n\r\n`;
      return `* ${seq} FETCH (UID ${seq} BODY[HEADER.FIELDS (MESSAGE-ID)] {${header.length}}\r\n${header})\r\n`;
    };
    return `${row(1)}${garbled(2)}${row(3)}OK done`;
  };
  await withServer({ script, inbox: { uidNext: 4, messages: some(1, 2, 3) } }, async (source) => {
    const { heads } = await page(source, null);
    assert.deepEqual(
      heads.map((head) => head.messageId),
      ["m1@example.test", null, "m3@example.test"],
    );
  });
});

test("a message without an INTERNALDATE that can be counts as received when it is read, whatever its Date says", async () => {
  const messages = [
    { uid: 1, mime: message("m1"), internalDate: null },
    { uid: 2, mime: Buffer.from("Subject: no date\r\n\r\nx"), internalDate: "nonsense" },
    ...["01-Jan-275760 00:00:00 +0000", "01-Jan--4000 00:00:00 +0000", "01-Jan-1969 00:00:00 +0000"].map((internalDate, index) => ({
      uid: 3 + index,
      mime: message("m"),
      internalDate,
    })),
  ];
  await withServer({ inbox: { uidNext: 6, messages } }, async (source) => {
    const before = Date.now();
    const { heads } = await page(source, null);
    assert.equal(heads.length, messages.length);
    for (const { ref, received } of heads) {
      assert.ok(received.getTime() >= before && received.getTime() <= Date.now(), `${ref.id}: the moment of reading`);
    }
  });
});

test("a listing that does not agree with the number of messages deletes nothing, and is taken again the next time", async () => {
  let hasty = true;
  // One more than EXISTS says: something arrived while the server was searching.
  const script = (command: string) => (hasty && command === "UID SEARCH ALL" ? "* SEARCH 1 4 5\r\nOK done" : undefined);
  await withServer({ script, inbox: { uidNext: 5, messages: some(1, 2, 3, 4) } }, async (source, { inbox }) => {
    const { cursor } = await page(source, null);
    inbox.messages = some(1, 4);
    const doubtful = await page(source, cursor);
    assert.deepEqual([doubtful.gone, doubtful.present], [[], null]);
    hasty = false;
    const settled = await page(source, doubtful.cursor);
    assert.deepEqual([settled.gone, settled.present], [[], ["7.1", "7.4"]]);
    assert.equal((await page(source, settled.cursor)).present, null);
  });
});

test("tombstones that do not account for all that is missing are completed by a listing", async () => {
  const capabilities = ["ENABLE", "CONDSTORE", "QRESYNC"];
  let vanished = "";
  const script = (command: string) =>
    command.includes("QRESYNC (")
      ? `* 1 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 5] n\r\n* OK [HIGHESTMODSEQ 20] m\r\n${vanished}OK [READ-ONLY] done`
      : undefined;
  await withServer(
    { script, capabilities, inbox: { uidNext: 5, modseq: "10", messages: some(1, 2, 3, 4) } },
    async (source, { inbox, heard }) => {
      const { cursor } = await page(source, null);
      inbox.messages = some(4);
      vanished = "* VANISHED (EARLIER) 1\r\n";
      const incomplete = await page(source, cursor);
      assert.deepEqual([incomplete.gone.map((ref) => ref.id), incomplete.present], [["7.1"], ["7.4"]]);
      vanished = "* VANISHED (EARLIER) 1:3\r\n";
      const complete = await page(source, cursor);
      assert.deepEqual([complete.gone.map((ref) => ref.id), complete.present], [["7.1", "7.2", "7.3"], null]);
      vanished = "* VANISHED (EARLIER) 1:3,5:200000\r\n";
      const flooded = await page(source, cursor);
      assert.deepEqual([flooded.gone, flooded.present], [[], ["7.4"]]);
      assert.ok(
        heard.some((command) => command.includes("QRESYNC (7 10)")),
        "asked from where the cursor stands",
      );
    },
  );
});

test("folders and messages with ids of their own keep them (OBJECTID)", async () => {
  await withServer({ capabilities: ["OBJECTID"], inbox: { uidNext: 2, mailboxId: "F2212ea87", messages: some(1) } }, async (source) => {
    const [inbox] = await source.folders();
    assert.equal(inbox?.id, "F2212ea87");
    const pull = await source.pull("F2212ea87", null, OPTIONS);
    assert.ok(pull.kind === "page" && pull.heads[0]?.providerId === "M1" && pull.heads[0].ref.stream === "F2212ea87");
  });
  await withServer({ capabilities: ["OBJECTID"], inbox: { uidNext: 2, mailboxId: "F2212ea87", messages: some(1) } }, async (source) => {
    assert.equal((await source.pull("F2212ea87", null, OPTIONS)).kind, "page", "a new source finds the folder by its id");
  });
});

test("a message larger than announced is cut off at the limit", async () => {
  const large = { uid: 2, mime: message("m2", "x".repeat(300_000)), announcedSize: 100 };
  await withServer({ inbox: { uidNext: 4, messages: [...some(1), large, ...some(3)] } }, async (source) => {
    const { heads } = await page(source, null);
    const answers = await contents(
      source,
      heads.map((head) => head.ref),
    );
    assert.deepEqual(
      answers.map((content) => [content.ref.id, content.kind]),
      [
        ["7.1", "mime"],
        ["7.2", "too large"],
        ["7.3", "mime"],
      ],
    );
  });
});

test("a server that sends far more than it was asked for costs a connection, but no other message", async () => {
  const huge = `Subject: huge\r\n\r\n${"x".repeat(5_000_000)}`;
  const script = (command: string) =>
    /^UID FETCH (1:3|2) .*BODY.PEEK\[\]/.test(command) ? `* 2 FETCH (UID 2 BODY[]<0> {${huge.length}}\r\n${huge})\r\nOK done` : undefined;
  await withServer({ script, inbox: { uidNext: 4, messages: some(1, 2, 3) } }, async (source) => {
    const { heads } = await page(source, null);
    const answers = await contents(
      source,
      heads.map((head) => head.ref),
    );
    assert.deepEqual(
      answers.map((content) => [content.ref.id, content.kind]),
      [
        ["7.1", "mime"],
        ["7.2", "too large"],
        ["7.3", "mime"],
      ],
    );
  });
});

test("messages far larger than announced are asked for in small pieces, and again one by one", async () => {
  const size = 1_000_000;
  const messages = Array.from({ length: 40 }, (_, index) => ({
    uid: index + 1,
    mime: message(`m${index}`, "x".repeat(size)),
    announcedSize: 500,
  }));
  await withServer(
    { inbox: { uidNext: 41, messages } },
    async (source, { heard }) => {
      const { heads } = await page(source, null);
      const answers = await contents(
        source,
        heads.map((head) => head.ref),
        10_000_000,
      );
      assert.ok(answers.every((content) => content.kind === "mime" && content.mime.length > size));
      assert.equal(answers.length, messages.length);
      for (const command of heard.filter((one) => one.includes("BODY.PEEK[]"))) {
        const [, set = "", cut = ""] = /^UID FETCH (\S+) .*<0\.(\d+)>/.exec(command) ?? [];
        const [from = 0, to = from] = set.split(":").map(Number);
        assert.ok(from === to || (to - from + 1) * Number(cut) <= 9 * 1024 * 1024, command);
      }
    },
    10_000_000,
  );
});

test("a server that ignores where it is to cut is hung up on before much is held, and asked for one message at a time", async () => {
  const count = 30;
  const mime = message("big", "x".repeat(3_000_000));
  let sent = 0;
  const script = (command: string, tag: string) => {
    const [, from = "", to = from] = /^UID FETCH (\d+):?(\d*) .*BODY\.PEEK\[\]/.exec(command) ?? [];
    if (from === "") return undefined;
    const uids = Array.from({ length: Number(to || from) - Number(from) + 1 }, (_, index) => Number(from) + index);
    sent += uids.length;
    const rows = uids.flatMap((uid) => [
      Buffer.from(`* ${uid} FETCH (UID ${uid} BODY[]<0> {${mime.length}}\r\n`),
      mime,
      Buffer.from(")\r\n"),
    ]);
    return Buffer.concat([...rows, Buffer.from(`${tag} OK done\r\n`)]);
  };
  const messages = Array.from({ length: count }, (_, index) => ({ uid: index + 1, mime, announcedSize: 500 }));
  await withServer(
    { script, inbox: { uidNext: count + 1, messages } },
    async (source) => {
      const { heads } = await page(source, null);
      const answers = await contents(
        source,
        heads.map((head) => head.ref),
        4_000_000,
      );
      assert.deepEqual(
        [answers.length, answers.every((content) => content.kind === "mime" && content.mime.length === mime.length)],
        [count, true],
      );
      assert.equal(sent, 2 * count, "once together, once alone");
    },
    4_000_000,
  );
});

test("a message that is there but not handed out is a failure of that message, after all others are answered", async () => {
  const script = (command: string) => (/^UID FETCH (1:3|2) .*BODY.PEEK\[\]/.test(command) ? "NO cannot read" : undefined);
  await withServer({ script, inbox: { uidNext: 4, messages: some(1, 2, 3) } }, async (source) => {
    const { heads } = await page(source, null);
    const answered: string[] = [];
    await assert.rejects(
      async () => {
        for await (const content of source.content(
          heads.map((head) => head.ref),
          { maximumSize: 50_000 },
        ))
          answered.push(content.ref.id);
      },
      (error: unknown) => error instanceof Failure && error.scope === "item" && error.code === "message unreadable",
    );
    assert.deepEqual(answered, ["7.1", "7.3"]);
  });
});

test("content asked for under another UIDVALIDITY is gone, never another message", async () => {
  await withServer({ inbox: { uidNext: 2, messages: some(1) } }, async (source) => {
    assert.deepEqual(
      (await contents(source, [{ stream: "INBOX", id: "6.1" }])).map((content) => content.kind),
      ["gone"],
    );
    const { changed, gone, undone } = await source.apply([{ stream: "INBOX", id: "6.1" }], "delete");
    assert.deepEqual([changed, gone, undone.map(({ failure: { code, scope } }) => [code, scope])], [[], [], [["message gone", "item"]]]);
  });
});

test("nothing is deleted where EXPUNGE would take along what others marked", async () => {
  await withServer({ capabilities: [], inbox: { uidNext: 2, messages: some(1) } }, async (source, { heard }) => {
    for (const action of ["delete", { moveTo: "Done" }] as const) {
      const { changed, gone, undone } = await source.apply([{ stream: "INBOX", id: "7.1" }], action);
      assert.deepEqual(
        [changed, gone, undone.map(({ ref, failure }) => [ref.id, failure.code])],
        [[], [], [["7.1", "expunge not possible"]]],
      );
    }
    assert.ok(!heard.some((command) => /EXPUNGE|STORE|COPY/.test(command)));
  });
});

test("a search that finds part of a Message-ID finds nothing", async () => {
  await withServer({ inbox: { uidNext: 3, messages: some(1, 12) } }, async (source) => {
    assert.deepEqual(await source.find("INBOX", "m1@example.test"), [{ stream: "INBOX", id: "7.1" }]);
    assert.deepEqual(await source.find("INBOX", "example.test"), []);
  });
});

test("a folder of a hundred thousand messages is read in pages, with few questions and little memory", async () => {
  const count = 100_000;
  const mime = message("same");
  const messages = Array.from({ length: count }, (_, index) => ({ uid: index + 1, mime }));
  await withServer({ inbox: { uidNext: count + 1, messages } }, async (source, { heard }) => {
    let cursor: Cursor | null = null;
    let next = 1;
    for (let pages = 0; pages < 10; pages++) {
      const pull = await page(source, cursor, 200);
      for (const uid of uidsOf(pull)) assert.equal(uid, next++);
      cursor = pull.cursor;
      assert.ok(pull.more && cursor.length < 300, "the cursor stays small");
    }
    const searches = heard.filter((command) => command.startsWith("UID SEARCH"));
    assert.equal(searches.filter((command) => !command.includes("LARGER")).length, 1);
    assert.equal(searches.filter((command) => command.includes("LARGER")).length, 10, "and one for the large ones of each page");
    assert.ok(!heard.some((command) => command.startsWith("SELECT")), "opened for reading only");
    // Opening a large folder can cost the server more than reading a page of it.
    assert.equal(heard.filter((command) => command.startsWith("EXAMINE")).length, 1, "opened once");
    assert.ok(heard.filter((command) => command.startsWith("UID FETCH")).length <= 10);
  });
});

test("a copy that was stored before the connection broke is known to be filed", async () => {
  const capabilities = ["SPECIAL-USE", "LITERAL+", "UIDPLUS"];
  for (const stored of [true, false]) {
    let appended = false;
    const script = (command: string) => {
      if (command.startsWith("LIST")) return '* LIST (\\Sent) "/" Sent\r\nOK done';
      if (command.startsWith("UID SEARCH HEADER")) return `* SEARCH${appended && stored ? " 1" : ""}\r\nOK done`;
      if (!command.startsWith("APPEND")) return undefined;
      appended = true;
      return null;
    };
    await withServer({ capabilities, script, inbox: { uidNext: 2, messages: some(1) } }, async (source) => {
      const filing = source.fileSent("m1@example.test", message("m1"), new Date());
      if (stored) assert.equal(await filing, "filed");
      else await assert.rejects(filing, { code: "connection lost", waitingHelps: true });
    });
  }
});

test("a folder listed twice comes once, and a second path with the same MAILBOXID goes by its path", async () => {
  const script = (command: string) =>
    command.startsWith("LIST ") ? '* LIST () "/" INBOX\r\n* LIST () "/" INBOX/a\r\n* LIST () "/" INBOX/a\r\nOK done' : undefined;
  const ids = async (options: ScriptedImapOptions) => {
    let found: string[] = [];
    await withServer({ script, ...options }, async (source) => {
      found = (await source.folders()).map(({ id }) => id);
      assert.equal((await source.pull("INBOX/a", null, OPTIONS)).kind, "page");
    });
    return found;
  };
  const inbox = { uidNext: 2, messages: some(1) };
  assert.deepEqual(await ids({ inbox }), ["INBOX", "INBOX/a"]);
  assert.deepEqual(await ids({ capabilities: ["OBJECTID"], inbox: { ...inbox, mailboxId: "Fsame" } }), ["Fsame", "INBOX/a"]);
});

test("a folder whose name holds line ends or NUL is unreadable and never named in a command", async () => {
  for (const name of ["INBOX/A\0B", "INBOX/A\r\nx LOGOUT"]) {
    const script = (command: string, tag: string) =>
      command.startsWith("LIST ")
        ? Buffer.from(`* LIST () "/" INBOX\r\n* LIST () "/" {${name.length}}\r\n${name}\r\n${tag} OK done\r\n`, "latin1")
        : undefined;
    await withServer({ script, inbox: { uidNext: 2, messages: some(1) } }, async (source, { heard }) => {
      const folders = await source.folders();
      assert.equal(folders[0]?.unreadable, null);
      for (const odd of folders.slice(1)) {
        assert.equal(odd.unreadable, "Its name holds control characters.");
        assert.ok(!`${odd.id}${odd.name}${odd.stream}`.includes("\0"));
        await assert.rejects(source.pull(odd.stream, null, OPTIONS), { code: "folder unreadable", scope: "folder" });
      }
      assert.ok(!heard.some((command) => command.includes("LOGOUT") || command.includes("/A")), heard.join(" | "));
      // imapflow itself may leave out what it cannot parse.
      assert.ok(folders.length >= 1);
    });
  }
});
