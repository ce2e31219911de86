import { REASON, type ReasonCode, type RuleAnswer } from "../model/decision.ts";
import type { Question } from "./question.ts";

/** What a gate says: its answer, and how it ends the matter if it does. */
export interface Verdict {
  readonly answer: RuleAnswer;
  readonly end: End | null;
}

export interface End {
  readonly outcome: "skipped" | "duplicate";
  readonly reason: ReasonCode;
  /** The email that stands for the message already. */
  readonly emailId: string | null;
}

/** A rule that lets the message pass or ends the matter; null when it has nothing to say about this message. */
export type Gate = (question: Question) => Verdict | null;

export function pass(answer: RuleAnswer): Verdict {
  return { answer, end: null };
}

export function skip(answer: RuleAnswer, reason: ReasonCode): Verdict {
  return { answer, end: { outcome: "skipped", reason, emailId: null } };
}

export function duplicate(answer: RuleAnswer, emailId: string): Verdict {
  return { answer, end: { outcome: "duplicate", reason: REASON.duplicate, emailId } };
}
