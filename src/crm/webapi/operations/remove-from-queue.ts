import { doesNotExist } from "../error-codes.ts";
import type { Operation } from "../operation.ts";
import { NOTHING } from "../operation-answer.ts";
import { heldItem, removeItem } from "../queue-rows.ts";

/** Takes an item out of its queue; what it held stays. */
export const removeFromQueue: Operation = {
  name: "RemoveFromQueue",
  kind: "action",
  binding: { table: "queueitem", to: "row" },
  parameters: [],
  returns: null,
  async run(turn, call) {
    if (call.key?.kind !== "id") throw doesNotExist("queueitem", "");
    await removeItem(turn, (await heldItem(turn, call.key.id)).id);
    return NOTHING;
  },
};
