import { pause } from "../database/patience.ts";
import { foldersByMailbox } from "../ledger/folders.ts";
import { listMailboxes, mailboxesByArrival, readProfiles } from "../ledger/mailboxes.ts";
import { Failure } from "../model/failure.ts";
import { learnLimit, TOO_MANY } from "./connections/learn.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "./context.ts";
import { wasElsewhere } from "./elsewhere.ts";
import { whyNot } from "./why-not.ts";

/** How often the mailboxes are divided anew among the processes that watch: so soon another one watches what a dead one did. */
const DIVIDE_EVERY = 3000;

/** A mailbox that can be watched. */
interface Watchable {
  readonly work: Work;
  readonly streams: readonly string[];
}

interface Running {
  /** Changes when the way to the server or the streams do. */
  readonly key: string;
  end(): Promise<void>;
}

/**
 * Watches mailboxes that receive until `signal` aborts, each in one process only, as many as connections may wait for news; the most recently
 * active ones come first, the others are left to the slow pull. Watchers only wake (invariant 5).
 */
export async function watchMailboxes(context: EngineContext, signal: AbortSignal): Promise<void> {
  const running = new Map<string, Running>();
  while (!signal.aborted) {
    try {
      await divide(context, running);
    } catch (error) {
      context.log.warn({ error }, "the watched mailboxes could not be divided; it is tried again");
    }
    await pause(DIVIDE_EVERY, signal);
  }
  await Promise.all([...running.values()].map((watch) => watch.end()));
}

async function divide(context: EngineContext, running: Map<string, Running>): Promise<void> {
  const watchable = await watchables(context);
  const mine = await context.connections.takeWatches([...watchable.values()].map((one) => one.work));
  const ended: string[] = [];
  for (const [id, watch] of running) {
    const one = watchable.get(id);
    const goesOn = one !== undefined && mine.has(id);
    if (goesOn && keyOf(one) === watch.key) continue;
    await watch.end();
    running.delete(id);
    if (!goesOn) ended.push(id);
  }
  if (ended.length > 0) await context.connections.endWatches(ended);
  for (const id of mine) {
    const one = watchable.get(id);
    if (one !== undefined && !running.has(id)) running.set(id, start(context, one));
  }
}

/** In the order in which they are to be watched. */
async function watchables(context: EngineContext): Promise<Map<string, Watchable>> {
  const { database } = context;
  const profiles = new Map((await readProfiles(database)).map((one) => [one.name, one]));
  const mailboxes = new Map((await listMailboxes(database)).map((one) => [one.id, one]));
  const folders = await foldersByMailbox(database);
  const found = new Map<string, Watchable>();
  for (const id of await mailboxesByArrival(database)) {
    const mailbox = mailboxes.get(id);
    const profile = mailbox && profiles.get(mailbox.profile);
    if (!mailbox || !profile || whyNot("receive", mailbox, profile) !== null || wasElsewhere({ mailbox, profile })) continue;
    if (!context.mailSystem(profile).capabilities.push) continue;
    const read = (folders.get(id) ?? []).filter((one) => one.notReadBecause === null && one.missingSince === null);
    found.set(id, { work: { mailbox, profile }, streams: [...new Set(read.map((one) => one.stream))] });
  }
  return found;
}

function keyOf({ work: { mailbox, profile }, streams }: Watchable): string {
  return JSON.stringify([profile.name, profile.incoming, mailbox.username, streams]);
}

function start(context: EngineContext, one: Watchable): Running {
  const { work, streams } = one;
  const { mailbox, profile } = work;
  const stop = new AbortController();
  const warn = (message: string) => (error: unknown) => context.log.warn({ mailbox: mailbox.address, error }, message);
  const target = {
    mailbox: accessTo(context, mailbox),
    streams,
    wake: () => void context.wake("receive", mailbox.id).catch(warn("a wake was not stored; the slow pull finds what it meant")),
    trouble: (error: unknown) => {
      context.log.debug({ mailbox: mailbox.address, code: asFailure(error, mailbox.address).code }, "watching is interrupted");
      // The next division leaves the connection to others.
      if (error instanceof Failure && error.code === TOO_MANY)
        learnLimit(context, work, "watch", error).catch(warn("a limit of the server was not noted; it shows again"));
    },
  };
  const done = context
    .mailSystem(profile)
    .watch([target], stop.signal)
    .catch((error: unknown) => context.log.error({ mailbox: mailbox.address, error }, "watching ended; the slow pull goes on"));
  return {
    key: keyOf(one),
    async end() {
      stop.abort();
      await done;
    },
  };
}
