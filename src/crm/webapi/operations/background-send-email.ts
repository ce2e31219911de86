import { PARTICIPATION } from "../../../model/decision.ts";
import { STATUS } from "../../../model/email.ts";
import { claimEmail } from "../../claim.ts";
import { readSettings } from "../../settings.ts";
import { requirePrivilege, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { objectOf } from "../operation-parameters.ts";
import { Parameters } from "../parameters.ts";
import { readRow } from "../read-row.ts";
import { rowsThatMay } from "../rights.ts";
import { readSenders, type Senders } from "../sender-query.ts";
import type { Turn } from "../service.ts";

/** Emails of one call, however many senders are asked for. */
const MOST_EMAILS = 255;

/**
 * Hands out emails that wait to be sent, each to one caller only, and marks them Sending; the caller transmits them and settles their status
 * (product-behaviour 5.2). Of each sender that the query names at most BackgroundSendBatchSize. Where it is not honoured it answers with none.
 */
export const backgroundSendEmail: Operation = {
  name: "BackgroundSendEmail",
  kind: "action",
  binding: null,
  parameters: [{ name: "Query", type: "mscrm.QueryBase", required: true }],
  returns: {
    kind: "complex",
    name: "BackgroundSendEmailResponse",
    properties: [
      { name: "HasAttachments", type: "Collection(Edm.Boolean)" },
      { name: "EntityCollection", type: "Collection(mscrm.email)" },
    ],
  },
  // What it is made of depends on the kind of query; see readSenders.
  types: [{ kind: "complex", name: "QueryBase", properties: [] }],
  async run(turn, call) {
    const table = tableOf(turn, "email");
    requirePrivilege(turn, table, "Write");
    const senders = readSenders(objectOf(call, "Query") ?? {});
    const ids = turn.service.behaviour.honoursBackgroundSend ? await takePending(turn, senders) : [];
    const emails: object[] = [];
    const attachments: boolean[] = [];
    for (const { id, generation } of ids) {
      const claimed = await claimEmail(turn.sql, id, generation);
      const row = claimed && (await readRow(turn, table, id));
      if (!claimed || !row) continue;
      emails.push(row);
      attachments.push(claimed.attachments.length > 0);
    }
    return complexAnswer(call.request, "BackgroundSendEmailResponse", { HasAttachments: attachments, EntityCollection: emails });
  },
};

/** Emails that are due, the oldest of each sender first, held until the end of the transaction; what another caller holds is left to it. */
async function takePending(turn: Turn, { type, ids }: Senders): Promise<readonly { readonly id: string; readonly generation: number }[]> {
  const { settings } = await readSettings(turn.sql);
  const parameters = new Parameters();
  const may = rowsThatMay(turn.caller, tableOf(turn, "email"), "Write", parameters);
  const now = parameters.add(turn.service.now(), "timestamptz");
  const wanted = ids === null ? "true" : `party.partyid = any(${parameters.add([...ids], "uuid[]")})`;
  const { rows } = await turn.sql.query<{ id: string; generation: number }>(
    `with due as (
       select row.activityid, row.createdon, row_number() over (partition by party.partyid order by row.createdon, row.activityid) as number
       from crm.email row join lateral (
         select partyid from crm.activityparty one where one.activityid = row.activityid and one.participationtypemask = ${PARTICIPATION.sender}
           and one.partyobjecttypecode = ${parameters.add(type, "text")} order by one.ordinal limit 1
       ) party on ${wanted}
       where row.statuscode = ${STATUS.pendingSend} and row.directioncode and (${may})
         and coalesce(greatest(row.delayedemailsendtime, row.postponeemailprocessinguntil) <= ${now}, true)
     )
     select email.activityid as id, email.sendgeneration as generation from crm.email
     where email.statuscode = ${STATUS.pendingSend}
       and email.activityid in (select activityid from due where number <= ${parameters.add(settings.BackgroundSendBatchSize, "int")} order by createdon, activityid limit ${MOST_EMAILS})
     order by email.createdon, email.activityid for update skip locked`,
    parameters.values,
  );
  return rows;
}
