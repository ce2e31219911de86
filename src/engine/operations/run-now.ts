import { leaseKey, withLease } from "../../jobs/lease.ts";
import { listMailboxes } from "../../ledger/mailboxes.ts";
import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import { addCounts, type Counts, NO_COUNTS } from "../receive/reading.ts";
import { receiveMailbox } from "../receive/receive-mailbox.ts";
import { NOTHING_SENT, type SendCounts, sendMailbox } from "../send/send-mailbox.ts";

export interface MailboxFailure {
  readonly mailbox: string;
  readonly code: string;
  readonly message: string;
  readonly serverSaid: string | null;
  readonly remedy: string;
}

export interface RunResult<C> {
  readonly mailboxes: number;
  /** Mailboxes that another worker has in hand; it was told to go round once more. */
  readonly busy: number;
  readonly counts: C;
  readonly failures: readonly MailboxFailure[];
}

/** Told after each mailbox, for a progress bar. */
export type Progress = (done: number, of: number, mailbox: string) => void;

/** Reads mailboxes now, one after the other: all that receive, or those addresses. A mailbox that another worker has in hand is left to it. */
export async function receiveNow(
  context: EngineContext,
  addresses: readonly string[],
  signal: AbortSignal,
  progress: Progress,
): Promise<RunResult<Counts>> {
  let counts: Counts = NO_COUNTS;
  const { mailboxes, busy, failures } = await forEach(context, addresses, progress, async (id) => {
    let failure: Failure | null = null;
    const outcome = await withLease(context.database, leaseKey("receive", id), context.database.presence.instanceId, async (lease) => {
      const result = await receiveMailbox(context, id, lease, signal);
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
  const { mailboxes, busy, failures } = await forEach(context, addresses, progress, async (id) => {
    let failure: Failure | null = null;
    const outcome = await withLease(context.database, leaseKey("send", id), holder, async (lease) => {
      const result = await sendMailbox(context, id, lease, holder, signal);
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
  progress: Progress,
  run: (mailboxId: string) => Promise<{ busy: boolean; failure: Failure | null }>,
): Promise<{ mailboxes: number; busy: number; failures: MailboxFailure[] }> {
  const all = await listMailboxes(context.database);
  const wanted = addresses.map(addressKey);
  const unknown = wanted.find((address) => !all.some((one) => one.address === address));
  if (unknown !== undefined) {
    throw new Failure({
      scope: "mailbox",
      code: "mailbox unknown",
      message: `There is no mailbox ${unknown}.`,
      remedy: "`waypost status` lists the mailboxes; add it to the configuration.",
      waitingHelps: false,
    });
  }
  const chosen = wanted.length === 0 ? all : all.filter((one) => wanted.includes(one.address));
  const failures: MailboxFailure[] = [];
  let busyMailboxes = 0;
  for (const [index, mailbox] of chosen.entries()) {
    const { busy, failure } = await run(mailbox.id);
    if (busy) busyMailboxes++;
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
  return { mailboxes: chosen.length, busy: busyMailboxes, failures };
}
