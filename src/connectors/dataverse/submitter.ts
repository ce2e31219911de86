import type { Mark } from "./mark.ts";
import { idOf, type Row } from "./row.ts";
import type { SendingNote } from "./sending-note.ts";

/**
 * Who pressed Send, as far as Dynamics tells. It notes that nowhere, only who changed the email last and who acted for that user; a workflow or plug-in may have
 * changed it since. SendEmail itself refuses whoever may not send in the sender's name (product-behaviour 4.2).
 */
export interface Submitter {
  /** Null: a program in the sender's own name. */
  readonly id: string | null;
  /** Somebody else changed the email last, and yet the sender may have pressed Send: it is known to have written it, or nothing tells who did. */
  readonly guessed: boolean;
}

/** Columns that it is found out from. */
export const SUBMITTER_COLUMNS = ["createdby", "createdonbehalfby", "modifiedby", "modifiedonbehalfby"] as const;

/**
 * @param row as it was before Waypost claimed it
 * @param senderId the user who stands in From; null where that is none
 * @param self id of the user as whom the connector is signed in
 */
export function submitterOf(row: Row, senderId: string | null, self: string): Submitter {
  const by = (column: (typeof SUBMITTER_COLUMNS)[number]) => idOf(row, `_${column}_value`);
  const [changedBy, madeBy] = [by("modifiedby"), by("createdby")];
  const sender = { id: senderId, guessed: false };
  // A plug-in that runs as somebody else acts for the one who set it off.
  if (senderId !== null && [changedBy, by("modifiedonbehalfby")].includes(senderId)) return sender;
  const senderWroteIt = senderId !== null && [madeBy, by("createdonbehalfby")].includes(senderId);
  if (changedBy !== null && changedBy !== self) return { id: changedBy, guessed: senderWroteIt };
  if (senderWroteIt) return sender;
  return madeBy === null || madeBy === self ? { id: null, guessed: false } : { id: madeBy, guessed: true };
}

/** As it was noted when the email was claimed. */
export function notedSubmitter({ submitter = null, guessed }: Mark | SendingNote): Submitter {
  return { id: submitter, guessed: guessed === true };
}
