import type { CorrelationMethod, RuleAnswer } from "../model/decision.ts";
import type { EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { isForward } from "../model/subject.ts";
import type { Evidence } from "./evidence.ts";
import type { Question, TrackContext } from "./question.ts";
import type { RuleName } from "./rule.ts";

/** One way to find the earlier email that a message belongs to. */
export interface Method {
  readonly rule: RuleName;
  readonly number: CorrelationMethod;
  /** Whether what it finds is the parent too: only In-Reply-To, References and conversation index make one (product-behaviour 4.5). */
  readonly makesParent: boolean;
  /** Whether there is anything to ask it about; left out: always. */
  readonly concerns?: (question: Question) => boolean;
  readonly settings: (settings: OrganizationSettings) => NonNullable<RuleAnswer["settings"]>;
  /** Why the method may not be asked about this head, as a sentence; null when it may. */
  readonly barred: (head: MessageHead, settings: OrganizationSettings, context: TrackContext) => string | null;
  /** `weigh` costs time: it is for when an email was found. Most messages answer nothing. */
  readonly ask: (question: Question, weigh: () => Evidence) => Asked;
}

/** What a method answered, as a sentence. */
export interface Asked {
  readonly hit: Hit | null;
  readonly because: string;
  /** The sentence says nothing of the message. */
  readonly isGeneral?: true;
}

export interface Hit {
  readonly email: EarlierEmail;
  /** The tracking token that found it. */
  readonly token: string | null;
}

/** How far the clocks of a mail server and the CRM, or their time zones, may be apart; an email later than that cannot be answered. */
const CLOCK_SKEW = 24 * 60 * 60 * 1_000;

/** Until when an email may have been sent or received that a message answers. */
export function latestAnswered(head: MessageHead): number {
  return head.received.getTime() + CLOCK_SKEW;
}

/** Why a forward may not be taken for an answer, as a sentence; null for other messages, or where the settings let it be one. */
export function barsForward({ subject }: MessageHead, settings: OrganizationSettings): string | null {
  return settings.DoNotCorrelateForwardedEmailsAsReplies && isForward(subject)
    ? "The message is a forward, and DoNotCorrelateForwardedEmailsAsReplies says that a forward is no reply."
    : null;
}
