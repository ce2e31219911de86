import { type Address, addressKey } from "../model/address.ts";
import type { EarlierEmail, Facts } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { answeredIds } from "./answered.ts";
import { conversationBase } from "./conversation.ts";
import { methodOf } from "./filter.ts";
import { matchesOf } from "./matches.ts";
import { recipientFields, votersAt } from "./recipients.ts";
import { smartMatchingIsOn } from "./smart-matching.ts";
import { tokensIn } from "./token.ts";

/**
 * Whether a message is mail of a stranger that nobody wants: whoever wrote it is no record, it belongs to no email of the CRM by any key, and none of the filters
 * that are asked takes all messages. No CRM would take it, so that it need not be asked (DESIGN 9). In doubt it is none: smart matching, where it is on, may know
 * the words of any message.
 */
export function isStranger(head: MessageHead, facts: Facts): boolean {
  const { settings } = facts;
  const writers = head.sender === null ? head.from : [...head.from, head.sender];
  return (
    !smartMatchingIsOn(settings) &&
    writers.every((one) => isNobodys(one.address, facts)) &&
    !recipients(head).some(({ address }) => votersAt(address, facts).some((voter) => methodOf(voter, settings) === 0)) &&
    (facts.mailboxOwner === null || methodOf(facts.mailboxOwner, settings) !== 0) &&
    !isKnown(facts.emailsByMessageId, head.messageId === null ? answeredIds(head) : [head.messageId, ...answeredIds(head)]) &&
    !isKnown(facts.emailsByToken, tokensIn(head.subject, settings)) &&
    !isKnown(facts.emailsByConversation, [conversationBase(head.conversationIndex) ?? ""])
  );
}

/** Neither the address as it is, whatever the state of the record, nor what it is a variant of. */
function isNobodys(address: string, facts: Facts): boolean {
  return (facts.records.get(addressKey(address)) ?? []).length === 0 && matchesOf(address, facts).length === 0;
}

function recipients(head: MessageHead): readonly Address[] {
  return recipientFields(head).flatMap(([, list]) => list);
}

function isKnown(emails: ReadonlyMap<string, readonly EarlierEmail[]>, keys: readonly string[]): boolean {
  return keys.some((key) => (emails.get(key) ?? []).length > 0);
}
