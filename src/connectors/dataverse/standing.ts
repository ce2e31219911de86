import { anyId } from "./any-of.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { keyOf, type Row } from "./row.ts";

/** Rows of these emails, by id, with these columns. */
export async function readEmails(
  organization: Organization,
  ids: readonly string[],
  columns: readonly string[],
): Promise<ReadonlyMap<string, Row>> {
  const tables = await organization.tables();
  const select = tables.select("email", ["activityid", ...columns]);
  const rows = await readAll(
    organization.client,
    anyId("activityid", new Set(ids)).map((filter) => ({ set: tables.set("email"), select, filter })),
  );
  return new Map(rows.map((row) => [keyOf(row, "activityid"), row]));
}

/** Those of these emails that are there. */
export async function standingEmails(organization: Organization, ids: readonly string[]): Promise<ReadonlySet<string>> {
  return new Set((await readEmails(organization, ids, [])).keys());
}

/** Those of these emails that are not there. Dynamics keeps no trace of what is deleted that could be asked for by id: nobody's deleting is undone. */
export async function deletedEmails(organization: Organization, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const standing = await standingEmails(organization, ids);
  return new Set(ids.filter((id) => !standing.has(id)));
}
