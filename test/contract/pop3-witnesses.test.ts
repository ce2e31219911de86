/** Ids (UIDL) that a server gives a second time, to messages of the same size: nothing in its listing differs. Told by a scripted server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cursor } from "../../src/model/message.ts";
import type { MailSource } from "../../src/ports.ts";
import { answerOf, type ScriptedPop3Options } from "../servers/scripted-pop3.ts";
import { idOf, message, messageIds } from "./mail-source-rig.ts";
import { page, reading } from "./scripted-pop3-rig.ts";

/** Messages of one size, with the numbers of a counter as ids. */
const numbered = (...names: string[]) => names.map((name, index) => ({ uidl: `n${index + 1}`, mime: message(name) }));

const OLD = Array.from({ length: 8 }, (_, index) => `old-${index}`);

const WAYS: readonly (readonly [string, ScriptedPop3Options])[] = [
  ["by TOP", {}],
  ["without TOP", { capabilities: ["UIDL", "USER"] }],
  ["with TOP promised and refused", { script: (command) => (command.startsWith("TOP") ? "-ERR not implemented\r\n" : undefined) }],
  ["without CAPA", { capabilities: null }],
];

/** Message-IDs of what is told again to be compared. */
async function doubted(source: MailSource, cursor: Cursor): Promise<readonly (string | null)[]> {
  return ((await page(source, cursor)).again ?? []).map(({ messageId }) => messageId).toSorted();
}

for (const [way, options] of WAYS) {
  test(`the ids of the last messages are given to others of the same size: they are told again, to be compared (${way})`, () =>
    reading({ ...options, messages: numbered(...OLD, "gone-1", "gone-2", "gone-3") }, async (source, server) => {
      const { cursor } = await page(source);
      assert.equal((await page(source, cursor)).cursor, cursor, "nothing happened");
      for (const fresh of [["came-1"], ["came-1", "came-2", "came-3"]]) {
        server.messages = numbered(...OLD, ...fresh);
        assert.deepEqual(await doubted(source, cursor), fresh.map(idOf));
      }
    }));
}

test("what came before the ids went back, and what left, is no other message; what is written anew is told again, and remembered by what is left", async () => {
  let reads = 0;
  let subject = "Subject: Same\r\n";
  const odd = () =>
    message(`odd-${++reads}`)
      .toString("latin1")
      .replace(/^Subject: .*\r\n/m, subject);
  const script = (command: string) => (command === "TOP 11 0" ? answerOf(odd()) : undefined);
  await reading({ script, messages: numbered(...OLD, "one", "two", "odd-0") }, async (source, server) => {
    const { cursor } = await page(source);
    const next = await page(source, cursor);
    assert.deepEqual([next.heads, next.again?.map(({ ref }) => ref.id.split(" ")[0])], [[], ["n11"]]);
    assert.equal((await page(source, next.cursor)).cursor, next.cursor, "it is known by its subject and recipients");
    subject = "Subject: Other\r\n";
    assert.equal((await page(source, next.cursor)).again?.length, 1, "until they are others");
    server.messages = server.messages.slice(0, -2);
    assert.deepEqual((await page(source, next.cursor)).heads, []);
  });
});

test("a message that is not handed out any more bears no witness, and stops neither the others nor the round", async () => {
  for (const act of ["-ERR damaged\r\n", null]) {
    let damaged = false;
    const script = (command: string) => (damaged && /^(TOP|RETR) 9\b/.test(command) ? act : undefined);
    await reading({ script, messages: numbered(...OLD, "last") }, async (source, server) => {
      const { cursor } = await page(source);
      damaged = true;
      server.messages = numbered(...OLD, "last", "new");
      const next = await page(source, cursor);
      assert.deepEqual(messageIds(next.heads), [idOf("new")]);
      const connections = server.heard.length;
      await page(source, next.cursor);
      assert.equal(server.heard.length, connections + 1, "nobody hangs up again");
      server.messages = numbered(...OLD.slice(0, -1), "new-7", "last", "new");
      assert.deepEqual(await doubted(source, next.cursor), [idOf("new-7")], "the others still do");
      if (act === null) return;
      damaged = false;
      server.messages = numbered(...OLD, "came", "new");
      await page(source);
      assert.ok((await doubted(source, next.cursor)).includes(idOf("came")), "it does when it is handed out again");
    });
  }
});

test("a round looks at few messages again, all at once, however many there are", () => {
  const messages = numbered(...Array.from({ length: 300 }, (_, index) => `m${100 + index}`));
  return reading({ messages }, async (source, server) => {
    let { cursor, more } = await page(source);
    while (more) ({ cursor, more } = await page(source, cursor));
    const before = server.heard.flat().length;
    assert.equal((await page(source, cursor)).cursor, cursor);
    const heard = server.heard.flat().slice(before);
    const asked = heard.filter((command) => command.startsWith("TOP"));
    assert.ok(asked.length >= 6 && asked.length <= 8, JSON.stringify(asked));
  });
});
