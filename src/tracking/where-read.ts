import type { Facts, Voter } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { votersAt } from "./recipients.ts";

/** The mailbox in which a message counts as read: that of the user or queue whose rule forwarded it, where it lies in a forward mailbox (product-behaviour 2.5). */
export function whereRead(head: MessageHead, mailbox: string): string {
  return head.forwarded?.kind === "original" ? head.forwarded.forwarder : mailbox;
}

/** The facts with the owner of that mailbox. */
export function factsWhereRead(head: MessageHead, facts: Facts): Facts {
  return head.forwarded?.kind === "original" ? { ...facts, mailboxOwner: ownerAt(head.forwarded.forwarder, facts) } : facts;
}

function ownerAt(address: string, facts: Facts): Voter | null {
  return votersAt(address, facts)[0] ?? null;
}
