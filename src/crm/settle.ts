import { type Settled, type Settlement, STATUS } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";

/** Writes how a generation of an email ended, or what it waits for. */
export async function settleEmail(sql: Sql, id: string, generation: number, settlement: Settlement): Promise<Settled> {
  const { set, values } = outcome(settlement);
  const { rowCount } = await sql.query(
    `update crm.email set deliveryattempts = $3, lastsendresponse = $4, ${set}
     where activityid = $1 and sendgeneration = $2 and statuscode = ${STATUS.sending}`,
    [id, generation, settlement.attempts, settlement.note === null ? null : storableText(settlement.note), ...values],
  );
  return rowCount === 1 ? "settled" : "not in hand";
}

function outcome(settlement: Settlement): { readonly set: string; readonly values: readonly unknown[] } {
  switch (settlement.status) {
    case "sent":
      return {
        set: `statuscode = ${STATUS.sent}, messageid = $5, subject = $6, senton = $7, actualend = $7, postponeemailprocessinguntil = null`,
        values: [storableText(settlement.messageId), storableText(settlement.subject), settlement.sentOn],
      };
    case "retry":
      return { set: `statuscode = ${STATUS.pendingSend}, postponeemailprocessinguntil = $5`, values: [settlement.notBefore] };
    case "failed":
      return { set: `statuscode = ${STATUS.failed}, postponeemailprocessinguntil = null`, values: [] };
    case "unknown":
      return { set: "messageid = $5", values: [storableText(settlement.messageId)] };
  }
}
