import type { RecordRef } from "../../model/record.ts";
import type { Organization } from "./organization.ts";
import { readRow } from "./read.ts";
import { flagOf } from "./row.ts";

/**
 * "Send as another user" (product-behaviour 4.2): only users and queues send; another user must have consented. That the one who pressed Send has the privilege is for
 * Dynamics to see to, which refuses SendEmail otherwise. An email that nobody pressed Send for was made by a program in the sender's own name.
 */
export async function mayActAs(organization: Organization, sender: RecordRef | null, submitterId: string | null): Promise<boolean> {
  if (sender?.type === "queue") return true;
  if (sender?.type !== "systemuser") return false;
  if (submitterId === null || submitterId === sender.id) return true;
  const tables = await organization.tables();
  const row = await readRow(organization.client, tables.set("usersettings"), sender.id, tables.select("usersettings", ["issendasallowed"]));
  return row !== null && flagOf(row, "issendasallowed") === true;
}
