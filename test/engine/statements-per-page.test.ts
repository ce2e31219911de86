import assert from "node:assert/strict";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { counted } from "../counted-database.ts";
import { onBothEngines } from "../databases.ts";
import { changeSources } from "./change-sources.ts";
import { INBOX, type MemoryBox, openMemoryWorld } from "./memory-world.ts";
import { addressOf } from "./rig.ts";

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
      return statementsOf(count, box, { received: 5 * ofEach, quarantined: ofEach });
    };
    assertNoGrowth(await rounds(4), await rounds(40));
  },
);

onBothEngines("nor does one of sent mail, a person's and copies of Waypost's own and strayed ones", async (real) => {
  const count = counted(real);
  const settings = { AutoTrackSentFolderItems: true };
  await using world = await openMemoryWorld(count.database, exchangeKind, { mailboxes: 2, filter: "contacts", settings });
  const rounds = async (ofEach: number) => {
    const box = world.nextBox();
    const own = addressOf(box.name);
    for (let index = 0; index < ofEach; index++) {
      const mark = `X-Waypost-Email: 0198a6a2-6f0e-7c11-9d1f-${String(index).padStart(12, "0")}`;
      box.arrive(`sent-${index}`, ["Sent"], { from: own, to: [`dan${index}@stranger.test`] });
      box.arrive(`nameless-${index}`, ["Sent"], { from: own, to: [`eve${index}@stranger.test`], anonymous: true });
      box.arrive(`marked-${index}`, ["Sent"], { from: `${own}\r\n${mark}`, to: [`dan${index}@stranger.test`] });
      box.arrive(`strayed-${index}`, ["Sent"], { from: `dan${index}@stranger.test`, to: [own] });
    }
    return statementsOf(count, box, { received: 4 * ofEach, quarantined: 0 });
  };
  assertNoGrowth(await rounds(4), await rounds(40));
});

/** Statements of a first round, and of one in which all is read again. */
async function statementsOf(
  count: ReturnType<typeof counted>,
  box: MemoryBox,
  expected: { readonly received: number; readonly quarantined: number },
): Promise<readonly number[]> {
  const before = count.statements;
  const { received, quarantined } = await box.round();
  assert.deepEqual({ received, quarantined }, expected);
  const first = count.statements - before;
  await count.database.query("update waypost.stream set cursor_base = '', cursor = 'unknown'");
  const again = count.statements;
  assert.equal((await box.round()).received, 0, "all are known again");
  return [first, count.statements - again];
}

function assertNoGrowth(few: readonly number[], many: readonly number[]): void {
  for (const [index, statements] of many.entries())
    assert.ok(statements <= (few[index] ?? 0) + BESIDE, `${few} statements for a few messages, ${many} for ten times as many`);
}
