import type { Returned } from "../../model/delivery-report.ts";
import { anyId } from "./any-of.ts";
import { instantOfEmail } from "./email-row.ts";
import { readMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { keyOf, type Row, textOf } from "./row.ts";

/** Rows told of one email: a message to a thousand people may bring a thousand reports, and nobody reads more than these. */
const MOST_PER_EMAIL = 200;

/**
 * What came back of these emails, the newest first. Dynamics has no table for it: a delivery report is an email that belongs to the one that it is about, and
 * bears what it says of it (see Mark). Empty where the organization has no column for what an email belongs to.
 */
export async function readReturned(organization: Organization, ids: readonly string[]): Promise<Returned[]> {
  const tables = await organization.tables();
  if (ids.length === 0 || !tables.has("email", "correlatedactivityid")) return [];
  const select = tables.select("email", ["activityid", "actualend", "senton", "createdon", "activityadditionalparams"]);
  const rows = await readAll(
    organization.client,
    anyId("_correlatedactivityid_value", new Set(ids)).map((filter) => ({ set: tables.set("email"), select, filter })),
  );
  const asked = new Set(ids);
  const found = Map.groupBy(
    rows.flatMap(returnedBy).filter(({ emailId }) => asked.has(emailId)),
    ({ emailId }) => emailId,
  );
  return ids.flatMap((id) => (found.get(id) ?? []).sort(newestFirst).slice(0, MOST_PER_EMAIL));
}

function returnedBy(row: Row): Returned[] {
  const { report } = readMark(textOf(row, "activityadditionalparams"));
  if (report === undefined) return [];
  return report.recipients.map(({ address, kind, status, diagnosis }) => ({
    ...{
      emailId: report.about,
      reportId: keyOf(row, "activityid"),
      messageId: report.messageId,
      recipient: address,
      kind,
      status,
      diagnosis,
    },
    at: instantOfEmail(row),
  }));
}

function newestFirst(one: Returned, other: Returned): number {
  return other.at.getTime() - one.at.getTime() || (one.reportId < other.reportId ? -1 : one.reportId > other.reportId ? 1 : 0);
}
