import type { MailboxOwner } from "../model/mailbox.ts";

/** The owner of a mailbox as three columns hold it. */
export interface StoredOwner {
  readonly ownerType: MailboxOwner["type"];
  readonly ownerId: string | null;
  readonly ownerAddress: string | null;
}

export function ownerOf({ ownerType, ownerId, ownerAddress }: StoredOwner): MailboxOwner {
  if (ownerType === "forward") return { type: "forward" };
  if (ownerId !== null) return { type: ownerType, id: ownerId };
  return ownerAddress === null ? { type: "forward" } : { type: ownerType, address: ownerAddress };
}

export function isSameOwner(one: MailboxOwner, other: MailboxOwner): boolean {
  return one.type === other.type && nameOf(one) === nameOf(other);
}

function nameOf(one: MailboxOwner): string {
  if ("id" in one) return `id ${one.id}`;
  return "address" in one ? `address ${one.address}` : "";
}
