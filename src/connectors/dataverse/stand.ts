import { STATUS } from "../../model/email.ts";
import { changedByOthers, dueFrom, generationOf, versionOf } from "./generation.ts";
import { type KeptMark, latestMark } from "./kept-mark.ts";
import { type Mark, readMark } from "./mark.ts";
import { numberOf, type Row, textOf } from "./row.ts";
import type { NotedSending, SendingNote } from "./sending-note.ts";

/** How an outgoing email stands: as its row says, or, where Dynamics cannot show it, as the ledger does. */
export interface Stand {
  /** Sending also stands for an email that another router goes on with, Pending Send for one that waits in the status Sending. */
  readonly status: number | null;
  /** The press of Send that it stands for. */
  readonly generation: number;
  /** Not to be sent before; null: at once. */
  readonly due: Date | null;
  readonly mark: Mark;
  readonly noted: NotedSending | null;
  readonly kept: KeptMark | null;
}

/** What the ledger knows of an email, and who asks. */
export interface Known {
  readonly noted: NotedSending | null;
  readonly kept: KeptMark | null;
  /** Id of the user as whom the connector is signed in. */
  readonly self: string;
  /** This router; see Organization. */
  readonly router: string;
}

export function standOf(row: Row, { noted, kept, self, router }: Known): Stand {
  const mark = latestMark(readMark(textOf(row, "activityadditionalparams")), kept);
  const known = { mark, noted, kept };
  return noted === null ? { ...known, ...byMark(row, mark, kept, router) } : { ...known, ...byNote(row, mark, noted, self) };
}

type Standing = Pick<Stand, "status" | "generation" | "due">;

function byMark(row: Row, mark: Mark, kept: KeptMark | null, router: string): Standing {
  const status = numberOf(row, "statuscode");
  const waitsInSending = kept?.waits === true && kept.mark === mark;
  if (waitsInSending && status === STATUS.sending)
    return { status: STATUS.pendingSend, generation: mark.generation ?? 1, due: dueFrom(row, mark) };
  // Waypost left it in Sending: whoever brought it to Pending Send pressed Send.
  const generation = generationOf(row, waitsInSending ? { ...mark, notBefore: undefined } : mark);
  const goesOn = generation === mark.generation;
  // Which recipients have it, only that router knows.
  const isAnothers = goesOn && mark.partly === true && !mark.ended && mark.router !== undefined && mark.router !== router;
  return {
    status: isAnothers && status === STATUS.pendingSend ? STATUS.sending : status,
    ...{ generation, due: dueFrom(row, goesOn ? mark : {}) },
  };
}

function byNote(row: Row, mark: Mark, { note }: NotedSending, self: string): Standing {
  const status = numberOf(row, "statuscode");
  const { generation } = note;
  if (status !== STATUS.pendingSend) return { status, generation: Math.max(generation, mark.generation ?? 0), due: null };
  const due = dueFrom(row, note.stage === "waiting" ? { notBefore: note.notBefore } : {});
  switch (note.stage) {
    case "sending":
      return { status: STATUS.sending, generation, due };
    case "waiting":
      return { status: STATUS.pendingSend, generation, due };
    case "ended":
      return isSentAnew(row, note, self)
        ? { status: STATUS.pendingSend, generation: generation + 1, due }
        : { status: note.mayHaveLeft ? STATUS.sent : STATUS.failed, generation, due };
  }
}

/**
 * Whether an email that came to its end and stands in Pending Send was sent anew. It surely was where it was seen in another status since. Else nothing tells a press
 * of Send from any other change of the row: where nothing left, whoever changed it has it tried once more, which does no harm; where something may have, nobody.
 */
function isSentAnew(row: Row, note: SendingNote, self: string): boolean {
  if (note.shown) return true;
  return !note.mayHaveLeft && versionOf(row) !== note.version && changedByOthers(row, self);
}
