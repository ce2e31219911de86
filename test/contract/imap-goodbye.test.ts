/** A server that says goodbye, or hangs up without a word, when a message is asked for: whether the message is to blame, or the server goes away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Cursor, MessageRef } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type ScriptedImap, type ScriptedImapOptions, type ScriptedMessage, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

async function withServer(options: ScriptedImapOptions, work: (source: MailSource, server: ScriptedImap) => Promise<void>): Promise<void> {
  await using server = await startScriptedImap(options);
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  await work(system.source(access("ann")), server);
}

const some = (...uids: number[]): ScriptedMessage[] => uids.map((uid) => ({ uid, mime: message(`m${uid}`) }));

async function page(source: MailSource, cursor: Cursor | null): Promise<Extract<Pull, { kind: "page" }>> {
  const pull = await source.pull("INBOX", cursor, { limit: 100, since: new Date("2001-01-01") });
  if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
  return pull;
}

/** Whether a command asks for one of the messages from the first to the second. */
const asksFor = (command: string, first: number, second: number) => {
  const set = /^UID FETCH ([\d,:]+) /.exec(command)?.[1] ?? "";
  return set.split(",").some((range) => {
    const [from = 0, to = from] = range.split(":").map(Number);
    return from <= second && first <= to;
  });
};

const uidsOf = (pull: Extract<Pull, { kind: "page" }>) => pull.heads.map((head) => Number(head.ref.id.split(".")[1]));

test("a server that hangs up at the only new message and then on everybody who opens the mailbox is in trouble itself: the message comes when it is back", async () => {
  let down: "no" | "soon" | "yes" = "no";
  const script = (command: string) => {
    if (down === "soon" && /^UID FETCH 2 .*HEADER/.test(command)) down = "yes";
    return down === "yes" && /^(UID FETCH|EXAMINE)/.test(command) ? null : undefined;
  };
  await withServer({ script, inbox: { uidNext: 2, messages: some(1) } }, async (source, { inbox }) => {
    const first = await page(source, null);
    inbox.messages = some(1, 2);
    inbox.uidNext = 3;
    down = "soon";
    await assert.rejects(page(source, first.cursor), { code: "connection lost", scope: "mailbox" });
    down = "no";
    const second = await page(source, first.cursor);
    assert.deepEqual([uidsOf(second), second.heads[0]?.unreadable], [[2], undefined]);
  });
});

test("a message at which the connection broke, and which comes when it is asked for again, is to blame for nothing", async () => {
  let breaks = 0;
  const script = (command: string) => (asksFor(command, 3, 3) && /HEADER|BODY\.PEEK\[\]/.test(command) && breaks-- > 0 ? null : undefined);
  await withServer({ script, inbox: { uidNext: 5, messages: some(1, 2, 3, 4) } }, async (source) => {
    // All four, two of them, and it alone.
    breaks = 3;
    const { heads } = await page(source, null);
    assert.deepEqual(
      heads.map((head) => [Number(head.ref.id.split(".")[1]), head.unreadable]),
      [1, 2, 3, 4].map((uid) => [uid, undefined]),
    );
    breaks = 3;
    const { read, code } = await contentsOf(
      source,
      heads.map((head) => head.ref),
    );
    assert.deepEqual([read.length, code, breaks], [4, "", -1]);
  });
});

test("a server that says goodbye at the only new message and then to everybody is in trouble itself: the message comes when it is back", async () => {
  const bye = { cut: "* BYE Server shutting down.\r\n" };
  for (const lost of ["greeting", "EXAMINE"]) {
    let down: "no" | "soon" | "yes" = "no";
    const options: { greeting: string } & ScriptedImapOptions = {
      greeting: "* OK ready",
      inbox: { uidNext: 2, messages: some(1) },
      script(command) {
        if (down === "soon" && /^UID FETCH 2 .*HEADER/.test(command)) {
          down = "yes";
          if (lost === "greeting") options.greeting = "* BYE Server shutting down.";
          return bye;
        }
        return down === "yes" && command.startsWith(lost) ? bye : undefined;
      },
    };
    await withServer(options, async (source, { inbox }) => {
      const first = await page(source, null);
      inbox.messages = some(1, 2);
      inbox.uidNext = 3;
      down = "soon";
      await assert.rejects(page(source, first.cursor), { code: "server closing", serverSaid: "Server shutting down." });
      down = "no";
      options.greeting = "* OK ready";
      const second = await page(source, first.cursor);
      assert.deepEqual([uidsOf(second), second.heads[0]?.unreadable], [[2], undefined]);
    });
  }
});

for (const [what, act, words] of [
  ["says goodbye", { cut: "* BYE Internal error\r\n" }, "The server ends the connection when the folder is opened: Internal error"],
  ["hangs up", null, "The server ends the connection when the folder is opened."],
] as const) {
  const list = ["INBOX", "A", "B", "C", "D"].map((path) => `* LIST () "/" ${path}\r\n`).join("");
  const opening = (broken: ReadonlySet<string>) => (command: string) =>
    command === 'LIST "" "*"' ? `${list}OK done` : broken.has(/^EXAMINE (\S+)/.exec(command)?.[1] ?? "") ? act : undefined;
  const signIns = ({ heard }: ScriptedImap) => heard.filter((command) => command.startsWith("LOGIN")).length;

  test(`folders at which the server ${what} while they are listed are told with what it does, and the others are listed`, async () => {
    await withServer({ script: opening(new Set(["A", "B", "D"])) }, async (source, server) => {
      const folders = await source.folders();
      assert.deepEqual(
        folders.map(({ id, unreadable }) => [id, unreadable]),
        [
          ["INBOX", null],
          ["A", words],
          ["B", words],
          ["C", null],
          ["D", words],
        ],
      );
      assert.equal(signIns(server), 7, "two connections are lost to each");
    });
  });

  test(`a folder at which the server ${what} once while it is listed is listed as ever`, async () => {
    const broken = new Set(["B"]);
    const script = (command: string) => {
      const answer = opening(broken)(command);
      if (command === "EXAMINE B") broken.clear();
      return answer;
    };
    await withServer({ script }, async (source, server) => {
      assert.deepEqual(new Set((await source.folders()).map(({ unreadable }) => unreadable)), new Set([null]));
      assert.equal(signIns(server), 2);
    });
  });

  test(`a server that ${what} at more folders, or at all there are, is in trouble itself`, async () => {
    const inboxAlone = (command: string) => (command.startsWith("EXAMINE") ? act : undefined);
    for (const [script, connections] of [
      [opening(new Set(["A", "B", "C", "D"])), 7],
      [inboxAlone, 3],
    ] as const)
      await withServer({ script }, async (source, server) => {
        await assert.rejects(source.folders(), { code: act === null ? "connection lost" : "server closing" });
        assert.equal(signIns(server), connections);
      });
  });
}

const damages = [
  { what: "says goodbye", act: { cut: "* BYE FETCH failed\r\n" }, code: "server closing", words: /^FETCH failed$/ },
  { what: "hangs up without a word", act: null, code: "connection lost", words: /^The connection with 127\.0\.0\.1:\d+ broke/ },
  {
    what: "reports a fault of its own",
    act: "NO [SERVERBUG] Internal error",
    code: "server fault",
    words: /^Internal error$/,
  },
] as const;

/** The names of the messages whose content comes, and the code of what came after them. */
async function contentsOf(source: MailSource, refs: readonly MessageRef[]): Promise<{ readonly read: string[]; readonly code: string }> {
  const read: string[] = [];
  try {
    for await (const { ref } of source.content(refs, { maximumSize: 1_000_000 })) read.push(ref.id);
    return { read, code: "" };
  } catch (error) {
    assert.ok(error instanceof Failure);
    return { read, code: error.code };
  }
}

test("six messages side by side at which the server hangs up or says goodbye, among good ones: each is told, and the folder goes on behind them", async () => {
  const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const good = [1, 2, 9, 10, 11];
  let damage: { readonly part: RegExp; readonly act: null | { readonly cut: string } } = { part: /HEADER/, act: null };
  const script = (command: string) => (asksFor(command, 3, 8) && damage.part.test(command) ? damage.act : undefined);
  await withServer({ script, inbox: { uidNext: 12, messages: some(...all) } }, async (source) => {
    const pages = [await page(source, null)];
    for (let last = pages[0]; last?.more === true; pages.push(last)) last = await page(source, last.cursor);
    const heads = pages.flatMap((one) => one.heads);
    const told = new Map(heads.map((head) => [Number(head.ref.id.split(".")[1]), head.unreadable === undefined]));
    assert.equal(heads.length, all.length);
    assert.deepEqual(
      all.map((uid) => told.get(uid)),
      all.map((uid) => good.includes(uid)),
    );
    damage = { part: /BODY\.PEEK\[\]/, act: { cut: "* BYE FETCH failed\r\n" } };
    const { read, code } = await contentsOf(
      source,
      heads.map((head) => head.ref),
    );
    assert.deepEqual([read.map((id) => Number(id.split(".")[1])).sort((a, b) => a - b), code], [good, "message unreadable"]);
  });
});

for (const { what, act, code, words } of damages) {
  test(`the only new message at which the server ${what} each time is told as damaged, and does not stop the mailbox`, async () => {
    const script = (command: string) => (asksFor(command, 2, 2) && /HEADER/.test(command) ? act : undefined);
    await withServer({ script, inbox: { uidNext: 2, messages: some(1) } }, async (source, { inbox }) => {
      const first = await page(source, null);
      inbox.messages = some(1, 2);
      inbox.uidNext = 3;
      const second = await page(source, first.cursor);
      assert.deepEqual(uidsOf(second), [2]);
      assert.match(second.heads[0]?.unreadable ?? "", words);
      assert.deepEqual(
        (await source.heads([...first.heads, ...second.heads].map((head) => head.ref))).map((head) => head.unreadable === undefined),
        [true, false],
        "heads that are asked for by name",
      );
    });
  });

  for (const [apart, howTheyCome] of [
    [true, "one after the other"],
    [false, "at once"],
  ] as const) {
    test(`two messages at which the server ${what}, ${howTheyCome}: both are told as damaged, and new mail behind them comes`, async () => {
      const script = (command: string) => (asksFor(command, 3, 4) && /HEADER/.test(command) ? act : undefined);
      await withServer({ script, inbox: { uidNext: 3, messages: some(1, 2) } }, async (source, { inbox }) => {
        let { cursor } = await page(source, null);
        const told: (readonly [number, boolean])[] = [];
        for (const uids of apart ? [[3], [4], [5]] : [[3, 4], [5]]) {
          inbox.messages = [...inbox.messages, ...some(...uids)];
          inbox.uidNext = Math.max(...uids) + 1;
          const next = await page(source, cursor);
          told.push(...next.heads.map((head) => [Number(head.ref.id.split(".")[1]), head.unreadable === undefined] as const));
          ({ cursor } = next);
        }
        assert.deepEqual(told, [
          [3, false],
          [4, false],
          [5, true],
        ]);
      });
    });

    test(`two messages at whose content the server ${what}, ${howTheyCome}: both are told as damaged`, async () => {
      const script = (command: string) => (asksFor(command, 3, 4) && /BODY\.PEEK\[\]/.test(command) ? act : undefined);
      await withServer({ script, inbox: { uidNext: 5, messages: some(1, 2, 3, 4) } }, async (source) => {
        const [, , third, fourth] = (await page(source, null)).heads.map((head) => head.ref);
        assert.ok(third && fourth);
        for (const refs of apart ? [[third], [fourth]] : [[third, fourth]])
          assert.deepEqual(await contentsOf(source, refs), { read: [], code: "message unreadable" });
      });
    });
  }

  test(`a server that ${what} at all messages is in trouble itself, whatever lies there`, async () => {
    let isSick = false;
    const script = (command: string) => (isSick && /^UID FETCH .*(HEADER|BODY\.PEEK)/.test(command) ? act : undefined);
    await withServer({ script, inbox: { uidNext: 5, messages: some(1, 2, 3, 4) } }, async (source, { inbox }) => {
      const { cursor, heads } = await page(source, null);
      isSick = true;
      for (const fresh of [[5], [5, 6]]) {
        inbox.messages = some(1, 2, 3, 4, ...fresh);
        inbox.uidNext = Math.max(...fresh) + 1;
        await assert.rejects(page(source, cursor), { code, scope: "folder" });
      }
      const refs = heads.slice(2).map((head) => head.ref);
      assert.equal((await contentsOf(source, refs)).code, code);
    });
  });
}
