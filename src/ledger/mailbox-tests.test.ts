import assert from "node:assert/strict";
import { test } from "node:test";
import { onBothEngines } from "../../test/databases.ts";
import type { Database } from "../database/database.ts";
import type { ServerProfile } from "../model/mailbox.ts";
import { keepTestResults, storeTestMessage, testSubject, testToken, testTraces } from "./mailbox-tests.ts";
import { noteFailure, readMailbox, storeMailboxes, storeProfiles } from "./mailboxes.ts";
import { ANN, ANN_SETTING, BEN, describeMailboxes, head, later, mailboxSetting, NOW, ORGANIZATION, PROFILE } from "./test-data.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

async function statusOf(database: Database) {
  const one = await readMailbox(database, ANN);
  return [one?.incomingStatus, one?.outgoingStatus, one?.enabledForIncoming, one?.enabledForOutgoing];
}

const passBoth = (database: Database, now = NOW) =>
  database.transaction((tx) => keepTestResults(tx, ANN, { receive: "passed", send: "passed" }, now));

onBothEngines("what passed is enabled and due at once without its failures; what failed stays as enabled as it was", async (database) => {
  await describeMailboxes(database);
  await noteFailure(database, "receive", ANN, { code: "c", message: "m", remedy: "r" }, later(900));
  await noteFailure(database, "send", ANN, { code: "c", message: "m", remedy: "r" }, later(900));
  assert.deepEqual(await statusOf(database), [0, 0, false, false]);
  await passBoth(database, later(60));
  assert.deepEqual(await statusOf(database), [1, 1, true, true]);
  const passed = await readMailbox(database, ANN);
  assert.deepEqual([passed?.receiveFailures, passed?.sendFailures, passed?.receiveError, passed?.sendError], [0, 0, null, null]);
  assert.deepEqual([passed?.receiveDueAt, passed?.sendNotBefore, passed?.testedAt], [later(60), null, later(60)]);
  await database.transaction((tx) => keepTestResults(tx, ANN, { receive: "failed" }, later(120)));
  assert.deepEqual(await statusOf(database), [2, 1, true, true]);
  const other = await readMailbox(database, BEN);
  assert.deepEqual([other?.incomingStatus, other?.testedAt], [0, null]);
});

onBothEngines(
  "a changed way to the server sets its direction back to Not Run; how long to wait is no part of the way",
  async (database) => {
    const incoming = PROFILE.incoming;
    assert.ok(incoming);
    const outgoing = { ...incoming, protocol: "smtp", port: 465 };
    const store = (profile: ServerProfile) =>
      database.transaction(async (tx) => {
        await storeProfiles(tx, [{ name: ORGANIZATION, kind: "embedded" }], [profile]);
        await storeMailboxes(tx, [ANN_SETTING], NOW);
      });
    const whole = { ...PROFILE, outgoing };
    for (const [change, expected] of [
      [{ ...whole, incoming: { ...incoming, timeout: 5000 } }, [1, 1, true, true]],
      [{ ...whole, maxConcurrentConnections: 3 }, [1, 1, true, true]],
      [{ ...whole, incoming: { ...incoming, host: "other.example.test" } }, [0, 1, false, true]],
      [{ ...whole, incoming: { ...incoming, security: "starttls" } }, [0, 1, false, true]],
      [{ ...whole, incoming: { ...incoming, verifyCertificate: false } }, [0, 1, false, true]],
      [{ ...whole, outgoing: { ...outgoing, authentication: "none" } }, [1, 0, true, false]],
      [{ ...whole, outgoing: null }, [1, 0, true, false]],
    ] as const) {
      await store(whole);
      await passBoth(database);
      await store(change);
      assert.deepEqual(await statusOf(database), expected, JSON.stringify(change));
    }
  },
);

onBothEngines("another name to sign in with sets both directions back to Not Run", async (database) => {
  await describeMailboxes(database);
  await passBoth(database);
  await describeMailboxes(database);
  assert.deepEqual(await statusOf(database), [1, 1, true, true]);
  await describeMailboxes(database, [mailboxSetting(ANN, "ann@example.test", { username: "ann" })]);
  assert.deepEqual(await statusOf(database), [0, 0, false, false]);
  assert.notEqual((await readMailbox(database, ANN))?.testedAt, null);
});

onBothEngines("a mailbox that waited for its first test begins when that passes, unless its start is set", async (database) => {
  const readFrom = new Date("2026-01-01T00:00:00Z");
  const ben = mailboxSetting(BEN, "ben@example.test", { requireTest: true, readFrom });
  await describeMailboxes(database, [mailboxSetting(ANN, "ann@example.test", { requireTest: true }), ben]);
  for (const id of [ANN, BEN]) await database.transaction((tx) => keepTestResults(tx, id, { receive: "passed" }, later(3600)));
  assert.deepEqual((await readMailbox(database, ANN))?.startDate, new Date("2026-03-10T10:00:00Z"));
  assert.deepEqual((await readMailbox(database, BEN))?.startDate, readFrom);
});

onBothEngines(
  "a test message is known by its Message-ID, by its subject where that was rewritten, and so is what answers it",
  async (database) => {
    await describeMailboxes(database);
    await storeTestMessage(database, { messageId: "test@example.test", token: TOKEN, mailboxId: ANN, sentAt: NOW });
    const ann = [{ name: "", address: "Ann@example.test" }];
    const heads = [
      head("test@example.test"),
      head("other@gateway.test", { subject: `[EXTERNAL] ${testSubject(TOKEN)}`, from: ann }),
      head("forged@stranger.test", { subject: testSubject(TOKEN) }),
      head("away@example.test", { inReplyTo: ["test@example.test"] }),
      head("report@example.test", { references: ["older@x.test", "test@example.test"] }),
      head("mail@stranger.test", { references: ["test@example.test", "newer@x.test"] }),
    ];
    assert.deepEqual(
      [...(await testTraces(database, heads))].map(([index, trace]) => [index, trace.kind]),
      [
        [0, "test message"],
        [1, "test message"],
        [3, "answer"],
        [4, "answer"],
      ],
    );
    assert.equal((await testTraces(database, [head("mail@stranger.test")])).size, 0);
    // A server that gives a test message back may write its report as an answer; it is a bounce all the same.
    const bounces = [head("b1@mx.test", { inReplyTo: ["test@example.test"] }), head("b2@mx.test")];
    const named = new Map([
      [0, ["test@example.test"]],
      [1, ["some-mail@x.test"]],
    ]);
    assert.deepEqual(
      [...(await testTraces(database, bounces, named))].map(([index, trace]) => [index, trace.kind]),
      [[0, "bounce"]],
    );
  },
);

test("the token stands in the subject", () => {
  assert.equal(testToken(testSubject(TOKEN)), TOKEN);
  assert.equal(testToken("Waypost test message"), null);
});
