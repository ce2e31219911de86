import { alertOf, closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { forgetPlaces, markGone } from "../../ledger/decisions.ts";
import { type Deletable, deletable, intendDeletion } from "../../ledger/deletions.ts";
import { Failure } from "../../model/failure.ts";
import { decisionKey, emailIdFor, identityOf, strengthen } from "../../model/identity.ts";
import type { MessageHead, MessageRef } from "../../model/message.ts";
import { step } from "../step.ts";
import type { Reading } from "./reading.ts";

/** Messages deleted at a time: in POP3 a broken connection takes back all that were marked. */
const BATCH = 200;

/** Only the fingerprint is wanted of a message that is read again. */
const NOTHING_STORED = { blockedattachments: "", maxuploadfilesize: 0, maximumBodyLength: 1 };

/** Begins the code of alerts about it. */
const ACTIVITY = "deleting";

/**
 * Deletes messages from the mailbox whose content stands in the CRM (`processanddeleteemails`; invariant 11). What a kill leaves undone, or the
 * mail system refuses, is done the next time: the ledger's rows say what is to be deleted, and to delete what is gone already does no harm. Trouble
 * with it makes an alert and keeps nobody from reading. Returns how many were deleted.
 */
export async function deleteProcessed(reading: Reading, folders: readonly string[]): Promise<number> {
  const { context, work, signal } = reading;
  const { mailbox } = work;
  if (mailbox.deleteSince === null || mailbox.owner.type === "systemuser") return 0;
  let deleted = 0;
  let after: MessageRef | null = null;
  let triedBefore = false;
  try {
    while (!signal.aborted) {
      const batch: readonly Deletable[] = await deletable(context.database, mailbox.id, { folders, after, limit: BATCH });
      const last = batch.at(-1);
      if (last === undefined) break;
      after = last.ref;
      triedBefore ||= batch.some((one) => one.triedAt !== null);
      step("delete.chosen");
      deleted += await deleteBatch(reading, batch);
    }
    await closeAlerts(context.database, "mailbox", mailbox.id, ACTIVITY, context.now());
  } catch (error) {
    if (!(error instanceof Failure) || error.scope === "process" || error.scope === "organization") throw error;
    await noteFailure(reading, error, triedBefore);
  }
  if (deleted > 0) context.log.info({ mailbox: mailbox.address, deleted }, "processed messages deleted from the mailbox");
  return deleted;
}

async function deleteBatch(reading: Reading, batch: readonly Deletable[]): Promise<number> {
  const { context, work, source, lease } = reading;
  const crm = context.crm(work.mailbox.organization);
  const whole = await crm.whole(batch.map((one) => one.emailId));
  const ready = batch.filter((one) => whole.has(one.emailId));
  if (ready.length === 0) return 0;
  // A CRM elsewhere answers for itself.
  if (crm.joinsTransaction) await makeDurable(reading);
  step("delete.durable");
  const same = await stillThere(reading, ready);
  step("delete.verified");
  if (same.length === 0) return 0;
  const refs = same.map((one) => one.ref);
  const { id } = work.mailbox;
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await intendDeletion(tx, id, refs, context.now());
  }, "intend deletion");
  step("delete.intended");
  await source.apply(refs, "delete");
  step("delete.deleted");
  await context.database.transaction((tx) => markGone(tx, id, refs, context.now()), "store deletion");
  step("delete.stored");
  return refs.length;
}

async function makeDurable({ context, work }: Reading): Promise<void> {
  const not = await context.database.makeDurable();
  if (not === null) return;
  throw new Failure({
    scope: "mailbox",
    code: "database not durable",
    message: `Nothing is deleted from the mailbox ${work.mailbox.address}: ${not.reason}`,
    remedy: not.remedy,
    waitingHelps: false,
  });
}

/** Those that lie where they lay and are the messages that were processed. Others there mean that the mail system gave out an id again. */
async function stillThere(reading: Reading, ready: readonly Deletable[]): Promise<Deletable[]> {
  const same: Deletable[] = [];
  for (const [stream, some] of Map.groupBy(ready, (one) => one.ref.stream)) {
    const heads = new Map((await reading.source.heads(some.map((one) => one.ref))).map((head) => [head.ref.id, head]));
    let others = 0;
    for (const one of some) {
      const head = heads.get(one.ref.id);
      if (head === undefined || head.unreadable !== undefined) continue;
      if (await isSame(reading, one, head)) same.push(one);
      else others++;
    }
    if (others > 0) await readAgain(reading, stream, others);
  }
  return same;
}

async function isSame(reading: Reading, one: Deletable, head: MessageHead): Promise<boolean> {
  const identity = identityOf(head);
  if (decisionKey(identity, head) !== one.identity) return false;
  if (!identity.weak) return true;
  // Without a Message-ID or a date that tells only the content proves it: the email's id was made of it.
  const { organization } = reading.work.mailbox;
  for await (const content of reading.source.content([one.ref], { maximumSize: reading.work.profile.maximumMessageSize })) {
    if (content.kind !== "mime") return false;
    const { fingerprint } = await reading.context.content.read(content.mime, { limits: NOTHING_STORED, fingerprint: true });
    return fingerprint !== null && emailIdFor(organization, strengthen(identity, fingerprint).key) === one.emailId;
  }
  return false;
}

/** What lies there was never decided: at the next round the stream is read from its start date, and what is known is recognized (invariant 3). */
async function readAgain({ context, work, lease }: Reading, stream: string, messages: number): Promise<void> {
  context.log.warn(
    { mailbox: work.mailbox.address, stream, messages },
    "the mail system gave the ids of processed messages to others: nothing of them is deleted, and the folder is read again",
  );
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await forgetPlaces(tx, work.mailbox.id, stream);
  }, "forget places");
}

/** What passes by itself makes an alert only when it came before. */
async function noteFailure({ context, work: { mailbox } }: Reading, failure: Failure, triedBefore: boolean): Promise<void> {
  context.log.warn({ mailbox: mailbox.address, code: failure.code, serverSaid: failure.serverSaid }, failure.message);
  if (failure.waitingHelps && !triedBefore) return;
  const { message, serverSaid, remedy, code, waitingHelps } = failure;
  const ofMailbox = new Failure({ scope: "mailbox", code, message, serverSaid, remedy, waitingHelps });
  await openAlert(context.database, alertOf(ofMailbox, ACTIVITY, mailbox.id), context.now());
}
