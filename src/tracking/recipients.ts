import type { Address } from "../model/address.ts";
import type { Voter } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { type AddressFacts, addressMeant } from "./plus-address.ts";

export type Field = "To" | "Cc" | "Bcc";

/** The address fields of a head in the order in which recipients are looked at (product-behaviour 4.9). */
export function recipientFields(head: MessageHead): readonly (readonly [Field, readonly Address[]])[] {
  return [
    ["To", head.to],
    ["Cc", head.cc],
    ["Bcc", head.bcc],
  ];
}

/** The users and queues that have an address or its variant: users first, in an order that does not depend on the CRM's. */
export function votersAt(address: string, facts: AddressFacts): readonly Voter[] {
  const voters = facts.voters.get(addressMeant(address, facts)) ?? NONE;
  return voters.length < 2 ? voters : [...voters].sort(usersFirst);
}

const NONE: readonly Voter[] = [];

function usersFirst(a: Voter, b: Voter): number {
  const byType = Number(a.record.type === "queue") - Number(b.record.type === "queue");
  return byType || (a.record.id < b.record.id ? -1 : 1);
}
