/** Two mailboxes with one server profile, for the tests of this folder. */
import type { Database } from "../database/database.ts";
import { REASON } from "../model/decision.ts";
import type { ServerProfile } from "../model/mailbox.ts";
import type { MessageHead, Place } from "../model/message.ts";
import type { DecidedMessage } from "./decisions.ts";
import type { ChosenFolder } from "./folders.ts";
import { type MailboxSetting, storeMailboxes, storeProfiles } from "./mailboxes.ts";

export const ORGANIZATION = "contoso";
export const ANN = "11111111-1111-4111-8111-111111111111";
export const BEN = "22222222-2222-4222-8222-222222222222";
/** A worker. */
export const HOLDER = "99999999-9999-4999-8999-999999999999";
export const NOW = new Date("2026-03-10T09:00:00.250Z");

export function later(seconds: number): Date {
  return new Date(NOW.getTime() + seconds * 1000);
}

export const PROFILE: ServerProfile = {
  name: "mail",
  incoming: {
    protocol: "imap",
    host: "imap.example.test",
    port: 993,
    security: "tls",
    authentication: "auto",
    certificateAuthorities: null,
    verifyCertificate: true,
    timeout: 60_000,
  },
  outgoing: null,
  folders: "inbox",
  filesSentCopy: false,
  maxConcurrentConnections: 10,
  maximumMessageSize: 1_000_000,
};

export function mailboxSetting(id: string, address: string, change: Partial<MailboxSetting> = {}): MailboxSetting {
  return {
    id,
    organization: ORGANIZATION,
    address,
    profile: PROFILE.name,
    owner: { type: "systemuser", id },
    username: address,
    incoming: true,
    outgoing: true,
    active: true,
    approvedInFile: "yes",
    approvalRequired: true,
    requireTest: false,
    readFrom: null,
    deleteAfterProcessing: false,
    ...change,
  };
}

export const ANN_SETTING = mailboxSetting(ANN, "ann@example.test");
export const BEN_SETTING = mailboxSetting(BEN, "ben@example.test");

/** Stores the profile and these mailboxes, by default Ann's and Ben's. */
export async function describeMailboxes(database: Database, settings = [ANN_SETTING, BEN_SETTING], now = NOW): Promise<void> {
  await database.transaction(async (tx) => {
    await storeProfiles(tx, [{ name: ORGANIZATION, kind: "embedded" }], [PROFILE]);
    await storeMailboxes(tx, settings, now);
  });
}

export function head(messageId: string, change: Partial<MessageHead> = {}): MessageHead {
  return {
    ref: { stream: "INBOX", id: `1.${messageId}` },
    folders: ["INBOX"],
    received: NOW,
    size: 2000,
    flags: [],
    providerId: null,
    messageId,
    inReplyTo: [],
    references: [],
    subject: "A question",
    from: [{ name: "Carl", address: "carl@stranger.test" }],
    sender: null,
    replyTo: [],
    to: [{ name: "", address: "ann@example.test" }],
    cc: [],
    bcc: [],
    date: NOW,
    conversationIndex: null,
    headers: [],
    truncated: false,
    ...change,
  };
}

export function placeOf({ ref, folders }: MessageHead): Place {
  return { ref, folders };
}

/** A place in a folder that is its own stream. */
export function place(folder: string, id: string): Place {
  return { ref: { stream: folder, id }, folders: [folder] };
}

/** A message that was skipped because it answers nothing. */
export function decided(messageId: string, change: Partial<DecidedMessage> = {}): DecidedMessage {
  const its = change.head ?? head(messageId);
  return {
    head: its,
    places: [placeOf(its)],
    identity: `identity of ${messageId}`,
    outcome: "skipped",
    reason: REASON.noCorrelationMatch,
    rules: [{ rule: "filter", answer: "no", because: "It answers nothing." }],
    emailId: null,
    waitingFor: [],
    ...change,
  };
}

/** A folder that is read. */
export function folder(name: string, change: Partial<ChosenFolder> = {}): ChosenFolder {
  return {
    id: name,
    stream: name,
    name,
    role: "none",
    selectable: true,
    underInbox: true,
    namespace: "personal",
    messages: 3,
    unreadable: null,
    wanted: true,
    notReadBecause: null,
    ...change,
  };
}
