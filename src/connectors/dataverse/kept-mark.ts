import { z } from "zod";
import { MARK, type Mark } from "./mark.ts";
import type { Organization } from "./organization.ts";

/**
 * What the ledger keeps of the mark of an email that this Waypost has claimed: the column in Dynamics is open to every program, and one may write over the mark, or
 * leave no room for it. It is kept after the row was written, so it says nothing that is not so.
 */
export interface KeptMark {
  /** The number of its writing. */
  readonly revision: number;
  readonly mark: Mark;
  /**
   * The email waits for another try in the status Sending: its column takes no mark, and other routers, who would find none in Pending Send, would take it for one that
   * was never tried.
   */
  readonly waits: boolean;
}

const KEPT = z.object({ mark: MARK, waits: z.literal(true).optional() });

/** Tries to write what somebody else writes at the same time. */
const MOST_TRIES = 5;

/** The marks that the ledger keeps of these emails. */
export async function readKeptMarks({ notes }: Organization, emailIds: readonly string[]): Promise<ReadonlyMap<string, KeptMark>> {
  const found = await notes.read(emailIds.map(keyOfMark));
  return new Map(
    emailIds.flatMap((id) => {
      const one = found.get(keyOfMark(id));
      if (one === undefined) return [];
      const { mark, waits = false } = KEPT.parse(one.value);
      return [[id, { revision: one.revision, mark, waits }]];
    }),
  );
}

/** Keeps the mark of an email that this process has in hand. */
export async function keepMark(organization: Organization, emailId: string, mark: Mark, waits = false): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const before = (await readKeptMarks(organization, [emailId])).get(emailId) ?? null;
    if (await replaceMark(organization, emailId, before, { mark, waits })) return;
  }
  throw new Error(`the mark of the email ${emailId} was written by somebody else each time`);
}

/** Keeps a mark in the place of `before`. False where another process was quicker. */
export function replaceMark(
  { notes }: Organization,
  emailId: string,
  before: KeptMark | null,
  { mark, waits }: Pick<KeptMark, "mark" | "waits">,
): Promise<boolean> {
  return notes.write(keyOfMark(emailId), before?.revision ?? null, { mark, ...(waits && { waits }) });
}

/**
 * The mark that counts: that on the email, unless the ledger knows better: none stands there any more, or one that somebody read before and wrote back later. Another
 * router's later one is on the email only.
 */
export function latestMark(onEmail: Mark, kept: KeptMark | null): Mark {
  if (kept === null) return onEmail;
  const [there, here] = [onEmail.generation ?? 0, kept.mark.generation ?? 0];
  return here > there || (here === there && (kept.mark.ended || kept.waits) && !onEmail.ended) ? kept.mark : onEmail;
}

function keyOfMark(emailId: string): string {
  return `mark ${emailId.toLowerCase()}`;
}
