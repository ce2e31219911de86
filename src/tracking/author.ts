import { type Address, MAXIMUM_ADDRESS_LENGTH } from "../model/address.ts";
import type { MessageHead } from "../model/message.ts";

/** Something on both sides of an `@` and nothing that no address can hold; whether mail would reach it is another question. */
const ADDRESS_SHAPE = /^[^\p{Cc}\p{Z}<>]+@[^\p{Cc}\p{Z}<>@]+$/u;

/** The author of a message: the first usable address in From, else Sender (RFC 5322 3.6.2); null when there is none. */
export function authorOf(head: MessageHead): Address | null {
  return claimedAuthors(head).find(isUsable) ?? null;
}

/** All addresses that claim to have written the message, usable or not. */
export function claimedAuthors(head: MessageHead): readonly Address[] {
  return head.sender === null ? head.from : [...head.from, head.sender];
}

/** Whether the CRM can keep it as an address. */
function isUsable({ address }: Address): boolean {
  return address.length <= MAXIMUM_ADDRESS_LENGTH && ADDRESS_SHAPE.test(address.trim());
}
