import { addressKey } from "../model/address.ts";
import type { EarlierEmail, Facts, Voter } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import type { AddressMatch, RecordRef } from "../model/record.ts";
import { AUTO_CREATE, type FilterMethod, type OrganizationSettings } from "../model/settings.ts";
import type { Wish } from "../model/wish.ts";
import { PageFacts } from "./page-facts.ts";
import type { TrackContext } from "./question.ts";
import { track } from "./track.ts";

/** One thing that a person could change, so that messages are decided otherwise. */
export type Change =
  | {
      readonly kind: "setting";
      readonly name: keyof OrganizationSettings;
      readonly value: OrganizationSettings[keyof OrganizationSettings];
    }
  /** The filter of a user or queue. */
  | { readonly kind: "filter"; readonly of: RecordRef; readonly method: FilterMethod }
  /** The moment from which a mailbox is read. */
  | { readonly kind: "start date"; readonly mailbox: string; readonly at: Date }
  /** A user or queue that is disabled takes part again. */
  | { readonly kind: "enable"; readonly record: RecordRef }
  /** The CRM gets a contact with the address; `waypost contact` makes none where the CRM has records with it, inactive ones at the least. */
  | { readonly kind: "new contact"; readonly address: string; readonly hasRecords: boolean }
  /** Of the records that have the address only this one keeps it. */
  | { readonly kind: "one record"; readonly address: string; readonly record: RecordRef }
  /** The address becomes one of a user or queue whose filter takes all mail. */
  | { readonly kind: "new recipient"; readonly address: string }
  /** A message that this one answers becomes an email. */
  | { readonly kind: "question"; readonly messageId: string }
  /** A person says it of this very message. */
  | { readonly kind: "by hand"; readonly verb: Wish["verb"] };

/** A message with all that is known when it is decided. */
export interface Situation {
  readonly head: MessageHead;
  readonly facts: Facts;
  readonly context: TrackContext;
}

/** The decision about a message as things stand. */
export function decideIn({ head, facts, context }: Situation): ReturnType<typeof track> {
  return track(head, facts, context);
}

/** The same message after the changes. Pure: the situation stays as it was. */
export function changed(situation: Situation, changes: readonly Change[]): Situation {
  const { head } = situation;
  const after = {
    head,
    facts: changes.reduce((facts, change) => factsAfter(facts, change, head), situation.facts),
    context: contextAfter(situation.context, changes),
  };
  const said = changes.findLast((one) => one.kind === "by hand");
  return said?.kind === "by hand" ? afterWord(after, said.verb) : after;
}

/** What was untracked before and is tracked by hand is made again, under the same id: what may be left of its email is not another one. */
function afterWord({ head, facts, context }: Situation, verb: Wish["verb"]): Situation {
  const wish = { verb, by: "", at: head.received, regarding: null };
  if (verb === "untrack") return { head, facts, context: { ...context, wish } };
  const left = new Set(context.untracked?.keys());
  return {
    head,
    facts: new PageFacts(facts, left),
    context: { ...context, wish, known: { emailId: null, how: null }, untracked: new Map(), copies: undefined },
  };
}

/** The facts of a page after changes of settings and filters; the other kinds are about one message. */
export function factsUnder(facts: Facts, changes: readonly Change[]): Facts {
  return changes.reduce((after, change) => factsAfter(after, change, null), facts);
}

/** What is known of a mailbox after the changes. */
export function contextAfter(context: TrackContext, changes: readonly Change[]): TrackContext {
  const { mailbox } = context;
  const start = changes.findLast((one) => one.kind === "start date" && addressKey(one.mailbox) === addressKey(mailbox.address));
  return start?.kind === "start date" ? { ...context, mailbox: { ...mailbox, startDate: start.at } } : context;
}

function factsAfter(facts: Facts, change: Change, head: MessageHead | null): Facts {
  switch (change.kind) {
    case "setting":
      return { ...facts, settings: { ...facts.settings, [change.name]: change.value } };
    case "filter":
      return withVoters(facts, change.of, (voter) => ({ ...voter, filter: change.method }));
    case "enable":
      return withVoters(facts, change.record, (voter) => ({ ...voter, disabled: false }));
    case "new contact":
      return withRecords(facts, change.address, (records) => [...records, newContact(change.address)]);
    case "one record":
      return withRecords(facts, change.address, (records) => records.filter(({ record }) => isSame(record, change.record)));
    case "new recipient": {
      const key = addressKey(change.address);
      return { ...facts, voters: new Map(facts.voters).set(key, [...(facts.voters.get(key) ?? []), newRecipient(key)]) };
    }
    case "question":
      return head === null ? facts : withQuestion(facts, change.messageId, head);
    case "start date":
    case "by hand":
      return facts;
  }
}

function withVoters(facts: Facts, record: RecordRef, change: (voter: Voter) => Voter): Facts {
  const other = (voter: Voter) => (isSame(voter.record, record) ? change(voter) : voter);
  return {
    ...facts,
    voters: new Map([...facts.voters].map(([key, voters]) => [key, voters.map(other)])),
    mailboxOwner: facts.mailboxOwner === null ? null : other(facts.mailboxOwner),
  };
}

function withRecords(facts: Facts, address: string, change: (records: readonly AddressMatch[]) => readonly AddressMatch[]): Facts {
  const key = addressKey(address);
  return { ...facts, records: new Map(facts.records).set(key, change(facts.records.get(key) ?? [])) };
}

function newContact(address: string): AddressMatch {
  const record = { type: "contact", id: "new contact", name: address };
  return { address: addressKey(address), record, column: 1, active: true, ownerId: null, doNotEmail: false };
}

function newRecipient(address: string): Voter {
  const record = { type: "queue", id: "new queue", name: address };
  return {
    record,
    addresses: [address],
    filter: 0,
    ownerId: null,
    ownerType: "systemuser",
    ownerMayWrite: true,
    ownerQueue: null,
    ownerAutoCreates: AUTO_CREATE.nothing,
    disabled: false,
  };
}

/** A question of which nothing is known but that it is one. The sender of its answer is on it, unless others have its Message-ID: then who is on it decides. */
function withQuestion(facts: Facts, messageId: string, { received, subject, from }: MessageHead): Facts {
  const others = facts.emailsByMessageId.get(messageId) ?? [];
  const question: EarlierEmail = {
    id: "question",
    messageId,
    direction: "incoming",
    subject,
    trackingToken: null,
    conversationIndex: null,
    senderAddress: null,
    participants: others.length === 0 ? from.map((one) => addressKey(one.address)) : [],
    at: received,
    sent: null,
    regarding: null,
    ownerId: null,
  };
  return { ...facts, emailsByMessageId: new Map(facts.emailsByMessageId).set(messageId, [...others, question]) };
}

function isSame(one: RecordRef, other: RecordRef): boolean {
  return one.type === other.type && one.id === other.id;
}
