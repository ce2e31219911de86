import { doesNotExist, fault } from "../error-codes.ts";
import { givenRow, requireRow, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { NOTHING } from "../operation-answer.ts";
import { flagOf, objectOf } from "../operation-parameters.ts";
import { giveTo, heldItem, removeItem } from "../queue-rows.ts";

/** A user takes up what lies in a queue: becomes its worker, or, with RemoveQueueItem, takes it out of the queue. */
export const pickFromQueue: Operation = {
  name: "PickFromQueue",
  kind: "action",
  binding: { table: "queueitem", to: "row" },
  parameters: [
    { name: "SystemUser", type: "mscrm.systemuser", required: true },
    { name: "RemoveQueueItem", type: "Edm.Boolean", required: true },
  ],
  returns: null,
  async run(turn, call) {
    if (call.key?.kind !== "id") throw doesNotExist("queueitem", "");
    const user = givenRow(turn, objectOf(call, "SystemUser"), "systemuser");
    await requireRow(turn, tableOf(turn, "systemuser"), { kind: "id", id: user.id }, "Read");
    const item = await heldItem(turn, call.key.id);
    if (!item.active) throw fault("CannotUpdateDeactivatedQueueItem");
    if (flagOf(call, "RemoveQueueItem")) await removeItem(turn, item.id);
    else await giveTo(turn, item.id, { type: "systemuser", id: user.id });
    return NOTHING;
  },
};
