import { type DecisionRow, findDecisions, whereItLies } from "../../ledger/decision-rows.ts";
import { type DeletionNote, deletionNotes } from "../../ledger/deletions.ts";
import { findSendings, type OutboxRow } from "../../ledger/outbox.ts";
import type { Returned } from "../../model/delivery-report.ts";
import type { Wish } from "../../model/wish.ts";
import type { Advised } from "../../tracking/advice.ts";
import { explain as explainDecision } from "../../tracking/explain.ts";
import { when } from "../../tracking/sentence.ts";
import type { EngineContext } from "../context.ts";
import { adviseOn } from "./advise.ts";
import { type ByHand, byHand, byHandSentences } from "./explain-by-hand.ts";
import { deletionSentence } from "./explain-deletion.ts";
import { explainMailboxes, explainPending, type MailboxExplanation, mailboxesNotRead, type PendingExplanation } from "./explain-mailbox.ts";
import { returnedOf, returnedSentence } from "./explain-returned.ts";
import { type Shown, shownAdvice, shownDecision, shownOf, shownSentences } from "./untracked.ts";

/** Why one message was (not) tracked in one mailbox. */
export interface IncomingExplanation {
  readonly decisionId: number;
  readonly mailbox: string;
  readonly messageId: string | null;
  readonly received: Date;
  readonly from: string | null;
  readonly outcome: string;
  readonly reason: number;
  readonly emailId: string | null;
  /** What a person said of it by hand last. */
  readonly wish: Wish | null;
  readonly folders: readonly string[];
  readonly decidedAt: Date;
  /** What one could change to get the other outcome, tried on what is known now; null where nothing can be tried. */
  readonly advice: Advised | null;
  /** Whole sentences: the outcome, each rule with its answer, what would change it, and what became of the message in its mailbox. */
  readonly sentences: readonly string[];
}

/** What became of one press of Send. */
export interface OutgoingExplanation {
  readonly emailId: string;
  readonly generation: number;
  readonly messageId: string;
  readonly stage: string;
  readonly attempts: number;
  readonly sentCopy: string | null;
  readonly changedAt: Date;
  /** What came back of it, by recipient, newest first. */
  readonly returned: readonly Returned[];
  readonly sentences: readonly string[];
}

export interface Explanation {
  readonly incoming: readonly IncomingExplanation[];
  readonly outgoing: readonly OutgoingExplanation[];
  /** Mailboxes of that address, where the key is one. */
  readonly mailboxes: readonly MailboxExplanation[];
  /** An email that waits in Pending Send because its sender's mailbox is not touched. */
  readonly pending: PendingExplanation | null;
  /** Only when nothing is known of the key: mailboxes that are not read at all, where the message could lie unseen. */
  readonly notRead: readonly { readonly mailbox: string; readonly because: string }[];
}

/**
 * Everything that is known of a message, an email, or a mailbox: by Message-ID, email id, number of a decision, or address. All lists are empty
 * when nothing is known, but for those mailboxes that are not read. Of mail that is no email it tells what may be shown to `actor`, or to anybody where nobody is
 * named; see untracked.ts.
 */
export async function explain(context: EngineContext, organizations: readonly string[], key: string, actor?: string): Promise<Explanation> {
  const decisions = await findDecisions(context.database, key);
  const notes = Map.groupBy(
    await deletionNotes(
      context.database,
      decisions.map((one) => one.id),
    ),
    (note) => note.decisionId,
  );
  const said = await byHand(context, organizations, key);
  const advised = await adviseOn(context, decisions);
  const shown = await shownOf(context, decisions, actor);
  const incomings = decisions.map((row) =>
    incoming(row, advised.get(row.id) ?? null, notes.get(row.id) ?? [], said, shown.get(row.id) ?? "private"),
  );
  const sendings = await findSendings(context.database, key);
  const cameBack = await returnedOf(context, sendings);
  const outgoings = sendings.map((row) => outgoing(row, cameBack.get(row) ?? []));
  const mailboxes = await explainMailboxes(context, key);
  const pending = incomings.length + outgoings.length > 0 ? null : await explainPending(context, organizations, key);
  const known = incomings.length + outgoings.length + mailboxes.length > 0 || pending !== null;
  return { incoming: incomings, outgoing: outgoings, mailboxes, pending, notRead: known ? [] : await mailboxesNotRead(context) };
}

function incoming(
  whole: DecisionRow,
  advised: Advised | null,
  deletions: readonly DeletionNote[],
  said: ByHand,
  shown: Shown,
): IncomingExplanation {
  const row = shownDecision(whole, shown);
  const advice = shownAdvice(advised, row, shown);
  // Of private mail nothing but the outcome is told; what was purged tells nothing of it any more.
  const isMute = shown === "private" && row.purgedAt === null;
  return {
    decisionId: row.id,
    mailbox: row.mailbox,
    messageId: row.messageId,
    received: row.received,
    from: row.sender,
    outcome: row.outcome,
    reason: row.reason,
    // What was untracked is no email, whatever stands in the CRM.
    emailId: row.outcome === "skipped" ? null : row.emailId,
    wish: said.wishes.get(row.id) ?? null,
    folders: row.folders,
    decidedAt: row.decidedAt,
    advice,
    sentences: shownSentences(
      [
        ...explainDecision(row, {
          mailbox: row.mailbox,
          lies: whereItLies(row),
          isRead: row.folders.length > 0,
          number: row.id,
          advice,
        }).slice(0, isMute ? 1 : undefined),
        ...(row.quarantine
          ? [`It is in quarantine after ${row.quarantine.attempts} tries: ${row.quarantine.message} ${row.quarantine.remedy}`]
          : []),
        ...deletions.map((note) => deletionSentence(note, row.emailId)),
        ...byHandSentences(row, said),
      ],
      row,
      shown,
    ),
  };
}

const STAGE_SENTENCES: Readonly<Record<OutboxRow["stage"], string>> = {
  intended: "It is being prepared; nothing was transmitted yet.",
  transmitting: "Its content is on the way to the mail server.",
  accepted: "The mail server accepted it.",
  refused: "It was refused for good; the email is Failed and can be edited and sent again.",
  waiting: "It waits in Pending Send to be tried again.",
  unknown: "Nobody knows whether it left: the content went out and no answer came back.",
};

function outgoing(row: OutboxRow, returned: readonly Returned[]): OutgoingExplanation {
  const sentences = [STAGE_SENTENCES[row.stage]];
  if (row.response) sentences.push(`The last answer was: ${row.response}`);
  for (const one of row.refused)
    sentences.push(`Recipient ${one.address} was refused${one.permanent ? " for good" : " for now"}: ${one.response}`);
  sentences.push(...returned.map(returnedSentence));
  if (row.settlement?.status === "retry") sentences.push(`The next try is not before ${when(row.settlement.notBefore)}.`);
  if (row.sentCopy) sentences.push(`Copy in the Sent folder: ${row.sentCopy}.`);
  if (row.stage === "unknown") sentences.push(`Decide it with \`waypost decide ${row.emailId} sent|again|failed\`.`);
  const { emailId, generation, messageId, stage, attempts, sentCopy, changedAt } = row;
  return { emailId, generation, messageId, stage, attempts, sentCopy, changedAt, returned, sentences };
}
