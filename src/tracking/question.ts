import type { Address } from "../model/address.ts";
import type { AnswersCounted } from "../model/automatic-answer.ts";
import type { ReportEvidence } from "../model/delivery-report.ts";
import type { Facts, Known } from "../model/facts.ts";
import type { RuledFolder } from "../model/folder-rule.ts";
import type { MailboxOwner } from "../model/mailbox.ts";
import type { MessageHead } from "../model/message.ts";
import type { AddressMatch } from "../model/record.ts";
import type { CrmVerdict } from "../model/verdict.ts";
import type { Wish } from "../model/wish.ts";
import { authorOf } from "./author.ts";
import { matchesOf } from "./matches.ts";
import { factsWhereRead } from "./where-read.ts";

/** Where a message is read and what the ledger says of it. */
export interface TrackContext {
  readonly mailbox: {
    readonly address: string;
    /** Messages that the server received before this moment are left alone. */
    readonly startDate: Date;
    readonly owner: MailboxOwner;
  };
  readonly known: Known;
  /** Set for what testing a mailbox brought here: the test message, or an answer to one. `mailbox` is the address that was tested. */
  readonly test?: { readonly kind: "test message" | "answer" | "bounce"; readonly mailbox: string; readonly sentAt: Date } | undefined;
  /** Set for a message whose head looks like a delivery report: what its content says. */
  readonly report?: ReportEvidence | undefined;
  /** How many automatic answers came within an hour before this one. */
  readonly answersBefore?: (counted: AnswersCounted) => number;
  /** What a person said of this very message by hand. */
  readonly wish?: Wish | undefined;
  /** Emails of the CRM that a person untracked, by their ids. */
  readonly untracked?: ReadonlyMap<string, Wish>;
  /** Copies of messages with the same Message-IDs that were decided under another identity, by Message-ID. */
  readonly copies?: ReadonlyMap<string, readonly KnownCopy[]> | undefined;
  /** What the CRM said of the message, where it decides itself; left out: the rules here decide. */
  readonly verdict?: CrmVerdict | undefined;
  /** The folder with a rule in which the message lies. */
  readonly folder?: RuledFolder | undefined;
  /** A sentence of the ledger that belongs to the decision, e.g. why it is made again. */
  readonly ledgerNote?: string;
}

/** What the ledger knows of a copy of a message. */
export interface KnownCopy {
  readonly head: MessageHead;
  /** Where it was read. */
  readonly mailbox: string;
  /** The email that was made of it, or deleted since; null where none was. */
  readonly emailId: string | null;
  /** A person untracked it. */
  readonly untracked: Wish | undefined;
}

/** One message put to the rules, with what several of them need. */
export interface Question {
  readonly head: MessageHead;
  readonly facts: Facts;
  readonly context: TrackContext;
  /** The author, or null when the message names no usable address. */
  readonly sender: Address | null;
  /** Records that the sender's address may stand for, best first; see matchesOf. */
  readonly senderMatches: readonly AddressMatch[];
}

export function questionOf(head: MessageHead, facts: Facts, context: TrackContext): Question {
  const sender = authorOf(head);
  return {
    head,
    facts: factsWhereRead(head, facts),
    context,
    sender,
    senderMatches: sender === null ? [] : matchesOf(sender.address, facts),
  };
}
