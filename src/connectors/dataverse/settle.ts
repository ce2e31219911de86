import { type Settled, type Settlement, STATE_OF_STATUS, STATUS, type Status } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import { answered } from "./client/client.ts";
import { storedMessageId } from "./email-row.ts";
import { versionOf } from "./generation.ts";
import { keepMark } from "./kept-mark.ts";
import { type Mark, tellsNothingOf, withoutMark, writeMark } from "./mark.ts";
import { instant, longestSubject } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { type ReadOutgoingRow, readOutgoingRow } from "./outgoing.ts";
import { numberOf, type Row, textOf } from "./row.ts";
import { settleByNote } from "./settle-by-note.ts";
import { cut, storable } from "./storable.ts";
import type { Tables } from "./tables.ts";
import { type Values, written } from "./written-columns.ts";

const MOST_TRIES = 5;
/** Longest answer of a mail server that is kept. */
const NOTE_LENGTH = 500;

/** Writes how a generation of an email ended, or what it waits for: on its row, or where it was claimed by a note, as far as Dynamics lets it be shown. */
export async function settleEmail(organization: Organization, id: string, generation: number, settlement: Settlement): Promise<Settled> {
  const said = settlement.note === null ? undefined : cut(storable(settlement.note), NOTE_LENGTH);
  let showsSubject = settlement.status === "sent";
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const read = await readOutgoingRow(organization, id);
    if (read === null) return "not in hand";
    const { row, mark, stand } = read;
    if (stand.noted !== null) {
      const settled = await settleByNote(organization, id, { read, noted: stand.noted, generation, settlement, said });
      if (settled === "again") continue;
      return settled;
    }
    const isMine = mark.generation === generation && mark.router === (await organization.router()) && !mark.ended;
    if (stand.status !== STATUS.sending || !isMine) {
      const settled = notInHand(read, generation, isMine);
      // Whoever presses Send again, as the alert says, presses it another time.
      if (settled === "nobody's" && settlement.status === "failed") await keepMark(organization, id, { ...mark, generation, ended: true });
      return settled;
    }
    const { columns, mark: changes } = outcome(settlement);
    const tables = await organization.tables();
    const subject = showsSubject && settlement.status === "sent" ? subjectShown(tables, row, settlement.subject) : null;
    const after: Mark = { ...mark, ...changes, note: said };
    const before = textOf(row, "activityadditionalparams");
    const marked = writeMark(after, before);
    const waitsInSending = settlement.status === "retry" && marked === null;
    const answer = await organization.client.send({
      method: "PATCH",
      path: `${tables.set("email")}(${id})`,
      headers: { "If-Match": versionOf(row) },
      body: written(tables, "email", "update", {
        ...(!waitsInSending && columns),
        ...(subject !== null && { subject }),
        deliveryattempts: settlement.attempts,
        activityadditionalparams: marked ?? withoutMark(before),
      }),
    });
    if (answer.kind === "refused" && answer.status === 412) continue;
    if (answer.kind === "refused" && answer.status === 404) return "not in hand";
    if (answer.kind === "refused" && subject !== null) {
      // That it has left is worth more than the words under which it did.
      showsSubject = false;
      continue;
    }
    answered(answer);
    await keepMark(organization, id, after, waitsInSending);
    return "settled";
  }
  throw keepsChanging(id);
}

function keepsChanging(id: string): Failure {
  return new Failure({
    scope: "item",
    code: "email keeps changing",
    message: `The email ${id} was changed by somebody else each time that its state was to be written.`,
    remedy: "Look which workflow or plug-in of the organization changes emails while they are sent. It is tried again.",
    waitingHelps: true,
  });
}

/** Why it is not this claim's to settle. */
function notInHand({ row, mark }: ReadOutgoingRow, generation: number, isMine: boolean): Settled {
  const status = numberOf(row, "statuscode");
  if (status === STATUS.sending) return tellsNothingOf(mark, generation) ? "nobody's" : "not in hand";
  // Waypost notes a time with what it puts back itself.
  const isTakenOut = isMine && mark.notBefore === undefined && status !== STATUS.sent;
  return isTakenOut ? "taken out" : "not in hand";
}

/** The subject under which it left, as far as the column takes it; null where it stands there already. */
function subjectShown(tables: Tables, row: Row, subject: string): string | null {
  const shown = cut(storable(subject), longestSubject(tables));
  return shown === textOf(row, "subject") ? null : shown;
}

function outcome(settlement: Settlement): { readonly columns: Values<"email", "update">; readonly mark: Partial<Mark> } {
  const into = (statuscode: Status) => ({ statecode: STATE_OF_STATUS[statuscode], statuscode });
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
      return {
        columns: into(STATUS.pendingSend),
        mark: {
          ...{ notBefore: settlement.notBefore.toISOString(), attempts: settlement.attempts },
          ...(settlement.partly && { partly: true }),
        },
      };
    case "failed":
      return { columns: into(STATUS.failed), mark: { ended: true, notBefore: undefined } };
    case "unknown":
      return { columns: { messageid: storedMessageId(settlement.messageId) }, mark: {} };
  }
}
