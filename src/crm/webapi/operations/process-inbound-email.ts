import { doesNotExist, fault } from "../error-codes.ts";
import { requireRow, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { NOTHING } from "../operation-answer.ts";

/**
 * Called for a received email once it is delivered: an answer to a campaign activity becomes a campaign response in Dynamics (product-behaviour 5.2). This
 * CRM has no campaign activities, so that no email answers one: what is left is that it must be a received email that the caller may change.
 */
export const processInboundEmail: Operation = {
  name: "ProcessInboundEmail",
  kind: "action",
  binding: { table: "email", to: "row" },
  parameters: [],
  returns: null,
  async run(turn, call) {
    if (call.key === null) throw doesNotExist("email", "");
    const id = await requireRow(turn, tableOf(turn, "email"), call.key, "Write");
    const { rows } = await turn.sql.query<{ outgoing: boolean }>("select directioncode as outgoing from crm.email where activityid = $1", [
      id,
    ]);
    if (rows[0]?.outgoing) throw fault("InvalidOperation", `The email ${id} was sent, not received.`);
    return NOTHING;
  },
};
