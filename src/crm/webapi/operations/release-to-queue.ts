import { doesNotExist, fault } from "../error-codes.ts";
import type { Operation } from "../operation.ts";
import { NOTHING } from "../operation-answer.ts";
import { giveTo, heldItem } from "../queue-rows.ts";

/** Whoever worked on a queue item gives it back to the queue. */
export const releaseToQueue: Operation = {
  name: "ReleaseToQueue",
  kind: "action",
  binding: { table: "queueitem", to: "row" },
  parameters: [],
  returns: null,
  async run(turn, call) {
    if (call.key?.kind !== "id") throw doesNotExist("queueitem", "");
    const item = await heldItem(turn, call.key.id);
    if (!item.active) throw fault("CannotUpdateDeactivatedQueueItem");
    await giveTo(turn, item.id, null);
    return NOTHING;
  },
};
