import type { ImapFlow } from "imapflow";
import { Failure } from "../../model/failure.ts";
import type { WatchTarget } from "../../ports.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { connect, disconnect, endingOf, type Target } from "./connect.ts";
import { within } from "./deadline.ts";
import { Door, pause, waitAfter } from "./door.ts";
import { type Circumstances, classify, imapFailure } from "./failures.ts";
import { inboxPath } from "./listing.ts";
import { examine } from "./session.ts";

/** IDLE is renewed this often. The standard asks for 29 minutes (RFC 2177); many firewalls forget a silent connection after 10. */
const RENEWAL = 9 * 60 * 1000;

/** The wait after a first failure to connect; it doubles with each. */
const FIRST_WAIT = 1000;

/** A refused password is not offered more often than this: many servers lock an account after some refusals. */
const WAIT_AFTER_REFUSAL = 30 * 60 * 1000;

/** A connection that held this long was a good one; one that breaks earlier makes the next wait longer (peers.md B20). */
const GOOD_AFTER = 60 * 1000;

/** What comes in within this time makes one wake: a server reports each of a thousand deleted messages by itself. */
const BURST = 250;

/** IDLE that ends by itself is not begun again at once. */
const SHORTEST_ROUND = 1000;

/** For tests; production uses the constants above. */
export interface WatchTimes {
  readonly renewal: number;
  readonly firstWait: number;
}

/**
 * Keeps one IDLE connection per mailbox open on its inbox and wakes on every arrival, departure and reconnect. Other folders are
 * left to the slow pull: imapflow knows no NOTIFY (RFC 5465). Watches of one server share a `door`. Resolves when `signal` aborts and all connections are closed; never rejects.
 */
export async function watch(
  target: Target,
  targets: readonly WatchTarget[],
  signal: AbortSignal,
  times: Partial<WatchTimes> = {},
  door: Door = new Door(),
): Promise<void> {
  const { renewal = RENEWAL, firstWait = FIRST_WAIT } = times;
  await Promise.all(targets.map((one) => watchOne(target, one, signal, door, { renewal, firstWait })));
}

async function watchOne(target: Target, one: WatchTarget, signal: AbortSignal, door: Door, times: WatchTimes): Promise<void> {
  const bursts = burstsOf(() => one.wake());
  const secrets = new KeptSecrets(one.mailbox);
  let failures = 0;
  while (!signal.aborted) {
    let since = Date.now();
    try {
      const silence = times.renewal + 2 * target.endpoint.timeout;
      const client = await door.pass(
        () => connect(target, secrets.mailbox, { silence, signal, onExpunge: bursts.add }),
        signal,
        times.firstWait,
      );
      since = Date.now();
      client.on("exists", bursts.add);
      try {
        const about = { endpoint: target.endpoint, mailbox: one.mailbox.address };
        await idle(client, () => inboxPath(client, one.mailbox, target.endpoint), about, times.renewal, signal, bursts.add);
      } finally {
        await disconnect(client);
      }
    } catch (error) {
      if (signal.aborted) break;
      one.trouble(secrets.error(error));
      failures = Date.now() - since > GOOD_AFTER ? 1 : failures + 1;
      await pause(error instanceof Failure && !error.waitingHelps ? WAIT_AFTER_REFUSAL : waitAfter(failures, times.firstWait), signal);
    }
  }
  bursts.stop();
}

/** Ends only by throwing, or when `signal` aborts. */
async function idle(
  client: ImapFlow,
  inbox: () => Promise<string>,
  about: Circumstances,
  renewal: number,
  signal: AbortSignal,
  onOpen: () => void,
): Promise<void> {
  try {
    await examine(client, await inbox());
    // Whatever came while nobody listened.
    onOpen();
    while (!signal.aborted) {
      const begun = Date.now();
      const over = new AbortController();
      const idling = client.idle().finally(() => over.abort());
      await pause(renewal, AbortSignal.any([signal, over.signal]));
      if (signal.aborted) {
        // Its end is nobody's concern any more: the connection is closed next.
        idling.catch(() => undefined);
        return;
      }
      // Ends IDLE and asks for an answer: the only way to notice that the other end is gone without a word.
      await Promise.all([idling, within(about.endpoint.timeout, client.noop())]);
      if (Date.now() - begun < SHORTEST_ROUND) await pause(SHORTEST_ROUND, signal);
      if (!client.usable) throw imapFailure("connection lost", about, { serverSaid: client.byeReason });
    }
  } catch (error) {
    throw classify(error, { ...about, connectionError: endingOf(client) });
  }
}

/** Calls once for all that is added within BURST. */
function burstsOf(call: () => void): { readonly add: () => void; readonly stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    add: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        call();
      }, BURST);
    },
    stop: () => clearTimeout(timer),
  };
}
