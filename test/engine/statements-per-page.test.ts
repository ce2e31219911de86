import assert from "node:assert/strict";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { counted } from "../counted-database.ts";
import { onBothEngines } from "../databases.ts";
import { changeSources } from "./change-sources.ts";
import { INBOX, type MemoryBox, openMemoryWorld } from "./memory-world.ts";

/** Messages of every sort that becomes no email: new, without a Message-ID, answers, written by programs, and such as the server withholds. */
function arriveAll(box: MemoryBox, ofEach: number): void {
  for (let index = 0; index < ofEach; index++) {
    box.arrive(`plain-${index}`);
    box.arrive(`nameless-${index}`, [INBOX], { anonymous: true });
    box.arrive(`answer-${index}`, [INBOX], { answers: `unknown-${index}` });
    box.arrive(`program-${index}`, [INBOX], { from: `robot${index}@stranger.test\r\nAuto-Submitted: auto-replied` });
    box.arrive(`withheld-${index}`);
  }
}

/** What else asks the database by the clock while a round goes on. */
const BESIDE = 5;

onBothEngines(
  "a page of forty messages of each sort takes no more statements than one of four, first and when all are read again",
  async (real) => {
    const count = counted(real);
    await using world = await openMemoryWorld(count.database, exchangeKind, { mailboxes: 2, filter: "contacts" });
    using _ = changeSources(world.app, (source) => {
      const pull = source.pull.bind(source);
      source.pull = async (...asked) => {
        const pulled = await pull(...asked);
        if (pulled.kind !== "page") return pulled;
        const withheld = (subject: string) => (subject.includes("withheld") ? { messageId: null, unreadable: "Internal error" } : {});
        return { ...pulled, heads: pulled.heads.map((head) => ({ ...head, ...withheld(head.subject) })) };
      };
      return source;
    });
    const rounds = async (ofEach: number) => {
      const box = world.nextBox();
      arriveAll(box, ofEach);
      const before = count.statements;
      const { received, quarantined } = await box.round();
      assert.deepEqual([received, quarantined], [5 * ofEach, ofEach]);
      const first = count.statements - before;
      await real.query("update waypost.stream set cursor_base = '', cursor = 'unknown'");
      assert.equal((await box.round()).received, 0, "all are known again");
      return [first, count.statements - before - first];
    };
    const [few, many] = [await rounds(4), await rounds(40)];
    for (const [index, statements] of many.entries())
      assert.ok(statements <= (few[index] ?? 0) + BESIDE, `${few} statements for twenty messages, ${many} for two hundred`);
  },
);
