import { readMark } from "../../src/connectors/dataverse/mark.ts";
import type { WholeEmail } from "../../src/crm/read.ts";
import type { Database } from "../../src/database/database.ts";

const TEXT_ALONE = /^<div style="white-space: pre-wrap">(.*)<\/div>$/s;

/**
 * An email as one reads it who knows where things stand in Dynamics: what the mail system answered, the press of Send and the time to wait in the mark, the text of
 * an email without HTML in the one body that there is.
 */
export async function readAsKept(database: Database, email: WholeEmail | null): Promise<WholeEmail | null> {
  if (email === null) return null;
  const { rows } = await database.query<{ parameters: string | null }>(
    "select activityadditionalparams as parameters from crm.email where activityid = $1",
    [email.id],
  );
  const { generation = email.generation, note, notBefore } = readMark(rows[0]?.parameters ?? null);
  const alone = TEXT_ALONE.exec(email.html ?? "")?.[1]
    ?.replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
  return {
    ...email,
    generation,
    lastSendResponse: note ?? null,
    postponedUntil: notBefore === undefined ? email.postponedUntil : new Date(notBefore),
    ...(alone !== undefined && { html: null, text: alone }),
  };
}
