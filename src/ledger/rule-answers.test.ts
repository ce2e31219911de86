import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import type { RuleAnswer } from "../model/decision.ts";
import { findDecisions } from "./decision-rows.ts";
import { storeDecisions } from "./decisions.ts";
import { ANN, decided, describeMailboxes, later, NOW, ORGANIZATION } from "./test-data.ts";

const settings = { DoNotAutoTrackEmail: false };
const general: RuleAnswer = { rule: "automatic tracking", answer: "yes", because: "It tracks by itself.", settings, isGeneral: true };
const ofMessage: RuleAnswer = { rule: "sender", answer: "yes", because: 'The message was written by "carl@stranger.test".' };
const whole = [{ rule: "automatic tracking", answer: "yes", because: "It tracks by itself.", settings }, ofMessage];

onBothEngines("what is the same for every message is kept once, and told whole with each decision in its order", async (database) => {
  await describeMailboxes(database);
  const store = (name: string, rules: readonly RuleAnswer[], now = NOW) =>
    database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, [decided(name, { rules })], now));
  for (const name of ["one", "two"]) await store(`${name}@stranger.test`, [general, ofMessage, general]);
  for (const name of ["one", "two"]) {
    const [row] = await findDecisions(database, `${name}@stranger.test`);
    assert.deepEqual(row?.rules, [...whole, whole[0]]);
  }
  const { rows: kept } = await database.query("select answer from waypost.rule_answer");
  assert.deepEqual(kept, [{ answer: whole[0] }]);
  // Another setting, another answer; the decisions of before keep theirs.
  await store("two@stranger.test", [{ ...general, settings: { DoNotAutoTrackEmail: true } }], later(5));
  const [one] = await findDecisions(database, "one@stranger.test");
  const [two] = await findDecisions(database, "two@stranger.test");
  assert.deepEqual([one?.rules[0]?.settings, two?.rules[0]?.settings], [settings, { DoNotAutoTrackEmail: true }]);
});

onBothEngines("an answer kept in a transaction that is rolled back is kept by the next decision that has it", async (database) => {
  await describeMailboxes(database);
  const message = decided("one@stranger.test", { rules: [general] });
  const failed = database.transaction(async (tx) => {
    await storeDecisions(tx, ORGANIZATION, ANN, [message], NOW);
    throw new Error("stop");
  });
  await assert.rejects(failed, /stop/);
  await database.transaction((tx) => storeDecisions(tx, ORGANIZATION, ANN, [message], NOW));
  assert.deepEqual((await findDecisions(database, "one@stranger.test"))[0]?.rules, [whole[0]]);
});
