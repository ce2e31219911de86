import type { RecordRef } from "../../model/record.ts";
import type { Organization } from "./organization.ts";
import { readRow } from "./read.ts";
import { flagOf, idOf, type Row } from "./row.ts";
import type { Submitter } from "./submitter.ts";

/**
 * "Send as another user" (product-behaviour 4.2): only users and queues send; another user must have consented. That the one who pressed Send has the privilege is for
 * Dynamics to see to, which refuses SendEmail otherwise. An email that nobody pressed Send for was made by a program in the sender's own name.
 *
 * Dynamics has let an email through in the sender's name when it bears the sender's mailbox: nobody but SendEmail writes that, and by it Server-Side Synchronization
 * finds what it is to send (product-behaviour 4.1, wire 8.1).
 */
export async function mayActAs(
  organization: Organization,
  row: Row,
  sender: RecordRef | null,
  submitter: Submitter,
): Promise<boolean | "not known"> {
  if (sender?.type === "queue") return true;
  if (sender?.type !== "systemuser") return false;
  if (submitter.id === null || submitter.id === sender.id) return true;
  if (await letsOthers(organization, sender.id)) return true;
  if (await wasLetThrough(organization, row, sender.id)) return true;
  return submitter.guessed ? "not known" : false;
}

async function letsOthers(organization: Organization, senderId: string): Promise<boolean> {
  const tables = await organization.tables();
  const row = await readRow(organization.client, tables.set("usersettings"), senderId, tables.select("usersettings", ["issendasallowed"]));
  return row !== null && flagOf(row, "issendasallowed") === true;
}

async function wasLetThrough(organization: Organization, email: Row, senderId: string): Promise<boolean> {
  const mailboxId = idOf(email, "_sendermailboxid_value");
  if (mailboxId === null) return false;
  const tables = await organization.tables();
  const mailbox = await readRow(organization.client, tables.set("mailbox"), mailboxId, tables.select("mailbox", ["regardingobjectid"]));
  return mailbox !== null && idOf(mailbox, "_regardingobjectid_value") === senderId;
}
