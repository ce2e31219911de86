import type { Lease } from "../../jobs/lease.ts";
import { alertOf, closeAlerts, closeAlertsOfOtherFolders, openAlert } from "../../ledger/alerts.ts";
import { storeFolders } from "../../ledger/folders.ts";
import { readMailbox, readProfile } from "../../ledger/mailboxes.ts";
import { Failure } from "../../model/failure.ts";
import type { Folder } from "../../model/message.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { ACTIVITY, mustWait, noteRecovery, noteTrouble } from "../trouble.ts";
import { whyNot } from "../why-not.ts";
import { chooseFolders } from "./choose-folders.ts";
import { decideAgain } from "./decide-again.ts";
import { readStream } from "./read-stream.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";

/**
 * One round of one mailbox: every stream with a folder that is read is pulled until nothing new is left. Runs under the mailbox's lease. Ends normally
 * whatever happens to the mailbox: what went wrong stands in the ledger with the time of the next try, and is returned for the command line.
 */
export async function receiveMailbox(
  context: EngineContext,
  mailboxId: string,
  lease: Lease,
  signal: AbortSignal,
  onPage?: (messages: number) => void,
): Promise<Counts & { failure: Failure | null }> {
  const mailbox = await readMailbox(context.database, mailboxId);
  const profile = mailbox && (await readProfile(context.database, mailbox.profile));
  if (!mailbox || !profile || whyNot("receive", mailbox, profile) !== null) return { ...NO_COUNTS, failure: null };
  const work: Work = { mailbox, profile };
  if (await mustWait(context, "receive", work)) return { ...NO_COUNTS, failure: null };
  const started = performance.now();
  const source = context.mailSystem(profile).source(accessTo(context, mailbox));
  try {
    const counts = await readMailboxOnce({ context, work, source, lease, signal, onPage });
    await noteRecovery(context, "receive", work);
    const seconds = (performance.now() - started) / 1000;
    context.measure.observe("job_seconds", { work: "receive" }, seconds);
    context.log.info({ mailbox: mailbox.address, ...counts, seconds }, "mailbox read");
    return { ...counts, failure: null };
  } catch (error) {
    await noteTrouble(context, "receive", work, error);
    return { ...NO_COUNTS, failure: asFailure(error, mailbox.address) };
  } finally {
    await source.close();
  }
}

async function readMailboxOnce(reading: Reading): Promise<Counts> {
  const { context, work, source, signal } = reading;
  const { mailbox, profile } = work;
  const folders = chooseFolders(await source.folders(), profile.folders);
  const wanted = folders.filter((folder) => folder.wanted);
  await context.database.transaction(async (tx) => {
    await storeFolders(tx, mailbox.id, folders, context.now());
    const streams = [...new Set(wanted.map((folder) => folder.stream))];
    await closeAlertsOfOtherFolders(tx, mailbox.id, streams, context.now());
  }, "store folders");
  let counts: Counts = NO_COUNTS;
  // A folder that the server refuses is tried all the same: the failure makes the alert, and the day when it works closes it.
  for (const [stream, some] of Map.groupBy(wanted, (folder) => folder.stream)) {
    if (signal.aborted) return counts;
    counts = addCounts(counts, await readStreamAlone(reading, stream, some));
  }
  // After the folders, so that a moved message is looked for where it lies now.
  return addCounts(counts, await decideAgain(reading));
}

/** A folder's own trouble (no right, deleted meanwhile) stays its own: the other folders are read (invariant 6). */
async function readStreamAlone(reading: Reading, stream: string, folders: readonly Folder[]): Promise<Counts> {
  const { context, work } = reading;
  const subject = `${work.mailbox.id}/${stream}`;
  try {
    const counts = await readStream(reading, stream, new Set(folders.map((folder) => folder.id)));
    await closeAlerts(context.database, "folder", subject, ACTIVITY.receive, context.now());
    return counts;
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "folder") throw error;
    context.log.warn(
      { mailbox: work.mailbox.address, folder: folders.map((one) => one.name).join(", "), code: error.code, serverSaid: error.serverSaid },
      error.message,
    );
    await openAlert(context.database, alertOf(error, ACTIVITY.receive, subject), context.now());
    return NO_COUNTS;
  }
}
