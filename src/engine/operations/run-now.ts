import { leaseKey, withLease } from "../../jobs/lease.ts";
import type { MailboxRow } from "../../ledger/mailboxes.ts";
import type { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import { addCounts, type Counts, NO_COUNTS } from "../receive/reading.ts";
import { receiveMailbox } from "../receive/receive-mailbox.ts";
import { NOTHING_SENT, type SendCounts, sendMailbox } from "../send/send-mailbox.ts";
import type { LeftAlone } from "../why-not.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";

export interface MailboxFailure {
  readonly mailbox: string;
  readonly code: string;
  readonly message: string;
  readonly serverSaid: string | null;
  readonly remedy: string;
}

/** A mailbox that was asked for and not touched. */
export interface LeftMailbox extends LeftAlone {
  readonly mailbox: string;
  /** The user named it, instead of asking for all. */
  readonly named: boolean;
}

export interface RunResult<C> {
  /** Mailboxes that it came to; fewer than were asked for when it was interrupted. */
  readonly mailboxes: number;
  /** Mailboxes that another worker has in hand; it was told to go round once more. */
  readonly busy: number;
  readonly counts: C;
  readonly failures: readonly MailboxFailure[];
  /** Those of the mailboxes that were not touched, busy ones too. One that is not in the configuration any more counts only where it is named. */
  readonly left: readonly LeftMailbox[];
}

/** What one run came to. */
interface Outcome {
  readonly busy: boolean;
  readonly failure: Failure | null;
  readonly left: LeftAlone | null;
}

const BUSY: LeftAlone = {
  state: "waits",
  because: "Another process has it in hand, and goes round once more for what is new.",
  until: null,
};

/** Told after each page and each mailbox, for a progress bar: mailboxes done of all, and what is in hand. */
export type Progress = (done: number, of: number, what: string) => void;

/** Reads mailboxes now, one after the other: all that receive, or those addresses. A mailbox that another worker has in hand is left to it. */
export async function receiveNow(
  context: EngineContext,
  addresses: readonly string[],
  signal: AbortSignal,
  progress: Progress,
): Promise<RunResult<Counts>> {
  let counts: Counts = NO_COUNTS;
  const { mailboxes, busy, failures, left } = await forEach(context, addresses, signal, progress, async ({ id }, say) => {
    let failure: Failure | null = null;
    let left: LeftAlone | null = null;
    let messages = 0;
    const onPage = (read: number) => {
      messages += read;
      say(`${messages} messages`);
    };
    const outcome = await withLease(context.database, leaseKey("receive", id), context.database.presence.instanceId, async (lease) => {
      const result = await receiveMailbox(context, id, lease, signal, { onPage, inPerson: true });
      counts = addCounts(counts, result);
      ({ failure, left } = result);
    });
    return { busy: outcome === "busy", failure, left };
  });
  return { mailboxes, busy, counts, failures, left };
}

/** Sends what is pending now, one mailbox after the other: of all mailboxes, or of those addresses. */
export async function sendNow(
  context: EngineContext,
  addresses: readonly string[],
  signal: AbortSignal,
  progress: Progress,
): Promise<RunResult<SendCounts>> {
  let counts: SendCounts = NOTHING_SENT;
  const holder = context.database.presence.instanceId;
  const { mailboxes, busy, failures, left } = await forEach(context, addresses, signal, progress, async ({ id }) => {
    let failure: Failure | null = null;
    let left: LeftAlone | null = null;
    const outcome = await withLease(context.database, leaseKey("send", id), holder, async (lease) => {
      const result = await sendMailbox(context, id, lease, holder, { next: signal, now: signal }, { inPerson: true });
      counts = {
        sent: counts.sent + result.sent,
        failed: counts.failed + result.failed,
        waiting: counts.waiting + result.waiting,
        unknown: counts.unknown + result.unknown,
      };
      ({ failure, left } = result);
    });
    return { busy: outcome === "busy", failure, left };
  });
  return { mailboxes, busy, counts, failures, left };
}

/** Works on each of the mailboxes, one after the other: all, or those addresses. */
export async function forEach(
  context: EngineContext,
  addresses: readonly string[],
  signal: AbortSignal,
  progress: Progress,
  run: (mailbox: MailboxRow, say: (what: string) => void) => Promise<Outcome>,
): Promise<Omit<RunResult<never>, "counts">> {
  const chosen = await chooseMailboxes(context, addresses);
  const named = addresses.length > 0;
  const failures: MailboxFailure[] = [];
  const leftMailboxes: LeftMailbox[] = [];
  let busyMailboxes = 0;
  let mailboxes = 0;
  for (const [index, mailbox] of chosen.entries()) {
    if (signal.aborted) break;
    const say = (what: string) => progress(index, chosen.length, `${mailbox.address} ${what}`);
    const { busy, failure, left } = await run(mailbox, say);
    if (busy) busyMailboxes++;
    const alone = busy ? BUSY : left;
    // One that the file names no more was run for what it left open.
    if (named || mailbox.inFile) {
      mailboxes++;
      if (alone !== null) leftMailboxes.push({ mailbox: mailbox.address, named, ...alone });
    }
    if (failure)
      failures.push({
        mailbox: mailbox.address,
        code: failure.code,
        message: failure.message,
        serverSaid: failure.serverSaid ?? null,
        remedy: failure.remedy,
      });
    progress(index + 1, chosen.length, mailbox.address);
  }
  return { mailboxes, busy: busyMailboxes, failures, left: leftMailboxes };
}
