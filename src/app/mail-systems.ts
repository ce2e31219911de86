import { imapSystem } from "../connectors/imap/system.ts";
import { pop3System } from "../connectors/pop3/system.ts";
import { smtpSystem } from "../connectors/smtp/system.ts";
import { Failure } from "../model/failure.ts";
import type { ServerProfile } from "../model/mailbox.ts";
import type { MailSource, MailSystem } from "../ports.ts";
import type { SignIn } from "./service-account.ts";

/** The incoming and the outgoing connector of a profile as one mail system, each with the credentials that its direction has. */
export function openMailSystem(profile: ServerProfile, signIn: SignIn): MailSystem {
  const incoming = profile.incoming && (profile.incoming.protocol === "pop3" ? pop3System({ profile }) : imapSystem({ profile }));
  const outgoing = profile.outgoing && smtpSystem({ profile });
  return {
    capabilities: {
      filesSentCopy: profile.filesSentCopy,
      stableMime: true,
      keepsIdsOnMove: false,
      push: incoming?.capabilities.push ?? false,
      keepsKeywords: incoming?.capabilities.keepsKeywords,
      lacksSentFolder: incoming?.capabilities.lacksSentFolder,
      hidesFolders: signIn.seesOnlyShared,
    },
    source(mailbox) {
      if (!incoming) throw noServer(profile, "incoming");
      return incoming.source(signIn.access(mailbox, "receive"));
    },
    sender(mailbox) {
      if (!outgoing) throw noServer(profile, "outgoing");
      const sender = outgoing.sender(signIn.access(mailbox, "send"));
      if (!profile.filesSentCopy || !incoming) return sender;
      return { ...sender, wasSent: (messageId) => isInSent(incoming.source(signIn.access(mailbox, "receive")), messageId) };
    },
    check(mailbox, direction) {
      const half = direction === "receive" ? incoming : outgoing;
      if (!half) throw noServer(profile, direction === "receive" ? "incoming" : "outgoing");
      return half.check(signIn.access(mailbox, direction));
    },
    watch: async (targets, signal) => {
      const signedIn = targets.map((target) => ({
        mailbox: signIn.access(target.mailbox, "receive"),
        streams: target.streams,
        wake: () => target.wake(),
        trouble: (failure: unknown) => target.trouble(failure),
      }));
      if (incoming) await incoming.watch(signedIn, signal);
    },
    async [Symbol.asyncDispose]() {
      await incoming?.[Symbol.asyncDispose]();
      await outgoing?.[Symbol.asyncDispose]();
    },
  };
}

/** SMTP cannot tell what became of a message; the folder into which the mail system files its own copies can. */
async function isInSent(source: MailSource, messageId: string): Promise<boolean | "cannot tell"> {
  try {
    const sent = (await source.folders()).find((folder) => folder.role === "sent");
    return sent === undefined ? "cannot tell" : (await source.find(sent.id, messageId)).length > 0;
  } finally {
    await source.close();
  }
}

function noServer(profile: ServerProfile, direction: string): Failure {
  return new Failure({
    scope: "profile",
    code: `no ${direction} server`,
    message: `The server profile "${profile.name}" has no ${direction} server.`,
    remedy: `Add "${direction}" to it.`,
    waitingHelps: false,
  });
}
