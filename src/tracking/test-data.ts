/** Heads and facts for the tests of this folder: Ann is a user who reads her mailbox, Bob a contact who writes to her. */
import { type Address, addressKey } from "../model/address.ts";
import type { Decision } from "../model/decision.ts";
import type { EarlierEmail, Facts, Voter } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import type { AddressMatch, RecordRef } from "../model/record.ts";
import { AUTO_CREATE, DEFAULT_SETTINGS, type OrganizationSettings } from "../model/settings.ts";
import type { TrackContext } from "./question.ts";
import { emailHashes } from "./smart-matching.ts";
import { track } from "./track.ts";

export const ANN = "ann@crm.example";
export const BEN = "ben@crm.example";
export const SUPPORT = "support@crm.example";
export const BOB = "bob@customer.example";
export const CARL = "carl@stranger.example";

export const RECEIVED = new Date("2025-03-10T09:00:00Z");

export function address(text: string, name = ""): Address {
  return { name, address: text };
}

export function head(change: Partial<MessageHead> = {}): MessageHead {
  return {
    ref: { stream: "INBOX", id: "1.1" },
    folders: ["INBOX"],
    received: RECEIVED,
    size: 2_000,
    flags: [],
    providerId: null,
    messageId: "m1@customer.example",
    inReplyTo: [],
    references: [],
    subject: "Offer for the mill",
    from: [address(BOB, "Bob Ray")],
    sender: null,
    replyTo: [],
    to: [address(ANN)],
    cc: [],
    bcc: [],
    date: new Date("2025-03-10T08:59:00Z"),
    conversationIndex: null,
    headers: [],
    truncated: false,
    ...change,
  };
}

export function record(type: string, name: string): RecordRef {
  return { type, id: `${type}-${name.toLowerCase()}`, name };
}

export function match(at: string, type: string, name: string, change: Partial<AddressMatch> = {}): AddressMatch {
  return { address: addressKey(at), record: record(type, name), column: 1, active: true, ownerId: null, doNotEmail: false, ...change };
}

const OWNER = { ownerMayWrite: true, ownerQueue: null, ownerAutoCreates: AUTO_CREATE.nothing } as const;

export function user(name: string, at: string, change: Partial<Voter> = {}): Voter {
  const ref = record("systemuser", name);
  return { record: ref, addresses: [at], filter: 1, ownerId: ref.id, ownerType: "systemuser", ...OWNER, disabled: false, ...change };
}

export function queue(name: string, at: string, change: Partial<Voter> = {}): Voter {
  return {
    record: record("queue", name),
    addresses: [at],
    filter: 0,
    ownerId: "owner-of-queue",
    ownerType: "team",
    ...OWNER,
    disabled: false,
    ...change,
  };
}

export function earlier(change: Partial<EarlierEmail> = {}): EarlierEmail {
  return {
    id: "earlier-1",
    messageId: "sent1@crm.example",
    direction: "outgoing",
    subject: "Offer for the mill",
    trackingToken: null,
    conversationIndex: null,
    senderAddress: ANN,
    participants: [ANN, BOB],
    at: new Date("2025-03-09T12:00:00Z"),
    sent: null,
    regarding: record("opportunity", "Mill"),
    ownerId: "systemuser-ann",
    ...change,
  };
}

export interface FactsOf {
  readonly settings?: Partial<OrganizationSettings>;
  readonly records?: readonly AddressMatch[];
  readonly voters?: readonly Voter[];
  readonly mailboxOwner?: Voter | null;
  readonly byMessageId?: readonly EarlierEmail[];
  readonly byToken?: readonly EarlierEmail[];
  readonly byConversation?: Readonly<Record<string, readonly EarlierEmail[]>>;
  /** Emails that have hashes. */
  readonly hashed?: readonly EarlierEmail[];
}

/** Facts with default settings, in which only Ann is a user and nobody a record unless said otherwise. */
export function facts(of: FactsOf = {}): Facts {
  const voters = of.voters ?? [user("Ann", ANN)];
  const settings = { ...DEFAULT_SETTINGS, ...of.settings };
  const hashed = (of.hashed ?? []).flatMap((email) => emailHashes(email, settings).map((hash) => ({ hash, email })));
  return {
    settings,
    records: Map.groupBy(of.records ?? [], (one) => one.address),
    voters: new Map(voters.map((one) => one.addresses[0] ?? "").map((at) => [at, voters.filter((one) => one.addresses.includes(at))])),
    mailboxOwner: of.mailboxOwner === undefined ? (voters[0] ?? null) : of.mailboxOwner,
    emailsByMessageId: Map.groupBy(of.byMessageId ?? [], (one) => one.messageId ?? ""),
    emailsByToken: Map.groupBy(of.byToken ?? [], (one) => one.trackingToken ?? ""),
    emailsByConversation: new Map(Object.entries(of.byConversation ?? {})),
    emailsByHash: new Map([...Map.groupBy(hashed, (one) => one.hash)].map(([hash, list]) => [hash, list.map((one) => one.email)])),
  };
}

export function context(change: Partial<TrackContext> = {}): TrackContext {
  return {
    mailbox: { address: ANN, startDate: new Date("2025-01-01T00:00:00Z"), owner: { type: "systemuser", id: "systemuser-ann" } },
    known: { emailId: null, how: null },
    ...change,
  };
}

export interface Situation {
  readonly head?: Partial<MessageHead>;
  readonly facts?: FactsOf;
  readonly context?: Partial<TrackContext>;
}

export function decide(of: Situation): Decision {
  return track(head(of.head), facts(of.facts), context(of.context));
}

/** What a decision says about one rule. */
export function because(decision: Decision, rule: string): string {
  return decision.rules
    .filter((one) => one.rule === rule)
    .map((one) => one.because)
    .join("\n");
}
