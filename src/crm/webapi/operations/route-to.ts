import { fault } from "../error-codes.ts";
import { givenRow, requireRow, requireType } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { NOTHING } from "../operation-answer.ts";
import { objectOf } from "../operation-parameters.ts";
import { giveTo, heldItem, moveItem } from "../queue-rows.ts";
import type { Turn } from "../service.ts";

/** Sends a queue item on: into another queue, or to a user or team, into whose own queue it goes where there is one, and who works on it then. */
export const routeTo: Operation = {
  name: "RouteTo",
  kind: "action",
  binding: null,
  parameters: [
    { name: "Target", type: "mscrm.crmbaseentity", required: true },
    { name: "QueueItem", type: "mscrm.queueitem", required: false },
  ],
  returns: null,
  async run(turn, call) {
    const given = objectOf(call, "QueueItem");
    if (given === null)
      throw fault("RequiredFieldMissing", "Required field missing. The parameter 'QueueItem' is required for the operation 'RouteTo'.");
    const target = givenRow(turn, objectOf(call, "Target"));
    requireType(target, ["queue", "systemuser", "team"]);
    // What comes into a queue is appended to it.
    await requireRow(turn, target.table, { kind: "id", id: target.id }, target.table.name === "queue" ? "AppendTo" : "Read");
    const item = await heldItem(turn, givenRow(turn, given, "queueitem").id);
    if (!item.active) throw fault("CannotRouteInactiveQueueItem");
    if (target.table.name === "queue") {
      if (item.queueId !== target.id) await moveItem(turn, item.id, target.id);
      return NOTHING;
    }
    const own = await ownQueueOf(turn, target.table.name, target.id);
    if (own !== null && own !== item.queueId) await moveItem(turn, item.id, own);
    await giveTo(turn, item.id, { type: target.table.name, id: target.id });
    return NOTHING;
  },
};

/** A user's own queue; what those of teams are is not kept. */
async function ownQueueOf({ sql }: Turn, type: string, id: string): Promise<string | null> {
  if (type !== "systemuser") return null;
  const { rows } = await sql.query<{ queueId: string | null }>(`select queueid as "queueId" from crm.systemuser where systemuserid = $1`, [
    id,
  ]);
  return rows[0]?.queueId ?? null;
}
