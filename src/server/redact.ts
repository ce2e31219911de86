import { addressKey } from "../model/address.ts";
import type { RuleAnswer } from "../model/decision.ts";
import { RULE } from "../tracking/rule.ts";
import { quote } from "../tracking/sentence.ts";

/** Something with an @: an address or a Message-ID. */
const ADDRESS = /[^\s"'<>(),;:@]+@([^\s"'<>(),;:@]+)/g;

/** Answers that tell who wrote the message or what it is about, whatever they say. */
const TELLING: ReadonlySet<string> = new Set([
  `${RULE.filter} yes`,
  `${RULE.sender} no`,
  ...[RULE.parties, RULE.owner, RULE.regarding, RULE.queueItems].flatMap((rule) => [`${rule} yes`, `${rule} no`]),
]);

/** A sentence in which of every address but the mailbox's own only the domain is left. */
export function redactedAddresses(sentence: string, mailbox: string): string {
  return sentence.replace(ADDRESS, (address, domain: string) => (addressKey(address) === addressKey(mailbox) ? address : `…@${domain}`));
}

/** Rule answers about mail that became no email, without the one who wrote it. Whose filter refused stays: a user or queue of the CRM. */
export function redactedRules(rules: readonly RuleAnswer[], mailbox: string): RuleAnswer[] {
  return rules.map((one) => {
    if (TELLING.has(`${one.rule} ${one.answer}`)) return { ...one, because: "" };
    return { ...one, because: redactedAddresses(one.rule === RULE.filter ? one.because : withoutNames(one), mailbox) };
  });
}

function withoutNames({ because, records = [] }: RuleAnswer): string {
  return records.filter((one) => one.name !== "").reduce((text, { type, name }) => text.replaceAll(quote(name), `(a ${type})`), because);
}
