import assert from "node:assert/strict";
import { test } from "node:test";
import { STATUS } from "../../model/email.ts";
import { attemptsOf, dueFrom, generationOf } from "./generation.ts";
import type { Mark } from "./mark.ts";

const [SELF, ANN] = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"];
const row = (statuscode: number, changedBy = SELF) => ({ statuscode, _modifiedby_value: changedBy, deliveryattempts: 3 });
const of = (mark: Mark, statuscode: number = STATUS.pendingSend, changedBy = SELF) => generationOf(row(statuscode, changedBy), mark);

test("a press of Send is the same before its claim, while it is sent and while it waits for another try", () => {
  assert.equal(of({}, STATUS.pendingSend, ANN), 1);
  assert.equal(of({ generation: 1 }, STATUS.sending), 1);
  assert.equal(of({ generation: 1 }, STATUS.sending, ANN), 1, "whoever changes it while it is sent");
  assert.equal(of({ generation: 1, notBefore: "2026-01-01T00:00:00Z" }), 1);
});

test("another press of Send is another generation: after an end, and where somebody took it out of its waiting", () => {
  assert.equal(of({ generation: 1, ended: true }, STATUS.pendingSend, ANN), 2);
  assert.equal(of({ generation: 1, ended: true }), 2, "also where Waypost and people sign in as the same user");
  assert.equal(of({ generation: 4 }, STATUS.pendingSend, ANN), 5);
});

test("an email that ended is still the press of Send that ended", () => {
  assert.equal(of({ generation: 2, ended: true }, STATUS.sent), 2);
  assert.equal(of({ generation: 2, ended: true }, STATUS.failed), 2);
});

test("an email that waits goes on with its press of Send whoever changes it, until its attempts are begun anew", () => {
  const waiting: Mark = { generation: 1, notBefore: "2026-01-01T00:00:00Z", attempts: 3 };
  assert.equal(of(waiting, STATUS.pendingSend, ANN), 1);
  assert.equal(generationOf({ ...row(STATUS.pendingSend, ANN), deliveryattempts: 0 }, waiting), 2);
  assert.equal(
    generationOf({ ...row(STATUS.pendingSend, ANN), deliveryattempts: 0 }, { ...waiting, partly: true }),
    1,
    "some have it already",
  );
  assert.equal(
    generationOf({ ...row(STATUS.pendingSend, ANN), deliveryattempts: 0 }, { ...waiting, attempts: 0 }),
    1,
    "nothing was used up",
  );
});

test("attempts of an earlier press do not count for a later one", () => {
  assert.equal(attemptsOf(row(STATUS.pendingSend), { generation: 1 }, 1), 3);
  assert.equal(attemptsOf(row(STATUS.pendingSend), { generation: 1, ended: true }, 2), 0);
});

test("an email is due when its chosen delay and the time to wait have both passed", () => {
  const mark: Mark = { generation: 1, notBefore: "2026-01-02T00:00:00Z" };
  assert.equal(dueFrom({ delayedemailsendtime: "2026-01-03T00:00:00Z" }, mark)?.toISOString(), "2026-01-03T00:00:00.000Z");
  assert.equal(dueFrom({ delayedemailsendtime: null }, mark)?.toISOString(), "2026-01-02T00:00:00.000Z");
  assert.equal(dueFrom({}, { ...mark, ended: true }), null, "the waiting of an earlier press is over with it");
});
