import { deliveryOf, findSendings, storeResult } from "../../ledger/outbox.ts";
import type { Settlement } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import { settle } from "./send-email.ts";

/** What a person decides about an email of which nobody knows whether it left. */
export type Verdict = "sent" | "again" | "failed";

/**
 * Ends an unknown outcome by a person's word: it was sent; it is to be sent once more under the same Message-ID, so that a mail system that has it
 * already can tell; or it counts as failed and can be edited. Throws a Failure when the email's outcome is not unknown.
 */
export async function decideUnknown(context: EngineContext, emailId: string, verdict: Verdict): Promise<void> {
  const row = (await findSendings(context.database, emailId)).find((one) => one.stage === "unknown");
  if (!row) {
    throw new Failure({
      scope: "item",
      code: "not unknown",
      message: `There is no email ${emailId} with an unknown outcome.`,
      remedy: "`waypost status` lists the emails whose outcome is unknown.",
      waitingHelps: false,
    });
  }
  const now = context.now();
  const email = await context.crm(row.organization).outgoing(row.emailId);
  const note = `A person decided: ${verdict}.`;
  const settlement: Settlement =
    verdict === "sent"
      ? { status: "sent", messageId: row.messageId, subject: email?.subject ?? "", sentOn: row.composedAt, attempts: row.attempts, note }
      : verdict === "failed"
        ? { status: "failed", attempts: row.attempts, note }
        : { status: "retry", attempts: row.attempts, notBefore: now, note };
  const stage = ({ sent: "accepted", failed: "refused", again: "waiting" } as const)[verdict];
  await storeResult(context.database, row, { ...deliveryOf(row), stage, response: note, settlement, fileCopy: false }, now);
  await settle(context, row, settlement);
  if (verdict === "again") await context.wake("send", row.mailboxId);
}
