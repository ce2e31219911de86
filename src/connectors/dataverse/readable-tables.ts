import { answered } from "./client/client.ts";
import type { Organization } from "./organization.ts";
import { RECORD_TABLES, type RecordTable } from "./record-tables.ts";

/**
 * The tables with addresses that are asked: those that the organization has, without the dispensable ones that Waypost's user may not read. Which these are is
 * asked once; whoever gives the role more starts Waypost again.
 */
export async function readableTables(organization: Organization): Promise<readonly RecordTable[]> {
  const tables = await organization.tables();
  organization.unreadTables ??= unreadTables(organization).catch((error: unknown) => {
    organization.unreadTables = null;
    throw error;
  });
  const unread = await organization.unreadTables;
  return RECORD_TABLES.filter(({ name, addresses }) => !unread.has(name) && addresses.some((column) => tables.has(name, column)));
}

/** Names of the dispensable tables that the organization has and does not show. @throws Failure where it cannot be asked */
export async function unreadTables(organization: Organization): Promise<ReadonlySet<string>> {
  const tables = await organization.tables();
  const dispensable = RECORD_TABLES.filter(
    ({ name, addresses, isDispensable }) => isDispensable === true && addresses.some((column) => tables.has(name, column)),
  );
  const answers = await organization.client.batch(
    dispensable.map(({ name, key }) => ({ method: "GET", path: tables.set(name), query: { $select: key, $top: "1" } })),
  );
  const refused = dispensable.filter((_, index) => {
    const answer = answers[index];
    if (answer?.kind === "refused" && answer.status === 403) return true;
    if (answer !== undefined) answered(answer);
    return false;
  });
  return new Set(refused.map(({ name }) => name));
}
