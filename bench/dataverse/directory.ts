import { putUsers } from "../../src/crm/directory.ts";
import { putBuiltInRoles, putUserRoles } from "../../src/crm/webapi/roles.ts";
import type { Database } from "../../src/database/database.ts";
import { putContacts } from "../ingest/run-waypost.ts";

/** The user as whom Waypost signs in. */
export const CRM_USER = "Waypost";

/** `incomingemailfilteringmethod`: e-mail messages from leads, contacts and accounts. */
const CONTACTS_ONLY = 2;

/** Whom the CRM knows: the contacts, the owners of the mailboxes and Waypost's own user, whose id is returned. */
export async function putDirectory(database: Database, owners: readonly string[]): Promise<string> {
  await putContacts(database);
  return await database.transaction(async (tx) => {
    await putBuiltInRoles(tx);
    const address = "waypost@crm.test";
    const ids = await putUsers(tx, [
      { name: CRM_USER, address },
      ...owners.map((owner) => ({ name: owner, address: owner, filter: CONTACTS_ONLY }) as const),
    ]);
    const own = ids.get(address) ?? "";
    await putUserRoles(tx, new Map([[own, ["Waypost Service"]]]));
    return own;
  }, "put directory");
}
