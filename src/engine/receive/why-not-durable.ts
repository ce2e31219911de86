import { Failure } from "../../model/failure.ts";
import type { EngineContext, Work } from "../context.ts";

/**
 * Makes durable what the CRM holds by now; the failure where the database cannot, so that nothing may be deleted from the mailbox. A CRM elsewhere answers for
 * itself.
 */
export async function whyNotDurable(context: EngineContext, { mailbox }: Work): Promise<Failure | null> {
  if (!context.crm(mailbox.organization).joinsTransaction) return null;
  const not = await context.database.makeDurable();
  if (not === null) return null;
  return new Failure({
    scope: "mailbox",
    code: "database not durable",
    message: `Nothing is deleted from the mailbox ${mailbox.address}: ${not.reason}`,
    remedy: not.remedy,
    waitingHelps: false,
  });
}
