import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_BYTES, Answers } from "./flood.ts";

const TIMEOUT = 60_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Whether a command is given up that is under way for so long and has brought so much. */
function isGivenUp(command: string, milliseconds: number, bytes: number): boolean {
  const answers = new Answers(TIMEOUT, { now: 5000, received: 700 });
  return answers.isEndless({ now: 5000 + milliseconds, received: 700 + bytes }, { tag: "A", command });
}

test("an answer of more than 32 MiB has no end, and one of a million numbers has", () => {
  for (const command of ["UID SEARCH", "LIST", "STATUS", "NOOP"]) {
    assert.equal(isGivenUp(command, 1000, 11 * 1024 * 1024), false, command);
    assert.equal(isGivenUp(command, 1000, ANSWER_BYTES), false, command);
    assert.equal(isGivenUp(command, 1000, ANSWER_BYTES + 1), true, command);
  }
});

test("an answer that goes on for more than an hour has no end", () => {
  for (const command of ["UID SEARCH", "LIST", "EXAMINE"]) {
    assert.equal(isGivenUp(command, HOUR, 1000), false, command);
    assert.equal(isGivenUp(command, HOUR + 1, 1000), true, command);
  }
});

test("opening a folder in which a million messages were changed has an end", () => {
  assert.equal(isGivenUp("EXAMINE", 20 * MINUTE, 1_000_000 * 100), false);
  assert.equal(isGivenUp("EXAMINE", 20 * MINUTE, 1_000_000 * 200), true);
});

test("a large message on a slow line and the list of a large folder have an end, and rows that never stop have none", () => {
  for (const command of ["UID FETCH", "FETCH"]) {
    assert.equal(isGivenUp(command, 2 * HOUR, 50 * 1024 * 1024), false, command);
    assert.equal(isGivenUp(command, 2 * HOUR, 1_000_000 * 512), false, command);
    assert.equal(isGivenUp(command, 2 * HOUR, 2 * 1024 * 1024 * 1024), true, command);
    assert.equal(isGivenUp(command, 11 * HOUR, 1000), true, command);
  }
});

test("waiting for news takes as long as it likes, and brings no more than other answers", () => {
  assert.equal(isGivenUp("IDLE", 100 * HOUR, 1000), false);
  assert.equal(isGivenUp("IDLE", 1000, ANSWER_BYTES + 1), true);
  const answers = new Answers(TIMEOUT, { now: 0, received: 0 });
  assert.equal(answers.isEndless({ now: 0, received: 0 }, null), false);
  assert.equal(answers.isEndless({ now: 100 * HOUR, received: 1000 }, null), false);
  assert.equal(answers.isEndless({ now: 100 * HOUR, received: ANSWER_BYTES + 1 }, null), true, "said while nothing is asked");
});

test("each command begins anew where the one before was answered, and no answer ends another command", () => {
  const answers = new Answers(TIMEOUT, { now: 0, received: 0 });
  const most = ANSWER_BYTES;
  const isEndless = (minutes: number, received: number, tag: string) =>
    answers.isEndless({ now: minutes * MINUTE, received }, { tag, command: "UID SEARCH" });
  assert.equal(isEndless(40, most, "A"), false, "A is answered");
  assert.equal(isEndless(90, 2 * most, "B"), false, "B began when A was answered");
  assert.equal(isEndless(90, 2 * most + 1, "B"), true, "whatever was answered meanwhile, B was not");
});
