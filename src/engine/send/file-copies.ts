import { closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { copiesWaiting, noteCopy, type OutboxRow } from "../../ledger/outbox.ts";
import type { MailSource } from "../../ports.ts";
import { permit } from "../../sending/permit.ts";
import { nextTry } from "../backoff.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { step } from "../step.ts";
import { composeOutgoing } from "./compose-outgoing.ts";

const BATCH = 50;
/** After so many tries, about half a day, a copy is given up with an alert; the email itself was sent long before. */
const MAXIMUM_TRIES = 50;

/**
 * Files copies of sent messages in the mailbox's Sent folder, each after searching the folder for its Message-ID, so that a copy that the mail system
 * or an earlier try filed is not doubled. Trouble here never touches the state of the email: it was sent.
 */
export async function fileCopies(
  context: EngineContext,
  work: Work,
  signal: AbortSignal,
  { inPerson = false }: { readonly inPerson?: boolean } = {},
): Promise<void> {
  if (work.profile.incoming === null) return;
  const rows = await copiesWaiting(context.database, work.mailbox.id, context.now(), BATCH);
  if (rows.length === 0) return;
  const { connections } = context;
  const place = inPerson ? await connections.takeInTurn(work, "file", signal) : await connections.take(work, "file");
  if (place === null) return;
  const source = context.mailSystem(work.profile).source(accessTo(context, work.mailbox));
  try {
    for (const row of rows) {
      if (signal.aborted) return;
      if (!(await fileCopy(context, work, source, row))) return;
    }
  } finally {
    await source.close();
    await place.release();
  }
}

/** False when the mailbox itself is in trouble, so that the rest waits for the next run. */
async function fileCopy(context: EngineContext, work: Work, source: MailSource, row: OutboxRow): Promise<boolean> {
  const crm = context.crm(row.organization);
  try {
    const email = await crm.outgoing(row.emailId);
    const permission = email && permit(email, { allowunresolvedpartiesonemailsend: true });
    if (!email || !permission?.ok) {
      await noteCopy(context.database, row, "failed", context.now());
      return true;
    }
    const { mime } = await composeOutgoing(crm, email, permission, row);
    const state = await source.fileSent(row.messageId, mime, row.composedAt);
    await noteCopy(context.database, row, state, context.now());
    if (state === "no folder") await openAlert(context.database, noSentFolder(work), context.now());
    else await closeAlerts(context.database, "mailbox", work.mailbox.id, "filing copies", context.now());
    step("send.copied");
    return true;
  } catch (error) {
    const failure = asFailure(error, work.mailbox.address);
    const over = row.sentCopyAttempts + 1 >= MAXIMUM_TRIES;
    const now = context.now();
    await noteCopy(context.database, row, over ? "failed" : "waiting", now, nextTry(row.sentCopyAttempts + 1, now, failure.notBefore));
    context.log.warn(
      { mailbox: work.mailbox.address, emailId: row.emailId, code: failure.code },
      `The copy for Sent was not filed: ${failure.message}`,
    );
    // What waiting does not cure, somebody should know now and not after the last try.
    if (over || !failure.waitingHelps)
      await openAlert(
        context.database,
        {
          scope: "mailbox",
          subject: work.mailbox.id,
          code: `filing copies: ${failure.code}`,
          message: failure.message,
          serverSaid: failure.serverSaid,
          remedy: failure.remedy,
        },
        context.now(),
      );
    return failure.scope === "item";
  }
}

function noSentFolder({ mailbox }: Work) {
  return {
    scope: "mailbox" as const,
    subject: mailbox.id,
    code: "filing copies: no Sent folder",
    message: `Mailbox ${mailbox.address} has no folder for sent mail, so no copies are filed there. The emails themselves were sent.`,
    remedy: "Create a folder named Sent in the mailbox, or mark one as the special-use folder \\Sent.",
  };
}
