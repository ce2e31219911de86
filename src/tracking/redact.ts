import { addressKey } from "../model/address.ts";
import type { RuleAnswer } from "../model/decision.ts";
import type { Advised } from "./advice.ts";
import type { Change } from "./change.ts";
import { RULE } from "./rule.ts";
import { quote } from "./sentence.ts";

/** Letters within the quotation marks of a local part (RFC 5321 4.5.3.1.1). */
const LONGEST_QUOTED = 64;

/**
 * Something with an @: an address, whose local part may be in quotation marks (RFC 5322 3.4.1), or a Message-ID. Only from its beginning on, and not more within
 * quotation marks than a local part has, so that a long word is read once.
 */
const ADDRESS = /(?:"(?:[^"\\]|\\.){0,64}"|(?<![^\s"'<>(),;:@])[^\s"'<>(),;:@]+)@([^\s"'<>(),;:@]+)/g;

/** Answers that tell who wrote the message or what it is about, whatever they say. */
const TELLING: ReadonlySet<string> = new Set([
  `${RULE.filter} yes`,
  `${RULE.sender} no`,
  // Header fields of lists and programs hold what they like.
  `${RULE.automaticMail} yes`,
  ...[RULE.newRecord, RULE.parties, RULE.owner, RULE.regarding, RULE.queueItems].flatMap((rule) => [`${rule} yes`, `${rule} no`]),
]);

/** A sentence in which of every address but the mailbox's own only the domain is left. */
export function redactedAddresses(sentence: string, mailbox: string): string {
  return withoutLongQuoted(sentence).replace(ADDRESS, (address, domain: string) =>
    addressKey(address) === addressKey(mailbox) ? address : `…@${domain}`,
  );
}

/** Without local parts in quotation marks that are longer than any may be: a stranger writes what he likes. Each letter is read once, and once more by the rest. */
function withoutLongQuoted(sentence: string): string {
  let [told, done] = ["", 0];
  for (let end = sentence.indexOf('"@'); end >= 0; end = sentence.indexOf('"@', end + 1)) {
    const start = isEscaped(sentence, end) ? null : openingQuote(sentence, done, end);
    if (start === null || end - start - 1 <= LONGEST_QUOTED) continue;
    told += `${sentence.slice(done, start)}…`;
    done = end + 1;
  }
  return told + sentence.slice(done);
}

/** The quotation mark before that one and not before `from`. */
function openingQuote(text: string, from: number, closing: number): number | null {
  for (let at = closing - 1; at >= from; at--) if (text[at] === '"' && !isEscaped(text, at)) return at;
  return null;
}

/** An odd number of backslashes stands before it. */
function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text[first - 1] === "\\") first--;
  return (at - first) % 2 === 1;
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

/** What one could change about mail that became no email, without the one who wrote it and what it answers. */
export function redactedAdvice(advised: Advised, mailbox: string): Advised {
  return {
    ...advised,
    alternatives: advised.alternatives.map(({ changes }) => ({ changes: changes.map((one) => redactedChange(one, mailbox)) })),
  };
}

function redactedChange(change: Change, mailbox: string): Change {
  switch (change.kind) {
    case "new contact":
    case "new recipient":
      return { ...change, address: redactedAddresses(change.address, mailbox) };
    case "one record":
      return { ...change, address: redactedAddresses(change.address, mailbox), record: { type: change.record.type, id: "", name: "" } };
    case "question":
      return { ...change, messageId: redactedAddresses(change.messageId, mailbox) };
    default:
      return change;
  }
}
