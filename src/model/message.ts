import type { Address } from "./address.ts";
import type { Forwarded } from "./forwarded.ts";

/** Where a message lies: an id that is unique in one stream for ever (IMAP: `uidvalidity.uid`; POP3: UIDL). */
export interface MessageRef {
  readonly stream: string;
  readonly id: string;
}

/** What a mail system tells of a message without its content. Everything in it was written by a stranger. */
export interface MessageHead {
  readonly ref: MessageRef;
  /** Ids of the folders in which it lies now: one, or several where folders are labels (Gmail, JMAP). */
  readonly folders: readonly string[];
  /** The mail system tells it from others only by their order (POP3, several under one UIDL): its ref means another one when one of them goes. */
  readonly sharesId?: boolean;
  /** When the server received it (IMAP INTERNALDATE); never the Date header where there is anything else. */
  readonly received: Date;
  /**
   * What `received` is taken from where the server does not tell it (POP3): the line that a mail server wrote on top of the message, the Date
   * header because there is no such line, or the moment of reading because there is neither. Left out: the server told it.
   */
  readonly receivedFrom?: "trace" | "sender" | "reading";
  /** Bytes as announced; some servers are wrong about it. */
  readonly size: number;
  /** It is the copy that its sender keeps: it was found among the sent mail of the mailbox. Whoever reads the mailbox knows, not the mail system. */
  readonly isSentCopy?: true;
  /** Server flags and keywords, e.g. `\Seen`. */
  readonly flags: readonly string[];
  /** An id of the mail system that survives moves (OBJECTID EMAILID, Gmail, Graph), or null. */
  readonly providerId: string | null;
  /** Message-ID without angle brackets, or null. */
  readonly messageId: string | null;
  /** In-Reply-To, without angle brackets; usually one. */
  readonly inReplyTo: readonly string[];
  /** References, oldest first, without angle brackets. */
  readonly references: readonly string[];
  /** Decoded, one line. */
  readonly subject: string;
  readonly from: readonly Address[];
  readonly sender: Address | null;
  readonly replyTo: readonly Address[];
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
  readonly bcc: readonly Address[];
  /** The Date header, or null when missing or unreadable. */
  readonly date: Date | null;
  /** Thread-Index as base64, or null (Exchange conversation index). */
  readonly conversationIndex: string | null;
  /** The other header fields that rules ask about, names in lower case, in order: see HEADER_FIELDS in mime/. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /**
   * Digest of how the header writes what tells whose message it is (model/origin.ts): the content whose header has the same one is this message's.
   * Not kept in the ledger.
   */
  readonly originDigest?: string;
  /** True when a limit cut the header block short; the decision then says so. */
  readonly truncated: boolean;
  /** The server did not hand out the header, and why, in its words: nothing can be decided on such a head. */
  readonly unreadable?: string;
  /** Set in a forward mailbox: whose original it is, or why it is nobody's. */
  readonly forwarded?: Forwarded;
}

/** Use of a folder as the server declares it (RFC 6154 special use), else `none`. */
export type FolderRole = "inbox" | "sent" | "drafts" | "trash" | "junk" | "archive" | "all" | "flagged" | "none";

/** A folder of a mailbox, or what a mail system has in its place: a label, a mailbox-wide list. */
export interface Folder {
  /** Survives a rename where the system can tell (IMAP: MAILBOXID, else the path). */
  readonly id: string;
  /**
   * Where the id does not survive a rename: what the mail system keeps of the folder then. Another folder may have the same. Null or left out where there is
   * nothing of the kind.
   */
  readonly mark?: string | null | undefined;
  /**
   * The stream that tells of its messages. A stream is what has one cursor: the folder itself (IMAP, EWS, Graph; then the ids are equal), or
   * the whole mailbox, which many folders share (POP3, Gmail, JMAP).
   */
  readonly stream: string;
  /** For people: decoded, levels joined by `/`. */
  readonly name: string;
  readonly role: FolderRole;
  /** False for a folder that can only hold folders. */
  readonly selectable: boolean;
  /** It is the inbox or lies below it. */
  readonly underInbox: boolean;
  /** Whose it is: one's own, another user's, or public (RFC 2342). */
  readonly namespace: "personal" | "other" | "shared";
  /** Messages in it, or null when the server would not say. */
  readonly messages: number | null;
  /** Why it cannot be read though it is selectable (no right, for instance), in the server's words; null when it can. */
  readonly unreadable: string | null;
}

/** Where one message lies. */
export interface Place {
  readonly ref: MessageRef;
  /** Ids of the folders, see MessageHead. */
  readonly folders: readonly string[];
}

/**
 * An opaque, versioned position in one stream. Only the connector that made it reads it. What a large one holds that seldom changes stands before its first
 * line break: it is written only when it does.
 */
export type Cursor = string;

/** The content of one message: raw MIME, or why there is none. */
export type Content =
  | { readonly ref: MessageRef; readonly kind: "mime"; readonly mime: Buffer }
  | { readonly ref: MessageRef; readonly kind: "gone" }
  | { readonly ref: MessageRef; readonly kind: "too large"; readonly size: number; readonly limit: number };

/** One attachment or inline picture of a parsed message. */
export interface Attachment {
  /** At most 255 characters; made up (`attachment-2.pdf`) when the message names none. */
  readonly filename: string;
  readonly mimetype: string;
  /** Content-ID without angle brackets, or null. */
  readonly contentId: string | null;
  readonly inline: boolean;
  readonly body: Buffer;
  /** SHA-256 of the body in lower-case hex, where somebody has computed it already. */
  readonly hash?: string;
}

/** A message's content as the CRM stores it. */
export interface ParsedContent {
  /** HTML body as sent (not sanitized), or null. */
  readonly html: string | null;
  readonly text: string | null;
  readonly attachments: readonly Attachment[];
  /** What a limit or a fault in the message left out, as sentences; empty when all was read. */
  readonly remarks: readonly string[];
}
