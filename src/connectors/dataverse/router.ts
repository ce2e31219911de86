import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { SendingNotes } from "../../model/sending-notes.ts";

/** Under which the ledger keeps it, beside the notes about emails: no email has such an id. */
const KEY = "router";

const ROUTER = z.object({ id: z.guid() });

/** Tells this Waypost, with all its processes, from other routers at the same organization. Made once, and then the same for as long as the ledger lives. */
export async function routerId(notes: SendingNotes): Promise<string> {
  const known = await readRouter(notes);
  if (known !== null) return known;
  const id = randomUUID();
  if (await notes.write(KEY, null, { id })) return id;
  const made = await readRouter(notes);
  if (made === null) throw new Error("the note of who routes was neither written nor found");
  return made;
}

async function readRouter(notes: SendingNotes): Promise<string | null> {
  const noted = (await notes.read([KEY])).get(KEY);
  if (noted === undefined) return null;
  return ROUTER.parse(noted.value).id;
}
