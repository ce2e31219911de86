import assert from "node:assert/strict";
import { makeFolders, messageIdOf } from "../incoming.ts";
import type { EngineRig } from "../rig.ts";
import type { Promises } from "../shared-database.ts";
import { assertSound, type Box, openBox } from "./box.ts";

/** A folder below the inbox in which one letter lies. */
export const WORK = "INBOX/Work";

/** What happens to a mailbox between two rounds. The letters `one` to `four` lie in its inbox, `in-work` in WORK, and all are emails. */
export interface Accident {
  readonly what: string;
  /** Done before the letters are read; what it returns is done between two rounds. */
  readonly prepare: (box: Box) => Promise<() => Promise<void>>;
  /** Letters that came with the accident or after it. */
  readonly fresh: readonly string[];
  /** What else is to be seen then. */
  readonly afterwards?: (box: Box) => Promise<void>;
}

export const between = (act: (box: Box) => Promise<void>) => async (box: Box) => () => act(box);

/** One test for the accident: only what came is news, what a person deleted stays deleted, and all else is as it was. */
export function promiseSoundness(promise: Promises, rig: () => EngineRig, { what, prepare, fresh, afterwards }: Accident): void {
  promise(`${what}: no loss, no double, no replay`, async (database) => {
    await using box = await openBox(rig(), database);
    await makeFolders(rig().dovecot, box.user, WORK);
    await box.arriveAll(["one", "two", "three", "four"]);
    await box.arrive("in-work", WORK);
    await box.round();
    const happen = await prepare(box);
    await box.round();
    const earlier = await box.decisionTimes();
    await database.query("delete from crm.email where messageid = $1", [messageIdOf(`${box.user}-three`)]);

    await happen();
    const after = await box.round();
    assert.deepEqual([after.received, after.tracked], [fresh.length, fresh.length], "only what came is news");
    assert.deepEqual(
      (await box.emails()).filter((name) => !earlier.has(name)),
      [...fresh].sort(),
    );
    await assertSound(box, earlier, ["three"]);
    await afterwards?.(box);
  });
}
