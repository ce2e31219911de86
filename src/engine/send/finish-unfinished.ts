import { deliveryOf, lookAgain, type OutboxRow, storeResult, unfinished } from "../../ledger/outbox.ts";
import type { Settlement } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import type { MailSender } from "../../ports.ts";
import { MAXIMUM_DELIVERY_ATTEMPTS } from "../../sending/attempts.ts";
import type { EngineContext, Work } from "../context.ts";
import { isSurelyDead } from "./holder.ts";
import { settle } from "./send-email.ts";

/**
 * That Sent has no copy proves that nothing left only when the copy had time to appear: a server may work on the content for ten minutes after
 * the connection was lost (RFC 5321 4.5.3.2.6), and Graph shows the copy "a moment later" (reference wire 5.2).
 */
const COPY_APPEARS_WITHIN = 15 * 60_000;
const LOOK_EVERY = 60_000;
/** A Sent folder that cannot be read for so long tells nothing any more: a person decides. */
const PATIENCE = 4 * 3_600_000;

/**
 * Finishes what an earlier run of this mailbox left open. What was only intended goes back to Pending Send: nothing was transmitted. What may have
 * been on its way is looked for in Sent where the mail system files its own copies; else it becomes unknown, and a person decides (invariant 8).
 * What was answered but not told to the CRM is told now.
 */
export async function finishUnfinished(context: EngineContext, work: Work, sender: MailSender | null): Promise<void> {
  for (const row of await unfinished(context.database, work.mailbox.id, context.now())) {
    if (row.settlement === null && !(await isSurelyDead(context.database, row.holder))) continue;
    const settlement = row.settlement ?? (await conclude(context, work, sender, row));
    if (settlement !== null) await settle(context, row, settlement);
  }
}

/** Null when it is too early to tell. */
async function conclude(context: EngineContext, work: Work, sender: MailSender | null, row: OutboxRow): Promise<Settlement | null> {
  const now = context.now();
  const settlement = row.stage === "transmitting" ? await probe(context, work, sender, row) : notTransmitted(row, now);
  if (settlement === null) {
    await lookAgain(context.database, row, new Date(now.getTime() + LOOK_EVERY));
    return null;
  }
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

/** What the copy in Sent says of a message that was transmitted and never answered; null when it says nothing yet. */
async function probe(context: EngineContext, work: Work, sender: MailSender | null, row: OutboxRow): Promise<Settlement | null> {
  const found = await copyInSent(context, work, sender, row);
  const waited = context.now().getTime() - row.changedAt.getTime();
  const attempts = row.attempts + 1;
  if (found === true) {
    const email = await context.crm(row.organization).outgoing(row.emailId);
    const note = "The mail server did not answer, but its own copy is in Sent.";
    return { status: "sent", messageId: row.messageId, subject: email?.subject ?? "", sentOn: row.composedAt, attempts, note };
  }
  if (found === false) {
    if (waited < COPY_APPEARS_WITHIN) return null;
    const note = "The mail server did not answer, and there is no copy in Sent: nothing left.";
    if (attempts >= MAXIMUM_DELIVERY_ATTEMPTS) return { status: "failed", attempts, note };
    return { status: "retry", attempts, notBefore: context.now(), note };
  }
  if (found instanceof Failure && waited < PATIENCE) return null;
  const silence = row.response ?? "Waypost ended after the content had begun to go out and before the server's answer was stored.";
  return {
    status: "unknown",
    messageId: row.messageId,
    attempts,
    note: found instanceof Failure ? `${silence} ${found.message}` : silence,
  };
}

/** A Failure when Sent cannot be read now: it keeps this email from being settled, and none from being sent. */
async function copyInSent(
  context: EngineContext,
  work: Work,
  sender: MailSender | null,
  row: OutboxRow,
): Promise<boolean | "cannot tell" | Failure> {
  // An earlier attempt left a copy under the same Message-ID.
  if (row.partly || sender === null) return "cannot tell";
  if (!context.mailSystem(work.profile).capabilities.filesSentCopy) return sender.wasSent(row.messageId);
  const place = await context.connections.take(work, "file");
  if (place === null) return noConnection(work);
  try {
    return await sender.wasSent(row.messageId);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    context.log.warn({ emailId: row.emailId, code: error.code }, `Sent could not be looked at: ${error.message}`);
    return error;
  } finally {
    await place.release();
  }
}

function noConnection({ mailbox, profile }: Work): Failure {
  return new Failure({
    scope: "mailbox",
    code: "no connection free",
    message: `Sent of ${mailbox.address} could not be looked at: all connections that the server profile "${profile.name}" allows are in use.`,
    remedy: "Nothing: it is looked at when one is free.",
    waitingHelps: true,
  });
}
