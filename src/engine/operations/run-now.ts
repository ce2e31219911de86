import { leaseKey, withLease } from "../../jobs/lease.ts";
import type { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import { addCounts, type Counts, NO_COUNTS } from "../receive/reading.ts";
import { receiveMailbox } from "../receive/receive-mailbox.ts";
import { NOTHING_SENT, type SendCounts, sendMailbox } from "../send/send-mailbox.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";

export interface MailboxFailure {
  readonly mailbox: string;
  readonly code: string;
  readonly message: string;
  readonly serverSaid: string | null;
  readonly remedy: string;
}

export interface RunResult<C> {
  /** Mailboxes that it came to; fewer than were asked for when it was interrupted. */
  readonly mailboxes: number;
  /** Mailboxes that another worker has in hand; it was told to go round once more. */
  readonly busy: number;
  readonly counts: C;
  readonly failures: readonly MailboxFailure[];
}

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
  const { mailboxes, busy, failures } = await forEach(context, addresses, signal, progress, async (id, say) => {
    let failure: Failure | null = null;
    let messages = 0;
    const onPage = (read: number) => {
      messages += read;
      say(`${messages} messages`);
    };
    const outcome = await withLease(context.database, leaseKey("receive", id), context.database.presence.instanceId, async (lease) => {
      const result = await receiveMailbox(context, id, lease, signal, { onPage, inPerson: true });
      counts = addCounts(counts, result);
      failure = result.failure;
    });
    return { busy: outcome === "busy", failure };
  });
  return { mailboxes, busy, counts, failures };
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
  const { mailboxes, busy, failures } = await forEach(context, addresses, signal, progress, async (id) => {
    let failure: Failure | null = null;
    const outcome = await withLease(context.database, leaseKey("send", id), holder, async (lease) => {
      const result = await sendMailbox(context, id, lease, holder, { next: signal, now: signal }, { inPerson: true });
      counts = {
        sent: counts.sent + result.sent,
        failed: counts.failed + result.failed,
        waiting: counts.waiting + result.waiting,
        unknown: counts.unknown + result.unknown,
      };
      failure = result.failure;
    });
    return { busy: outcome === "busy", failure };
  });
  return { mailboxes, busy, counts, failures };
}

async function forEach(
  context: EngineContext,
  addresses: readonly string[],
  signal: AbortSignal,
  progress: Progress,
  run: (mailboxId: string, say: (what: string) => void) => Promise<{ busy: boolean; failure: Failure | null }>,
): Promise<{ mailboxes: number; busy: number; failures: MailboxFailure[] }> {
  const chosen = await chooseMailboxes(context, addresses);
  const failures: MailboxFailure[] = [];
  let busyMailboxes = 0;
  let done = 0;
  for (const [index, mailbox] of chosen.entries()) {
    if (signal.aborted) break;
    const say = (what: string) => progress(index, chosen.length, `${mailbox.address} ${what}`);
    const { busy, failure } = await run(mailbox.id, say);
    if (busy) busyMailboxes++;
    if (failure)
      failures.push({
        mailbox: mailbox.address,
        code: failure.code,
        message: failure.message,
        serverSaid: failure.serverSaid ?? null,
        remedy: failure.remedy,
      });
    done = index + 1;
    progress(done, chosen.length, mailbox.address);
  }
  return { mailboxes: done, busy: busyMailboxes, failures };
}
