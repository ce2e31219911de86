import { type Settled, type Settlement, STATE_OF_STATUS, STATUS } from "../../model/email.ts";
import { type Answer, answered } from "./client/client.ts";
import { storedMessageId } from "./email-row.ts";
import { versionOf } from "./generation.ts";
import { withoutMark, writeMark } from "./mark.ts";
import { instant } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { type ReadOutgoingRow, readOutgoingRow } from "./outgoing.ts";
import { numberOf, type Row, textOf } from "./row.ts";
import { type NotedSending, type SendingNote, writeSendingNote } from "./sending-note.ts";
import { storable } from "./storable.ts";
import { type Values, written } from "./written-columns.ts";

interface Settling {
  readonly read: ReadOutgoingRow;
  readonly noted: NotedSending;
  readonly generation: number;
  readonly settlement: Settlement;
  /** What the mail system said, in a length that is kept. */
  readonly said: string | undefined;
}

/**
 * As settleEmail, for an email that was claimed by a note and stands in Pending Send. What left is recorded as sent with SendEmail, which Dynamics has for that
 * (IssueSend false). What failed becomes Failed, if that is let. Whatever else is to be known of it is written if it can be. The note is written last: whoever settles
 * once more, after a crash, finds what is done and goes on from there. Of what Dynamics does not let be shown, the note alone keeps it from being sent again.
 */
export async function settleByNote(organization: Organization, id: string, settling: Settling): Promise<Settled | "again"> {
  const { read, noted, generation, settlement, said } = settling;
  const { note } = noted;
  if (note.stage !== "sending" || note.generation !== generation) return "not in hand";
  const keep = async (changes: Partial<SendingNote>, settled: Settled): Promise<Settled | "again"> => {
    const after = { ...note, attempts: settlement.attempts, said, version: versionOf(read.row), ...changes };
    return (await writeSendingNote(organization, id, noted, after)) ? settled : "again";
  };
  switch (settlement.status) {
    case "retry": {
      const mayHaveLeft = settlement.partly || note.mayHaveLeft ? true : undefined;
      return keep({ stage: "waiting", notBefore: settlement.notBefore.toISOString(), mayHaveLeft }, "settled");
    }
    case "unknown":
      // Whoever answers it names it, if it left.
      await write(organization, id, { messageid: storedMessageId(settlement.messageId) });
      return keep({ mayHaveLeft: true, messageId: settlement.messageId }, "settled");
    case "failed": {
      const shown = await showFailed(organization, id, read);
      return keep({ stage: "ended", shown }, shown ? "settled" : "stays pending");
    }
    case "sent": {
      const shown = await showSent(organization, id, settling, settlement);
      return keep({ stage: "ended", mayHaveLeft: true, messageId: settlement.messageId, shown }, shown ? "settled" : "stays pending");
    }
  }
}

/** True where the row is out of Pending Send now, or somebody has taken it out. */
async function showFailed(organization: Organization, id: string, { row }: ReadOutgoingRow): Promise<true | undefined> {
  if (isElsewhere(row)) return true;
  const statuscode = STATUS.failed;
  const answer = await write(organization, id, { statecode: STATE_OF_STATUS[statuscode], statuscode });
  return answer.kind === "answered" ? true : undefined;
}

async function showSent(
  organization: Organization,
  id: string,
  { read: { row, mark }, noted: { note }, generation, said }: Settling,
  settlement: Extract<Settlement, { status: "sent" }>,
): Promise<true | undefined> {
  // Somebody took it out of its sending, and may write on it.
  if (isElsewhere(row) && numberOf(row, "statuscode") !== STATUS.sent) return true;
  const thread = note.inReplyTo === undefined ? {} : { inReplyTo: note.inReplyTo, references: note.references };
  const ended = { ...mark, ...thread, generation, submitter: note.submitter, ended: true as const, note: said };
  const before = textOf(row, "activityadditionalparams");
  const known: Values<"email", "update"> = {
    messageid: storedMessageId(settlement.messageId),
    activityadditionalparams: writeMark(ended, before) ?? withoutMark(before),
  };
  await write(organization, id, known);
  if (!isElsewhere(row)) await recordAsSent(organization, id, note.token);
  // Also where it was refused: somebody who settles at the same time may have been quicker.
  const now = await readOutgoingRow(organization, id);
  // Gone, or taken out of its sending by somebody: nothing is left to be shown.
  if (now === null) return true;
  if (!isElsewhere(now.row)) return undefined;
  if (numberOf(now.row, "statuscode") !== STATUS.sent) return true;
  // Dynamics has dated it now, and given it a subject of its own making.
  await write(organization, id, {
    actualend: instant(settlement.sentOn),
    deliveryattempts: settlement.attempts,
    ...(settlement.subject !== textOf(now.row, "subject") && { subject: storable(settlement.subject) }),
  });
  return true;
}

/** Does nothing where Dynamics refuses it for good. @throws Failure where it may do it later */
async function recordAsSent(organization: Organization, id: string, token: string | null): Promise<void> {
  const tables = await organization.tables();
  const path = `${tables.set("email")}(${id})/Microsoft.Dynamics.CRM.SendEmail`;
  const answer = await organization.client.send({ method: "POST", path, body: { IssueSend: false, TrackingToken: token ?? "" } });
  if (answer.kind === "refused" && answer.failure.scope === "item" && !answer.failure.waitingHelps) return;
  answered(answer);
}

function isElsewhere(row: Row): boolean {
  return numberOf(row, "statuscode") !== STATUS.pendingSend;
}

/**
 * Writes what Dynamics lets be written of a completed email: nothing depends on it. What is wider than this email, or passes, is thrown, and settling is done again.
 * @throws Failure
 */
async function write(organization: Organization, id: string, values: Values<"email", "update">): Promise<Answer> {
  const tables = await organization.tables();
  const body = written(tables, "email", "update", values);
  const answer = await organization.client.send({
    ...{ method: "PATCH", path: `${tables.set("email")}(${id})`, headers: { "If-Match": "*" }, body, repeatable: true },
  });
  if (answer.kind === "refused" && answer.failure.scope === "item" && !answer.failure.waitingHelps) return answer;
  answered(answer);
  return answer;
}
