import type { Step } from "../../ports.ts";
import { followedTables } from "./followed-tables.ts";
import { isComplete, isRefused } from "./keep-index.ts";
import type { Organization } from "./organization.ts";

/** Whether mail of strangers is settled without asking the organization, and if not, which tables are in the way. Asks for no changes. */
export async function indexStanding(organization: Organization): Promise<Omit<Step, "name">> {
  const { index } = organization;
  if (index === null) return { result: "ok", message: "No index is kept: the organization is asked about all mail." };
  const state = await index.keys.state();
  const tables = await followedTables(organization, state);
  const refusing = tables.filter((one) => one.isNeeded && isRefused(organization, one, state)).map(({ name }) => name);
  if (refusing.length > 0)
    return {
      result: "warning",
      code: "changes not told",
      message: `The organization does not tell what changes in ${refusing.join(", ")}: it is asked about all mail, that of strangers too.`,
      remedy: `Switch change tracking on for ${refusing.join(", ")}, and let Waypost's user read all their rows. It is tried again every hour.`,
    };
  if (!isComplete(organization, tables, state))
    return {
      result: "ok",
      message: "What the organization holds has not been read to its end yet; until then it is asked about all mail.",
    };
  return { result: "ok", message: "Mail of strangers is settled without asking the organization." };
}
