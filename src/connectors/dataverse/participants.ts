import { groupsOf, together } from "./any-of.ts";
import type { Organization } from "./organization.ts";
import { type Query, readRows } from "./read.ts";
import { idOf, type Row, textOf } from "./row.ts";

/** Addresses read per email: smart matching and reply checks need a few in common, not the whole of a mass mailing. */
const MOST_PER_EMAIL = 500;
/** Rows of one answer; where there are more, a mass mailing is among the emails and each is asked for by itself. */
const MOST_ROWS = 5_000;

/** Addresses of the parties of these emails, as they stand there, by the email's id. One exchange, one more where a mass mailing is among them. */
export async function participantsOf(
  organization: Organization,
  emailIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (emailIds.length === 0) return new Map();
  const tables = await organization.tables();
  const wanted = { set: tables.set("activityparty"), select: tables.select("activityparty", ["activityid", "addressused"]) };
  const query = (filter: string, top: number): Query => ({ ...wanted, filter: `(${filter}) and addressused ne null`, top });
  const groups = groupsOf(new Set(emailIds), (id) => [`_activityid_value eq ${id}`]);
  const answers = await readRows(
    organization.client,
    groups.map((conditions) => query(together(conditions), MOST_ROWS)),
  );
  const whole = answers.filter((rows) => rows.length < MOST_ROWS).flat();
  const crowded = groups.filter((_, index) => (answers[index]?.length ?? 0) >= MOST_ROWS).flat();
  const singly = await readRows(
    organization.client,
    crowded.map((filter) => query(filter, MOST_PER_EMAIL)),
  );
  return addressesByEmail([...whole, ...singly.flat()]);
}

function addressesByEmail(rows: readonly Row[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const row of rows) {
    const id = idOf(row, "_activityid_value");
    const address = textOf(row, "addressused");
    if (id === null || address === null) continue;
    const list = found.get(id);
    if (list === undefined) found.set(id, [address]);
    else if (list.length < MOST_PER_EMAIL) list.push(address);
  }
  return found;
}
