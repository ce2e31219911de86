import type { RuleAnswer } from "../model/decision.ts";
import type { RecordRef } from "../model/record.ts";
import type { Question } from "./question.ts";
import { no, RULE, yes } from "./rule.ts";
import { listing, quote } from "./sentence.ts";
import type { Ballot } from "./vote.ts";

export interface QueueItems {
  /** Each queue once: a second item of one email in the same queue is an error (80040523). */
  readonly queueIds: readonly string[];
  readonly answer: RuleAnswer;
}

/**
 * The queues that get an item of a tracked message (product-behaviour 4.12): those among the recipients whose own filter accepts, and the
 * one whose mailbox is being read, which blind copies and lists do not name. A queue's filter counts here also where a setting takes its
 * vote on tracking away; its mailbox would find the email there already and never add the item.
 */
export function queueItems({ facts }: Question, ballots: readonly Ballot[]): QueueItems {
  const { CreateQueueItemsForAcceptingQueueRecipients, CreateQueueItemForSynchronizingMailbox } = facts.settings;
  const queues = new Map<string, RecordRef>();
  if (CreateQueueItemsForAcceptingQueueRecipients) {
    const accepting = ballots.filter(({ place, filter }) => place !== "mailbox" && filter.accepts);
    for (const { voter } of accepting) if (voter.record.type === "queue") queues.set(voter.record.id, voter.record);
  }
  const owner = facts.mailboxOwner;
  if (CreateQueueItemForSynchronizingMailbox && owner !== null && owner.record.type === "queue" && !owner.disabled) {
    queues.set(owner.record.id, owner.record);
  }
  const records = [...queues.values()];
  const settings = { CreateQueueItemsForAcceptingQueueRecipients, CreateQueueItemForSynchronizingMailbox };
  const answer =
    records.length === 0
      ? no(RULE.queueItems, "No queue gets an item.", { settings, isGeneral: true })
      : yes(RULE.queueItems, `An item goes to ${listing(records.map((one) => quote(one.name)))}.`, { settings, records });
  return { queueIds: [...queues.keys()], answer };
}
