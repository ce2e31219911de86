/** Mail of strangers in an organization of Dynamics whose keys are kept here: what nobody is asked about, and what is asked again when it comes there after all. */
import assert from "node:assert/strict";
import { type EmbeddedCrm, openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { storeAfterwards } from "../../src/ledger/afterwards.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import type { KeyIndex } from "../../src/model/key-index.ts";
import type { Crm } from "../../src/ports.ts";
import { incoming, party } from "../contract/crm-fixtures.ts";
import { type IndexedOptions, type IndexedOrganization, indexedOrganization } from "../contract/indexed-organization.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { type MemoryBox, type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { addressOf } from "./rig.ts";

interface IndexedWorld extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly there: IndexedOrganization;
  /** What people do in the organization. */
  readonly people: Crm & EmbeddedCrm;
  readonly box: MemoryBox;
  /** Asks the organization what changed. */
  update(): Promise<void>;
}

const LONG = { milliseconds: 3_600_000, settingsMilliseconds: 3_600_000 };

async function indexedWorld(database: TestDatabase, options: IndexedOptions = LONG): Promise<IndexedWorld> {
  const world = await openMemoryWorld(database, labelKind, { filter: "contacts", settings: { enablesmartmatching: false } });
  const there = await indexedOrganization(database, options);
  const people = openEmbeddedCrm(database);
  world.app.context.crm = () => there.crm;
  const update = () => there.crm.keepIndex(AbortSignal.timeout(60_000));
  await update();
  return {
    ...{ world, there, people, box: world.nextBox(), update },
    async [Symbol.asyncDispose]() {
      await there[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

async function notedIn(database: TestDatabase): Promise<number> {
  const { rows } = await database.query<{ count: number }>("select count(*)::int as count from waypost.unasked");
  return rows[0]?.count ?? 0;
}

onBothEngines(
  "a thousand messages of strangers cost the organization no question, and telling what changed meanwhile one",
  async (database) => {
    await using rig = await indexedWorld(database);
    const { box, there, update } = rig;
    box.arrive("first", undefined, { from: "somebody@else.test", to: [addressOf(box.name)] });
    await box.round();
    const before = there.served.exchanges();
    for (let index = 0; index < 1000; index++)
      box.arrive(`stranger${index}`, undefined, { from: `stranger${index}@else.test`, to: [addressOf(box.name)], cc: ["other@else.test"] });
    const { received, skipped } = await box.round();
    assert.deepEqual({ received, skipped }, { received: 1000, skipped: 1000 });
    await update();
    const asked = there.served.exchanges() - before;
    assert.ok(asked <= 2, `${asked} requests`);
    assert.deepEqual(there.served.faults, []);
  },
);

const CAME: Readonly<Record<string, (people: Crm & EmbeddedCrm, box: MemoryBox) => Promise<unknown>>> = {
  "its sender became a contact": (people) =>
    people.createRecords([{ type: "contact", lastname: "Carla", addresses: ["carla@customer.test"] }]),
  "what it answers was tracked by somebody else": (people, box) =>
    people.deliver([incoming({ messageId: `${box.own("question")}@customer.test`, placement: { direction: "outgoing" } })]),
  "an email with its token was made": (people) =>
    people.deliver([
      incoming({
        placement: { direction: "outgoing", trackingToken: "CRM:0000007", parties: [party(PARTICIPATION.to, "carla@customer.test")] },
      }),
    ]),
};

for (const [index, [what, came]] of Object.entries(CAME).entries()) {
  for (const when of index === 0
    ? (["before the message was decided", "after it"] as const)
    : (["before the message was decided"] as const)) {
    onBothEngines(`a message is decided again when ${what}, ${when}, and the index tells of it later`, async (database) => {
      await using rig = await indexedWorld(database);
      const { box, people, update, there } = rig;
      const arrive = async () => {
        box.arrive("answer", undefined, {
          ...{ from: "Carla <carla@customer.test>", to: [addressOf(box.name)] },
          ...{ answers: box.own("question"), subject: "Re: Offer CRM:0000007" },
        });
        await box.round();
      };
      if (when === "after it") await arrive();
      await came(people, box);
      if (when !== "after it") await arrive();
      const outcomes = async () => Object.values(await box.decisions()).flat();
      assert.deepEqual(await outcomes(), ["skipped"]);
      await update();
      assert.equal(there.woken.length > 0, true, "the mailbox is woken");
      await box.round();
      assert.deepEqual(await outcomes(), ["tracked"]);
    });
  }
}

onBothEngines("nothing is lost when the process dies between what changed and deciding again, at any step", async (database) => {
  await using rig = await indexedWorld(database);
  const { box, people, there, update } = rig;
  box.arrive("letter", undefined, { from: "carla@customer.test", to: [addressOf(box.name)] });
  await box.round();
  await people.createRecords([{ type: "contact", lastname: "Carla", addresses: ["carla@customer.test"] }]);
  // Dies before a page is kept, then before the round is finished; never gives back what it holds.
  for (const dies of ["keep", "finish"] as const) {
    const other = there.another(dying(there.keys, dies));
    await assert.rejects(other.keepIndex(AbortSignal.timeout(60_000)), /the process died/);
    await database.query("update waypost.key_index set held_until = now() - interval '1 second'");
  }
  assert.deepEqual(await box.decisions(), { letter: ["skipped"] });
  await update();
  await box.round();
  assert.deepEqual(await box.decisions(), { letter: ["tracked"] });
  await update();
  assert.equal(await notedIn(database), 0, "nothing is kept of what has been compared");
  assert.deepEqual(there.served.faults, []);
});

function dying(keys: KeyIndex, step: "keep" | "finish"): KeyIndex {
  const die = () => Promise.reject(new Error("the process died"));
  return {
    ...keys,
    async begin() {
      const round = await keys.begin();
      return round && { ...round, [step]: die, release: async () => {} };
    },
  };
}

onBothEngines("a decision that is stored after the index has told of its sender is made again at once", async (database) => {
  await using rig = await indexedWorld(database);
  const { box, people, update, there, world } = rig;
  box.arrive("letter", undefined, { from: "carla@customer.test", to: [addressOf(box.name)] });
  const { crm } = there;
  world.app.context.crm = () => ({
    ...crm,
    async facts(query) {
      const facts = await crm.facts(query);
      await people.createRecords([{ type: "contact", lastname: "Carla", addresses: ["carla@customer.test"] }]);
      await update();
      return facts;
    },
  });
  await box.round();
  world.app.context.crm = () => crm;
  await box.round();
  assert.deepEqual(await box.decisions(), { letter: ["tracked"] });
});

onBothEngines("with a lost token the tables are read again, and what came meanwhile is not lost", async (database) => {
  await using rig = await indexedWorld(database);
  const { box, people, there, update } = rig;
  box.arrive("letter", undefined, { from: "carla@customer.test", to: [addressOf(box.name)] });
  await box.round();
  assert.equal(await notedIn(database), 1);
  const links = async () => [...(await there.keys.state()).tables.values()].map(({ link }) => link ?? "");
  assert.ok((await links()).every((link) => link.startsWith(there.served.url)));
  await people.createRecords([{ type: "contact", lastname: "Carla", addresses: ["carla@customer.test"] }]);
  const { rowCount } = await database.query(
    "update waypost.key_table set link = replace(link, 'deltatoken=', 'deltatoken=x') where link like '%deltatoken=%'",
  );
  assert.ok(rowCount > 2);
  await update();
  assert.equal((await there.keys.state()).tables.get("email")?.stage, "following");
  await box.round();
  assert.deepEqual(await box.decisions(), { letter: ["tracked"] });
});

onBothEngines("a sender who becomes a contact long after brings back older mail, where the organization wants that", async (database) => {
  await using rig = await indexedWorld(database);
  const { box, people, update } = rig;
  for (const [index, automatically] of [false, true].entries()) {
    await database.transaction((tx) => storeAfterwards(tx, "CRM", { automatically, days: 3650 }), "store afterwards");
    const [name, from] = [`letter${index}`, `carla${index}@customer.test`];
    box.arrive(name, undefined, { from, to: [addressOf(box.name)] });
    await box.round();
    await update();
    assert.equal(await notedIn(database), 0);
    await people.createRecords([{ type: "contact", lastname: "Carla", addresses: [from] }]);
    await update();
    await box.round();
    assert.deepEqual((await box.decisions())[name], [automatically ? "tracked" : "skipped"]);
  }
});

onBothEngines("where the organization has moved to another address, its tables are read again", async (database) => {
  await using rig = await indexedWorld(database);
  await using moved = await indexedOrganization(database, LONG);
  assert.notEqual(moved.served.url, rig.there.served.url);
  await moved.crm.keepIndex(AbortSignal.timeout(60_000));
  const { tables } = await moved.keys.state();
  for (const { link, stage } of tables.values()) assert.deepEqual([stage, link?.startsWith(moved.served.url)], ["following", true]);
});
