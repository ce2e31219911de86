import type { MessageHead } from "./message.ts";
import type { AddressMatch, RecordRef } from "./record.ts";
import type { AutoCreate, FilterMethod, OrganizationSettings } from "./settings.ts";

/** A user or queue whose filter is asked about a message (product-behaviour 4.4). */
export interface Voter {
  readonly record: RecordRef;
  /** Key forms of all its addresses. */
  readonly addresses: readonly string[];
  readonly filter: FilterMethod;
  /** Who owns what it receives: the user itself, or the queue's owner; null when there is none. */
  readonly ownerId: string | null;
  readonly ownerType: "systemuser" | "team";
  /** That owner may write emails, and so may own them. */
  readonly ownerMayWrite: boolean;
  /** The owner's default queue. */
  readonly ownerQueue: RecordRef | null;
  /** What the owner wants made of unresolved senders. */
  readonly ownerAutoCreates: AutoCreate;
  readonly disabled: boolean;
}

/** An email that the CRM has already, as evidence for correlation. */
export interface EarlierEmail {
  readonly id: string;
  readonly messageId: string | null;
  readonly direction: "incoming" | "outgoing";
  readonly subject: string;
  readonly trackingToken: string | null;
  readonly conversationIndex: string | null;
  readonly senderAddress: string | null;
  /** Key forms of all addresses on it, the sender's too. */
  readonly participants: readonly string[];
  /** When it was sent or received. */
  readonly at: Date;
  /** The Date header of the message that became the email; null for what the CRM sent. */
  readonly sent: Date | null;
  readonly regarding: RecordRef | null;
  readonly ownerId: string | null;
}

/**
 * Emails per key and direction, the newest; of a hash in all. Tokens wrap and conversations grow for years; the rules want the latest, and a stranger
 * who repeats a Message-ID must not push the email that we sent out of sight.
 */
export const CANDIDATES_PER_KEY = 10;

/** What the CRM knows about the heads of one page, read by one set-based look-up. */
export interface Facts {
  readonly settings: OrganizationSettings;
  /**
   * By key form of the address; each of the first MAXIMUM_PARTIES addresses of a head has an entry, maybe empty, and so has each that a user or queue
   * bears and one of them may be a variant of. At most MATCHES_PER_ADDRESS + 1 each.
   */
  readonly records: ReadonlyMap<string, readonly AddressMatch[]>;
  /** Users and queues by key form of the address. */
  readonly voters: ReadonlyMap<string, readonly Voter[]>;
  /** The user or queue whose mailbox is being read; null for a forward mailbox. */
  readonly mailboxOwner: Voter | null;
  /** Emails by Message-ID: those that the heads answer, refer to, or are. */
  readonly emailsByMessageId: ReadonlyMap<string, readonly EarlierEmail[]>;
  /** Emails by tracking token, for the tokens that stand in the heads' subjects. */
  readonly emailsByToken: ReadonlyMap<string, readonly EarlierEmail[]>;
  /** Emails by base of the conversation index (first 22 bytes, base64). */
  readonly emailsByConversation: ReadonlyMap<string, readonly EarlierEmail[]>;
  /** Emails by the hashes that smart matching makes of a correspondent and the words of the subject; none where it is switched off. */
  readonly emailsByHash: ReadonlyMap<string, readonly EarlierEmail[]>;
  /**
   * By the number of the head: keys that the CRM was not asked for, because a local index holds none of them (model/key-index.ts). Whoever decides by these facts has
   * that noted. Only where the query allows it.
   */
  readonly unasked?: ReadonlyMap<number, readonly number[]> | undefined;
}

/** More matches than this leave an address unresolved (product-behaviour 4.8). */
export const MATCHES_PER_ADDRESS = 100;

/**
 * Parties of one email, and so addresses of one head that are looked up. A message to thousands, each address on a hundred records, would otherwise fill the
 * CRM by itself.
 */
export const MAXIMUM_PARTIES = 2_000;

/** Which heads the facts are wanted for, and the keys that the tracking rules found in them. */
export interface FactsQuery {
  readonly mailbox: {
    readonly address: string;
    readonly owner: { readonly type: string; readonly id?: string; readonly address?: string };
  };
  readonly heads: readonly MessageHead[];
  /**
   * Further Message-IDs that are asked for: delivery reports name them in their content. With the email that went out under one, where the ledger
   * knows: the CRM may have been told of another Message-ID, or of none yet.
   */
  readonly reported?: readonly { readonly messageId: string; readonly emailId: string | null }[];
  /** What a local index holds nothing of may be left unasked; see `Facts.unasked`. */
  readonly mayRestOnIndex?: boolean | undefined;
}

/** What the ledger knows of one message before the rules are asked. */
export interface Known {
  /** An email that stands for this very message already, or was made from it and deleted since. */
  readonly emailId: string | null;
  /** Said as evidence: `read in mailbox bob@…`. */
  readonly how: string | null;
  /** Waypost sent the message itself, from that email: this is a copy that the mail system or Waypost filed. */
  readonly wasSent?: true;
}
