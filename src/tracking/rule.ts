import type { RuleAnswer } from "../model/decision.ts";

/** The rules in the words of the docs, in the order in which they are asked. */
export const RULE = {
  ledger: "ledger",
  headers: "headers",
  testMessage: "test message",
  askedFor: "asked for",
  forward: "forward",
  startDate: "start date",
  folder: "folder",
  sentMail: "sent mail",
  duplicate: "duplicate",
  automaticTracking: "automatic tracking",
  sender: "sender",
  senderConflict: "sender conflict",
  internal: "mail between users",
  automaticMail: "automatic mail",
  deliveryReport: "delivery report",
  inReplyTo: "In-Reply-To",
  references: "References",
  trackingToken: "tracking token",
  conversationIndex: "conversation index",
  smartMatching: "smart matching",
  mailLoop: "mail loop",
  filter: "filter",
  crm: "the CRM's own word",
  recipients: "recipients",
  parties: "parties",
  owner: "owner",
  newRecord: "new record",
  regarding: "regarding",
  queueItems: "queue items",
} as const;
export type RuleName = (typeof RULE)[keyof typeof RULE];

type Evidence = Pick<RuleAnswer, "settings" | "records" | "report" | "isGeneral">;

export function yes(rule: RuleName, because: string, evidence: Evidence = {}): RuleAnswer {
  return { rule, answer: "yes", because, ...evidence };
}

export function no(rule: RuleName, because: string, evidence: Evidence = {}): RuleAnswer {
  return { rule, answer: "no", because, ...evidence };
}

export function notAsked(rule: RuleName, because: string, evidence: Evidence = {}): RuleAnswer {
  return { rule, answer: "not asked", because, ...evidence };
}
