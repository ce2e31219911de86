import { REASON, type RuleAnswer } from "../model/decision.ts";
import type { Voter } from "../model/facts.ts";
import type { Forwarded } from "../model/forwarded.ts";
import { type Gate, pass, skip } from "./gate.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote } from "./sentence.ts";

/** In a forward mailbox only what the rule of a user or queue forwarded is looked at further: its address becomes known, and strangers write to it. */
export const forwardedMessage: Gate = ({ head: { forwarded }, facts }) => {
  if (forwarded === undefined) return null;
  if (forwarded.kind !== "original") return skip(no(RULE.forward, whyNot(forwarded)), REASON.unknown);
  if (facts.mailboxOwner === null)
    return skip(no(RULE.forward, `${forwarded.because} But ${quote(forwarded.forwarder)} is no user or queue of the CRM.`), REASON.unknown);
  return pass(forwardAnswer(forwarded, facts.mailboxOwner));
};

/** A person's word stands above that: what was refused is tracked as it lies there. */
export const forwardedByHand: Gate = ({ head: { forwarded }, facts: { mailboxOwner } }) => {
  if (forwarded === undefined) return null;
  if (forwarded.kind === "original" && mailboxOwner !== null) return pass(forwardAnswer(forwarded, mailboxOwner));
  return pass(no(RULE.forward, forwarded.kind === "original" ? forwarded.because : whyNot(forwarded)));
};

function forwardAnswer({ because, forwarder }: Extract<Forwarded, { kind: "original" }>, owner: Voter): RuleAnswer {
  return yes(RULE.forward, `It counts as read in the mailbox of ${quote(owner.record.name)}, ${quote(forwarder)}. ${because}`, {
    records: [owner.record],
  });
}

function whyNot(forwarded: Exclude<Forwarded, { kind: "original" }>): string {
  return forwarded.kind === "refused" ? forwarded.because : "The message in the forward mailbox is too large to be opened.";
}
