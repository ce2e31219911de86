import assert from "node:assert/strict";
import { onBothEngines, type TestDatabase } from "../../test/databases.ts";
import {
  copiesWaiting,
  findSendings,
  type Intent,
  intend,
  mailboxesWithUnfinished,
  markSettled,
  markTransmitting,
  noteCopy,
  type OutboxRow,
  type Result,
  sentUnder,
  storeResult,
  unfinished,
  unknownSendings,
  withdraw,
} from "./outbox.ts";
import { ANN, BEN, describeMailboxes, HOLDER, later, NOW, ORGANIZATION } from "./test-data.ts";

const EMAIL = "55555555-5555-4555-8555-555555555555";
const OTHER = "66666666-6666-4666-8666-666666666666";
const intent: Intent = { organization: ORGANIZATION, emailId: EMAIL, generation: 1, mailboxId: ANN, messageId: `${EMAIL}.1@example.test` };

const retry: Result = {
  stage: "waiting",
  attempts: 1,
  response: "451 later\u0000",
  refused: [{ address: "carl@stranger.test", permanent: false, response: "451 later" }],
  partly: true,
  settlement: { status: "retry", attempts: 1, notBefore: later(60), note: "451 later" },
  fileCopy: false,
};
const sent: Result = {
  stage: "accepted",
  attempts: 2,
  response: "250 ok",
  refused: [],
  partly: true,
  settlement: { status: "sent", messageId: intent.messageId, subject: "Offer", sentOn: NOW, attempts: 2, note: null },
  fileCopy: true,
};
const unknown: Result = {
  ...retry,
  stage: "unknown",
  settlement: { status: "unknown", messageId: intent.messageId, attempts: 1, note: "no answer" },
};

async function begun(database: TestDatabase, change: Partial<Intent> = {}, now = NOW): Promise<OutboxRow> {
  const row = await intend(database, { ...intent, ...change }, HOLDER, now);
  assert.ok(row);
  return row;
}

onBothEngines(
  "one press of Send is taken in hand once; put off and settled, it is taken up again with its attempts and its date",
  async (database) => {
    await describeMailboxes(database);
    const row = await begun(database);
    assert.deepEqual([row.stage, row.attempts, row.settlement, row.composedAt], ["intended", 0, null, new Date("2026-03-10T09:00:00Z")]);
    assert.equal(await intend(database, intent, HOLDER, later(1)), null, "it is in work");
    await storeResult(database, row, retry, later(2));
    assert.equal(await intend(database, intent, HOLDER, later(3)), null, "the CRM was not told yet");
    await markSettled(database, row, later(4));
    const again = await begun(database, { mailboxId: BEN }, later(60));
    assert.deepEqual(
      [again.stage, again.attempts, again.partly, again.refused, again.composedAt, again.mailboxId],
      ["intended", 1, true, retry.refused, row.composedAt, BEN],
    );
    await storeResult(database, again, sent, later(61));
    await markSettled(database, again, later(62));
    assert.equal(await intend(database, intent, HOLDER, later(63)), null, "it is at its end");
    assert.equal(
      (await begun(database, { generation: 2, messageId: "second@example.test" })).attempts,
      0,
      "pressed again, it is another one",
    );
  },
);

onBothEngines("nothing is transmitted under an intent that another worker holds, or twice under one", async (database) => {
  await describeMailboxes(database);
  const row = await begun(database);
  await assert.rejects(markTransmitting(database, row, BEN, NOW), /held by another worker/);
  await markTransmitting(database, row, HOLDER, NOW);
  await assert.rejects(markTransmitting(database, row, HOLDER, NOW), /held by another worker/);
  assert.equal((await findSendings(database, EMAIL))[0]?.stage, "transmitting");
});

onBothEngines("an intent that the CRM did not grant is withdrawn; one that was tried is not forgotten", async (database) => {
  await describeMailboxes(database);
  const row = await begun(database);
  await withdraw(database, row);
  assert.deepEqual(await findSendings(database, EMAIL), []);
  const tried = await begun(database);
  await storeResult(database, tried, retry, NOW);
  await markSettled(database, tried, NOW);
  await withdraw(database, await begun(database));
  assert.equal((await findSendings(database, EMAIL))[0]?.attempts, 1);
});

onBothEngines(
  "what a killed worker left is found by its mailbox until the CRM was told, with the dates of what it is to be told",
  async (database) => {
    await describeMailboxes(database);
    const row = await begun(database);
    await begun(database, { emailId: OTHER, messageId: "other@example.test", mailboxId: BEN });
    assert.deepEqual(
      (await unfinished(database, ANN, NOW)).map((one) => one.emailId),
      [EMAIL],
    );
    assert.deepEqual((await mailboxesWithUnfinished(database, NOW)).sort(), [ANN, BEN]);
    await storeResult(database, row, sent, later(1));
    const [answered] = await unfinished(database, ANN, NOW);
    assert.deepEqual(answered?.settlement, sent.settlement);
    await storeResult(database, row, retry, later(2));
    assert.deepEqual((await unfinished(database, ANN, NOW))[0]?.settlement, retry.settlement);
    assert.equal((await unfinished(database, ANN, NOW))[0]?.response, "451 later\ufffd");
    await markSettled(database, row, later(3));
    assert.deepEqual(await unfinished(database, ANN, NOW), []);
    assert.deepEqual(await mailboxesWithUnfinished(database, NOW), [BEN]);
  },
);

onBothEngines("copies for Sent are due at their time, are tried on, and end", async (database) => {
  await describeMailboxes(database);
  const row = await begun(database);
  await storeResult(database, row, sent, NOW);
  await markSettled(database, row, NOW);
  assert.deepEqual(await mailboxesWithUnfinished(database, NOW), [ANN], "a copy is left to do");
  const due = async (now: Date) => (await copiesWaiting(database, ANN, now, 10)).map((one) => one.emailId);
  assert.deepEqual(await due(NOW), [EMAIL]);
  await noteCopy(database, row, "waiting", NOW, later(60));
  assert.deepEqual([await due(later(59)), await mailboxesWithUnfinished(database, later(59))], [[], []]);
  assert.deepEqual(await due(later(60)), [EMAIL]);
  await noteCopy(database, row, "filed", later(60));
  assert.deepEqual(await due(later(3600)), []);
  const [done] = await findSendings(database, intent.messageId);
  assert.deepEqual([done?.sentCopy, done?.sentCopyAttempts], ["filed", 2]);
});

onBothEngines(
  "sendings are found by email and by Message-ID, the newest press of Send first, and unknown ones are listed",
  async (database) => {
    await describeMailboxes(database);
    const first = await begun(database);
    await begun(database, { generation: 2, messageId: "second@example.test" });
    await begun(database, { emailId: OTHER, messageId: "other@example.test" });
    assert.deepEqual(
      (await findSendings(database, ` ${EMAIL.toUpperCase()} `)).map((one) => one.generation),
      [2, 1],
    );
    assert.deepEqual(
      (await findSendings(database, `<${intent.messageId}>`)).map((one) => one.generation),
      [1],
    );
    assert.deepEqual(await findSendings(database, "never@example.test"), []);
    assert.deepEqual(await unknownSendings(database), []);
    await storeResult(database, first, unknown, later(1));
    assert.deepEqual(
      (await unknownSendings(database)).map((one) => [one.emailId, one.generation, one.settlement]),
      [[EMAIL, 1, unknown.settlement]],
    );
  },
);

onBothEngines(
  "an email that some have already went out, also while the next attempt is only intended; before the first, none did",
  async (database) => {
    await describeMailboxes(database);
    const row = await begun(database);
    const known = async () =>
      (await sentUnder(database, ORGANIZATION, [intent.messageId], [EMAIL])).map(({ emailId, composedAt }) => [emailId, composedAt]);
    assert.deepEqual(await known(), []);
    await storeResult(database, row, retry, later(1));
    await markSettled(database, row, later(2));
    assert.equal((await begun(database, {}, later(60))).stage, "intended");
    assert.deepEqual(await known(), [[EMAIL, row.composedAt]]);
  },
);
