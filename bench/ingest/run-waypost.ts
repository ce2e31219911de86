import { readFileSync } from "node:fs";
import type { Database, Place } from "../../src/database/database.ts";
import { type Child, startChild } from "../../test/servers/child-process.ts";
import type { IngestTask, Said } from "./ingest-child.ts";
import { CONTACTS, contactAddress } from "./messages.ts";

/** How often the memory of the process is looked at. */
const SAMPLE_MS = 20;

export interface WaypostRun {
  readonly read: Extract<Said, { said: "read" }>;
  readonly again: Extract<Said, { said: "read again" }>;
  /** Highest resident memory while it read, above what the process had at rest, both seen from outside, all threads counted. */
  readonly peakMebibytes: number;
}

/** Senders of a quarter of the messages, so that the filter "contacts" tracks these and no others. */
export async function putContacts(database: Database): Promise<void> {
  await database.query(
    "insert into crm.contact (contactid, firstname, lastname, emailaddress1) select gen_random_uuid(), 'Contact', one, one from unnest($1::text[]) one",
    [Array.from({ length: CONTACTS }, (_, number) => contactAddress(number))],
  );
}

/** One process of its own that reads the mailbox twice. The database at its place must not be open elsewhere. */
export async function runWaypost(task: IngestTask & { readonly place: Place }): Promise<WaypostRun> {
  await using child = startChild(new URL("./ingest-child.ts", import.meta.url), [JSON.stringify(task)]);
  await child.until('"rests"');
  const resting = residentMebibytes(child);
  let highest = resting;
  const sampling = setInterval(() => {
    highest = Math.max(highest, residentMebibytes(child));
  }, SAMPLE_MS);
  try {
    const read = await answer(child, "read");
    clearInterval(sampling);
    const again = await answer(child, "read again");
    const code = await child.ended;
    if (code !== 0) throw new Error(`The measured process ended with ${code}:\n${child.lines.join("\n")}`);
    return { read, again, peakMebibytes: highest - resting };
  } finally {
    clearInterval(sampling);
  }
}

async function answer<Kind extends Said["said"]>(child: Child, said: Kind): Promise<Extract<Said, { said: Kind }>> {
  return JSON.parse(await child.until(`"said":"${said}"`)) as Extract<Said, { said: Kind }>;
}

function residentMebibytes({ pid }: Child): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kibibytes ?? 0) / 1024;
}
