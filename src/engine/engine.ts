import { type Clock, startClock } from "../jobs/clock.ts";
import { leaseKey, withLease } from "../jobs/lease.ts";
import type { Queue } from "../jobs/queue.ts";
import { forgetWaits, takeDueMailboxes } from "../ledger/mailboxes.ts";
import { dispatchAfterwards } from "./afterwards.ts";
import { SLICE_MS, type Slice } from "./connections/slice.ts";
import type { EngineContext, Work } from "./context.ts";
import { ProfileSlots } from "./profile-slots.ts";
import { purgeOldHeads, purgeRest, type Retention } from "./purge.ts";
import { readWork } from "./read-work.ts";
import { receiveMailbox } from "./receive/receive-mailbox.ts";
import { dispatchPending, wakeUnfinished } from "./send/dispatch.ts";
import { sendMailbox } from "./send/send-mailbox.ts";
import { isPointless } from "./trouble.ts";
import { watchMailboxes } from "./watch.ts";

/** What a process does; several processes share the work over one PostgreSQL. */
export type Role = "web" | "worker" | "watcher";

export interface EngineOptions {
  readonly roles: ReadonlySet<Role>;
  readonly organizations: readonly string[];
  /** Each mailbox is pulled at least this often. */
  readonly pullSeconds: number;
  /** Each mailbox is compared with the CRM so often; left out: never by itself. */
  readonly auditHours?: number;
  /** Mailboxes worked on at a time, in each direction; those of one profile take at most half of it. */
  readonly concurrency: number;
  /** Days that is kept what nobody needs any more. Left out: nothing is purged. */
  readonly retention?: Retention;
  /** Milliseconds that a mailbox reads before it gives way to others that wait. */
  readonly sliceMs?: number;
}

/** How often due mailboxes and pending emails are looked for; wakes make both prompt, this makes both certain (invariant 5). */
const DUE_EVERY = 1000;
const PENDING_EVERY = 5000;
const NEW_SENDERS_EVERY = 5000;
/** How often it is asked what changed in a CRM of which something is kept here: less than half a minute, so that pages seldom have to ask themselves. */
const KEEP_INDEX_EVERY = 20_000;
/** How often heads that are too old are looked for, which goes through all decisions, and how often the rest. */
const PURGE_HEADS_EVERY = 86_400_000;
const PURGE_REST_EVERY = 3_600_000;
/** How soon the connections of a process that died are free for others. */
const SWEEP_EVERY = 2000;

export interface Engine {
  /** Ends the work in order: running jobs finish the page or email that they have in hand, within `seconds`. */
  stop(seconds: number): Promise<void>;
}

/** Starts the work of the given roles. */
export async function startEngine(context: EngineContext, queue: Queue, options: EngineOptions): Promise<Engine> {
  const stopping = new AbortController();
  const running: Promise<unknown>[] = [];
  const clocks: Clock[] = [];
  if (options.roles.has("worker")) {
    const instanceId = context.database.presence.instanceId;
    await forgetWaits(context.database, context.now());
    const slots = (work: "receive" | "send") =>
      new ProfileSlots(Math.ceil(options.concurrency / 2), (mailboxId) => {
        context.wake(work, mailboxId).catch(reportTo(context, `waking ${mailboxId}`));
      });
    const slice = (direction: "receive" | "send", busy: ProfileSlots, work: Work): Slice => ({
      length: options.sliceMs ?? SLICE_MS,
      isWanted: async () =>
        busy.isWanted(work.profile.name) || (await context.connections.isWanted(work, direction)) || (await queue.isFull(direction)),
    });
    const receiving = slots("receive");
    const sending = slots("send");
    queue.work("receive", { concurrency: options.concurrency }, async (mailboxId, signal) => {
      let unfinished = false;
      await withLease(context.database, leaseKey("receive", mailboxId), instanceId, async (lease) => {
        const work = await readWork(context, mailboxId);
        // A mailbox that gave way does not go on because of a wake: it stands behind those that waited.
        if (!work || unfinished || isPointless(work.mailbox, context.now())) return;
        // A mailbox with years of mail to read ends at its next page; the rest is read by whoever comes next.
        const until = AbortSignal.any([signal, stopping.signal]);
        await receiving.work(work.mailbox, async () => {
          const { auditHours } = options;
          const { end } = await receiveMailbox(context, mailboxId, lease, until, { slice: slice("receive", receiving, work), auditHours });
          unfinished = end === "unfinished";
        });
      });
      if (unfinished) await queue.wake("receive", mailboxId);
    });
    queue.work("send", { concurrency: options.concurrency }, async (mailboxId, signal) => {
      let unfinished = false;
      await withLease(context.database, leaseKey("send", mailboxId), instanceId, async (lease) => {
        const work = await readWork(context, mailboxId);
        if (!work || unfinished) return;
        const stop = { next: AbortSignal.any([signal, stopping.signal]), now: signal };
        await sending.work(work.mailbox, async () => {
          const sent = await sendMailbox(context, mailboxId, lease, instanceId, stop, { slice: slice("send", sending, work) });
          unfinished = sent.end === "unfinished";
        });
      });
      if (unfinished) await queue.wake("send", mailboxId);
    });
    const { retention } = options;
    if (retention !== undefined) {
      queue.work("maintenance", { concurrency: 1 }, async (key, signal) => {
        const stop = AbortSignal.any([signal, stopping.signal]);
        if (key === "heads") await purgeOldHeads(context, options.organizations, retention, stop);
        else await purgeRest(context, options.organizations, retention, stop);
      });
      const report = reportTo(context, "waking the maintenance");
      clocks.push(startClock({ everyMs: PURGE_HEADS_EVERY, report }, () => queue.wake("maintenance", "heads")));
      clocks.push(startClock({ everyMs: PURGE_REST_EVERY, report }, () => queue.wake("maintenance", "rest")));
    }
    const wakeDue = async () => {
      for (const id of await takeDueMailboxes(context.database, context.now(), options.pullSeconds)) await context.wake("receive", id);
    };
    clocks.push(startClock({ everyMs: DUE_EVERY, report: reportTo(context, "looking for due mailboxes") }, wakeDue));
    const unfinished = { everyMs: PENDING_EVERY, report: reportTo(context, "looking for emails that are being sent") };
    clocks.push(startClock(unfinished, () => wakeUnfinished(context)));
    const newSenders = (signal: AbortSignal) => dispatchAfterwards(context, options.organizations, signal);
    clocks.push(startClock({ everyMs: NEW_SENDERS_EVERY, report: reportTo(context, "looking for new senders") }, newSenders));
    for (const organization of options.organizations) {
      const report = reportTo(context, `looking for what changed in the organization "${organization}"`);
      const keep = async (signal: AbortSignal) => await context.crm(organization).keepIndex?.(signal);
      if (context.crm(organization).keepIndex !== undefined) clocks.push(startClock({ everyMs: KEEP_INDEX_EVERY, report }, keep));
    }
    for (const organization of options.organizations) {
      const crm = context.crm(organization);
      const everyMs = crm.pendingPullSeconds === undefined ? PENDING_EVERY : crm.pendingPullSeconds * 1000;
      // A clock of its own: a CRM that is away, or slow, holds up nobody else's emails.
      const report = reportTo(context, `looking for pending emails of the organization "${organization}"`);
      const pending = startClock({ everyMs, report }, () => dispatchPending(context, organization));
      clocks.push(pending);
      running.push(crm.watch(() => pending.tick(), stopping.signal));
    }
  }
  if (options.roles.has("worker") || options.roles.has("watcher")) {
    const sweep = () => context.connections.sweep();
    clocks.push(startClock({ everyMs: SWEEP_EVERY, report: reportTo(context, "looking for free connections") }, sweep));
  }
  if (options.roles.has("watcher")) running.push(watchMailboxes(context, stopping.signal));
  return {
    async stop(seconds) {
      stopping.abort();
      await Promise.all(clocks.map((clock) => clock.stop()));
      await queue.stop({ gracefulSeconds: seconds });
      await Promise.allSettled(running);
    },
  };
}

function reportTo(context: EngineContext, what: string): (error: unknown) => void {
  return (error) => context.log.warn({ error }, `${what} failed; it is tried again`);
}
