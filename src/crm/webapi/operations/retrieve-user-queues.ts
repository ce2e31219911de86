import { doesNotExist } from "../error-codes.ts";
import { requireRow, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { rowsAnswer } from "../operation-answer.ts";
import { flagOf } from "../operation-parameters.ts";
import { Parameters } from "../parameters.ts";
import { readRow } from "../read-row.ts";
import { rowsThatMay } from "../rights.ts";

/** Queues of one answer; a user is a member of a few. */
const MOST_QUEUES = 500;

/** The queues of a user: those that the user owns, is a member of or has as default queue; with IncludePublic the public ones too. */
export const retrieveUserQueues: Operation = {
  name: "RetrieveUserQueues",
  kind: "function",
  binding: { table: "systemuser", to: "row" },
  parameters: [{ name: "IncludePublic", type: "Edm.Boolean", required: true }],
  returns: { kind: "entity", type: "Collection(mscrm.queue)" },
  async run(turn, call) {
    if (call.key === null) throw doesNotExist("systemuser", "");
    const userId = await requireRow(turn, tableOf(turn, "systemuser"), call.key, "Read");
    const queue = tableOf(turn, "queue");
    const parameters = new Parameters();
    const may = rowsThatMay(turn.caller, queue, "Read", parameters);
    const user = parameters.add(userId, "uuid");
    const all = parameters.add(flagOf(call, "IncludePublic") ?? false, "boolean");
    const { rows } = await turn.sql.query<{ id: string }>(
      `select row.queueid as id from crm.queue row
       where row.statecode = 0 and (${may}) and (
         row.ownerid = ${user} or row.queueid in (select queueid from crm.queuemembership where systemuserid = ${user})
         or row.queueid = (select queueid from crm.systemuser where systemuserid = ${user}) or ${all} and coalesce(row.queueviewtype, 0) = 0)
       order by row.name, row.queueid limit ${MOST_QUEUES}`,
      parameters.values,
    );
    const queues: object[] = [];
    for (const { id } of rows) {
      const row = await readRow(turn, queue, id);
      if (row) queues.push(row);
    }
    return rowsAnswer(call.request, queue.set, queues);
  },
};
