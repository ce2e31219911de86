import type { Lease } from "../../jobs/lease.ts";
import type { ClaimRow } from "../../ledger/claims.ts";
import type { DecidedMessage } from "../../ledger/decisions.ts";
import type { Position } from "../../ledger/folders.ts";
import { type Decision, REASON } from "../../model/decision.ts";
import type { DeliveryReport } from "../../model/delivery-report.ts";
import type { RuledFolder, RuledFolders } from "../../model/folder-rule.ts";
import type { Identity } from "../../model/identity.ts";
import type { MessageHead, MessageRef, Place } from "../../model/message.ts";
import type { Wish } from "../../model/wish.ts";
import type { MailSource } from "../../ports.ts";
import { RULE } from "../../tracking/rule.ts";
import type { EngineContext, Work } from "../context.ts";
import type { NextPage } from "./next-page.ts";
import type { Resting } from "./resting.ts";

/** What one job reads with. */
export interface Reading {
  readonly context: EngineContext;
  readonly work: Work;
  readonly source: MailSource;
  readonly nextPage: NextPage;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Streams that had to be read from their beginning, in order; filled while reading. */
  readonly startedAnew: StartedAnew[];
  /** Streams that are read from their beginning because the content of a message contradicted its head, or for another reason; filled while reading. */
  readonly lostOnce: Set<string>;
  /** Streams in which places are stored ahead of the cursor, until they are read to their end; filled while reading. */
  readonly ahead: Set<string>;
  /** Where the ledger says that streams begin, asked for ahead; taken out as each is begun. */
  readonly begins: Map<string, Begin>;
  /** Streams that the mail system does not let be read, while it hands out others; filled while reading. */
  readonly broken: Set<string>;
  /** Folders with a rule: what lies in them becomes an email. */
  readonly ruled: RuledFolders;
  /** Ids of the folders whose messages are the copies that senders keep. */
  readonly sent: ReadonlySet<string>;
  /** What bears the category. */
  readonly bearing: Bearing;
  /** Told after each page how many messages it held. */
  readonly onPage?: ((messages: number) => void) | undefined;
}

/** Where the reading of a stream begins. */
export interface Begin {
  /** Null: at its beginning. */
  readonly position: Position | null;
  /** An earlier reading stored places ahead of its cursor and did not come to settle them. */
  readonly leftAhead: boolean;
}

/** The messages that bear the category now, by the streams of which the mail system told it; filled while reading. */
export interface Bearing {
  /** The category; null: nobody asks for it. */
  readonly keyword: string | null;
  readonly byStream: Map<string, readonly MessageRef[]>;
}

export interface StartedAnew {
  readonly stream: string;
  readonly because: string;
}

export interface Counts {
  /** Messages not seen before in this mailbox. */
  readonly received: number;
  readonly tracked: number;
  readonly skipped: number;
  readonly duplicate: number;
  readonly quarantined: number;
  /** Known messages found in another place. */
  readonly moved: number;
}

export const NO_COUNTS: Counts = { received: 0, tracked: 0, skipped: 0, duplicate: 0, quarantined: 0, moved: 0 };

export function addCounts(one: Counts, other: Counts): Counts {
  return {
    received: one.received + other.received,
    tracked: one.tracked + other.tracked,
    skipped: one.skipped + other.skipped,
    duplicate: one.duplicate + other.duplicate,
    quarantined: one.quarantined + other.quarantined,
    moved: one.moved + other.moved,
  };
}

/** A head on its way through the rules, with all the places of the mailbox where the page shows it. */
export interface Candidate {
  readonly head: MessageHead;
  readonly places: readonly Place[];
  readonly identity: Identity;
  /** Key of the mailbox's decision about it. */
  readonly key: string;
  /** It lies where one like it lay, see LOOK_ALIKE in ledger/told-before.ts. */
  readonly isLookAlike?: boolean;
  /** It was decided before, and that decision stays if it cannot be read. */
  readonly isDecided?: boolean;
  /** The email that was made of it, where a person untracked it since. */
  readonly formerEmailId?: string | null;
  /** Ids of all folders in which it lies; left out: those of its places. */
  readonly lies?: readonly string[];
}

/** A candidate that the rules want in the CRM. */
export interface TrackedCandidate extends Candidate, Resting {
  readonly decision: Decision;
  /** What its content says, where it is a delivery report. */
  readonly report?: DeliveryReport | null;
  /** What a person had said of it by hand. */
  readonly wish?: Wish | undefined;
  /** The folder with a rule in which it lies. */
  readonly folder?: RuledFolder | undefined;
}

/** A decision for a message whose email turned out to exist when it was to be delivered. */
export function duplicateOf(candidate: TrackedCandidate, claim: ClaimRow, mailboxId: string): DecidedMessage {
  return {
    head: candidate.head,
    places: candidate.places,
    identity: candidate.key,
    outcome: "duplicate",
    reason: REASON.duplicate,
    rules: [
      // What the rule said before the content was read is answered anew, and a record is made for an email that is made.
      ...candidate.decision.rules.filter((one) => one.rule !== RULE.duplicate && one.rule !== RULE.newRecord),
      {
        rule: "known message",
        answer: "yes",
        because:
          claim.mailboxId === mailboxId
            ? "An email was made of the same message when it was seen elsewhere in this mailbox."
            : `Mailbox ${claim.mailboxAddress} delivered the same message first; both mailboxes are linked to one email.`,
      },
    ],
    emailId: claim.emailId,
    waitingFor: [],
  };
}
