import { type Lease, leaseKey, withLease } from "../../jobs/lease.ts";
import { writeAudit } from "../../ledger/audit.ts";
import { isStartSet, setStartBack } from "../../ledger/history.ts";
import { Failure } from "../../model/failure.ts";
import { when } from "../../tracking/sentence.ts";
import { asFailure, type EngineContext, type Work } from "../context.ts";
import { readWork } from "../read-work.ts";
import { chooseFolders, foldersOfSentMail } from "../receive/choose-folders.ts";
import { NextPage } from "../receive/next-page.ts";
import { type History, HistoryPreview, interrupted } from "../receive/preview-history.ts";
import type { Reading } from "../receive/reading.ts";
import { readRulesBefore, sourceOf } from "../receive/receive-mailbox.ts";
import { ruledFolders, whereNow } from "../receive/ruled-folders.ts";
import { whyNot, whyWaiting } from "../why-not.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";
import type { Progress } from "./run-now.ts";

/** What a mailbox holds from a moment on and before its start. */
export interface MailboxHistory extends History {
  readonly mailbox: string;
  readonly from: Date;
  /** Where it starts. */
  readonly until: Date;
}

/** What came of reading history. */
export interface HistoryRead {
  readonly mailbox: string;
  /** Where it starts from now on. */
  readonly from: Date;
  /** Where it started. */
  readonly before: Date;
}

/**
 * Counts what a mailbox holds from that moment on and before its start, and what would become of it by the rules of now, from the mail system's own listing. Stores
 * nothing.
 */
export async function history(
  context: EngineContext,
  address: string,
  from: Date,
  signal: AbortSignal,
  progress: Progress,
): Promise<MailboxHistory> {
  let messages = 0;
  const onPage = (read: number) => {
    messages += read;
    progress(0, 1, `${address} ${messages} messages`);
  };
  return alone(context, address, from, async (work, lease) => {
    if (work.mailbox.owner.type === "forward") throw forwardMailbox(work.mailbox.address);
    const waiting = whyWaiting("receive", work.mailbox, work.profile, context.now());
    if (waiting !== null) throw left(waiting.because, true);
    const place = await context.connections.takeInTurn(work, "receive", signal);
    if (place === null) throw interrupted();
    const source = sourceOf(context, work);
    try {
      const found = await preview({ context, work, source, lease, signal, onPage }, from);
      return { mailbox: work.mailbox.address, from, until: work.mailbox.startDate, ...found };
    } catch (error) {
      throw asFailure(error, work.mailbox.address);
    } finally {
      await source.close();
      await place.release();
    }
  });
}

type Opened = Pick<Reading, "context" | "work" | "source" | "lease" | "signal" | "onPage">;

async function preview(opened: Opened, from: Date): Promise<History> {
  const { context, work, source } = opened;
  const listed = await source.folders();
  const { rules, marks } = await readRulesBefore(context.database, work.mailbox.id);
  const settings = await context.crm(work.mailbox.organization).organizationSettings();
  const reading: Reading = {
    ...opened,
    nextPage: new NextPage(),
    startedAnew: [],
    lostOnce: new Set(),
    ahead: new Set(),
    begins: new Map(),
    broken: new Set(),
    ruled: ruledFolders(whereNow(rules, listed, marks), listed),
    sent: foldersOfSentMail(listed, settings, work.mailbox.owner),
    bearing: { keyword: null, byStream: new Map() },
  };
  const folders = chooseFolders(listed, work.profile.folders, reading).filter((one) => one.wanted);
  return new HistoryPreview(reading, from, settings).run(folders);
}

/** The mailbox starts at that earlier moment from now on; a running service reads what was passed over at once, else the next `waypost receive` does. */
export async function readHistory(context: EngineContext, address: string, from: Date, actor: string): Promise<HistoryRead> {
  return alone(context, address, from, async ({ mailbox }, lease) => {
    if (await isStartSet(context.database, mailbox.id)) throw startSet(mailbox.address, from);
    await context.database.transaction(async (tx) => {
      await lease.assertHeld(tx);
      await setStartBack(tx, mailbox, from, context.now());
      await writeAudit(tx, { at: context.now(), actor, action: "read history", subject: mailbox.address });
    }, "read history");
    await context.wake("receive", mailbox.id);
    context.log.info({ mailbox: mailbox.address, from, before: mailbox.startDate, actor }, "history is read");
    return { mailbox: mailbox.address, from, before: mailbox.startDate };
  });
}

/** Works on a mailbox that is read and starts later than that moment, while nobody else does. */
async function alone<T>(context: EngineContext, address: string, from: Date, work: (work: Work, lease: Lease) => Promise<T>): Promise<T> {
  const [chosen] = await chooseMailboxes(context, [address]);
  const id = chosen?.id ?? "";
  let result: { readonly of: T } | null = null;
  let isWanted = false;
  const run = async (lease: Lease) => {
    const found = await readWork(context, id);
    if (found === null) return;
    const { mailbox, profile } = found;
    if (result !== null) {
      isWanted = true;
      return;
    }
    const off = whyNot("receive", mailbox, profile);
    if (off !== null) throw left(off, false);
    if (from >= mailbox.startDate) throw nothingBefore(mailbox.address, mailbox.startDate);
    result = { of: await work(found, lease) };
  };
  await withLease(context.database, leaseKey("receive", id), context.database.presence.instanceId, run);
  // Who came to read it meanwhile left it to this.
  if (isWanted) await context.wake("receive", id);
  if (result === null) throw left(`The mailbox ${address} is being read at this moment.`, true);
  return (result as { readonly of: T }).of;
}

function left(because: string, waitingHelps: boolean): Failure {
  const remedy = waitingHelps ? "Try again a little later." : "History is read of a mailbox that is read.";
  return new Failure({ scope: "mailbox", code: "mailbox left alone", message: because, remedy, waitingHelps });
}

function nothingBefore(mailbox: string, startDate: Date): Failure {
  return new Failure({
    scope: "mailbox",
    code: "no history",
    message: `The mailbox ${mailbox} is read from ${when(startDate)} on: nothing from then on is history.`,
    remedy: "Name an earlier moment.",
    waitingHelps: false,
  });
}

function forwardMailbox(mailbox: string): Failure {
  return new Failure({
    scope: "mailbox",
    code: "history of a forward mailbox",
    message: `What the mailbox ${mailbox} holds stands in its forwards: to count it, all of them would be downloaded.`,
    remedy: "Read its history with `--read`, or replay a stretch of time.",
    waitingHelps: false,
  });
}

function startSet(mailbox: string, from: Date): Failure {
  return new Failure({
    scope: "mailbox",
    code: "start in the configuration",
    message: `The configuration says where the mailbox ${mailbox} starts, and would say it again at the next start.`,
    remedy: `Write "readFrom: ${from.toISOString()}" there instead, and start the service anew.`,
    waitingHelps: false,
  });
}
