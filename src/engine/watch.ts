import { setTimeout as sleep } from "node:timers/promises";
import { listFolders } from "../ledger/folders.ts";
import { listMailboxes, type MailboxRow, readProfile } from "../ledger/mailboxes.ts";
import type { WatchTarget } from "../ports.ts";
import { accessTo, asFailure, type EngineContext } from "./context.ts";
import { whyNot } from "./why-not.ts";

/** How often the set of watched mailboxes and folders is compared with the ledger. */
const REFRESH = 30_000;

/** Watches all mailboxes that receive, profile by profile, until `signal` aborts. Watchers only wake (invariant 5). */
export async function watchMailboxes(context: EngineContext, signal: AbortSignal): Promise<void> {
  const watches = new Map<string, { readonly key: string; readonly stop: AbortController; readonly done: Promise<void> }>();
  while (!signal.aborted) {
    try {
      const wanted = await wantedWatches(context);
      for (const [profile, watch] of watches) {
        if (wanted.get(profile)?.key === watch.key) continue;
        watch.stop.abort();
        await watch.done;
        watches.delete(profile);
      }
      for (const [profile, { key, run }] of wanted) {
        if (watches.has(profile)) continue;
        const stop = new AbortController();
        watches.set(profile, {
          key,
          stop,
          done: run(stop.signal).catch((error: unknown) => context.log.error({ profile, error }, "watching ended; the slow pull goes on")),
        });
      }
    } catch (error) {
      context.log.warn({ error }, "the set of watched mailboxes could not be read; it is tried again");
    }
    await sleep(REFRESH, undefined, { signal }).catch(() => undefined);
  }
  for (const watch of watches.values()) watch.stop.abort();
  await Promise.all([...watches.values()].map((watch) => watch.done));
}

interface WantedWatch {
  /** Changes when the mailboxes or their folders do. */
  readonly key: string;
  run(signal: AbortSignal): Promise<void>;
}

async function wantedWatches(context: EngineContext): Promise<Map<string, WantedWatch>> {
  const byProfile = new Map<string, MailboxRow[]>();
  for (const mailbox of await listMailboxes(context.database))
    byProfile.set(mailbox.profile, [...(byProfile.get(mailbox.profile) ?? []), mailbox]);
  const wanted = new Map<string, WantedWatch>();
  for (const [name, mailboxes] of byProfile) {
    const profile = await readProfile(context.database, name);
    if (!profile) continue;
    const targets: { target: WatchTarget; key: string }[] = [];
    for (const mailbox of mailboxes) {
      if (whyNot("receive", mailbox, profile) !== null) continue;
      const read = (await listFolders(context.database, mailbox.id)).filter(
        (one) => one.notReadBecause === null && one.missingSince === null,
      );
      const streams = [...new Set(read.map((one) => one.stream))];
      targets.push({ target: watchTarget(context, mailbox, streams), key: `${mailbox.id} ${streams.join(" ")}` });
    }
    if (targets.length === 0) continue;
    const key = JSON.stringify([profile.incoming, targets.map((one) => one.key)]);
    wanted.set(name, {
      key,
      run: (signal) =>
        context.mailSystem(profile).watch(
          targets.map((one) => one.target),
          signal,
        ),
    });
  }
  return wanted;
}

function watchTarget(context: EngineContext, mailbox: MailboxRow, streams: readonly string[]): WatchTarget {
  return {
    mailbox: accessTo(context, mailbox),
    streams,
    wake: () => {
      context
        .wake("receive", mailbox.id)
        .catch((error: unknown) =>
          context.log.warn({ mailbox: mailbox.address, error }, "a wake was not stored; the slow pull finds what it meant"),
        );
    },
    trouble: (error) =>
      context.log.debug({ mailbox: mailbox.address, code: asFailure(error, mailbox.address).code }, "watching is interrupted"),
  };
}
