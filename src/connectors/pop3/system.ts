import { once } from "node:events";
import type { ServerProfile } from "../../model/mailbox.ts";
import type { MailboxAccess, MailSource, MailSystem, Step } from "../../ports.ts";
import { check } from "./check.ts";
import { targetOf } from "./connect.ts";
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
  return {
    capabilities: { filesSentCopy: profile.filesSentCopy, stableMime: true, keepsIdsOnMove: false, push: false, lacksSentFolder: true },
    source(mailbox: MailboxAccess): MailSource {
      const source = new Pop3Source(new Session(target, mailbox), profile.maximumMessageSize, () => open.delete(source));
      open.add(source);
      return source;
    },
    check: (mailbox) => check(target, mailbox),
    // POP3 has no push: the slow pull finds what came.
    async watch(_, signal) {
      if (!signal.aborted) await once(signal, "abort");
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((source) => source.close()));
    },
  };
}
