import assert from "node:assert/strict";
import { onBothEngines, type TestDatabase } from "../../test/databases.ts";
import { REASON } from "../model/decision.ts";
import { Failure } from "../model/failure.ts";
import { findDecisions, recentDecisions } from "./decision-rows.ts";
import {
  type DecidedMessage,
  decisionsByIdentity,
  markAbsent,
  markGone,
  reconsiderWaiting,
  settlePlaces,
  storeDecisions,
  storeLocations,
} from "./decisions.ts";
import { storeFolders } from "./folders.ts";
import { leaveDecided, pendingDecisions } from "./pending-decisions.ts";
import { type KnownPlace, placesBefore } from "./places-before.ts";
import { askForRetry, quarantine } from "./quarantine.ts";
import { ANN, BEN, decided, describeMailboxes, head, later, NOW, ORGANIZATION, place, placeOf } from "./test-data.ts";

const EMAIL = "44444444-4444-8444-8444-444444444444";

/** Messages that were decided, by their refs. */
async function knownPlaces(...where: Parameters<typeof placesBefore>): Promise<ReadonlyMap<string, KnownPlace>> {
  const before = await placesBefore(...where);
  return new Map([...before].flatMap(([ref, { known }]) => (known === null ? [] : [[ref, known] as const])));
}

async function store(
  database: TestDatabase,
  mailbox: string,
  messages: readonly DecidedMessage[],
  now = NOW,
): Promise<Map<string, number>> {
  return database.transaction((tx) => storeDecisions(tx, ORGANIZATION, mailbox, messages, now));
}

async function withFolders(database: TestDatabase): Promise<void> {
  await describeMailboxes(database);
  const folder = { role: "none", selectable: true, underInbox: true, namespace: "personal", messages: 1, unreadable: null } as const;
  await database.transaction((tx) =>
    storeFolders(
      tx,
      ANN,
      ["INBOX", "INBOX/Old"].map((name) => ({ ...folder, id: name, stream: name, name, wanted: true, notReadBecause: null })),
      NOW,
    ),
  );
}

onBothEngines(
  "a decision is found by Message-ID with or without brackets, by email and by number, with the folders of now",
  async (database) => {
    await withFolders(database);
    const old = place("INBOX/Old", "7.1");
    const first = head("one@stranger.test");
    const ids = await store(database, ANN, [
      decided("one@stranger.test", {
        head: first,
        places: [placeOf(first), old],
        outcome: "tracked",
        reason: REASON.acceptAll,
        emailId: EMAIL,
      }),
      decided("two@stranger.test"),
    ]);
    const number = ids.get("identity of one@stranger.test");
    for (const key of ["one@stranger.test", " <one@stranger.test> ", EMAIL.toUpperCase(), String(number)]) {
      const [row, ...others] = await findDecisions(database, key);
      assert.equal(others.length, 0, key);
      assert.deepEqual(
        [row?.id, row?.mailbox, row?.outcome, row?.emailId, row?.folders, row?.sender, row?.quarantine],
        [number, "ann@example.test", "tracked", EMAIL, ["INBOX", "INBOX/Old"], "carl@stranger.test", null],
      );
      assert.deepEqual(row?.rules, [{ rule: "filter", answer: "no", because: "It answers nothing." }]);
    }
    await markGone(database, ANN, [first.ref], later(5));
    assert.deepEqual((await findDecisions(database, EMAIL))[0]?.folders, ["INBOX/Old"]);
    assert.deepEqual(await findDecisions(database, "never@stranger.test"), []);
    assert.deepEqual(
      (await recentDecisions(database, 1)).map((row) => row.messageId),
      ["two@stranger.test"],
    );
  },
);

onBothEngines("a decision made again replaces the first one and keeps its number; each mailbox has its own", async (database) => {
  await withFolders(database);
  const message = decided("one@stranger.test", { waitingFor: ["sent@example.test"] });
  const first = await store(database, ANN, [message]);
  const again = await store(
    database,
    ANN,
    [{ ...message, outcome: "tracked", reason: REASON.correlationMatch, emailId: EMAIL, waitingFor: [] }],
    later(9),
  );
  assert.deepEqual(again, first);
  const bens = await store(database, BEN, [message]);
  assert.notDeepEqual(bens, first);
  const rows = await findDecisions(database, "one@stranger.test");
  assert.deepEqual(
    rows.map((row) => [row.mailbox, row.outcome, row.waitingFor, row.decidedAt]),
    [
      ["ann@example.test", "tracked", [], later(9)],
      ["ben@example.test", "skipped", ["sent@example.test"], NOW],
    ],
  );
  assert.deepEqual((await decisionsByIdentity(database, ANN, [message.identity, "unknown"])).decided, first);
  assert.equal((await store(database, ANN, [])).size, 0);
});

onBothEngines("more decisions than fit into one statement are stored, twice the same message of a page once", async (database) => {
  await withFolders(database);
  const many = Array.from({ length: 230 }, (_, number) => decided(`${number}@stranger.test`));
  const twin = { ...decided("0@stranger.test"), places: [place("INBOX/Old", "copy")] };
  const ids = await store(database, ANN, [...many, twin]);
  assert.equal(new Set(ids.values()).size, 230);
  assert.deepEqual((await findDecisions(database, "0@stranger.test"))[0]?.folders, ["INBOX", "INBOX/Old"]);
});

onBothEngines("a place seen once stays known, whether the message is still there or not", async (database) => {
  await withFolders(database);
  const [one, two, three] = ["one", "two", "three"].map((name) => head(`${name}@stranger.test`));
  assert.ok(one && two && three);
  const ids = await store(
    database,
    ANN,
    [one, two, three].map((its) => decided(String(its.messageId), { head: its })),
  );
  // A complete listing holds only one of them; what was first seen after the listing began is not judged by it.
  await markAbsent(database, ANN, "INBOX", { present: [one.ref.id], listedAt: later(1), since: null }, later(2));
  const id = ids.get("identity of two@stranger.test") ?? 0;
  await database.transaction((tx) => storeLocations(tx, ANN, [{ ...place("INBOX", "new"), decisionId: id }], later(5)));
  await markAbsent(database, ANN, "INBOX", { present: [one.ref.id], listedAt: later(5), since: null }, later(6));
  assert.deepEqual(
    [...(await knownPlaces(database, ANN, "INBOX", [one.ref.id, two.ref.id, three.ref.id, "new", "never"]))]
      .map(([ref, { gone }]) => [ref, gone])
      .sort(),
    [
      [one.ref.id, false],
      [two.ref.id, true],
      [three.ref.id, true],
      ["new", false],
    ].sort(),
  );
  const foldersOf = async (its: typeof one) => (await findDecisions(database, String(its.messageId)))[0]?.folders;
  assert.deepEqual([await foldersOf(one), await foldersOf(two), await foldersOf(three)], [["INBOX"], ["INBOX"], []]);
  // It comes back to its old place.
  await database.transaction((tx) =>
    storeLocations(tx, ANN, [{ ...placeOf(three), decisionId: ids.get("identity of three@stranger.test") ?? 0 }], later(9)),
  );
  assert.deepEqual(await foldersOf(three), ["INBOX"]);
});

onBothEngines(
  "in a stream of many folders a message moves without a new place; a listing since a day judges nothing older",
  async (database) => {
    await withFolders(database);
    const [one, old] = [head("one@stranger.test"), head("old@stranger.test", { received: later(-86_400) })];
    await store(
      database,
      ANN,
      [one, old].map((its) => decided(String(its.messageId), { head: its })),
    );
    const foldersOf = async (its: typeof one) => (await findDecisions(database, String(its.messageId)))[0]?.folders;
    const decisionId = (await knownPlaces(database, ANN, "INBOX", [one.ref.id])).get(one.ref.id)?.decisionId ?? 0;
    await database.transaction((tx) => storeLocations(tx, ANN, [{ ref: one.ref, folders: ["INBOX", "INBOX/Old"], decisionId }], NOW));
    assert.deepEqual(await foldersOf(one), ["INBOX", "INBOX/Old"]);
    await markAbsent(database, ANN, "INBOX", { present: [], listedAt: later(1), since: later(-60) }, later(2));
    assert.deepEqual([await foldersOf(one), await foldersOf(old)], [[], ["INBOX"]]);
  },
);

onBothEngines(
  "of places stored ahead of the cursor those told of again stay, and at the end of the stream the others are gone",
  async (database) => {
    await withFolders(database);
    const [covered, again, left] = ["covered", "again", "left"].map((name) => decided(`${name}@stranger.test`));
    assert.ok(covered && again && left);
    await store(database, ANN, [covered]);
    await database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, [again, left], NOW, "ahead"));
    const gone = async () => {
      const known = await knownPlaces(
        database,
        ANN,
        "INBOX",
        [covered, again, left].map((one) => one.head.ref.id),
      );
      return [covered, again, left].map((one) => known.get(one.head.ref.id)?.gone);
    };
    await database.transaction((tx) => settlePlaces(tx, ANN, "INBOX", { told: [again.head.ref.id], end: false }, later(1)));
    assert.deepEqual(await gone(), [false, false, false]);
    await database.transaction((tx) => settlePlaces(tx, ANN, "INBOX", { told: [], end: true }, later(2)));
    assert.deepEqual(await gone(), [false, false, true]);
  },
);

onBothEngines("what comes back to a place that was left, ahead of the cursor, and is not told of again is gone", async (database) => {
  await withFolders(database);
  const message = decided("back@stranger.test");
  const { ref } = message.head;
  const gone = async () => (await knownPlaces(database, ANN, "INBOX", [ref.id])).get(ref.id)?.gone;
  await store(database, ANN, [message]);
  await markGone(database, ANN, [ref], later(1));
  await database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, [message], later(2), "ahead"));
  assert.equal(await gone(), false);
  await database.transaction((tx) => settlePlaces(tx, ANN, "INBOX", { told: [], end: true }, later(3)));
  assert.equal(await gone(), true);
});

onBothEngines("what lies where the cursor covers it stays when it is decided again ahead of the cursor", async (database) => {
  await withFolders(database);
  const message = decided("stays@stranger.test");
  const { ref } = message.head;
  await store(database, ANN, [message]);
  await database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, [message], later(1), "ahead"));
  await database.transaction((tx) => settlePlaces(tx, ANN, "INBOX", { told: [], end: true }, later(2)));
  assert.equal((await knownPlaces(database, ANN, "INBOX", [ref.id])).get(ref.id)?.gone, false);
});

onBothEngines(
  "one that slipped away undecided is not known, neither by its place nor by its identity, until it is decided",
  async (database) => {
    await withFolders(database);
    const slipped = decided("slipped@stranger.test", { undecided: true });
    const known = async () => [
      (await knownPlaces(database, ANN, "INBOX", [slipped.head.ref.id])).size,
      (await decisionsByIdentity(database, ANN, [slipped.identity])).decided.size,
    ];
    await store(database, ANN, [slipped]);
    assert.deepEqual(await known(), [0, 0]);
    await store(database, ANN, [{ ...slipped, undecided: false }]);
    assert.deepEqual(await known(), [1, 1]);
  },
);

onBothEngines("what waits for a message is decided again when it comes, in every mailbox, once", async (database) => {
  await withFolders(database);
  const answer = decided("answer@stranger.test", { waitingFor: ["question@example.test", "other@example.test"] });
  await store(database, ANN, [answer, decided("unrelated@stranger.test", { waitingFor: ["else@example.test"] })]);
  await store(database, BEN, [
    answer,
    decided("done@stranger.test", { outcome: "tracked", emailId: EMAIL, waitingFor: ["question@example.test"] }),
  ]);
  const ask = (organization: string, ids: readonly string[]) => database.transaction((tx) => reconsiderWaiting(tx, organization, ids));
  assert.deepEqual(await ask("another organization", ["question@example.test"]), []);
  assert.deepEqual(await ask(ORGANIZATION, []), []);
  assert.deepEqual((await ask(ORGANIZATION, ["question@example.test"])).sort(), [ANN, BEN]);
  assert.deepEqual(await ask(ORGANIZATION, ["question@example.test"]), [], "asked for already");
  const pendingOf = async (mailbox: string) => (await pendingDecisions(database, mailbox, { after: 0, limit: 10 })).found;
  const [pending, ...others] = await pendingOf(ANN);
  assert.equal(others.length, 0);
  assert.deepEqual(pending?.head, head("answer@stranger.test"), "with the head as it was, dates too");
  // Decided again, or not found any more: either way it is not pending any longer.
  await store(database, ANN, [{ ...answer, outcome: "tracked", emailId: EMAIL, waitingFor: [] }]);
  assert.deepEqual(await pendingOf(ANN), []);
  const [, bens] = await findDecisions(database, "answer@stranger.test");
  assert.deepEqual([bens?.mailboxId, (await pendingDecisions(database, BEN, { after: 0, limit: 10 })).ids], [BEN, [bens?.id]]);
  await markGone(database, BEN, [answer.head.ref], later(2));
  await database.transaction((tx) => leaveDecided(tx, [bens?.id ?? 0], later(3)));
  assert.deepEqual((await pendingDecisions(database, BEN, { after: 0, limit: 10 })).ids, []);
  assert.equal((await findDecisions(database, "answer@stranger.test"))[1]?.outcome, "skipped");
});

onBothEngines(
  "what is to be decided again comes in the order of the decisions, with the place where it lies now, also from quarantine",
  async (database) => {
    await withFolders(database);
    const young = decided("young@stranger.test", { waitingFor: ["question@example.test"] });
    const moved = head("old@stranger.test", { received: new Date("2026-01-01T00:00:00Z") });
    const old = decided("old@stranger.test", { head: moved, outcome: "quarantined" });
    const ids = await store(database, ANN, [young, old]);
    const id = ids.get(old.identity) ?? 0;
    const failure = new Failure({ scope: "item", code: "too large", message: "Too large.", remedy: "Raise it.", waitingHelps: false });
    await database.transaction((tx) => quarantine(tx, ANN, [{ decisionId: id, step: "read", failure: failure }], NOW));
    const pendingAfter = async (after: number) => (await pendingDecisions(database, ANN, { after, limit: 10 })).found;
    assert.deepEqual(await pendingAfter(0), [], "nobody asked yet");
    await askForRetry(database, "all");
    await database.transaction((tx) => reconsiderWaiting(tx, ORGANIZATION, ["question@example.test"]));
    await database.transaction((tx) => storeLocations(tx, ANN, [{ ...place("INBOX/Old", "9.9"), decisionId: id }], later(1)));
    await markGone(database, ANN, [moved.ref], later(2));
    assert.deepEqual(
      (await pendingAfter(0)).map((one) => [one.head?.messageId, one.head?.ref, one.head?.folders]),
      [
        ["old@stranger.test", { stream: "INBOX/Old", id: "9.9" }, ["INBOX/Old"]],
        ["young@stranger.test", young.head.ref, ["INBOX"]],
      ],
    );
    const first = await pendingDecisions(database, ANN, { after: 0, limit: 1 });
    assert.deepEqual([first.found.length, first.ids], [1, [id]]);
    const last = ids.get(young.identity) ?? 0;
    assert.deepEqual(
      (await pendingAfter(id)).map((one) => one.id),
      [last],
    );
    assert.deepEqual(await pendingDecisions(database, ANN, { after: last, limit: 10 }), { found: [], ids: [] });
    // One that left is looked for once more where it was seen last, and stays decided as it was if it is not there.
    await markGone(database, ANN, [young.head.ref], later(4));
    const [nowhere] = await pendingAfter(id);
    assert.deepEqual([nowhere?.ref, nowhere?.isGone], [young.head.ref, true]);
    await database.transaction((tx) => leaveDecided(tx, [id, last], later(4)));
    assert.deepEqual((await pendingDecisions(database, ANN, { after: 0, limit: 10 })).ids, [id]);
  },
);

onBothEngines("what lies in a folder that is hidden for a time is to be decided again when the folder is shown", async (database) => {
  await withFolders(database);
  const answer = decided("answer@stranger.test", { waitingFor: ["question@example.test"] });
  await store(database, ANN, [answer]);
  await database.transaction((tx) => reconsiderWaiting(tx, ORGANIZATION, ["question@example.test"]));
  for (const hide of ["missing_since = now()", "selectable = false"]) {
    await database.query(`update waypost.folder set ${hide} where mailbox_id = $1`, [ANN]);
    const { found, ids } = await pendingDecisions(database, ANN, { after: 0, limit: 10 });
    assert.deepEqual([found, ids.length], [[], 1]);
    await database.transaction((tx) => leaveDecided(tx, ids, later(1)));
    await database.query("update waypost.folder set missing_since = null, selectable = true where mailbox_id = $1", [ANN]);
    assert.equal((await pendingDecisions(database, ANN, { after: 0, limit: 10 })).found.length, 1);
  }
});

onBothEngines("heads with NUL and broken surrogates are stored", async (database) => {
  await withFolders(database);
  await store(database, ANN, [decided("nul@stranger.test", { head: head("nul@stranger.test", { subject: "a\u0000b\ud83d" }) })]);
  assert.equal((await findDecisions(database, "nul@stranger.test"))[0]?.subject, "a\ufffdb\ufffd");
});

onBothEngines(
  "where processed messages are deleted, a message decided again may be deleted wherever it lies, and none that was processed before",
  async (database) => {
    await describeMailboxes(database);
    const early = decided("early@stranger.test", { outcome: "tracked", emailId: EMAIL });
    await store(database, ANN, [early]);
    await database.query("update waypost.mailbox set owner_type = 'queue', delete_since = $2 where id = $1", [ANN, later(1)]);
    const late = decided("late@stranger.test", { places: [place("INBOX", "1.7"), place("INBOX/Copies", "1.8")] });
    const [id = 0] = (await store(database, ANN, [late], later(2))).values();
    const marked = async () =>
      (await database.query<{ ref: string }>("select ref_id as ref from waypost.location where deletable order by ref_id")).rows.map(
        ({ ref }) => ref,
      );
    assert.deepEqual(await marked(), [], "it is skipped");
    await store(database, ANN, [{ ...late, places: [place("INBOX", "1.7")], outcome: "tracked", emailId: EMAIL }], later(3));
    assert.deepEqual(await marked(), ["1.7", "1.8"]);
    await database.transaction((tx) => storeLocations(tx, ANN, [{ ...place("INBOX/Copies", "1.9"), decisionId: id }], later(4)));
    assert.deepEqual(await marked(), ["1.7", "1.8", "1.9"], "a copy found later too");
  },
);

onBothEngines(
  "what lies nowhere any more keeps its decision and its quarantine, and is decided as if never seen where it turns up",
  async (database) => {
    await withFolders(database);
    const large = decided("large@stranger.test", { outcome: "quarantined" });
    const [id = 0] = (await store(database, ANN, [large])).values();
    const failure = new Failure({ scope: "item", code: "too large", message: "Too large.", remedy: "Raise it.", waitingHelps: false });
    await database.transaction((tx) => quarantine(tx, ANN, [{ decisionId: id, step: "read", failure: failure }], NOW));
    await markGone(database, ANN, [large.head.ref], later(1));
    await database.transaction((tx) => leaveDecided(tx, [id], later(2)));
    assert.equal((await decisionsByIdentity(database, ANN, [large.identity])).decided.size, 1, "nobody asked for it");
    await askForRetry(database, "all");
    await database.transaction((tx) => leaveDecided(tx, [id], later(2)));
    assert.deepEqual((await pendingDecisions(database, ANN, { after: 0, limit: 10 })).ids, []);
    const [left] = await findDecisions(database, "large@stranger.test");
    assert.deepEqual([left?.outcome, left?.undecided, left?.quarantine?.code], ["quarantined", true, "too large"]);
    assert.equal((await decisionsByIdentity(database, ANN, [large.identity])).decided.size, 0);
  },
);
