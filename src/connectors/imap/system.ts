import type { ServerProfile } from "../../model/mailbox.ts";
import type { Capabilities, MailboxAccess, MailSource, MailSystem, Step } from "../../ports.ts";
import { check } from "./check.ts";
import { targetOf } from "./connect.ts";
import { Door } from "./door.ts";
import { Session } from "./session.ts";
import { ImapSource } from "./source.ts";
import { watch } from "./watch.ts";

/** The incoming half of a mail system; the composition root joins it with an outgoing one. */
export type IncomingSystem = Pick<MailSystem, "capabilities" | "source" | "watch"> & {
  check(mailbox: MailboxAccess): AsyncIterable<Step>;
} & AsyncDisposable;

/**
 * Reads mailboxes over IMAP4rev1 (RFC 3501). Opening connects to nothing; each source holds one connection from its first use until it
 * is closed. Disposal closes those that are still open. The profile must have an incoming endpoint.
 */
export function imapSystem({ profile }: { readonly profile: ServerProfile }): IncomingSystem {
  if (profile.incoming === null) throw new Error(`the server profile ${profile.name} has no incoming endpoint`);
  const target = targetOf(profile.incoming, profile.maximumMessageSize);
  const open = new Set<MailSource>();
  const door = new Door();
  const capabilities: Capabilities = {
    filesSentCopy: profile.filesSentCopy,
    stableMime: true,
    // Only with OBJECTID or Gmail's ids; heads carry them as providerId where there are any.
    keepsIdsOnMove: false,
    push: true,
    keepsKeywords: true,
  };
  return {
    capabilities,
    source(mailbox: MailboxAccess): MailSource {
      const source = new ImapSource(new Session(target, mailbox), () => open.delete(source));
      open.add(source);
      return source;
    },
    check: (mailbox) => check(target, mailbox),
    watch: (targets, signal) => watch(target, targets, signal, {}, door),
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((source) => source.close()));
    },
  };
}
