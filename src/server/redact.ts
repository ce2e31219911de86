import { addressKey } from "../model/address.ts";
import type { RuleAnswer } from "../model/decision.ts";
import { quote } from "../tracking/sentence.ts";
import { RULE } from "../tracking/rule.ts";

/** Something with an @: an address or a Message-ID. */
const ADDRESS = /[^\s"'<>(),;:@]+@([^\s"'<>(),;:@]+)/g;

/** A sentence in which of every address but the mailbox's own only the domain is left. */
export function redactedAddresses(sentence: string, mailbox: string): string {
  return sentence.replace(ADDRESS, (address, domain: string) => (addressKey(address) === addressKey(mailbox) ? address : `…@${domain}`));
}

/**
 * Rule answers about mail that is no email, without the one who wrote it. Whose filter was asked stays: that is a user or queue of the
 * CRM. Where a filter accepted and processing failed afterwards, only the answer stays.
 */
export function redactedRules(rules: readonly RuleAnswer[], mailbox: string): RuleAnswer[] {
  return rules.map((one) => {
    const accepted = one.rule === RULE.filter && one.answer !== "no";
    return { ...one, because: accepted ? "" : redactedAddresses(withoutNames(one), mailbox) };
  });
}

function withoutNames({ rule, because, records = [] }: RuleAnswer): string {
  if (rule === RULE.filter) return because;
  return records.filter((one) => one.name !== "").reduce((text, { type, name }) => text.replaceAll(quote(name), `(a ${type})`), because);
}
