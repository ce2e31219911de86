import type { Address } from "./address.ts";
import type { Placement } from "./decision.ts";
import type { ReportedRecipient } from "./delivery-report.ts";
import type { Attachment } from "./message.ts";
import type { RecordRef } from "./record.ts";

/** `email.statuscode` (product-behaviour 4.1). */
export const STATUS = { draft: 1, completed: 2, sent: 3, received: 4, canceled: 5, pendingSend: 6, sending: 7, failed: 8 } as const;
export type Status = (typeof STATUS)[keyof typeof STATUS];

/** `email.statecode` to which a status belongs. Pending Send and Sending are Completed, Failed is Open. */
export const STATE_OF_STATUS: Readonly<Record<Status, 0 | 1 | 2>> = { 1: 0, 2: 1, 3: 1, 4: 1, 5: 2, 6: 1, 7: 1, 8: 0 };

/** `email.notifications`. */
export const NOTIFICATIONS = { none: 0, attachmentsBlocked: 1, bodyTruncated: 2 } as const;

/** A message on its way into the CRM. */
export interface IncomingEmail {
  /** Chosen before delivery, from the claim; delivering it twice makes one email. */
  readonly id: string;
  readonly messageId: string | null;
  readonly inReplyTo: string | null;
  readonly conversationIndex: string | null;
  readonly subject: string;
  readonly received: Date;
  readonly sent: Date | null;
  readonly html: string | null;
  readonly text: string | null;
  /** What is new in the text, without what it quotes and the signature; null where that is all of it, or nobody looked. */
  readonly reply: string | null;
  readonly attachments: readonly Attachment[];
  /** `notifications` value: attachments blocked or body cut. */
  readonly notifications: 0 | 1 | 2;
  readonly importance: 0 | 1 | 2;
  /** Address of the mailbox it was read from. */
  readonly submittedBy: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly placement: Placement;
  /** Set for a delivery report: the outgoing email that it is about, the Message-ID under which it names it, and what it says. */
  readonly about?: { readonly emailId: string; readonly messageId: string | null; readonly recipients: readonly ReportedRecipient[] };
}

/** `created`: this call made the row. `existed`: the row of that id was there already. */
export interface Delivered {
  readonly id: string;
  readonly result: "created" | "existed";
}

/** An address to send to, with what the CRM knows of it. */
export interface Recipient {
  readonly kind: "to" | "cc" | "bcc";
  readonly address: Address;
  /** Null when unresolved. */
  readonly record: RecordRef | null;
  readonly doNotEmail: boolean;
  readonly active: boolean;
}

/** An email activity waiting to leave, with everything that composing and permission need. Attachment bodies come apart. */
export interface OutgoingEmail {
  readonly id: string;
  /** Grows each time a person presses Send; part of the Message-ID (invariant 8). */
  readonly generation: number;
  readonly version: string;
  readonly subject: string;
  readonly trackingToken: string | null;
  readonly html: string | null;
  readonly text: string | null;
  readonly from: Recipient | null;
  readonly recipients: readonly Recipient[];
  /** The user who pressed Send. */
  readonly submitterId: string | null;
  /**
   * May the submitter send as the From user or queue (privilege and the other's consent)? True when they are the same. `not known`: the CRM does not tell for certain
   * who pressed Send; who may be somebody else may not.
   */
  readonly mayActAsSender: boolean | "not known";
  readonly importance: 0 | 1 | 2;
  readonly readReceiptRequested: boolean;
  readonly deliveryReceiptRequested: boolean;
  /** Message-ID of the email it answers, and that one's references, oldest first. */
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  /** Attempts already used up. */
  readonly attempts: number;
  readonly attachments: readonly OutgoingAttachment[];
}

export interface OutgoingAttachment {
  readonly filename: string;
  readonly mimetype: string;
  readonly contentId: string | null;
  readonly size: number;
  /** By which Crm.attachment gives the body: its SHA-256 in lower-case hex in the embedded CRM, the id of its row in Dynamics. */
  readonly hash: string;
}

/** An email in Pending Send: enough to claim it. */
export interface PendingEmail {
  readonly id: string;
  readonly generation: number;
}

/** A sender with emails in Pending Send. */
export interface PendingSender {
  /** Key form; null for emails without a sender. */
  readonly senderAddress: string | null;
  readonly emails: number;
}

/** How an outgoing email ended, or what it waits for. */
export type Settlement =
  | {
      readonly status: "sent";
      readonly messageId: string;
      readonly subject: string;
      readonly sentOn: Date;
      readonly attempts: number;
      readonly note: string | null;
    }
  /** `partly`: some recipients have it. `held`: a person has to do something first. */
  | {
      readonly status: "retry";
      readonly attempts: number;
      readonly notBefore: Date;
      readonly note: string;
      readonly partly?: true;
      readonly held?: { readonly code: string; readonly remedy: string };
    }
  | { readonly status: "failed"; readonly attempts: number; readonly note: string }
  /** Stays Sending: nobody knows whether it left. */
  | { readonly status: "unknown"; readonly messageId: string; readonly attempts: number; readonly note: string };

/**
 * What became of settling. `settled`: the CRM shows it, or it waits. `stays pending`: the CRM cannot be brought to show it, so that the email stands in Pending Send
 * there, and is not offered again until it is sent anew. `not in hand`: that generation is not the one being sent. `taken out`: it was, and somebody has taken the email
 * out of its sending meanwhile. `nobody's`: the email is being sent, and nothing tells by whom.
 */
export type Settled = "settled" | "stays pending" | "not in hand" | "taken out" | "nobody's";
