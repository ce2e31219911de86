import { setTimeout } from "node:timers/promises";
import { STATUS } from "../../model/email.ts";
import type { Organization } from "./organization.ts";
import { readRows } from "./read.ts";
import { keyOf } from "./row.ts";

/** Emails whose ids are compared from one look to the next: whoever is not among them is not news either. */
const LOOKED_AT = 200;

/**
 * Calls `wake` when an email may have become pending: Dynamics tells nobody, so it is asked for those in Pending Send every so many milliseconds, one cheap
 * query. An organization that cannot be reached is asked again. Returns when `signal` aborts.
 */
export async function watchPending(organization: Organization, wake: () => void, signal: AbortSignal, milliseconds: number): Promise<void> {
  let before = new Set<string>();
  while (!signal.aborted) {
    const now = await pendingVersions(organization, signal).catch(() => null);
    if (now !== null) {
      if ([...now].some((one) => !before.has(one))) wake();
      before = now;
    }
    await setTimeout(milliseconds, undefined, { signal }).catch(() => undefined);
  }
}

/** Id and version of those that wait: pressing Send again makes another version. */
async function pendingVersions(organization: Organization, signal: AbortSignal): Promise<Set<string>> {
  const tables = await organization.tables();
  signal.throwIfAborted();
  const [rows = []] = await readRows(organization.client, [
    {
      set: tables.set("email"),
      select: tables.select("email", ["activityid", "modifiedon"]),
      filter: `statuscode eq ${STATUS.pendingSend} and directioncode eq true`,
      orderby: "modifiedon desc",
      top: LOOKED_AT,
    },
  ]);
  return new Set(rows.map((row) => `${keyOf(row, "activityid")} ${String(row["@odata.etag"])}`));
}
