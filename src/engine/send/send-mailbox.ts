import type { Lease } from "../../jobs/lease.ts";
import { closeAlerts } from "../../ledger/alerts.ts";
import type { Failure } from "../../model/failure.ts";
import type { MailSender } from "../../ports.ts";
import { onBehalfOf } from "../../wire/on-behalf-of.ts";
import type { Place } from "../connections/connections.ts";
import { NEVER, type Slice, SliceClock } from "../connections/slice.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { waitForCrm } from "../crm-away.ts";
import { workedOnElsewhere } from "../elsewhere.ts";
import { readWork } from "../read-work.ts";
import { ACTIVITY, heldBack, mustWait, noteAnswer, noteRecovery, noteTrouble } from "../trouble.ts";
import { type LeftAlone, whyNot } from "../why-not.ts";
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

/** How sending is ended. */
export interface Stop {
  /** The email in hand is the last. */
  readonly next: AbortSignal;
  /** The process cannot wait for anything any more. */
  readonly now: AbortSignal;
}

export interface SendOptions {
  /** When it gives way to others; by default never. */
  readonly slice?: Slice;
  /** A person asked for it: it waits in line for a connection instead of being woken when its turn comes. */
  readonly inPerson?: boolean;
}

export interface Sent extends SendCounts {
  readonly failure: Failure | null;
  /**
   * `unfinished`: it gave way to others, and more is pending. `in line`: there was no connection, and it is woken when there is. `held back`:
   * another mailbox finds out whether their server answers again.
   */
  readonly end: End;
  /** Why nothing was sent from it; null when it was its turn. */
  readonly left: LeftAlone | null;
}

type End = "done" | "unfinished" | "in line" | "held back";

/** What one run sends with. */
interface Run {
  readonly context: EngineContext;
  readonly work: Work;
  readonly sender: MailSender;
  readonly lease: Lease;
  readonly holder: string;
  readonly stop: Stop;
  readonly options: SendOptions;
  readonly counts: { -readonly [K in keyof SendCounts]: number };
  /** The right to its connection, once it has one: kept until what went wrong is noted, because a limit is learned from what is open. */
  readonly holding: { place: Place | null };
}

/**
 * Sends what is pending for one mailbox, until nothing is left or others wait. Runs under the mailbox's lease. First finishes what an earlier run
 * left open: that is how a killed process neither loses nor doubles a message. Ends normally; what went wrong stands in the ledger and is returned
 * for the command line.
 */
export function sendMailbox(
  context: EngineContext,
  mailboxId: string,
  lease: Lease,
  holder: string,
  stop: Stop,
  options: SendOptions = {},
): Promise<Sent> {
  return onBehalfOf(`send ${mailboxId}`, () => sendRound(context, mailboxId, lease, holder, stop, options));
}

async function sendRound(
  context: EngineContext,
  mailboxId: string,
  lease: Lease,
  holder: string,
  stop: Stop,
  options: SendOptions,
): Promise<Sent> {
  const work = await readWork(context, mailboxId);
  if (work === null) return { ...NOTHING_SENT, failure: null, end: "done", left: null };
  const { mailbox, profile } = work;
  const away = await waitForCrm(context, "send", work);
  if (away !== null) return { ...NOTHING_SENT, failure: null, end: "done", left: away };
  const started = performance.now();
  // A profile can lose its outgoing server while emails are under way; they are finished all the same.
  const sender = profile.outgoing === null ? null : context.mailSystem(profile).sender(accessTo(context, mailbox));
  const counts = { ...NOTHING_SENT };
  const holding: Run["holding"] = { place: null };
  try {
    await finishUnfinished(context, work, sender);
    const off = whyNot("send", mailbox, profile);
    const left: LeftAlone | null = off === null ? await mustWait(context, "send", work) : { state: "off", because: off, until: null };
    if (sender === null || left !== null) return { ...counts, failure: null, end: "done", left };
    const refusal = await workedOnElsewhere({ context, work }, "send");
    if (refusal !== null) throw refusal;
    const { end, held } = await sendPending({ context, work, sender, lease, holder, stop, options, counts, holding });
    const worked = counts.sent + counts.failed + counts.waiting + counts.unknown;
    if (worked > 0 || (mailbox.sendFailures > 0 && (end === "done" || end === "unfinished"))) await noteRecovery(context, "send", work);
    else await noteAnswered(context);
    if (worked > 0)
      context.log.info({ mailbox: mailbox.address, ...counts, seconds: (performance.now() - started) / 1000 }, "mailbox sent");
    return { ...counts, failure: null, end, left: held };
  } catch (error) {
    await noteTrouble(context, "send", work, error);
    return { ...counts, failure: asFailure(error, mailbox.address), end: "done", left: null };
  } finally {
    // The connection is closed before somebody else may open one.
    await sender?.close();
    await holding.place?.release();
    context.measure.observe("job_seconds", { work: "send" }, (performance.now() - started) / 1000);
    await fileCopies(context, work, stop.next, options);
  }
}

/** The mail system was asked for nothing and has proved nothing; that the database works is proved. */
async function noteAnswered(context: EngineContext): Promise<void> {
  await closeAlerts(context.database, "process", "process", ACTIVITY.send, context.now());
}

/** Sends over one connection, which is asked for when there is something to send. */
async function sendPending({
  context,
  work,
  sender,
  lease,
  holder,
  stop,
  options,
  counts,
  holding,
}: Run): Promise<{ end: End; held: LeftAlone | null }> {
  const crm = context.crm(work.mailbox.organization);
  const settings = await crm.organizationSettings();
  const clock = new SliceClock(options.slice ?? NEVER);
  const tried = new Set<string>();
  while (!stop.next.aborted) {
    const pending = (await crm.pending(work.mailbox.address, settings.BackgroundSendBatchSize, context.now())).filter(
      (one) => !tried.has(`${one.id} ${one.generation}`),
    );
    if (pending.length === 0) break;
    holding.place ??= await placeToSend(context, work, stop, options);
    if (holding.place === null) return { end: "in line", held: null };
    const held = tried.size === 0 ? await heldBack(context, "send", work) : null;
    if (held !== null) return { end: "held back", held };
    for (const one of pending) {
      if (stop.next.aborted) break;
      tried.add(`${one.id} ${one.generation}`);
      const result = await sendEmail({ context, work, sender, lease, holder, signal: stop.now, settings }, one);
      if (result !== null) counts[result]++;
      if (tried.size === 1) await noteAnswer(context, "send", work);
      if (await clock.isOver()) return { end: "unfinished", held: null };
    }
  }
  return { end: "done", held: null };
}

function placeToSend({ connections }: EngineContext, work: Work, stop: Stop, { inPerson }: SendOptions): Promise<Place | null> {
  return inPerson ? connections.takeInTurn(work, "send", stop.next) : connections.take(work, "send");
}
