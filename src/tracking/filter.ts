import { REASON, type ReasonCode } from "../model/decision.ts";
import type { Voter } from "../model/facts.ts";
import type { AddressMatch } from "../model/record.ts";
import { FILTER_METHOD_NAMES, type FilterMethod, type OrganizationSettings } from "../model/settings.ts";
import type { Correlation } from "./correlate.ts";
import { matchesOf } from "./matches.ts";
import type { Question } from "./question.ts";
import { recipientFields } from "./recipients.ts";
import { quote } from "./sentence.ts";

/** Tables that filter method 2 takes for customers. */
const CUSTOMER_TABLES: ReadonlySet<string> = new Set(["lead", "contact", "account"]);

/** What one user's or queue's filter says about a message. */
export interface FilterAnswer {
  readonly accepts: boolean;
  /** Why, when it accepts. */
  readonly reason: ReasonCode;
  readonly because: string;
}

/** The method that counts for a voter: its own, unless the organization forces one on all users (product-behaviour 4.4). */
export function methodOf(voter: Voter, settings: OrganizationSettings): FilterMethod {
  const forced = settings.SSSForceFilteringMethodForUserMailboxes;
  return voter.record.type === "systemuser" && isFilterMethod(forced) ? forced : voter.filter;
}

/**
 * Asks one filter (product-behaviour 4.4). Methods 2 and 3 also take what answers an email of the CRM. Of sent mail they ask who the recipients are, in
 * place of the sender.
 */
export function askFilter(voter: Voter, question: Question, correlation: Correlation): FilterAnswer {
  const method = methodOf(voter, question.facts.settings);
  const name = `The filter of ${quote(voter.record.name)} is "${FILTER_METHOD_NAMES[method]}"`;
  if (method === 0) return { accepts: true, reason: REASON.acceptAll, because: `${name}.` };
  if (method === 4) return refuse(`${name}.`);
  const { isSentCopy } = question.head;
  const match = method === 1 ? undefined : firstOf(question, (one) => method === 3 || CUSTOMER_TABLES.has(one.record.type));
  if (match !== undefined) {
    const because = `${name}, and ${isSentCopy ? "a recipient" : "the sender"} is ${described(match)}.`;
    return { accepts: true, reason: REASON.senderMatch, because };
  }
  if (correlation.email !== null)
    return { accepts: true, reason: REASON.correlationMatch, because: `${name}, and the message belongs to an email of the CRM.` };
  return refuse(
    method === 1
      ? `${name}, and the message answers none.`
      : `${name}; ${isSentCopy ? "no recipient is one" : "the sender is none"} of these, and the message answers no email of the CRM.`,
  );
}

/** The first suitable record of the sender, or of sent mail that of a recipient. */
function firstOf({ head, facts, senderMatches }: Question, isSuitable: (match: AddressMatch) => boolean): AddressMatch | undefined {
  if (!head.isSentCopy) return senderMatches.find(isSuitable);
  for (const [, list] of recipientFields(head)) {
    for (const one of list) {
      const match = matchesOf(one.address, facts).find(isSuitable);
      if (match !== undefined) return match;
    }
  }
  return undefined;
}

function refuse(because: string): FilterAnswer {
  return { accepts: false, reason: REASON.noCorrelationMatch, because };
}

function described({ record }: AddressMatch): string {
  return `the ${record.type} ${quote(record.name)}`;
}

function isFilterMethod(value: number): value is FilterMethod {
  return Number.isInteger(value) && value >= 0 && value <= 4;
}
