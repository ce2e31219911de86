import { z } from "zod";
import type { NewRecord } from "../../model/record.ts";
import { guidOf } from "./new-email.ts";
import type { Organization } from "./organization.ts";

/** Milliseconds for which it holds what somebody began to make of an address; Dynamics shows a new record long before. */
const HOLDS = 600_000;
/** Looks at a note that others keep writing. */
const MOST_TRIES = 5;

const CLAIM = z.object({ type: z.enum(["contact", "lead"]), at: z.iso.datetime() });

/**
 * What is made of each address (key form): a contact or a lead, as whoever wanted it first noted in the ledger, which all processes of one Waypost share. The id
 * follows from the address, so that all who want a record of it make the same one.
 */
export async function claimTypes(
  organization: Organization,
  wanted: readonly (readonly [key: string, record: NewRecord])[],
): Promise<ReadonlyMap<string, NewRecord["type"]>> {
  const { notes } = organization;
  const claimed = new Map<string, NewRecord["type"]>();
  if (!organization.keepsNotes) return new Map(wanted.map(([key, { type }]) => [key, type]));
  let left = wanted;
  for (let tries = 0; left.length > 0; tries++) {
    if (tries >= MOST_TRIES) throw new Error("the notes of records to be made are never the present ones");
    const noted = await notes.read(left.map(([key]) => noteOf(key)));
    const lost: (typeof wanted)[number][] = [];
    for (const [key, record] of left) {
      const known = noted.get(noteOf(key));
      const claim = CLAIM.safeParse(known?.value);
      const now = organization.now();
      if (claim.success && now.getTime() - Date.parse(claim.data.at) < HOLDS) claimed.set(key, claim.data.type);
      else if (await notes.write(noteOf(key), known?.revision ?? null, { type: record.type, at: now.toISOString() }))
        claimed.set(key, record.type);
      else lost.push([key, record]);
    }
    left = lost;
  }
  return claimed;
}

/** The address itself does not stand in the ledger for that. */
function noteOf(key: string): string {
  return `record ${guidOf(key)}`;
}
