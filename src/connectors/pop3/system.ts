import { once } from "node:events";
import type { ServerProfile } from "../../model/mailbox.ts";
import type { MailboxAccess, MailSource, MailSystem, Step } from "../../ports.ts";
import { Breaks } from "./breaks.ts";
import { check } from "./check.ts";
import { targetOf } from "./connect.ts";
import { KeptConnections } from "./kept-connections.ts";
import { Session } from "./session.ts";
import { Pop3Source } from "./source.ts";

/** The incoming half of a mail system; the composition root joins it with an outgoing one. */
export type IncomingSystem = Pick<MailSystem, "capabilities" | "source" | "watch"> & {
  check(mailbox: MailboxAccess): AsyncIterable<Step>;
} & AsyncDisposable;

/**
 * Reads mailboxes over POP3 (RFC 1939). Opening connects to nothing; each source holds the mailbox locked from its first use until it is closed.
 * Disposal closes those that are still open. The profile must have an incoming endpoint.
 */
export function pop3System({ profile }: { readonly profile: ServerProfile }): IncomingSystem {
  if (profile.incoming === null) throw new Error(`the server profile ${profile.name} has no incoming endpoint`);
  const target = targetOf(profile.incoming);
  const open = new Set<MailSource>();
  const kept = new KeptConnections();
  const breaks = new Map<string, Breaks>();
  const breaksIn = (address: string) => {
    const known = breaks.get(address) ?? new Breaks();
    breaks.set(address, known);
    return known;
  };
  return {
    capabilities: { filesSentCopy: profile.filesSentCopy, stableMime: true, keepsIdsOnMove: false, push: false, lacksSentFolder: true },
    source(mailbox: MailboxAccess): MailSource {
      const { address } = mailbox;
      const session = new Session(target, mailbox, { breaks: breaksIn(address), kept: () => kept.take(address) });
      const source = new Pop3Source(session, profile.maximumMessageSize, () => open.delete(source));
      open.add(source);
      return source;
    },
    check: (mailbox) => check(target, mailbox, (connection) => kept.keep(mailbox.address, connection)),
    // POP3 has no push: the slow pull finds what came.
    async watch(_, signal) {
      if (!signal.aborted) await once(signal, "abort");
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((source) => source.close()));
      await kept[Symbol.asyncDispose]();
    },
  };
}
