/** Fixed messages for the test of advice. */
import type { Change } from "./change.ts";
import { ANN, address, BEN, BOB, CARL, earlier, type Situation as Given, match, queue, RECEIVED, SUPPORT, user } from "./test-data.ts";

const CARLS = { from: [address(CARL)] };
const BENS = { from: [address(BEN)] };
/** Before the start date. */
export const EARLY = { received: new Date("2024-12-31T23:59:59.500Z") };
const ANSWER = { inReplyTo: ["sent1@crm.example"] };
const BOTH = [user("Ann", ANN), user("Ben", BEN)];
const TWO_RECORDS = [match(BOB, "contact", "Bob"), match(BOB, "lead", "Bob")];
const TOKEN = { subject: "Offer for the mill CRM:0001001" };
const TOKENS = [earlier({ messageId: "other@crm.example", trackingToken: "CRM:0001001" })];
const INDEX = "AQ".repeat(16);
const BASE = Buffer.from(INDEX, "base64").subarray(0, 22).toString("base64");
const FORWARD = { ...ANSWER, subject: "Fwd: Offer for the mill" };
const KNOWN = { known: { emailId: "e1", how: "read in mailbox ben@crm.example before" } };
const OWN = { mailbox: { address: SUPPORT, startDate: new Date("2025-01-01"), owner: { type: "queue" as const, id: "queue-support" } } };
const NO_AUTOMATION = { DoNotAutoTrackEmail: true };
const INTERNAL = { ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement: false };

/** What is out of reach of any filter: it keeps out whatever comes by itself. */
const OUT = ["DoNotAutoTrackEmail true"];

const AWAY = { headers: [["auto-submitted", "auto-replied"] as const], ...ANSWER };
const wish = (verb: "track" | "untrack") => ({ wish: { verb, by: "Cleo", at: RECEIVED, regarding: null } });
const OURS = earlier({ messageId: "m1@customer.example", direction: "incoming", senderAddress: BOB });
/** A bounce by its header; what it is about stands in its content. */
const BOUNCE = { from: [address("mailer-daemon@mx.example")], subject: "Undelivered" };
const REPORT = { report: { report: { kind: "failed" as const }, about: ["sent1@crm.example"], unread: null } };
const LIKE = { enablesmartmatching: true, DisableSmartMatching: true };

/**
 * Fixed messages: the outcome, and each alternative that is advised, in order, as `change + change`; without the last one, a person's word about the very
 * message, which is advised about all but tests.
 */
export const SITUATIONS: readonly (readonly [name: string, outcome: string, given: Given, advice: readonly string[]])[] = [
  // Filters.
  ["filter 1, no answer", "skipped", {}, ["filter Ann 0"]],
  ["filter 1, the sender is a contact", "skipped", { facts: { records: [match(BOB, "contact", "Bob")] } }, ["filter Ann 0"]],
  ["filter 1, an answer to what nobody knows", "skipped", { head: { inReplyTo: ["gone@x"] } }, ["filter Ann 0", "question gone@x"]],
  [
    "filter 1, an answer to several",
    "skipped",
    { head: { inReplyTo: ["a@x"], references: ["b@x"] } },
    ["filter Ann 0", "question a@x", "question b@x"],
  ],
  [
    "filter 1, an answer to an id used twice by strangers",
    "skipped",
    { head: ANSWER, facts: { byMessageId: [earlier({ participants: [CARL] }), earlier({ id: "e2", participants: [CARL] })] } },
    ["filter Ann 0"],
  ],
  [
    "filter 2, a stranger",
    "skipped",
    { head: CARLS, facts: { voters: [user("Ann", ANN, { filter: 2 })] } },
    ["filter Ann 0", `contact ${CARL}`],
  ],
  [
    "filter 2, an answer of a stranger",
    "skipped",
    { head: { ...CARLS, inReplyTo: ["gone@x"] }, facts: { voters: [user("Ann", ANN, { filter: 2 })] } },
    ["filter Ann 0", `contact ${CARL}`, "question gone@x"],
  ],
  [
    "filter 2, an inactive contact",
    "skipped",
    { facts: { voters: [user("Ann", ANN, { filter: 2 })], records: [match(BOB, "contact", "Bob", { active: false })] } },
    ["filter Ann 0", `contact ${BOB}`, "ResolveForInactiveEntities true"],
  ],
  [
    "filter 2, a record of another table",
    "skipped",
    { facts: { voters: [user("Ann", ANN, { filter: 2 })], records: [match(BOB, "new_thing", "Bob")] } },
    ["filter Ann 0", `contact ${BOB}`],
  ],
  [
    "filter 3, a stranger",
    "skipped",
    { head: CARLS, facts: { voters: [user("Ann", ANN, { filter: 3 })] } },
    ["filter Ann 0", `contact ${CARL}`],
  ],
  [
    "filter 4, a contact",
    "skipped",
    { facts: { voters: [user("Ann", ANN, { filter: 4 })], records: [match(BOB, "contact", "Bob")] } },
    ["filter Ann 0"],
  ],
  [
    "filter 4, an answer",
    "skipped",
    { head: ANSWER, facts: { voters: [user("Ann", ANN, { filter: 4 })], byMessageId: [earlier()] } },
    ["filter Ann 0"],
  ],
  [
    "two users, neither accepts",
    "skipped",
    { head: { to: [address(ANN), address(BEN)] }, facts: { voters: BOTH } },
    ["filter Ann 0", "filter Ben 0"],
  ],
  [
    "a queue that takes answers",
    "skipped",
    { head: { to: [address(SUPPORT)] }, facts: { voters: [queue("Support", SUPPORT, { filter: 1 })] } },
    ["filter Support 0"],
  ],
  [
    "a blind copy: only the mailbox's owner is asked",
    "skipped",
    { head: { to: [address("list@x.example")] } },
    ["filter Ann 0", "recipient list@x.example"],
  ],
  // Filters that are forced, or have no vote.
  [
    "the filter of all users is forced to 4",
    "skipped",
    { facts: { settings: { SSSForceFilteringMethodForUserMailboxes: 4 } } },
    ["SSSForceFilteringMethodForUserMailboxes 0"],
  ],
  [
    "the filter is forced although the own one accepts",
    "skipped",
    { facts: { settings: { SSSForceFilteringMethodForUserMailboxes: 4 }, voters: [user("Ann", ANN, { filter: 0 })] } },
    ["SSSForceFilteringMethodForUserMailboxes 0", "SSSForceFilteringMethodForUserMailboxes -1"],
  ],
  [
    "the filter is forced to 2",
    "skipped",
    { head: CARLS, facts: { settings: { SSSForceFilteringMethodForUserMailboxes: 2 } } },
    ["SSSForceFilteringMethodForUserMailboxes 0", `contact ${CARL}`],
  ],
  [
    "another user accepts, who has no vote",
    "skipped",
    {
      head: { to: [address(ANN), address(BEN)] },
      facts: {
        settings: { UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: true },
        voters: [user("Ann", ANN), user("Ben", BEN, { filter: 0 })],
      },
    },
    ["filter Ann 0", "UseFilteringMethodOfSyncingMailboxOnlyForCorrelation false"],
  ],
  // Nobody is asked.
  ["nobody of the CRM is addressed", "skipped", { head: { to: [address(CARL)] }, facts: { voters: [] } }, [`recipient ${CARL}`]],
  ["nobody is addressed at all", "skipped", { head: { to: [] }, facts: { voters: [] } }, []],
  [
    "the only recipient is disabled",
    "skipped",
    { facts: { voters: [user("Ann", ANN, { filter: 0, disabled: true })] } },
    ["enable Ann", `recipient ${ANN}`],
  ],
  [
    "the disabled one would not accept either",
    "skipped",
    { facts: { voters: [user("Ann", ANN, { disabled: true })] } },
    [`recipient ${ANN}`],
  ],
  ["what stands in To is no address", "skipped", { head: { to: [address("undisclosed-recipients:;")] }, facts: { voters: [] } }, []],
  // Correlation is switched off.
  [
    "emailcorrelationenabled is off",
    "skipped",
    { head: ANSWER, facts: { settings: { emailcorrelationenabled: false }, byMessageId: [earlier()] } },
    ["filter Ann 0", "emailcorrelationenabled true"],
  ],
  [
    "headers take no part",
    "skipped",
    { head: ANSWER, facts: { settings: { IgnoreConversationIndexAndInReplyToForCorrelation: true }, byMessageId: [earlier()] } },
    ["filter Ann 0", "IgnoreConversationIndexAndInReplyToForCorrelation false"],
  ],
  [
    "a forward is no reply",
    "skipped",
    { head: FORWARD, facts: { settings: { DoNotCorrelateForwardedEmailsAsReplies: true }, byMessageId: [earlier()] } },
    ["filter Ann 0", "DoNotCorrelateForwardedEmailsAsReplies false"],
  ],
  [
    "tokens are off",
    "skipped",
    { head: TOKEN, facts: { settings: { trackingtokensenabled: false }, byToken: TOKENS } },
    ["filter Ann 0", "trackingtokensenabled true"],
  ],
  [
    "a conversation, headers take no part",
    "skipped",
    {
      head: { conversationIndex: INDEX },
      facts: { settings: { emailcorrelationenabled: false }, byConversation: { [BASE]: [earlier()] } },
    },
    ["filter Ann 0", "emailcorrelationenabled true"],
  ],
  [
    "a token of strangers",
    "skipped",
    { head: TOKEN, facts: { byToken: [earlier({ trackingToken: "CRM:0001001", participants: [CARL], subject: "Other" })] } },
    ["filter Ann 0"],
  ],
  // Before any filter.
  [
    "before the start date",
    "skipped",
    { head: EARLY, facts: { voters: [user("Ann", ANN, { filter: 0 })] } },
    ["start 2024-12-31T23:59:59"],
  ],
  ["before the start date, and the filter refuses", "skipped", { head: EARLY }, ["start 2024-12-31T23:59:59 + filter Ann 0"]],
  [
    "DoNotAutoTrackEmail",
    "skipped",
    { facts: { settings: NO_AUTOMATION, voters: [user("Ann", ANN, { filter: 0 })] } },
    ["DoNotAutoTrackEmail false"],
  ],
  [
    "DoNotAutoTrackEmail, and the filter refuses",
    "skipped",
    { facts: { settings: NO_AUTOMATION } },
    ["DoNotAutoTrackEmail false + filter Ann 0"],
  ],
  [
    "before the start, DoNotAutoTrackEmail, and the filter refuses",
    "skipped",
    { head: EARLY, facts: { settings: NO_AUTOMATION } },
    ["start 2024-12-31T23:59:59 + DoNotAutoTrackEmail false + filter Ann 0"],
  ],
  ["no sender", "skipped", { head: { from: [] } }, []],
  ["a sender that is no address", "skipped", { head: { from: [address("nobody")] } }, []],
  ["before the start, and no sender", "skipped", { head: { ...EARLY, from: [] } }, []],
  [
    "a sender of two records",
    "skipped",
    { facts: { settings: { OverrideV5SenderConflictResolution: true }, records: TWO_RECORDS, voters: [user("Ann", ANN, { filter: 2 })] } },
    [`one contact-bob`, "OverrideV5SenderConflictResolution false"],
  ],
  ["a test message", "skipped", { context: { test: { kind: "test message", mailbox: ANN, sentAt: RECEIVED } } }, []],
  // Mail between users.
  [
    "from a user, all internal mail is refused",
    "skipped",
    { head: BENS, facts: { settings: INTERNAL, voters: [user("Ann", ANN, { filter: 0 }), user("Ben", BEN)] } },
    ["ignoreinternalemail false", "IgnoreInternalEmailDetectionEnhancement true"],
  ],
  [
    "from a user who sent it from the CRM",
    "skipped",
    {
      head: BENS,
      facts: {
        settings: { ignoreinternalemail: true },
        voters: [user("Ann", ANN, { filter: 0 }), user("Ben", BEN)],
        byMessageId: [earlier({ messageId: "m1@customer.example", senderAddress: BEN })],
      },
    },
    ["ignoreinternalemail false"],
  ],
  [
    "from a user to a queue",
    "skipped",
    {
      head: { ...BENS, to: [address(SUPPORT)] },
      facts: { settings: { ...INTERNAL, DoNotIgnoreInternalEmailToQueues: false }, voters: [user("Ben", BEN), queue("Support", SUPPORT)] },
    },
    ["ignoreinternalemail false", "IgnoreInternalEmailDetectionEnhancement true", "DoNotIgnoreInternalEmailToQueues true"],
  ],
  [
    "from a queue",
    "skipped",
    {
      head: { from: [address(SUPPORT)] },
      facts: {
        settings: { ...INTERNAL, IgnoreInternalEmailFromQueues: true },
        voters: [user("Ann", ANN, { filter: 0 }), queue("Support", SUPPORT)],
      },
    },
    ["ignoreinternalemail false", "IgnoreInternalEmailDetectionEnhancement true", "IgnoreInternalEmailFromQueues false"],
  ],
  [
    "from a user, and the filter refuses",
    "skipped",
    { head: BENS, facts: { settings: INTERNAL, voters: BOTH } },
    ["ignoreinternalemail false + filter Ann 0", "IgnoreInternalEmailDetectionEnhancement true + filter Ann 0"],
  ],
  // Tracked.
  ["filter 0", "tracked", { facts: { voters: [user("Ann", ANN, { filter: 0 })] } }, ["filter Ann 1", "filter Ann 4", ...OUT]],
  ["filter 1 and an answer", "tracked", { head: ANSWER, facts: { byMessageId: [earlier()] } }, ["filter Ann 4", ...OUT]],
  [
    "filter 2 and a contact",
    "tracked",
    { facts: { voters: [user("Ann", ANN, { filter: 2 })], records: [match(BOB, "contact", "Bob")] } },
    ["filter Ann 1", "filter Ann 4", ...OUT],
  ],
  [
    "filter 3 and any record",
    "tracked",
    { facts: { voters: [user("Ann", ANN, { filter: 3 })], records: [match(BOB, "new_thing", "Bob")] } },
    ["filter Ann 1", "filter Ann 4", ...OUT],
  ],
  [
    "two users accept",
    "tracked",
    { head: { to: [address(ANN), address(BEN)] }, facts: { voters: [user("Ann", ANN, { filter: 0 }), user("Ben", BEN, { filter: 0 })] } },
    ["filter Ann 1 + filter Ben 1", "filter Ann 4 + filter Ben 4", ...OUT],
  ],
  [
    "a user and a queue accept",
    "tracked",
    { head: { to: [address(ANN), address(SUPPORT)] }, facts: { voters: [user("Ann", ANN, { filter: 0 }), queue("Support", SUPPORT)] } },
    ["filter Ann 1 + filter Support 1", "filter Ann 4 + filter Support 1", ...OUT],
  ],
  [
    "a queue accepts an answer",
    "tracked",
    { head: { ...ANSWER, to: [address(SUPPORT)] }, facts: { voters: [queue("Support", SUPPORT)], byMessageId: [earlier()] }, context: OWN },
    OUT,
  ],
  [
    "the filter is forced to 0",
    "tracked",
    { facts: { settings: { SSSForceFilteringMethodForUserMailboxes: 0 } } },
    ["SSSForceFilteringMethodForUserMailboxes 1", "SSSForceFilteringMethodForUserMailboxes 4", ...OUT],
  ],
  ["a token", "tracked", { head: TOKEN, facts: { byToken: TOKENS } }, ["filter Ann 4", ...OUT]],
  [
    "from a user, tracked for both sides",
    "tracked",
    { head: BENS, facts: { voters: [user("Ann", ANN, { filter: 0 }), user("Ben", BEN)] } },
    ["filter Ann 1", "filter Ann 4", ...OUT],
  ],
  // Automatic mail.
  [
    "an automatic reply, and SkipAutomaticReplies",
    "skipped",
    { head: AWAY, facts: { settings: { SkipAutomaticReplies: true }, byMessageId: [earlier()] } },
    ["SkipAutomaticReplies false"],
  ],
  [
    "an automatic reply, SkipAutomaticReplies, and the filter refuses",
    "skipped",
    { head: { ...AWAY, inReplyTo: [] }, facts: { settings: { SkipAutomaticReplies: true } } },
    ["SkipAutomaticReplies false + filter Ann 0"],
  ],
  [
    "one automatic answer too many",
    "skipped",
    { head: AWAY, facts: { byMessageId: [earlier()] }, context: { answersBefore: () => 10 } },
    [],
  ],
  [
    "before the start, and one automatic answer too many",
    "skipped",
    {
      head: { ...AWAY, ...EARLY, date: EARLY.received },
      facts: { byMessageId: [earlier({ at: new Date("2024-12-30") })] },
      context: { answersBefore: () => 10 },
    },
    [],
  ],
  [
    "a bounce of our email, headers take no part",
    "skipped",
    { head: BOUNCE, facts: { settings: { emailcorrelationenabled: false }, byMessageId: [earlier()] }, context: REPORT },
    ["filter Ann 0", "emailcorrelationenabled true"],
  ],
  ["a bounce of our email", "tracked", { head: BOUNCE, facts: { byMessageId: [earlier()] }, context: REPORT }, ["filter Ann 4", ...OUT]],
  // Smart matching.
  [
    "an email like it, smart matching is switched off",
    "skipped",
    { facts: { settings: LIKE, hashed: [earlier()] } },
    ["filter Ann 0", "DisableSmartMatching false"],
  ],
  ["an email like it", "tracked", { facts: { settings: { enablesmartmatching: true }, hashed: [earlier()] } }, ["filter Ann 4", ...OUT]],
  // A person's word.
  ["untracked by hand", "skipped", { facts: { voters: [user("Ann", ANN, { filter: 0 })] }, context: wish("untrack") }, []],
  [
    "untracked by hand, its email stays",
    "skipped",
    { facts: { byMessageId: [OURS] }, context: { ...wish("untrack"), ...KNOWN, untracked: new Map([[OURS.id, wish("untrack").wish]]) } },
    [],
  ],
  [
    "a copy of what was untracked by hand",
    "skipped",
    { facts: { byMessageId: [OURS] }, context: { untracked: new Map([[OURS.id, wish("untrack").wish]]) } },
    [],
  ],
  ["tracked by hand", "tracked", { context: wish("track") }, []],
  // An email already.
  ["known by the ledger", "duplicate", { context: KNOWN }, []],
  [
    "known by the CRM",
    "duplicate",
    { facts: { byMessageId: [earlier({ messageId: "m1@customer.example", direction: "incoming", senderAddress: BOB })] } },
    [],
  ],
];

/** A change as it stands in the list. */
export function short(change: Change): string {
  switch (change.kind) {
    case "setting":
      return `${change.name} ${change.value}`;
    case "filter":
      return `filter ${change.of.name} ${change.method}`;
    case "start date":
      return `start ${change.at.toISOString().slice(0, 19)}`;
    case "by hand":
      return `${change.verb} by hand`;
    case "enable":
      return `enable ${change.record.name}`;
    case "new contact":
      return `contact ${change.address}`;
    case "one record":
      return `one ${change.record.id}`;
    case "new recipient":
      return `recipient ${change.address}`;
    case "question":
      return `question ${change.messageId}`;
  }
}
