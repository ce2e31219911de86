import { addressKey } from "../model/address.ts";
import type { Party, Placement, RuleAnswer } from "../model/decision.ts";
import type { MadeRecord, NewRecord } from "../model/record.ts";
import { AUTO_CREATE } from "../model/settings.ts";
import { automatonOf } from "./automaton.ts";
import type { Correlation } from "./correlate.ts";
import type { Ownership } from "./owner.ts";
import { personName } from "./person-name.ts";
import { addressMeant } from "./plus-address.ts";
import { isProgramAddress } from "./program-address.ts";
import type { Question } from "./question.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote } from "./sentence.ts";
import { whereRead } from "./where-read.ts";

/** Longest topic of a lead that the CRM stores (`lead.subject`). */
const MAXIMUM_TOPIC = 300;

/** What becomes of an unresolved sender; null where the sender is resolved, or nobody. */
export interface NewRecordStep {
  readonly record: NewRecord | null;
  readonly answer: RuleAnswer;
}

/**
 * Whether a contact or lead is made of the unresolved sender of a message that is tracked (product-behaviour 4.8): where the user who owns the email wants
 * it and the organization allows it. Only for people who wrote in a conversation of the CRM or whom somebody tracked: programs and lists never
 * become records, nor what only an "all messages" filter let in, nor an address that stands for several records or for inactive ones.
 */
export function newRecord(question: Question, correlation: Correlation, { voter }: Ownership): NewRecordStep | null {
  const { sender, head } = question;
  if (sender === null) return null;
  const wanted = voter === null || voter.ownerType !== "systemuser" ? AUTO_CREATE.nothing : voter.ownerAutoCreates;
  const refuse = (because: string, general: Pick<RuleAnswer, "isGeneral" | "settings"> = {}): NewRecordStep => ({
    record: null,
    answer: no(RULE.newRecord, because, general),
  });
  if (!question.facts.settings.AutoCreateContactOnPromote) {
    const settings = { AutoCreateContactOnPromote: false };
    return refuse("The organization makes no records of unresolved senders.", { settings, isGeneral: true });
  }
  if (voter === null || voter.ownerId === null || wanted === AUTO_CREATE.nothing) {
    const settings = { autocreatecontactonpromote: AUTO_CREATE.nothing };
    return refuse("Whoever owns the email wants no record made of its unresolved sender.", { settings, isGeneral: true });
  }
  const hindrance = hindranceTo(question, correlation);
  if (hindrance !== null) return refuse(hindrance);
  const type = wanted === AUTO_CREATE.contact ? "contact" : "lead";
  const settings = { autocreatecontactonpromote: wanted, AutoCreateContactOnPromote: true };
  const because = `A ${type} is to be made of ${quote(sender.address)}, for whom the CRM has no record.`;
  return {
    record: {
      type,
      address: sender.address.trim(),
      ...personName(sender),
      topic: head.subject.slice(0, MAXIMUM_TOPIC),
      ownerId: voter.ownerId,
    },
    answer: yes(RULE.newRecord, because, { settings }),
  };
}

/** Why no record may be made of the sender, as a sentence; null: one may. */
function hindranceTo({ head, facts, context, sender }: Question, { email }: Correlation): string | null {
  const address = quote(sender?.address ?? "");
  // A variant of a user's address is that user, disabled or not.
  const key = addressMeant(sender?.address ?? "", facts);
  if ((facts.records.get(key)?.length ?? 0) > 0)
    return `No record is made of ${address}: the CRM has records with that address, several or inactive ones.`;
  if (key === addressMeant(whereRead(head, context.mailbox.address), facts))
    return `No record is made of ${address}: it is the address of the mailbox itself.`;
  const automaton = automatonOf(head, context.report?.report ?? null);
  if (automaton !== null) return `No record is made of ${address}: a program or a list sent it, for ${automaton.evidence}.`;
  if (isProgramAddress(key)) return `No record is made of ${address}: programs write under such an address.`;
  if (head.truncated)
    return `No record is made of ${address}: the header was cut short, so that it does not tell whether a program sent it.`;
  if (!isConversation(email) && context.wish?.verb !== "track")
    return `No record is made of ${address}: the message answers no email that the CRM sent or that is about a record, so that a filter may have let all of it in.`;
  return null;
}

/** An email that came in unasked makes no conversation of what its own sender, or a list, writes in answer to it. */
function isConversation(email: Correlation["email"]): boolean {
  return email !== null && (email.direction === "outgoing" || email.regarding !== null);
}

/** The placement in which the unresolved parties with that address are the record that was made of it; null: none was. */
export function withMadeRecord(placement: Placement, address: string, made: MadeRecord | null): Placement {
  if (made === null) return placement;
  const isIts = (party: Party) => party.record === null && addressKey(party.address.address) === addressKey(address);
  const resolved = (party: Party): Party => (isIts(party) ? { ...party, record: made.record, column: made.column } : party);
  return { ...placement, parties: placement.parties.map(resolved) };
}

/** What stands in the decision of a message once the record of its sender was asked for; null: the address is nobody's all the same. */
export function madeRecordAnswer(address: string, made: MadeRecord | null): RuleAnswer {
  if (made === null) return no(RULE.newRecord, `No record is made of ${quote(address)}: an inactive one has the address meanwhile.`);
  const { record } = made;
  const what = `the ${record.type} ${quote(record.name)} (${record.id})`;
  const because = made.made
    ? `A record, ${what}, was made of the unresolved sender ${quote(address)}.`
    : `The sender ${quote(address)} is ${what}, which was made meanwhile.`;
  return yes(RULE.newRecord, because, { records: [record] });
}
