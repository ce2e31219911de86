import type { Address } from "./address.ts";
import type { AutomaticAnswer } from "./automatic-answer.ts";
import type { ReportEvidence } from "./delivery-report.ts";
import type { NewRecord, RecordRef } from "./record.ts";

/** Dynamics' reason codes of a check (DESIGN 8). */
export const REASON = {
  unknown: -1,
  duplicate: 0,
  noCorrelationMatch: 1,
  correlationMatch: 2,
  noRecipientMatch: 3,
  internalEmailRejected: 4,
  senderMatch: 5,
  acceptAll: 6,
  invalidSender: 7,
} as const;
export type ReasonCode = (typeof REASON)[keyof typeof REASON];

/** `email.correlationmethod` (product-behaviour 4.5). References counts as InReplyTo there; the rule list tells them apart. */
export const CORRELATION = { none: 0, skipped: 1, inReplyTo: 3, trackingToken: 4, conversationIndex: 5, smartMatching: 6 } as const;
export type CorrelationMethod = (typeof CORRELATION)[keyof typeof CORRELATION];

/** `tracked`: becomes an email. `duplicate`: is one already. `skipped`: the rules said no. `quarantined`: could not be processed; kept to be run again. */
export type Outcome = "tracked" | "skipped" | "duplicate" | "quarantined";

/** One rule that was asked, in order, and what it answered: a sentence for a person and the evidence behind it. */
export interface RuleAnswer {
  /** Name of the rule in the words of the docs: `start date`, `filter`, `In-Reply-To`, ... */
  readonly rule: string;
  readonly answer: "yes" | "no" | "not asked";
  /** Whole sentence. Never holds subject or body of somebody else's message. */
  readonly because: string;
  /** Settings that mattered, by Dynamics name. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  readonly records?: readonly RecordRef[];
  /** What the content of the message told, where the rules asked it: who tries other settings later need not read it again. */
  readonly report?: ReportEvidence;
  /** It says nothing of the message or of a record, and is the same for thousands of messages: the ledger keeps it once. */
  readonly isGeneral?: true;
}

/** `activityparty.participationtypemask` of an email (product-behaviour 4.1). */
export const PARTICIPATION = { sender: 1, to: 2, cc: 3, bcc: 4, regarding: 8, owner: 9 } as const;
export type Participation = (typeof PARTICIPATION)[keyof typeof PARTICIPATION];

/** An address on an email, resolved to a record or not. */
export interface Party {
  readonly participation: Participation;
  readonly address: Address;
  readonly record: RecordRef | null;
  /** Which address column of the record matched, 1-based; null when unresolved. */
  readonly column: number | null;
}

/** How a tracked message is to stand in the CRM. */
export interface Placement {
  /** Left out: incoming. */
  readonly direction?: "outgoing";
  readonly parties: readonly Party[];
  readonly ownerId: string | null;
  readonly ownerType: "systemuser" | "team";
  readonly regarding: RecordRef | null;
  readonly correlationMethod: CorrelationMethod;
  /** Earlier email, for any correlation method. */
  readonly correlatedEmailId: string | null;
  /** Earlier email, only for In-Reply-To, References and conversation index. */
  readonly parentEmailId: string | null;
  /** The email of ours that the message is a delivery report about, where it is one. */
  readonly reportedEmailId?: string;
  /** Tracking token found in the subject, or null. */
  readonly trackingToken: string | null;
  /** The user or queue whose filter accepted. */
  readonly accepting: RecordRef | null;
  /** Queues that get a queue item. */
  readonly queueIds: readonly string[];
  readonly duplicateSenderUnresolved: boolean;
  /** The record that is to be made of the unresolved sender. */
  readonly newRecord?: NewRecord;
}

/** The stored answer to "why was this message (not) tracked?". */
export interface Decision {
  readonly outcome: Outcome;
  readonly reason: ReasonCode;
  readonly rules: readonly RuleAnswer[];
  /** Present exactly when outcome is `tracked`. */
  readonly placement: Placement | null;
  /** For `duplicate`: the email that stands for this message already. */
  readonly emailId: string | null;
  /** Set for an automatic message that answers an email of ours; `cutsLoop`: it is one too many, and skipped for that. */
  readonly automaticAnswer?: AutomaticAnswer;
  readonly cutsLoop?: true;
  /** A queue that gets an item of the email also where another mailbox made it. */
  readonly additionalQueueId?: string;
  /** For `skipped` with "no correlation match": message ids whose arrival would change the answer. */
  readonly waitingFor: readonly string[];
}
