import type { Lease } from "../../jobs/lease.ts";
import { closeAlerts } from "../../ledger/alerts.ts";
import { readMailbox, readProfile } from "../../ledger/mailboxes.ts";
import type { Failure } from "../../model/failure.ts";
import type { MailSender } from "../../ports.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { ACTIVITY, mustWait, noteRecovery, noteTrouble } from "../trouble.ts";
import { whyNot } from "../why-not.ts";
import { fileCopies } from "./file-copies.ts";
import { finishUnfinished } from "./finish-unfinished.ts";
import { sendEmail } from "./send-email.ts";

export interface SendCounts {
  readonly sent: number;
  readonly failed: number;
  readonly waiting: number;
  readonly unknown: number;
}

export const NOTHING_SENT: SendCounts = { sent: 0, failed: 0, waiting: 0, unknown: 0 };

/**
 * Sends what is pending for one mailbox. Runs under the mailbox's lease. First finishes what an earlier run left open: that is how a killed
 * process neither loses nor doubles a message. Ends normally; what went wrong stands in the ledger and is returned for the command line.
 */
export async function sendMailbox(
  context: EngineContext,
  mailboxId: string,
  lease: Lease,
  holder: string,
  signal: AbortSignal,
): Promise<SendCounts & { failure: Failure | null }> {
  const mailbox = await readMailbox(context.database, mailboxId);
  const profile = mailbox && (await readProfile(context.database, mailbox.profile));
  if (!mailbox || !profile) return { ...NOTHING_SENT, failure: null };
  const work: Work = { mailbox, profile };
  const started = performance.now();
  // A profile can lose its outgoing server while emails are under way; they are finished all the same.
  const sender = profile.outgoing === null ? null : context.mailSystem(profile).sender(accessTo(context, mailbox));
  const counts = { ...NOTHING_SENT };
  try {
    await finishUnfinished(context, work, sender);
    if (sender === null || whyNot("send", mailbox, profile) !== null || (await mustWait(context, "send", work)))
      return { ...counts, failure: null };
    await sendPending(context, work, sender, lease, holder, signal, counts);
    const worked = counts.sent + counts.failed + counts.waiting + counts.unknown;
    if (worked > 0 || mailbox.sendFailures > 0) await noteRecovery(context, "send", work);
    else await noteAnswered(context, work);
    if (worked > 0)
      context.log.info({ mailbox: mailbox.address, ...counts, seconds: (performance.now() - started) / 1000 }, "mailbox sent");
    return { ...counts, failure: null };
  } catch (error) {
    await noteTrouble(context, "send", work, error);
    return { ...counts, failure: asFailure(error, mailbox.address) };
  } finally {
    await sender?.close();
    context.measure.observe("job_seconds", { work: "send" }, (performance.now() - started) / 1000);
    await fileCopies(context, work, signal);
  }
}

/** The mail system was asked for nothing and has proved nothing; that the database and the CRM work is proved. */
async function noteAnswered(context: EngineContext, { mailbox }: Work): Promise<void> {
  await closeAlerts(context.database, "process", "process", ACTIVITY.send, context.now());
  await closeAlerts(context.database, "organization", mailbox.organization, ACTIVITY.send, context.now());
}

async function sendPending(
  context: EngineContext,
  work: Work,
  sender: MailSender,
  lease: Lease,
  holder: string,
  signal: AbortSignal,
  counts: { -readonly [K in keyof SendCounts]: number },
): Promise<void> {
  const crm = context.crm(work.mailbox.organization);
  const settings = await crm.organizationSettings();
  const tried = new Set<string>();
  while (!signal.aborted) {
    const pending = (await crm.pending(work.mailbox.address, settings.BackgroundSendBatchSize, context.now())).filter(
      (one) => !tried.has(`${one.id} ${one.generation}`),
    );
    if (pending.length === 0) return;
    for (const one of pending) {
      if (signal.aborted) return;
      tried.add(`${one.id} ${one.generation}`);
      const result = await sendEmail({ context, work, sender, lease, holder, signal, settings }, one);
      if (result !== null) counts[result]++;
    }
  }
}
