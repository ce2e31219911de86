import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import { storeCategorized } from "./categorized.ts";
import { storeDecisions } from "./decisions.ts";
import {
  listMailboxes,
  mailboxesByAddress,
  noteFailure,
  noteProfileFailure,
  noteProfileSuccess,
  noteSuccess,
  postponeReceive,
  readMailbox,
  readProfile,
  storeProfiles,
  takeDueMailboxes,
} from "./mailboxes.ts";
import { markLater } from "./marking.ts";
import {
  ANN,
  ANN_SETTING,
  BEN,
  BEN_SETTING,
  decided,
  describeMailboxes,
  later,
  mailboxSetting,
  NOW,
  ORGANIZATION,
  PROFILE,
} from "./test-data.ts";
import { mailboxKey, storeWish } from "./wishes.ts";

const TROUBLE = { code: "sign-in refused", message: "Refused.", remedy: "Correct the password." };

onBothEngines(
  "a mailbox keeps its id and its start however often it is described, and starts at the whole second of its first time",
  async (database) => {
    await describeMailboxes(database);
    const first = await readMailbox(database, ANN);
    assert.deepEqual(first?.startDate, new Date("2026-03-10T09:00:00Z"));
    const again = mailboxSetting("77777777-7777-4777-8777-777777777777", "ANN@Example.test", { username: "ann", outgoing: false });
    await describeMailboxes(database, [again, BEN_SETTING], later(3600));
    assert.deepEqual(
      (await listMailboxes(database)).map((one) => [one.id, one.address]),
      [
        [ANN, "ann@example.test"],
        [BEN, "ben@example.test"],
      ],
    );
    const second = await readMailbox(database, ANN);
    assert.deepEqual([second?.username, second?.outgoingMethod, second?.startDate], ["ann", 0, first?.startDate]);
    assert.equal(await readMailbox(database, "88888888-8888-4888-8888-888888888888"), null);
  },
);

onBothEngines("a mailbox that is not described any more becomes inactive; when it comes back it starts anew", async (database) => {
  await describeMailboxes(database);
  await describeMailboxes(database, [ANN_SETTING], later(3600));
  assert.deepEqual(
    (await listMailboxes(database)).map((one) => [one.active, one.inFile]),
    [
      [true, true],
      [false, false],
    ],
  );
  await describeMailboxes(database, [ANN_SETTING, BEN_SETTING], later(7200.9));
  const ben = await readMailbox(database, BEN);
  assert.deepEqual([ben?.active, ben?.inFile, ben?.startDate], [true, true, new Date("2026-03-10T11:00:01Z")]);
  assert.deepEqual((await readMailbox(database, ANN))?.startDate, new Date("2026-03-10T09:00:00Z"));
});

onBothEngines("reading turned off and on again starts anew, unless the start is set", async (database) => {
  const readFrom = new Date("2026-01-01T00:00:00Z");
  const settings = (incoming: boolean) => [
    mailboxSetting(ANN, "ann@example.test", { incoming }),
    mailboxSetting(BEN, "ben@example.test", { incoming, readFrom }),
  ];
  await describeMailboxes(database, settings(true));
  await describeMailboxes(database, settings(false), later(60));
  await describeMailboxes(database, settings(true), later(120));
  const [ann, ben] = await listMailboxes(database);
  assert.deepEqual([ann?.startDate, ben?.startDate], [new Date("2026-03-10T09:02:00Z"), readFrom]);
});

onBothEngines(
  "a start that is set back forgets what was left alone, but nothing that a person spoke of or that bore the category",
  async (database) => {
    const start = (seconds: number) => [mailboxSetting(ANN, "ann@example.test", { readFrom: later(seconds) }), BEN_SETTING];
    await describeMailboxes(database, start(60));
    const names = ["a left alone", "b untracked", "c categorized", "d marked"];
    await database.transaction(async (tx) => {
      const messages = names.map((name) => decided(name));
      const ids = await storeDecisions(tx, ORGANIZATION, ANN, messages, NOW);
      const [, untracked, categorized, marked] = messages.map(({ identity }) => ({ id: ids.get(identity) ?? 0, decisionKey: identity }));
      const said = { verb: "untrack", by: "eve", at: NOW, regarding: null } as const;
      await storeWish(tx, ORGANIZATION, [mailboxKey({ mailboxId: ANN, decisionKey: untracked?.decisionKey ?? "" })], said);
      await storeCategorized(tx, ANN, "Tracked", [categorized?.id ?? 0]);
      await markLater(tx, ANN, [marked?.id ?? 0]);
    });
    await describeMailboxes(database, start(-60));
    const { rows } = await database.query<{ name: string }>(
      'select message_id as name from waypost.decision order by message_id collate "C"',
    );
    assert.deepEqual(
      rows.map(({ name }) => name),
      names.slice(1),
    );
  },
);

onBothEngines("due mailboxes are taken by exactly one of those who ask at once, and are due again later", async (database) => {
  await describeMailboxes(database, [
    ANN_SETTING,
    BEN_SETTING,
    mailboxSetting("77777777-7777-4777-8777-777777777777", "off@example.test", { incoming: false }),
  ]);
  const taken = (await Promise.all([1, 2, 3].map(() => takeDueMailboxes(database, later(1), 60)))).flat();
  assert.deepEqual(taken.sort(), [ANN, BEN], "what receives nothing is never due");
  assert.deepEqual(await takeDueMailboxes(database, later(60), 60), []);
  await postponeReceive(database, ANN, later(600));
  assert.deepEqual(await takeDueMailboxes(database, later(61), 60), [BEN]);
  assert.deepEqual((await takeDueMailboxes(database, later(600), 60)).sort(), [ANN, BEN]);
});

onBothEngines("trouble of one direction of one mailbox is noted there alone, and success forgets it", async (database) => {
  await describeMailboxes(database);
  await noteFailure(database, "receive", ANN, TROUBLE, later(15));
  await noteFailure(database, "receive", ANN, { ...TROUBLE, serverSaid: "NO" }, later(30));
  await noteFailure(database, "send", BEN, TROUBLE, later(45));
  const [ann, ben] = [await readMailbox(database, ANN), await readMailbox(database, BEN)];
  assert.deepEqual(
    [ann?.receiveFailures, ann?.receiveError, ann?.receiveDueAt, ann?.sendFailures],
    [2, { ...TROUBLE, serverSaid: "NO" }, later(30), 0],
  );
  assert.deepEqual([ben?.sendFailures, ben?.sendNotBefore, ben?.receiveFailures, ben?.receiveError], [1, later(45), 0, null]);
  await noteSuccess(database, "receive", ANN, later(60));
  await noteSuccess(database, "send", BEN, later(61));
  const [annAfter, benAfter] = [await readMailbox(database, ANN), await readMailbox(database, BEN)];
  assert.deepEqual([annAfter?.receiveFailures, annAfter?.receiveError, annAfter?.receivedAt], [0, null, later(60)]);
  assert.deepEqual([benAfter?.sendFailures, benAfter?.sendError, benAfter?.sentAt, benAfter?.sendNotBefore], [0, null, later(61), null]);
});

onBothEngines(
  "a profile that fails makes its mailboxes wait in that direction; a changed way to the server is tried at once",
  async (database) => {
    await describeMailboxes(database);
    await noteProfileFailure(database, "receive", PROFILE.name, 1, later(30));
    await noteProfileFailure(database, "send", PROFILE.name, 1, later(60));
    const failing = await readProfile(database, PROFILE.name);
    assert.deepEqual([failing?.receiveFailures, failing?.receiveNotBefore, failing?.sendNotBefore], [1, later(30), later(60)]);
    const store = (profile: typeof PROFILE) => database.transaction((tx) => storeProfiles(tx, [], [profile]));
    await store(PROFILE);
    assert.deepEqual((await readProfile(database, PROFILE.name))?.receiveNotBefore, later(30), "nothing has changed");
    assert.ok(PROFILE.incoming);
    await store({ ...PROFILE, incoming: { ...PROFILE.incoming, port: 143 } });
    const changed = await readProfile(database, PROFILE.name);
    assert.deepEqual([changed?.receiveNotBefore, changed?.sendNotBefore, changed?.incoming?.port], [null, later(60), 143]);
    await noteProfileSuccess(database, "send", PROFILE.name, later(60));
    const mended = await readProfile(database, PROFILE.name);
    assert.deepEqual([mended?.sendFailures, mended?.sendNotBefore], [0, null]);
    assert.equal(await readProfile(database, "another"), null);
  },
);

onBothEngines("mailboxes are found by address whatever its case, in their organization only", async (database) => {
  await describeMailboxes(database);
  assert.deepEqual(
    (await mailboxesByAddress(database, ORGANIZATION, [" Ann@EXAMPLE.test", "nobody@example.test"])).map((one) => [one.id, one.owner]),
    [[ANN, { type: "systemuser", id: ANN }]],
  );
  assert.deepEqual(await mailboxesByAddress(database, "another", ["ann@example.test"]), []);
});
