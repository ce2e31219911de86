import { z } from "zod";
import type { Organization } from "./organization.ts";

/**
 * How far an email is whose status Dynamics lets nobody change: it stands in Pending Send there the whole time. Kept in SendingNotes under the email's id, for every
 * email that was ever claimed so: whatever the organization allows later, this one goes on by its note.
 */
export interface SendingNote {
  /** In hand, or nobody knows whether it left; waiting for another try; at its end. */
  readonly stage: "sending" | "waiting" | "ended";
  readonly generation: number;
  /** The version of the row when the note was written: another one was changed since. */
  readonly version: string;
  /** Not there: the email could not be read when it was claimed, so that it is not known yet who pressed Send. */
  readonly submitter?: string | null | undefined;
  /** See Mark. */
  readonly guessed?: true | undefined;
  readonly token: string | null;
  readonly attempts: number;
  /** What it answers, for those who answer it; see Mark. */
  readonly inReplyTo?: string | undefined;
  readonly references?: readonly string[] | undefined;
  /** Under which it left, or may have. */
  readonly messageId?: string | undefined;
  readonly notBefore?: string | undefined;
  readonly said?: string | undefined;
  /** It left, or nobody ever knew whether it did: no change of the row makes it leave once more, unless it was seen elsewhere than in Pending Send since. */
  readonly mayHaveLeft?: true | undefined;
  /** Ended, and seen in another status since: another Pending Send is another press of Send. */
  readonly shown?: true | undefined;
}

const NOTE = z.object({
  stage: z.enum(["sending", "waiting", "ended"]),
  generation: z.number().int().positive(),
  version: z.string(),
  submitter: z.string().nullable().optional(),
  guessed: z.literal(true).optional(),
  token: z.string().nullable(),
  attempts: z.number().int().nonnegative(),
  inReplyTo: z.string().optional(),
  references: z.array(z.string()).optional(),
  messageId: z.string().optional(),
  notBefore: z.string().optional(),
  said: z.string().optional(),
  mayHaveLeft: z.literal(true).optional(),
  shown: z.literal(true).optional(),
});

/** A note with the number of its writing. */
export interface NotedSending {
  readonly revision: number;
  readonly note: SendingNote;
}

/** The notes on these emails, as far as there are any. */
export async function readSendingNotes({ notes }: Organization, emailIds: readonly string[]): Promise<ReadonlyMap<string, NotedSending>> {
  const found = await notes.read(emailIds.map(keyOfEmail));
  return new Map(
    emailIds.flatMap((id) => {
      const one = found.get(keyOfEmail(id));
      return one === undefined ? [] : [[id, { revision: one.revision, note: NOTE.parse(one.value) }]];
    }),
  );
}

/** Writes it in the place of `before`. False where somebody else was quicker. */
export function writeSendingNote(
  { notes }: Organization,
  emailId: string,
  before: NotedSending | null,
  note: SendingNote,
): Promise<boolean> {
  return notes.write(keyOfEmail(emailId), before?.revision ?? null, note);
}

function keyOfEmail(id: string): string {
  return `email ${id.toLowerCase()}`;
}
