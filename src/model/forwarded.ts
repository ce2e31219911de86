/** By what the forwarder of a message in a forward mailbox is proven. Everything else in the message, a stranger can write. */
export interface ForwardTrust {
  /** The server whose Authentication-Results count (RFC 8601 2.5, authserv-id), in lower case; null: none do. */
  readonly authenticationResults: string | null;
  /** Addresses and networks (`192.0.2.0/24`) of the servers that hand over forwards, and nothing that strangers sent to the forward mailbox. */
  readonly forwardingServers: readonly string[];
}

/** What is known of a message that lies in a forward mailbox. */
export type Forwarded =
  /** The original that a user got, with the user's address and why it is believed, as a sentence. */
  | { readonly kind: "original"; readonly forwarder: string; readonly because: string }
  /** No user's forward, and why, as a sentence. */
  | { readonly kind: "refused"; readonly because: string }
  /** It could not be opened: it is larger than may be downloaded. Bytes. */
  | { readonly kind: "too large"; readonly size: number; readonly limit: number };

/** A header field of a forward that tells how it came: the name in lower case, the value on one line; empty where it is too long to be read. */
export type TraceField = readonly [name: string, value: string];

/** How a message came to a forward mailbox, as its header tells: the fields of transport from the top down, who wrote it, and to whom. */
export interface ForwardTrace {
  readonly fields: readonly TraceField[];
  /** Addresses in From. None where the header is too long to be read whole. */
  readonly from: readonly string[];
  /** Addresses in To. None where there are several such fields. */
  readonly to: readonly string[];
}

/** Where an original lies in a forward mailbox: in which message, as the how many-th of how many. */
export interface OriginalPlace {
  /** Id of the ref of the message that holds it. */
  readonly forward: string;
  /** From 1. */
  readonly number: number;
  readonly of: number;
}

/** The id of an original's ref: that of the message that holds it, and which one it is. */
export function originalId({ forward, number, of }: OriginalPlace): string {
  return `${forward} ${number}/${of}`;
}

/** Reads such an id; null for that of a message of the mail system: no id of one ends so, for behind the last blank of POP3's is a number, and IMAP's hold none. */
export function originalPlaceOf(id: string): OriginalPlace | null {
  const [, forward, number, of] = /^(.*) (\d{1,6})\/(\d{1,6})$/s.exec(id) ?? [];
  return forward === undefined ? null : { forward, number: Number(number), of: Number(of) };
}
