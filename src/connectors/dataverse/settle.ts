import { type Settlement, STATE_OF_STATUS, STATUS } from "../../model/email.ts";
import { answered } from "./client/client.ts";
import { storedMessageId } from "./email-row.ts";
import { versionOf } from "./generation.ts";
import { type Mark, writeMark } from "./mark.ts";
import { instant } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { readOutgoingRow } from "./outgoing.ts";
import { numberOf, textOf } from "./row.ts";
import { cut, storable } from "./storable.ts";
import { type Values, written } from "./written-columns.ts";

const MOST_TRIES = 5;
/** Longest answer of a mail server that is kept. */
const NOTE_LENGTH = 500;

/** Writes how a generation of an email ended, or what it waits for. False when this generation is not the one being sent. */
export async function settleEmail(organization: Organization, id: string, generation: number, settlement: Settlement): Promise<boolean> {
  const { columns, mark: changes } = outcome(settlement);
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const read = await readOutgoingRow(organization, id);
    if (read === null || numberOf(read.row, "statuscode") !== STATUS.sending || read.mark.generation !== generation || read.mark.ended)
      return false;
    const { row, mark } = read;
    const tables = await organization.tables();
    const note = settlement.note === null ? undefined : cut(storable(settlement.note), NOTE_LENGTH);
    const answer = await organization.client.send({
      method: "PATCH",
      path: `${tables.set("email")}(${id})`,
      headers: { "If-Match": versionOf(row) },
      body: written(tables, "email", "update", {
        ...columns,
        ...(settlement.status === "sent" && settlement.subject !== textOf(row, "subject") && { subject: storable(settlement.subject) }),
        deliveryattempts: settlement.attempts,
        activityadditionalparams: writeMark({ ...mark, ...changes, note }, textOf(row, "activityadditionalparams")),
      }),
    });
    if (answer.kind === "refused" && answer.status === 412) continue;
    if (answer.kind === "refused" && answer.status === 404) return false;
    answered(answer);
    return true;
  }
  return false;
}

function outcome(settlement: Settlement): { readonly columns: Values<"email", "update">; readonly mark: Partial<Mark> } {
  const into = (statuscode: (typeof STATUS)[keyof typeof STATUS]) => ({ statecode: STATE_OF_STATUS[statuscode], statuscode });
  switch (settlement.status) {
    case "sent":
      return {
        columns: {
          ...into(STATUS.sent),
          messageid: storedMessageId(settlement.messageId),
          actualend: instant(settlement.sentOn),
        },
        mark: { ended: true, notBefore: undefined },
      };
    case "retry":
      return { columns: into(STATUS.pendingSend), mark: { notBefore: settlement.notBefore.toISOString() } };
    case "failed":
      return { columns: into(STATUS.failed), mark: { ended: true, notBefore: undefined } };
    case "unknown":
      return { columns: { messageid: storedMessageId(settlement.messageId) }, mark: {} };
  }
}
