import { createHash } from "node:crypto";
import type { Database } from "../../src/database/database.ts";
import type { Expected } from "./messages.ts";

/** Emails read back at a time: their bodies are held in memory. */
const BATCH = 200;

/** Differences told; one that is everywhere need not be told ten thousand times. */
const TOLD = 20;

interface Stored {
  readonly messageId: string;
  readonly subject: string;
  readonly html: Buffer | null;
  readonly text: Buffer | null;
  readonly filenames: readonly string[];
  readonly bodies: readonly Buffer[];
}

/**
 * Reads every body and every attachment of the CRM back, and compares its SHA-256 with what the generator wrote. Throws with the list of what is
 * different, missing or too much.
 */
export async function verify(
  database: Database,
  expected: readonly Expected[],
): Promise<{ readonly emails: number; readonly bodies: number }> {
  const wrong: string[] = [];
  const { rows } = await database.query<{ emails: number }>("select count(*)::int as emails from crm.email");
  if (rows[0]?.emails !== expected.length) wrong.push(`${rows[0]?.emails} emails instead of ${expected.length}`);
  let bodies = 0;
  for (let from = 0; from < expected.length; from += BATCH) {
    const some = expected.slice(from, from + BATCH);
    const stored = await readBack(
      database,
      some.map((one) => one.messageId),
    );
    for (const one of some) {
      const found = stored.get(one.messageId);
      const difference = found === undefined ? ["is not there"] : differences(one, found);
      wrong.push(...difference.map((what) => `${one.messageId}: ${what}`));
      bodies += one.attachments.length + [one.html, one.text].filter((body) => body !== null).length;
    }
  }
  if (wrong.length === 0) return { emails: expected.length, bodies };
  const more = wrong.length > TOLD ? `\n... and ${wrong.length - TOLD} more` : "";
  throw new Error(`What the CRM holds is not what was sent:\n${wrong.slice(0, TOLD).join("\n")}${more}`);
}

async function readBack(database: Database, messageIds: readonly string[]): Promise<Map<string, Stored>> {
  const { rows } = await database.query<Stored>(
    `select email.messageid as "messageId", email.subject, html.body as html, plain.body as text,
       array(select filename from crm.activitymimeattachment where objectid = email.activityid order by attachmentnumber) as filenames,
       array(select content.body from crm.activitymimeattachment join crm.content using (hash) where objectid = email.activityid order by attachmentnumber) as bodies
     from crm.email left join crm.content html on html.hash = email.descriptionhash left join crm.content plain on plain.hash = email.plaintexthash
     where email.messageid = any($1)`,
    [messageIds],
  );
  return new Map(rows.map((row) => [row.messageId, row]));
}

function differences(expected: Expected, stored: Stored): string[] {
  const wrong: string[] = [];
  const compare = (what: string, wanted: string | null, found: string | null) => {
    if (wanted !== found) wrong.push(`${what} is ${found ?? "nothing"} instead of ${wanted ?? "nothing"}`);
  };
  compare("subject", expected.subject, stored.subject);
  compare("HTML body", expected.html, hashOf(stored.html));
  compare("text body", expected.text, hashOf(stored.text));
  compare("number of attachments", String(expected.attachments.length), String(stored.bodies.length));
  for (const [index, { filename, hash }] of expected.attachments.entries()) {
    compare(`name of attachment ${index + 1}`, filename, stored.filenames[index] ?? null);
    compare(`attachment ${index + 1}`, hash, hashOf(stored.bodies[index] ?? null));
  }
  return wrong;
}

function hashOf(body: Buffer | null): string | null {
  return body === null ? null : createHash("sha256").update(body).digest("hex");
}
