import { isTransient, SqlError } from "../../database/sql-error.ts";
import type { Lease } from "../../jobs/lease.ts";
import { alertOf, closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { reconsiderWaiting } from "../../ledger/decisions.ts";
import {
  deliveryOf,
  intend,
  lookAgain,
  markSettled,
  markTransmitting,
  markUnanswered,
  type OutboxRow,
  type Result,
  storeResult,
  withdraw,
} from "../../ledger/outbox.ts";
import { domainOf } from "../../model/address.ts";
import type { OutgoingEmail, PendingEmail, Settled, Settlement } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import type { Envelope, MailSender, Submission } from "../../ports.ts";
import { afterSubmission, recipientsLeft } from "../../sending/attempts.ts";
import { messageIdFor } from "../../sending/message-id.ts";
import { permit, type Refusal } from "../../sending/permit.ts";
import { nextTry } from "../backoff.ts";
import { asFailure, type EngineContext, type Work } from "../context.ts";
import { step } from "../step.ts";
import { alertAbout } from "./alert-about.ts";
import { composeOutgoing } from "./compose-outgoing.ts";
import { untilStored } from "./until-stored.ts";

/** What one job sends with. */
export interface Sending {
  readonly context: EngineContext;
  readonly work: Work;
  readonly sender: MailSender;
  readonly lease: Lease;
  /** This process, in the outbox. */
  readonly holder: string;
  readonly signal: AbortSignal;
  readonly settings: OrganizationSettings;
}

export type SendResult = "sent" | "failed" | "waiting" | "unknown";

/**
 * Sends one email: intent, claim, permission, composing, submission, outcome, settlement, each durable before the next begins (invariant 8).
 * Returns what became of it, or null when somebody else has it. Throws a Failure wider than the email: then nothing was transmitted, the email
 * waits, and no attempt is used up.
 */
export async function sendEmail(sending: Sending, pending: PendingEmail): Promise<SendResult | null> {
  const { context, work, holder } = sending;
  const intent = {
    organization: work.mailbox.organization,
    emailId: pending.id,
    generation: pending.generation,
    mailboxId: work.mailbox.id,
    messageId: messageIdFor(pending.id, pending.generation, domainOf(work.mailbox.address)),
  };
  const row = await intend(context.database, intent, holder, context.now());
  if (row === null) return null;
  step("send.intended");
  const email = await claim(sending, row);
  if (email instanceof Failure) return end(sending, row, refusedByRule(row, `${email.message} ${email.remedy}`, null));
  if (email === null) {
    await withdraw(context.database, row);
    return null;
  }
  step("send.claimed");
  const result = await attempt(sending, row, email).catch(async (error: unknown) => {
    await putBack(sending, row, error);
    throw error;
  });
  if ("unanswered" in result) {
    const { unanswered } = result;
    context.log.warn({ emailId: row.emailId, reason: unanswered }, "no answer to the content; the mail system's own copy will tell");
    await untilStored(context, sending.signal, () => markUnanswered(context.database, row, holder, unanswered, context.now()));
    return "waiting";
  }
  return end(sending, row, result);
}

async function end({ context, signal }: Sending, row: OutboxRow, result: Result): Promise<SendResult> {
  await untilStored(context, signal, () => storeResult(context.database, row, result, context.now()));
  step("send.stored");
  await settle(context, row, result.settlement);
  return outcomeOf(result);
}

/** The email; null when somebody else has it; a Failure of scope item when it is claimed and cannot be read (a damaged body): that email fails, no other. */
async function claim({ context, work }: Sending, row: OutboxRow): Promise<OutgoingEmail | Failure | null> {
  try {
    return await context.crm(work.mailbox.organization).claim(row.emailId, row.generation);
  } catch (error) {
    if (error instanceof Failure && error.scope === "item") return error;
    throw error;
  }
}

/** The content went out and no answer came, in a mail system that files its own copies: finishUnfinished looks for the copy. */
interface Unanswered {
  readonly unanswered: string;
}

/** One attempt with its outcome as a value; throws only where nothing was transmitted. */
async function attempt(sending: Sending, row: OutboxRow, email: OutgoingEmail): Promise<Result | Unanswered> {
  const { context, work, settings } = sending;
  const permission = permit(email, settings);
  const sent = { subject: email.subject, on: context.now() };
  if (!permission.ok && permission.held) return held(row, permission, context.now());
  if (!permission.ok) return refusedByRule(row, `${permission.message} ${permission.remedy}`, sent);
  let composed: { mime: Buffer; needsSmtpUtf8: boolean };
  try {
    composed = await composeOutgoing(context.crm(work.mailbox.organization), email, permission, row);
  } catch (error) {
    return refusedByRule(row, uncomposable(error), sent);
  }
  step("send.composed");
  const recipients = recipientsLeft(permission.envelope.recipients, row);
  const envelope = { ...permission.envelope, recipients, needsSmtpUtf8: composed.needsSmtpUtf8 };
  const submission = await submit(sending, row, envelope, composed.mime);
  step("send.answered");
  const { filesSentCopy, lacksSentFolder = false } = context.mailSystem(work.profile).capabilities;
  if (submission.kind === "unknown" && filesSentCopy && !row.partly) return { unanswered: submission.reason };
  const next = afterSubmission(submission, row, { now: context.now(), messageId: row.messageId, subject: email.subject });
  const fileCopy =
    next.settlement.status === "sent" &&
    settings.SSSSaveOutgoingEmailToExchangeSentFolder &&
    !filesSentCopy &&
    !lacksSentFolder &&
    work.profile.incoming !== null;
  const response = submission.kind === "unknown" ? submission.reason : submission.response;
  return { ...next.delivery, response, settlement: next.settlement, stage: stageOf(next.settlement), fileCopy };
}

/** What is told of an email that cannot be written. What is wider than the email, or may go by itself, is thrown on. */
function uncomposable(error: unknown): string {
  if (error instanceof Failure && error.scope === "item") return `${error.message} ${error.remedy}`;
  if (error instanceof Failure || error instanceof SqlError || isTransient(error)) throw error;
  return `The email cannot be written: ${error instanceof Error ? error.message : String(error)}. This is a fault of Waypost; please report it.`;
}

/** Submits. A Failure says that nothing was transmitted (ports); any other error after the content may have begun to go out is an unknown outcome. */
async function submit({ context, sender, holder }: Sending, row: OutboxRow, envelope: Envelope, mime: Buffer): Promise<Submission> {
  let transmitting = false;
  try {
    return await sender.submit(envelope, mime, {
      transmitting: async () => {
        await markTransmitting(context.database, row, holder, context.now());
        transmitting = true;
        step("send.transmitting");
      },
    });
  } catch (error) {
    if (!transmitting || error instanceof Failure) throw error;
    context.log.error({ emailId: row.emailId, error }, "submission failed after its content had begun to go out");
    return { kind: "unknown", reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A rule lets it go no further. An email that some recipients have already is not failed, or the next press of Send would go to them again
 * (invariant 8): it is sent, and where it cannot even be read any more (`sent` null), a person decides.
 */
function refusedByRule(row: OutboxRow, note: string, sent: { readonly subject: string; readonly on: Date } | null): Result {
  const { attempts, messageId } = row;
  const partlySent = `The email was sent, but not to ${row.refused.map((one) => one.address).join(", ")}: ${note}`;
  const settlement: Settlement = !row.partly
    ? { status: "failed", attempts, note }
    : sent === null
      ? { status: "unknown", messageId, attempts, note: partlySent }
      : { status: "sent", messageId, subject: sent.subject, sentOn: sent.on, attempts, note: partlySent };
  return { ...deliveryOf(row), stage: stageOf(settlement), response: note, settlement, fileCopy: false };
}

/** How long an email is left alone of which a person has to say something first. */
const HELD_FOR = 60 * 60_000;

/** It goes back to Pending Send with the attempts it had, and an alert says what it waits for. */
function held(row: OutboxRow, { code, message, remedy }: Refusal, now: Date): Result {
  const notBefore = new Date(now.getTime() + HELD_FOR);
  const settlement: Settlement = { status: "retry", attempts: row.attempts, notBefore, note: message, held: { code, remedy } };
  return { ...deliveryOf(row), stage: "waiting", response: message, settlement, fileCopy: false };
}

function stageOf(settlement: Settlement): Result["stage"] {
  return { sent: "accepted", failed: "refused", retry: "waiting", unknown: "unknown" }[settlement.status] as Result["stage"];
}

function outcomeOf(result: Result): SendResult {
  return { accepted: "sent", refused: "failed", waiting: "waiting", unknown: "unknown" }[result.stage] as SendResult;
}

/** Tells the CRM what is stored, and people what they have to decide. Done again after a crash until the CRM was told. */
export async function settle(context: EngineContext, row: OutboxRow, settlement: Settlement): Promise<void> {
  const settled = await settleInCrm(context, row, settlement);
  if (settled === "refused") return;
  const now = context.now();
  const alert = alertAbout(row, settlement, settled);
  await closeAlerts(context.database, "item", row.emailId, "sending", now, alert?.code);
  if (alert !== null) await openAlert(context.database, alert, now);
  const waiting = await context.database.transaction(async (tx) => {
    await markSettled(tx, row, now);
    // The CRM knows the Message-ID of an unknown one too: whoever answers it has it.
    return "messageId" in settlement ? reconsiderWaiting(tx, row.organization, [settlement.messageId]) : [];
  }, "settle email");
  step("send.settled");
  context.measure.count("emails_sent", { outcome: settlement.status });
  context.log.info(
    {
      emailId: row.emailId,
      messageId: row.messageId,
      generation: row.generation,
      outcome: settlement.status,
      attempts: settlement.attempts,
    },
    "email settled",
  );
  for (const mailboxId of waiting) await context.wake("receive", mailboxId);
}

/** How long an email that the CRM does not let be settled is left alone. */
const SETTLED_AGAIN_AFTER = 15 * 60_000;

/** `refused`: the CRM does not take it of this email, which keeps no other from being sent; it is tried again, and an alert says so. */
async function settleInCrm(context: EngineContext, row: OutboxRow, settlement: Settlement): Promise<Settled | "refused"> {
  try {
    return await context.crm(row.organization).settle(row.emailId, row.generation, settlement);
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    const now = context.now();
    context.log.warn({ emailId: row.emailId, code: error.code, serverSaid: error.serverSaid }, `not settled: ${error.message}`);
    const message = `The CRM could not be told what became of the email ${row.emailId} (${settlement.status}): ${error.message}`;
    await openAlert(context.database, { ...alertOf(error, "sending", row.emailId), message }, now);
    await lookAgain(context.database, row, new Date(now.getTime() + SETTLED_AGAIN_AFTER));
    return "refused";
  }
}

/**
 * Nothing was transmitted: the email goes back to Pending Send with the attempts it had, to be taken up when its server can be reached. Where the
 * database went away this is known to nobody but this process, and it may have stored the leave to transmit: it is waited for.
 */
async function putBack({ context, work, holder, signal }: Sending, row: OutboxRow, error: unknown): Promise<void> {
  const failure = asFailure(error, work.mailbox.address);
  if (failure.scope === "process" && !isTransient(error)) return;
  const now = context.now();
  const notBefore = nextTry(Math.max(work.mailbox.sendFailures, work.profile.sendFailures) + 1, now, failure.notBefore);
  const settlement: Settlement = { status: "retry", attempts: row.attempts, notBefore, note: failure.message };
  const response = failure.serverSaid ?? failure.message;
  const result: Result = { ...deliveryOf(row), stage: "waiting", response, settlement, fileCopy: false };
  const stored = await untilStored(context, signal, () => storeResult(context.database, row, result, now, holder));
  if (stored) await settle(context, row, settlement);
}
