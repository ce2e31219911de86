import { type Address, addressKey, MAXIMUM_ADDRESS_LENGTH } from "../model/address.ts";
import { PARTICIPATION, type Participation, type Party, type RuleAnswer } from "../model/decision.ts";
import { type Facts, MAXIMUM_PARTIES } from "../model/facts.ts";
import type { AddressMatch } from "../model/record.ts";
import { byPrecedence, isOvercrowded, matchesOf } from "./matches.ts";
import type { Question } from "./question.ts";
import { RULE, yes } from "./rule.ts";
import { quote } from "./sentence.ts";

export interface Resolution {
  readonly parties: readonly Party[];
  /** The record that the sender resolved to. */
  readonly sender: AddressMatch | null;
  readonly duplicateSenderUnresolved: boolean;
  readonly answer: RuleAnswer;
}

/**
 * Resolves everybody on a message to records (product-behaviour 4.8): the sender to one at most, each address in To and Cc to all that
 * have it. An address without a record stays a party with its address. Received mail has an empty Bcc list; sent mail has those whom its
 * sender's copy names.
 */
export function resolve(question: Question): Resolution {
  const { head, facts, sender: author } = question;
  const sender = author === null ? NOBODY : chooseSender(question);
  const parties: Party[] = author === null ? [] : [partyOf(PARTICIPATION.sender, author, sender.match)];
  const left = [
    ...addRecipients(parties, PARTICIPATION.to, head.to, facts),
    ...addRecipients(parties, PARTICIPATION.cc, head.cc, facts),
    ...(head.isSentCopy ? addRecipients(parties, PARTICIPATION.bcc, head.bcc, facts) : []),
  ];
  const unresolved = parties.filter((one) => one.record === null).length;
  const remark =
    left.length === 0
      ? ""
      : ` ${left.length} recipients are left out: no address, too long, or past the ${MAXIMUM_PARTIES} parties that an email may have.`;
  return {
    parties,
    sender: sender.match,
    duplicateSenderUnresolved: sender.conflict,
    answer: yes(
      RULE.parties,
      `${sender.because} ${counted(parties.length - unresolved)} resolved to records, ${unresolved} not.${remark}`,
      {
        records: sender.match === null ? [] : [sender.match.record],
      },
    ),
  };
}

interface SenderChoice {
  readonly match: AddressMatch | null;
  /** Several records have the address, and a rule left it unresolved for that. */
  readonly conflict: boolean;
  readonly because: string;
}

const NOBODY: SenderChoice = { match: null, conflict: false, because: "The message names no sender." };

/** Active before inactive, then what the mailbox's owner owns, then the order of tables. Sent mail is from a user or queue, whoever else has the address. */
function chooseSender(question: Question): SenderChoice {
  const { head, facts, sender, senderMatches } = question;
  const address = quote(sender?.address ?? "");
  if (head.isSentCopy) return chooseOwnSender(question, address);
  const first = senderMatches[0];
  if (first === undefined) return { match: null, conflict: false, because: `The sender ${address} has no record.` };
  if (isOvercrowded(first.address, facts)) {
    return {
      match: null,
      conflict: true,
      because: `More records than can be told apart have the sender's address ${address}, so it stays unresolved.`,
    };
  }
  if (senderMatches.length === 1) return { match: first, conflict: false, because: `The sender is ${described(first)}.` };
  if (facts.settings.UnresolveSenderInCaseOfMultipleMatch) {
    const because = `${senderMatches.length} records have the sender's address ${address}, and UnresolveSenderInCaseOfMultipleMatch leaves it unresolved.`;
    return { match: null, conflict: true, because };
  }
  const ownerId = facts.mailboxOwner?.ownerId ?? null;
  const isOwned = (match: AddressMatch) => ownerId !== null && match.ownerId === ownerId;
  const [best = first] = [...senderMatches].sort(
    (a, b) => Number(b.active) - Number(a.active) || Number(isOwned(b)) - Number(isOwned(a)) || byPrecedence(a, b),
  );
  const why = isOwned(best) ? "it belongs to the mailbox's owner" : "its table comes first";
  return {
    match: best,
    conflict: false,
    because: `The sender is ${described(best)}, one of ${senderMatches.length} records with that address: ${why}.`,
  };
}

/** The owner of the mailbox before others. */
function chooseOwnSender({ facts: { mailboxOwner }, senderMatches }: Question, address: string): SenderChoice {
  const own = senderMatches.filter(({ record }) => record.type === "systemuser" || record.type === "queue");
  const owner = mailboxOwner?.record;
  const match = own.find(({ record }) => record.type === owner?.type && record.id === owner.id) ?? own[0] ?? null;
  const because = match === null ? `The sender ${address} is no user or queue.` : `The sender is ${described(match)}.`;
  return { match, conflict: false, because };
}

/** Adds the parties of one field and gives back the addresses that found no place. */
function addRecipients(parties: Party[], participation: Participation, list: readonly Address[], facts: Facts): readonly Address[] {
  const seen = new Set<string>();
  const left: Address[] = [];
  for (const address of list) {
    const key = addressKey(address.address);
    if (seen.has(key)) continue;
    seen.add(key);
    const records = isStorable(key) ? recordsFor(key, facts) : [];
    if (!isStorable(key) || parties.length + records.length > MAXIMUM_PARTIES) left.push(address);
    else for (const match of records) parties.push(partyOf(participation, address, match));
  }
  return left;
}

/** All records of an address, or one null for an unresolved party. */
function recordsFor(key: string, facts: Facts): readonly (AddressMatch | null)[] {
  const matches = matchesOf(key, facts);
  const ambiguous = matches.length > 1 && facts.settings.unresolveemailaddressifmultiplematch;
  return matches.length === 0 || ambiguous || isOvercrowded(key, facts) ? [null] : matches;
}

/** Undisclosed recipients are no address; what the column cannot hold is not cut into another address. */
function isStorable(key: string): boolean {
  return key !== "" && key.length <= MAXIMUM_ADDRESS_LENGTH && !/\p{Cc}/u.test(key);
}

function partyOf(participation: Participation, address: Address, match: AddressMatch | null): Party {
  return { participation, address, record: match?.record ?? null, column: match?.column ?? null };
}

function described({ record }: AddressMatch): string {
  return `the ${record.type} ${quote(record.name)}`;
}

function counted(parties: number): string {
  return parties === 1 ? "1 party is" : `${parties} parties are`;
}
