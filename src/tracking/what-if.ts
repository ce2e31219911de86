import type { RuleAnswer } from "../model/decision.ts";
import type { MessageHead } from "../model/message.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { answeredIds } from "./answered.ts";
import { conversationBase } from "./conversation.ts";
import { mailOf } from "./email-fact.ts";
import { emailHashes, smartMatchingIsOn } from "./smart-matching.ts";
import { tokensIn } from "./token.ts";

/** Message-IDs by which a message may have to do with others: its own, and those that it answers. */
export function relatedIds(head: MessageHead): readonly string[] {
  return head.messageId === null ? answeredIds(head) : [head.messageId, ...answeredIds(head)];
}

/**
 * What else a message that belongs to another may have in common with it under any of these settings: tokens, the conversation, hashes of smart matching;
 * as keys of one index.
 */
export function threadKeys(head: MessageHead, settings: readonly OrganizationSettings[]): readonly string[] {
  const base = conversationBase(head.conversationIndex);
  const keys = settings.flatMap((one) => [
    ...tokensIn(head.subject, one).map((token) => `token ${token}`),
    ...(smartMatchingIsOn(one) ? emailHashes(mailOf(head), one).map((hash) => `hash ${hash}`) : []),
  ]);
  return [...new Set(base === null ? keys : [`conversation ${base}`, ...keys])];
}

/** The answers of each decision that the other one does not have, as sentences, in order; `shown`: those answers as they may be shown. */
export function differences(
  before: readonly RuleAnswer[],
  after: readonly RuleAnswer[],
  shown: (answers: readonly RuleAnswer[]) => readonly RuleAnswer[] = (answers) => answers,
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const [one, other] = [before.map(sentenceOf), after.map(sentenceOf)];
  const told = (answers: readonly RuleAnswer[], others: readonly string[]) =>
    shown(answers.filter((each) => !others.includes(sentenceOf(each)))).map(sentenceOf);
  return { before: told(before, other), after: told(after, one) };
}

function sentenceOf({ rule, answer, because }: RuleAnswer): string {
  return `${rule}: ${answer}.${because === "" ? "" : ` ${because}`}`;
}
