import assert from "node:assert/strict";
import type { Database } from "../../src/database/database.ts";
import { onBothEngines } from "../databases.ts";
import { type Writer, writer } from "./web-api-rig.ts";

async function queue(api: Writer, name: string): Promise<string> {
  return api.make("queues", { name });
}

async function items(database: Database) {
  const { rows } = await database.query<{ queue: string; type: string; title: string }>(
    "select queue.name as queue, objectidtypecode as type, title from crm.queueitem join crm.queue using (queueid) order by 1, 2, 3",
  );
  return rows.map(({ queue, type, title }) => [queue, type, title]);
}

const item = (queueId: string, navigation: string, target: string) => ({
  "queueid@odata.bind": `/queues(${queueId})`,
  [`objectid_${navigation}@odata.bind`]: target,
});

onBothEngines("Web API: a queue item that is posted bears title and type of what it holds", async (database) => {
  const api = await writer(database);
  const [one, two] = [await queue(api, "one"), await queue(api, "two")];
  const letter = await api.make("letters", { subject: "Dear Bob" });
  const email = await api.make("emails", { subject: "Offer" });
  const nameless = await api.make("emails", {});
  const long = await api.make("emails", { subject: "\u{1F600}".repeat(350) });
  await api.make("queueitems", item(one, "letter", `/letters(${letter})`));
  await api.make("queueitems", item(one, "activitypointer", `/activitypointers(${email})`));
  await api.make("queueitems", { ...item(two, "email", `/emails(${email})`), priority: 3 });
  await api.make("queueitems", item(two, "email", `/emails(${nameless})`));
  await api.make("queueitems", item(two, "email", `/emails(${long})`));
  await api.make("queueitems", { "queueid@odata.bind": `/queues(${one})`, objectid_task: { subject: "made with it" } });
  assert.deepEqual(await items(database), [
    ["one", "email", "Offer"],
    ["one", "letter", "Dear Bob"],
    ["one", "task", "made with it"],
    ["two", "email", ""],
    ["two", "email", "Offer"],
    ["two", "email", "\u{1F600}".repeat(300)],
  ]);
});

onBothEngines(
  "Web API: an email is posted once into a queue, any other activity into one queue, and nothing else into any",
  async (database) => {
    const api = await writer(database);
    const [one, two] = [await queue(api, "one"), await queue(api, "two")];
    const letter = await api.make("letters", { subject: "Dear Bob" });
    const email = await api.make("emails", { subject: "Offer" });
    await api.make("queueitems", item(one, "letter", `/letters(${letter})`));
    await api.make("queueitems", item(one, "email", `/emails(${email})`));
    await api.refused(400, "0x80040523", "POST", "queueitems", item(one, "email", `/emails(${email})`));
    await api.refused(400, "0x80040526", "POST", "queueitems", item(two, "letter", `/letters(${letter})`));
    await api.refused(404, "0x80040217", "POST", "queueitems", item(two, "email", `/emails(${one})`));
    assert.equal((await items(database)).length, 2);
  },
);
