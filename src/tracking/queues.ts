import type { RuleAnswer } from "../model/decision.ts";
import type { Facts } from "../model/facts.ts";
import type { RecordRef } from "../model/record.ts";
import type { Ownership } from "./owner.ts";
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
 * The queues that get an item of a tracked message (product-behaviour 4.12): those among the recipients whose own filter accepts, the
 * one whose mailbox is being read, which blind copies and lists do not name, and by setting the default queue of the email's owner. A queue's filter
 * counts here also where a setting takes its vote on tracking away; its mailbox would find the email there already and never add the item.
 */
export function queueItems({ head, facts }: Question, ballots: readonly Ballot[], { voter }: Ownership): QueueItems {
  if (head.isSentCopy) return { queueIds: [], answer: no(RULE.queueItems, "Sent mail gets no queue item.", { isGeneral: true }) };
  const { CreateQueueItemsForAcceptingQueueRecipients, CreateQueueItemForSynchronizingMailbox, AutoRouteToOwnerQueue } = facts.settings;
  const queues = new Map<string, RecordRef>();
  if (CreateQueueItemsForAcceptingQueueRecipients) {
    const accepting = ballots.filter(({ place, filter }) => place !== "mailbox" && filter.accepts);
    for (const { voter } of accepting) if (voter.record.type === "queue") queues.set(voter.record.id, voter.record);
  }
  const read = queueBeingRead(facts);
  if (CreateQueueItemForSynchronizingMailbox && read !== null) queues.set(read.id, read);
  const routed = AutoRouteToOwnerQueue ? (voter?.ownerQueue ?? null) : null;
  if (routed !== null) queues.set(routed.id, routed);
  const records = [...queues.values()];
  const settings = { CreateQueueItemsForAcceptingQueueRecipients, CreateQueueItemForSynchronizingMailbox, AutoRouteToOwnerQueue };
  const answer =
    records.length === 0
      ? no(RULE.queueItems, "No queue gets an item.", { settings, isGeneral: true })
      : yes(RULE.queueItems, `An item goes to ${listing(records.map((one) => quote(one.name)))}.`, { settings, records });
  return { queueIds: [...queues.keys()], answer };
}

/** The queue whose mailbox is being read, for which the email of another mailbox gets an item too. */
export interface AdditionalQueueItem {
  readonly queue: RecordRef;
  readonly answer: RuleAnswer;
}

/**
 * Where a message is an email already that another mailbox made, SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail gives the queue whose mailbox is
 * being read its item all the same (product-behaviour 4.12). Null: the setting is off, no queue's mailbox is read, or it is the queue's own sent mail.
 */
export function additionalQueueItem({ head, facts }: Question): AdditionalQueueItem | null {
  if (head.isSentCopy) return null;
  const queue = facts.settings.SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail ? queueBeingRead(facts) : null;
  if (queue === null) return null;
  const settings = { SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: true };
  return { queue, answer: yes(RULE.queueItems, `An item goes to ${quote(queue.name)}.`, { settings, records: [queue] }) };
}

function queueBeingRead({ mailboxOwner }: Facts): RecordRef | null {
  return mailboxOwner !== null && mailboxOwner.record.type === "queue" && !mailboxOwner.disabled ? mailboxOwner.record : null;
}
