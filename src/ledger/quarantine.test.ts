import assert from "node:assert/strict";
import { onBothEngines, type TestDatabase } from "../../test/databases.ts";
import { Failure } from "../model/failure.ts";
import { findDecisions } from "./decision-rows.ts";
import { storeDecisions } from "./decisions.ts";
import { askForRetry, listQuarantine, quarantine, release } from "./quarantine.ts";
import { ANN, BEN, decided, describeMailboxes, later, NOW, ORGANIZATION } from "./test-data.ts";

const tooLarge = new Failure({
  scope: "item",
  code: "too large",
  message: "It has 60 MB.\u0000",
  serverSaid: "NO too big",
  remedy: "Raise the limit.",
  waitingHelps: false,
});

/** One message for Ann and one for Ben; their decisions' numbers. */
async function twoMessages(database: TestDatabase): Promise<[number, number]> {
  await describeMailboxes(database);
  const ids = await database.transaction((tx) =>
    Promise.all(
      [ANN, BEN].map((mailbox) =>
        storeDecisions(tx, ORGANIZATION, mailbox, [decided("one@stranger.test", { outcome: "quarantined" })], NOW),
      ),
    ),
  );
  const [anns = 0, bens = 0] = ids.map((one) => one.get("identity of one@stranger.test"));
  return [anns, bens];
}

onBothEngines(
  "a message that fails again is one row that counts its tries, says the last reason and is not asked for any more",
  async (database) => {
    const [anns] = await twoMessages(database);
    await database.transaction((tx) => quarantine(tx, ANN, [{ decisionId: anns, step: "read", failure: tooLarge }], NOW));
    await askForRetry(database, "all");
    const later5 = new Failure({
      scope: "item",
      code: "broken",
      message: "It cannot be parsed.",
      remedy: "Report it.",
      waitingHelps: false,
    });
    await database.transaction((tx) => quarantine(tx, ANN, [{ decisionId: anns, step: "parse", failure: later5 }], later(5)));
    const [row, ...others] = await listQuarantine(database);
    assert.equal(others.length, 0);
    assert.deepEqual(
      [row?.mailbox, row?.messageId, row?.sender, row?.step, row?.code, row?.message, row?.serverSaid, row?.attempts, row?.retry],
      ["ann@example.test", "one@stranger.test", "carl@stranger.test", "parse", "broken", "It cannot be parsed.", null, 2, false],
    );
    assert.deepEqual([row?.openedAt, row?.triedAt], [NOW, later(5)]);
    assert.equal((await findDecisions(database, "one@stranger.test")).find((one) => one.id === anns)?.quarantine?.attempts, 2);
  },
);

onBothEngines("a retry is asked for by number or for all, and says which mailboxes are to be woken", async (database) => {
  const [anns, bens] = await twoMessages(database);
  await database.transaction((tx) => quarantine(tx, ANN, [{ decisionId: anns, step: "read", failure: tooLarge }], NOW));
  await database.transaction((tx) => quarantine(tx, BEN, [{ decisionId: bens, step: "read", failure: tooLarge }], later(1)));
  const [first, second] = await listQuarantine(database);
  assert.deepEqual([first?.mailboxId, second?.mailboxId, first?.message], [ANN, BEN, "It has 60 MB.\ufffd"]);
  assert.deepEqual(await askForRetry(database, [second?.id ?? 0, 999_999]), { marked: 1, mailboxIds: [BEN] });
  assert.deepEqual(
    (await listQuarantine(database)).map((row) => row.retry),
    [false, true],
  );
  assert.deepEqual(await askForRetry(database, []), { marked: 0, mailboxIds: [] });
  const all = await askForRetry(database, "all");
  assert.deepEqual([all.marked, [...all.mailboxIds].sort()], [2, [ANN, BEN]]);
  assert.equal((await listQuarantine(database, 1)).length, 1);
});

onBothEngines("what is released is not listed, and failing again opens a new row", async (database) => {
  const [anns, bens] = await twoMessages(database);
  for (const [mailbox, decision] of [[ANN, anns] as const, [BEN, bens] as const])
    await database.transaction((tx) => quarantine(tx, mailbox, [{ decisionId: decision, step: "read", failure: tooLarge }], NOW));
  await database.transaction((tx) => release(tx, [anns], later(1)));
  assert.deepEqual(
    (await listQuarantine(database)).map((row) => row.mailboxId),
    [BEN],
  );
  assert.deepEqual(await askForRetry(database, "all"), { marked: 1, mailboxIds: [BEN] });
  await database.transaction((tx) => quarantine(tx, ANN, [{ decisionId: anns, step: "deliver", failure: tooLarge }], later(9)));
  const again = (await listQuarantine(database)).find((row) => row.mailboxId === ANN);
  assert.deepEqual([again?.attempts, again?.openedAt], [1, later(9)]);
});
