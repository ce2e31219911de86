/** What explain advises is done, as an administrator would do it, and has the outcome that was promised. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { EmbeddedConfiguration } from "../../src/config.ts";
import { SITUATIONS } from "../../src/tracking/advice-test-data.ts";
import type { Change } from "../../src/tracking/change.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { AdviceWorld, BY } from "./advice-world.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 900 });
});
after(() => rig?.[Symbol.asyncDispose]());

type Settings = EmbeddedConfiguration["settings"];

/** What configuration and mail alone bring about in no mailbox, and why. */
const NOT_BUILT: ReadonlyMap<string, string> = new Map([
  ["nobody of the CRM is addressed", "a mailbox that is read has an owner, who is asked"],
  ["nobody is addressed at all", "a mailbox that is read has an owner, who is asked"],
  ["what stands in To is no address", "a mailbox that is read has an owner, who is asked"],
  ["filter 2, a record of another table", "the embedded CRM has no such table"],
  ["filter 3 and any record", "the embedded CRM has no such table"],
  ["a test message", "nothing is advised about it"],
  ["untracked by hand, its email stays", "the by-hand tests have it"],
  ["a copy of what was untracked by hand", "the by-hand tests have it"],
  ["before the start, and one automatic answer too many", "those before it come before the start too, and do not count"],
  ["known by the CRM", "of duplicates only the word about the message is advised"],
  ["known by the ledger", "of duplicates only the word about the message is advised"],
]);

interface Try {
  readonly world: AdviceWorld;
  readonly index: number;
  readonly outcome: string;
  readonly expected: readonly string[];
}

interface Doing extends Try {
  readonly changes: readonly Change[];
}

/** Those with the same settings come to one installation. */
const bySettings = Map.groupBy(
  SITUATIONS.filter(([name]) => !NOT_BUILT.has(name)),
  ([, , { facts }]) => JSON.stringify(facts?.settings ?? {}),
);

describe("the messages about which advice is done", () => {
  it("are fifty and more, with every kind of change", () => {
    const names = SITUATIONS.map(([name]) => name);
    assert.deepEqual(
      [...NOT_BUILT.keys()].filter((name) => !names.includes(name)),
      [],
    );
    const built = [...bySettings.values()].flat();
    assert.ok(built.length >= 50, `${built.length} are built`);
    const kinds = new Set(
      built.flatMap(([, , , advice]) => advice.flatMap((one) => one.split(" + ").map((change) => change.split(" ")[0]))),
    );
    for (const kind of ["filter", "start", "enable", "contact", "one", "recipient", "question", "DoNotAutoTrackEmail"])
      assert.ok(kinds.has(kind), kind);
  });
});

function open(database: TestDatabase, settings: Settings, worlds: readonly (readonly [AdviceWorld, readonly Change[]])[]): Promise<RigApp> {
  const parts = worlds.map(([world, changes]) => world.configured(changes));
  const configuration = rig.configurationFor(
    parts.flatMap(({ users }) => users),
    {
      settings,
      queues: worlds.flatMap(([world], index) =>
        (parts[index]?.queues ?? []).map(({ name }) => ({ name, mailbox: { readFrom: world.readFrom(), outgoing: false } })),
      ),
    },
  );
  return rig.open(database, { ...configuration, queues: parts.flatMap(({ queues }) => queues) });
}

onOneDatabaseEach("what explain advises", servers, (promise) => {
  for (const [key, situations] of bySettings) {
    promise(`does what it says, where the settings are ${key}`, async (database) => {
      const settings: Settings = JSON.parse(key);
      const tries = situations.flatMap((one, index) => triesOf(one, situations.findIndex(([, outcome]) => outcome === one[1]) === index));
      const problems: string[] = [];
      const doings = await begun(database, settings, tries, problems);
      for (const [after, its] of Map.groupBy(doings, ({ changes }) => JSON.stringify(settingsAfter(settings, changes))))
        await done(database, JSON.parse(after), its, problems);
      assert.deepEqual(problems, []);
    });
  }
});

/** The message once for each thing that is advised about it. `withWord`: also for a person's word, which is the same everywhere. */
function triesOf([name, outcome, given, advice]: (typeof SITUATIONS)[number], withWord: boolean): Try[] {
  const expected = [...advice, `${outcome === "skipped" ? "track" : "untrack"} by hand`];
  const done = withWord || advice.length === 0 ? expected : advice;
  return done.map((_, index) => ({ world: new AdviceWorld(rig, name, given), index, outcome, expected }));
}

/** All messages come and are decided; each is to have one of the alternatives done that are advised about it. */
async function begun(database: TestDatabase, settings: Settings, tries: readonly Try[], problems: string[]): Promise<Doing[]> {
  await using app = await open(
    database,
    settings,
    tries.map(({ world }) => [world, []]),
  );
  await app.operations.showUntracked(true, BY);
  for (const { world } of tries) {
    await world.begins(database, app);
    await world.disables(database);
  }
  await receive(app, ...new Set(tries.map(({ world }) => world.account)));
  const said: AdviceWorld[] = [];
  for (const { world } of tries) if (await world.isSaid(app)) said.push(world);
  if (said.length > 0) await receive(app, ...said.map(({ account }) => account));
  const doings: Doing[] = [];
  for (const one of tries) {
    const outcome = await one.world.outcome(app);
    if (outcome !== one.outcome) problems.push(`${one.world.name}: ${outcome} instead of ${one.outcome}`);
    const advised = (await one.world.advised(app))?.alternatives ?? [];
    const told = advised.map(({ changes }) => one.world.told(changes));
    if (one.index === 0 && told.join("\n") !== one.expected.join("\n"))
      problems.push(`${one.world.name}: told ${told.join(" | ")} instead of ${one.expected.join(" | ")}`);
    const changes = advised[one.index]?.changes;
    if (changes === undefined) problems.push(`${one.world.name}: nothing is told that could be done`);
    else doings.push({ ...one, changes });
  }
  return doings;
}

/** A tracked message stays an email: of what keeps such mail out a later one tells. */
const comesAgain = ({ outcome, changes }: Doing) => outcome === "tracked" && !changes.some(({ kind }) => kind === "by hand");
/** These have it decided again by themselves. */
const isReplayed = ({ outcome, changes }: Doing) =>
  outcome === "skipped" && !changes.some(({ kind }) => kind === "by hand" || kind === "question");

function settingsAfter(settings: Settings, changes: readonly Change[]): Settings {
  return { ...settings, ...Object.fromEntries(changes.flatMap((one) => (one.kind === "setting" ? [[one.name, one.value]] : []))) };
}

/** What is advised is done, all of it that has the same settings at once, and comes to what was promised. */
async function done(database: TestDatabase, settings: Settings, doings: readonly Doing[], problems: string[]): Promise<void> {
  await using app = await open(
    database,
    settings,
    doings.map(({ world, changes }) => [world, changes]),
  );
  const accounts = [...new Set(doings.map(({ world }) => world.account))];
  const start = new Date(Date.now() - 200 * 86_400_000);
  for (const one of doings) {
    const { world, changes } = one;
    await world.disables(database, changes);
    for (const change of changes)
      await world.does(database, app, change).catch((error) => problems.push(`${world.name}: ${world.told(changes)}: ${error}`));
    if (comesAgain(one)) await world.comesAgain();
  }
  await receive(app, ...accounts);
  const replayed = doings.filter(isReplayed).map(({ world }) => addressOf(world.account));
  if (replayed.length > 0) await app.operations.replay(replayed, { from: start, to: null }, new AbortController().signal, () => {});
  for (const one of doings) {
    const { world, changes } = one;
    const outcome = await world.outcome(app, comesAgain(one) ? "again-" : "");
    const wanted = one.outcome === "skipped" ? "tracked" : "skipped";
    if (outcome !== wanted) problems.push(`${world.name}: ${world.told(changes)}: ${outcome} instead of ${wanted}`);
  }
}
