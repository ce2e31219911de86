import type { Lease } from "../../jobs/lease.ts";
import { alertOf, closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { markAbsent, markGone } from "../../ledger/decisions.ts";
import { readMailbox, readProfile } from "../../ledger/mailboxes.ts";
import { storeStreams } from "../../ledger/streams.ts";
import { Failure } from "../../model/failure.ts";
import type { MessageRef } from "../../model/message.ts";
import type { MailSource } from "../../ports.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { ACTIVITY, noteRecovery, noteTrouble, profileWaits } from "../trouble.ts";
import { whyNot } from "../why-not.ts";
import { chooseStreams } from "./choose-streams.ts";
import { decideAgain } from "./decide-again.ts";
import { readStream, type StreamRound } from "./read-stream.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";

/**
 * One round of one mailbox: every stream that is read is pulled until nothing new is left. Runs under the mailbox's lease. Ends normally
 * whatever happens to the mailbox: what went wrong stands in the ledger with the time of the next try, and is returned for the command line.
 */
export async function receiveMailbox(
  context: EngineContext,
  mailboxId: string,
  lease: Lease,
  signal: AbortSignal,
): Promise<Counts & { failure: Failure | null }> {
  const mailbox = await readMailbox(context.database, mailboxId);
  const profile = mailbox && (await readProfile(context.database, mailbox.profile));
  if (!mailbox || !profile || whyNot("receive", mailbox, profile) !== null) return { ...NO_COUNTS, failure: null };
  const work: Work = { mailbox, profile };
  if (await profileWaits(context, "receive", work)) return { ...NO_COUNTS, failure: null };
  const started = performance.now();
  const source = context.mailSystem(profile).source(accessTo(context, mailbox));
  try {
    const counts = await readMailboxOnce(context, work, source, lease, signal);
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

async function readMailboxOnce(context: EngineContext, work: Work, source: MailSource, lease: Lease, signal: AbortSignal): Promise<Counts> {
  const { mailbox, profile } = work;
  const streams = chooseStreams(await source.streams(), profile.folders);
  await context.database.transaction((tx) => storeStreams(tx, mailbox.id, streams, context.now()), "store streams");
  const reading: Reading = { context, work, source, lease, signal };
  let counts = await decideAgain(reading);
  const rounds: StreamRound[] = [];
  for (const stream of streams) {
    if (stream.notReadBecause !== null) continue;
    if (signal.aborted) return counts;
    const round = await readStreamAlone(reading, stream.id, stream.name);
    if (round === null) continue;
    rounds.push(round);
    counts = addCounts(counts, round.counts);
  }
  await believeGone(context, mailbox.id, rounds);
  return counts;
}

/** A folder's own trouble (no right, deleted meanwhile) stays its own: the other folders are read (invariant 6). */
async function readStreamAlone(reading: Reading, stream: string, name: string): Promise<StreamRound | null> {
  const { context, work } = reading;
  const subject = `${work.mailbox.id}/${stream}`;
  try {
    const round = await readStream(reading, stream);
    await closeAlerts(context.database, "folder", subject, ACTIVITY.receive, context.now());
    return round;
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "folder") throw error;
    context.log.warn({ mailbox: work.mailbox.address, folder: name, code: error.code, serverSaid: error.serverSaid }, error.message);
    await openAlert(context.database, alertOf(error, ACTIVITY.receive, subject), context.now());
    return null;
  }
}

/** Moves arrive in no order: what left one stream is believed gone only after all streams of the round are read. */
async function believeGone(context: EngineContext, mailboxId: string, rounds: readonly StreamRound[]): Promise<void> {
  const gone: MessageRef[] = rounds.flatMap((round) => round.gone);
  const now = context.now();
  await markGone(context.database, mailboxId, gone, now);
  for (const round of rounds) {
    if (round.present !== null) await markAbsent(context.database, mailboxId, round.stream, round.present, round.startedAt, now);
  }
}
