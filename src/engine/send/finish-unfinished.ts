import { deliveryOf, type OutboxRow, storeResult, unfinished } from "../../ledger/outbox.ts";
import type { Settlement } from "../../model/email.ts";
import type { MailSender } from "../../ports.ts";
import type { EngineContext, Work } from "../context.ts";
import { settle } from "./send-email.ts";

/**
 * Finishes what an earlier run of this mailbox left open. What was only intended goes back to Pending Send: nothing was transmitted. What may have
 * been on its way is probed where the mail system files its own copies; else it becomes unknown, and a person decides (invariant 8).
 * What was answered but not told to the CRM is told now.
 */
export async function finishUnfinished(context: EngineContext, work: Work, sender: MailSender): Promise<void> {
  for (const row of await unfinished(context.database, work.mailbox.id)) {
    const settlement = row.settlement ?? (await conclude(context, sender, row));
    await settle(context, row, settlement);
  }
}

async function conclude(context: EngineContext, sender: MailSender, row: OutboxRow): Promise<Settlement> {
  const now = context.now();
  const settlement: Settlement = row.stage === "transmitting" ? await probe(context, sender, row) : notTransmitted(row, now);
  const stage = ({ sent: "accepted", retry: "waiting", unknown: "unknown", failed: "refused" } as const)[settlement.status];
  await storeResult(
    context.database,
    row,
    { ...deliveryOf(row), stage, attempts: settlement.attempts, response: settlement.note, settlement, fileCopy: false },
    now,
  );
  return settlement;
}

function notTransmitted(row: OutboxRow, now: Date): Settlement {
  return { status: "retry", attempts: row.attempts, notBefore: now, note: "Waypost ended before anything was transmitted." };
}

async function probe(context: EngineContext, sender: MailSender, row: OutboxRow): Promise<Settlement> {
  const found = await sender.wasSent(row.messageId);
  const attempts = row.attempts + 1;
  if (found === true) {
    const email = await context.crm(row.organization).outgoing(row.emailId);
    return {
      status: "sent",
      messageId: row.messageId,
      subject: email?.subject ?? "",
      sentOn: row.composedAt,
      attempts,
      note: "Found in Sent after Waypost had ended in the middle of sending.",
    };
  }
  if (found === false)
    return {
      status: "retry",
      attempts: row.attempts,
      notBefore: context.now(),
      note: "Waypost ended in the middle of sending; the mail system has no sent copy, so nothing left.",
    };
  return {
    status: "unknown",
    messageId: row.messageId,
    attempts,
    note: "Waypost ended after the content had begun to go out and before the server's answer was stored.",
  };
}
