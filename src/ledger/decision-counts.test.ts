import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import type { Database } from "../database/database.ts";
import { countDecisions, NO_DECISIONS } from "./decision-counts.ts";
import { storeDecisions } from "./decisions.ts";
import { ANN, BEN, decided, describeMailboxes, NOW, ORGANIZATION } from "./test-data.ts";

async function counted(database: Database): Promise<Map<string, unknown>> {
  const { rows } = await database.query<{ mailboxId: string; outcome: string; messages: number }>(
    `select mailbox_id as "mailboxId", outcome, count(*) as messages from waypost.decision group by mailbox_id, outcome`,
  );
  const all = new Map<string, Record<string, number>>();
  for (const { mailboxId, outcome, messages } of rows) all.set(mailboxId, { ...NO_DECISIONS, ...all.get(mailboxId), [outcome]: messages });
  return all;
}

onBothEngines("decisions are counted as they are stored, made again, rolled back and deleted", async (database) => {
  await describeMailboxes(database);
  const store = (mailbox: string, outcome: "skipped" | "duplicate", ...ids: readonly string[]) =>
    database.transaction((tx) =>
      storeDecisions(
        tx,
        ORGANIZATION,
        mailbox,
        ids.map((id) => decided(id, { outcome })),
        NOW,
      ),
    );
  await store(ANN, "skipped", "a", "b", "c");
  await store(BEN, "duplicate", "a");
  // Made again: one of another outcome, one as before, one new.
  await store(ANN, "duplicate", "a", "d");
  await store(ANN, "skipped", "b");
  assert.deepEqual((await countDecisions(database)).get(ANN), { ...NO_DECISIONS, skipped: 2, duplicate: 2 });
  assert.deepEqual(await countDecisions(database), await counted(database));
  await assert.rejects(
    database.transaction(async (tx) => {
      await storeDecisions(tx, ORGANIZATION, ANN, [decided("e")], NOW);
      throw new Error("no");
    }),
  );
  await database.query("update waypost.decision set reconsider = true where mailbox_id = $1", [ANN]);
  await database.query("delete from waypost.decision where mailbox_id = $1 and outcome = 'skipped'", [ANN]);
  assert.deepEqual((await countDecisions(database)).get(ANN), { ...NO_DECISIONS, duplicate: 2 });
  assert.deepEqual((await countDecisions(database)).get(BEN), { ...NO_DECISIONS, duplicate: 1 });
});
