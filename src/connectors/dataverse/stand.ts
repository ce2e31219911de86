import { STATUS } from "../../model/email.ts";
import { changedByOthers, dueFrom, generationOf, versionOf } from "./generation.ts";
import type { Mark } from "./mark.ts";
import { numberOf, type Row } from "./row.ts";
import type { NotedSending, SendingNote } from "./sending-note.ts";

/** How an outgoing email stands: as its row says, or, where Dynamics shows Pending Send for whatever becomes of it, as the note on it says. */
export interface Stand {
  readonly status: number | null;
  /** The press of Send that it stands for. */
  readonly generation: number;
  /** Not to be sent before; null: at once. */
  readonly due: Date | null;
  readonly noted: NotedSending | null;
}

/** @param self id of the user as whom the connector is signed in */
export function standOf(row: Row, mark: Mark, noted: NotedSending | undefined, self: string): Stand {
  const status = numberOf(row, "statuscode");
  if (noted === undefined) return { status, generation: generationOf(row, mark, self), due: dueFrom(row, mark), noted: null };
  const { note } = noted;
  const { generation } = note;
  if (status !== STATUS.pendingSend) return { status, generation: Math.max(generation, mark.generation ?? 0), due: null, noted };
  const due = dueFrom(row, note.stage === "waiting" ? { notBefore: note.notBefore } : {});
  switch (note.stage) {
    case "sending":
      return { status: STATUS.sending, generation, due, noted };
    case "waiting":
      return { status: STATUS.pendingSend, generation, due, noted };
    case "ended":
      return isSentAnew(row, note, self)
        ? { status: STATUS.pendingSend, generation: generation + 1, due, noted }
        : { status: note.mayHaveLeft ? STATUS.sent : STATUS.failed, generation, due, noted };
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
