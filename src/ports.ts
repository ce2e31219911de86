/**
 * The whole contract between the engine and foreign systems. A connector implements it and nothing else; the engine asks
 * `capabilities`, never a connector's name. Failures that a caller cannot act on are thrown as `Failure` with their scope;
 * everything a caller must choose about is a value.
 */

import type { Returned } from "./model/delivery-report.ts";
import type { Delivered, IncomingEmail, OutgoingEmail, PendingEmail, PendingSender, Settled, Settlement } from "./model/email.ts";
import type { Facts, FactsQuery } from "./model/facts.ts";
import type { Failure } from "./model/failure.ts";
import type { Direction, Secret } from "./model/mailbox.ts";
import type { Content, Cursor, Folder, MessageHead, MessageRef } from "./model/message.ts";
import type { MadeRecord, NewRecord, RecordName, RecordRef } from "./model/record.ts";
import type { ServerSideSync } from "./model/server-side-sync.ts";
import type { OrganizationSettings } from "./model/settings.ts";
import type { Transaction } from "./model/sql.ts";
import type { CrmVerdict } from "./model/verdict.ts";

/** Sign-in data handed in by the engine. `refresh` is one at a time over all processes; for passwords it reads the secret again. */
export interface Credentials {
  current(): Promise<Secret>;
  refresh(): Promise<Secret>;
}

/** One mailbox as a connector sees it. */
export interface MailboxAccess {
  readonly address: string;
  readonly credentials: Credentials;
  /** Set where the credentials are not the mailbox's own but those of one account for many mailboxes. */
  readonly serviceAccount?: ServiceAccountAccess | undefined;
}

/** How a service account comes into a mailbox. A refused sign-in is then, as a rule, the trouble of the profile and not of the mailbox. */
export interface ServiceAccountAccess {
  /** Its user name, for messages. */
  readonly name: string;
  /** The mailbox's user on the mail server. */
  readonly user: string;
  /**
   * `masterUser`, `authorizationIdentity`: it signs in as the user; the credentials say so (a composed name, an authorization identity), and
   * nothing else differs. `sharedFolders`: it signs in as itself and finds the user's folders among those of other users (RFC 2342), which
   * the connector shows as the user sees them. `itself`: it signs in as itself and sends from the mailbox's address.
   */
  readonly access: "masterUser" | "authorizationIdentity" | "sharedFolders" | "itself";
  /** The credentials of the other mailboxes for which it signs in as the user: what the server says to them tells whose trouble a refusal is. */
  others(): readonly Credentials[];
}

export interface Capabilities {
  /** The mail system itself files a copy of what is submitted; only then does an empty Sent folder prove that nothing left. */
  readonly filesSentCopy: boolean;
  /** The bytes of a message never change between two reads. */
  readonly stableMime: boolean;
  /** An id of a message survives a move (`MessageHead.providerId`). */
  readonly keepsIdsOnMove: boolean;
  /** `watch` delivers wakes within seconds. */
  readonly push: boolean;
  /** Messages can be given keywords, which whoever reads them sees. */
  readonly keepsKeywords?: boolean | undefined;
  /** Its mailboxes have no folder for sent mail, nor any folder but the inbox: copies of sent emails cannot be filed. */
  readonly lacksSentFolder?: boolean | undefined;
  /** Shows only folders that are shared with whoever signs in: one that is not listed any more may still be there. */
  readonly hidesFolders?: boolean | undefined;
}

/** One step of "test & enable". */
export interface Step {
  readonly name: string;
  readonly result: "ok" | "failed" | "warning";
  /** Stable word for the cause of a failure or a warning, as `Failure.code`. */
  readonly code?: string | undefined;
  readonly message: string;
  readonly serverSaid?: string | undefined;
  readonly remedy?: string | undefined;
}

/** One mail system opened from a server profile. Opening connects to nothing; `source` and `sender` do when first used. */
export interface MailSystem extends AsyncDisposable {
  readonly capabilities: Capabilities;
  source(mailbox: MailboxAccess): MailSource;
  sender(mailbox: MailboxAccess): MailSender;
  /** Tries what a mailbox needs in one direction, step by step up to the first that fails, and changes nothing. The other direction is not touched. */
  check(mailbox: MailboxAccess, direction: Direction): AsyncIterable<Step>;
  /**
   * Calls `wake(address)` when something may have happened in a mailbox; only wakes, never decides (invariant 5). Keeps itself connected
   * with back-off and returns when `signal` aborts. A mailbox that cannot be watched is left to the slow pull; `trouble` is told.
   */
  watch(targets: readonly WatchTarget[], signal: AbortSignal): Promise<void>;
}

export interface WatchTarget {
  readonly mailbox: MailboxAccess;
  /** Streams worth watching, the inbox first; empty: the inbox alone. */
  readonly streams: readonly string[];
  wake(): void;
  trouble(failure: unknown): void;
}

export type MessageAction = "seen" | "delete" | { readonly moveTo: string } | { readonly addKeyword: string };

/** A message that was not changed, with the reason. */
export interface Undone {
  readonly ref: MessageRef;
  readonly failure: Failure;
  /** Nothing was asked, because its id may have become another message's since it was looked at: once that was done again, it may be changed at once. */
  readonly lookAgain?: boolean | undefined;
  /** It may be another one of those asked for with it that the mail system ended the work at: asked for apart from that one, this one may be changed. */
  readonly apart?: boolean | undefined;
}

/** What became of a change to messages; each stands in one of the three. */
export interface Applied {
  readonly changed: readonly MessageRef[];
  /** Those that were not there any more, by somebody else's hand or in an earlier attempt. */
  readonly gone: readonly MessageRef[];
  /** Those that were not, as far as is known. */
  readonly undone: readonly Undone[];
}

/** Reads one mailbox. One command at a time; close it when done. Reading has no side effect on the mailbox (invariant 11). */
export interface MailSource {
  /** All folders of the mailbox, those that cannot be read too, each with the stream that tells of its messages. */
  folders(): Promise<readonly Folder[]>;
  /**
   * The next changes of one stream, at most about `limit` heads, oldest first where the system can. `cursor` null starts at the beginning, where
   * heads received before `since` (server's received date) may be left out. A message may be told again; in a stream of many folders it must be
   * when its folders change, also when it leaves those that are read. The cursor returned covers nothing that the page does not hold
   * (invariant 2); a page may be empty and more to come.
   */
  pull(stream: string, cursor: Cursor | null, options: PullOptions): Promise<Pull>;
  /**
   * What a stream holds now, by the mail system's own listing and not by what was told of it before. Of many folders only what lies in one of `folders`
   * counts. Changes nothing: the same cursor goes on where it stands.
   */
  list(stream: string, cursor: Cursor | null, options: ListOptions): Promise<Listing>;
  /** Raw MIME of messages of one stream, in any order; `\Seen` stays as it is. Each ref is answered exactly once. */
  content(refs: readonly MessageRef[], options: { readonly maximumSize: number }): AsyncIterable<Content>;
  /** The messages with that Message-ID (angle brackets left off) that lie in a folder. */
  find(folder: string, messageId: string): Promise<readonly MessageRef[]>;
  /**
   * Waits until something may have happened in a stream, for at most so many milliseconds, or until `signal` aborts: on the connection that is
   * open, where `watch` opens one of its own. Missing where the mail system shows news only to those who come anew.
   */
  awaitNews?(stream: string, milliseconds: number, signal: AbortSignal): Promise<void>;
  /** The heads of those of these messages of one stream that lie there now, as they are now. */
  heads(refs: readonly MessageRef[]): Promise<readonly MessageHead[]>;
  /**
   * Changes messages; only where the profile says so. What one folder refuses is the result of its messages. Trouble that is wider than a folder ends
   * it, and is the result of those that were not changed before; throws it only where the mail system knows no such change.
   */
  apply(refs: readonly MessageRef[], action: MessageAction): Promise<Applied>;
  /**
   * What would keep messages of a stream from being deleted, as far as the mail system tells it to somebody who deletes nothing; null: it says that they may be
   * deleted. Missing where only trying tells in any case.
   */
  hindranceToDeleting?(stream: string): Promise<Failure | "not told" | null>;
  /**
   * The cursor of a stream when these messages of it are no more, because we deleted them: that they left says nothing of the stream then. Asks nobody.
   * Missing where a cursor does not name its messages.
   */
  without?(cursor: Cursor, deleted: readonly MessageRef[]): Promise<Cursor>;
  /**
   * Puts a copy of a sent message into the folder with role `sent`, marked as read, after searching it for the Message-ID.
   * `no folder` when the mailbox has none.
   */
  fileSent(messageId: string, mime: Buffer, sentOn: Date): Promise<"filed" | "already there" | "no folder">;
  close(): Promise<void>;
}

export interface ListOptions {
  /** Messages received before it may be counted as older, where the mail system tells that without their heads. */
  readonly since: Date;
  readonly folders: ReadonlySet<string>;
}

/** Each message that is listed counts in exactly one of the three. */
export interface Listing {
  /** Ids of the messages that the cursor covers, in any order. */
  readonly covered: readonly string[];
  /** How many came behind the cursor, or all where the cursor is null or lost: the next pulls tell of them. */
  readonly ahead: number;
  /** How many were received before `since`, as far as the listing shows. */
  readonly older: number;
}

export interface PullOptions {
  readonly limit: number;
  readonly since: Date;
  /** Which messages bear this keyword shall be told too; null or left out: nobody asks. */
  readonly keyword?: string | null | undefined;
}

export type Pull =
  | {
      readonly kind: "page";
      readonly heads: readonly MessageHead[];
      /**
       * Messages known to have left the stream (tombstones). A ref stands here or in `heads`, as it is at the end of the page. Where tombstones
       * lie (Graph: a message moved out and back with its id), the connector looks the message up before it tells: what it calls gone and was
       * never told of before, nobody will look for again. The engine takes a tombstone for the end of a place, not of the message.
       */
      readonly gone: readonly MessageRef[];
      /** All ids that the stream holds now, when the system has no tombstones and the listing is complete and verified; else null. */
      readonly present: readonly string[] | null;
      /**
       * Messages that were told of before, or were left out as older than `since`, and that nothing in the cursor shows to be the same ones still, or
       * that look otherwise now. The engine compares them with what it knows of their refs, their content too; where one is another message, the cursor is
       * lost. Those that are the same the new cursor takes as they are now.
       */
      readonly again?: readonly MessageHead[] | undefined;
      /**
       * All messages that bear the keyword that was asked for at the time of the page, those told of long ago too. Left out where the mail system does not tell, or
       * not with this page: each time that the reading of a stream begins is enough.
       */
      readonly bearing?: readonly MessageRef[] | undefined;
      /** A sentence that people should know of the stream as the mail system keeps it; null: none. Left out: nothing new is known of it. */
      readonly remark?: string | null | undefined;
      readonly cursor: Cursor;
      readonly more: boolean;
    }
  /**
   * The cursor is lost. The engine pulls again from null and reconciles by identity (invariant 3). `expected`: the mail system cannot keep
   * positions in this stream, so that it is no news.
   */
  | { readonly kind: "reset"; readonly reason: string; readonly expected?: true | undefined };

export interface Envelope {
  readonly from: string;
  readonly recipients: readonly string[];
  /** Some address has a local part outside ASCII. */
  readonly needsSmtpUtf8: boolean;
}

export interface RecipientRefusal {
  readonly address: string;
  readonly permanent: boolean;
  readonly response: string;
}

/**
 * What became of one submission. `submit` throws a Failure only while nothing has been transmitted: connection, sign-in and throttling trouble
 * (scope profile or mailbox) is no answer to this message. A complete 4yz or 5yz answer to the content is `refused`.
 */
export type Submission =
  | { readonly kind: "accepted"; readonly response: string; readonly refused: readonly RecipientRefusal[] }
  | { readonly kind: "refused"; readonly permanent: boolean; readonly response: string; readonly refused: readonly RecipientRefusal[] }
  /** The content went out and no answer came back: it may have been delivered or not. */
  | { readonly kind: "unknown"; readonly reason: string };

export interface SubmitAttempt {
  /** Awaited after the recipients are accepted and before the first byte of content goes out: from here on the outcome can become unknown. */
  transmitting(): Promise<void>;
}

export interface MailSender {
  /** To the envelope's recipients and nobody else: a system without an envelope (Graph, Gmail, EWS) is given those not in To and Cc as Bcc. */
  submit(envelope: Envelope, mime: Buffer, attempt: SubmitAttempt): Promise<Submission>;
  /**
   * Whether the mail system holds a sent copy that it filed itself; `cannot tell` wherever only we file the copies. It need not know yet: the
   * engine believes a no only when the copy has had time to appear.
   */
  wasSent(messageId: string): Promise<boolean | "cannot tell">;
  close(): Promise<void>;
}

/** Where an address stands now that it stands for a record. */
export interface AddedAddress {
  /** See AddressMatch. */
  readonly column: number;
  readonly place: "column" | "beside the columns" | "there already";
}

/** Which unresolved parties become which record. */
export interface Resolving {
  readonly address: string;
  readonly record: RecordRef;
  readonly column: number;
  /** Only those of this email; null: of all. */
  readonly emailId: string | null;
  /** Parties at a time. */
  readonly limit: number;
}

export interface ResolvedParties {
  readonly parties: number;
  readonly emails: number;
}

/** What is wanted to try other settings on messages. */
export interface TrialOptions {
  /** Under each of them the messages are to be decided. */
  readonly settings: readonly OrganizationSettings[];
  /**
   * How far back emails can be found by hashes that the CRM does not keep, because it has other settings: to make them reads all those emails once. Null:
   * by these nothing is found.
   */
  readonly emailsSince: Date | null;
  /** So many earlier emails for each key and direction, the newest. */
  readonly perKey: number;
  /** Nobody wants the trial any more: what is read for it stays incomplete. */
  readonly signal?: AbortSignal;
}

/** A look at a CRM as it would be asked under other settings. Holds nothing open. */
export interface Trial {
  /**
   * Like Crm.facts, but with what any of the settings has looked up. A mailbox without an address stands for those of all the heads. The settings among the facts
   * are those in force.
   */
  facts(query: FactsQuery): Promise<Facts>;
}

/** What one email shall be about; null: nothing. */
export interface Relation {
  readonly id: string;
  readonly from: RecordRef | null;
  readonly to: RecordRef | null;
}

/** What the CRM's own program does with a mailbox, by direction; a direction is missing where it does nothing. */
export type Elsewhere = Readonly<Partial<Record<Direction, { readonly because: string; readonly remedy: string }>>>;

/** Messages read in one mailbox, about which the CRM is asked. */
export interface VerdictQuery {
  readonly mailbox: { readonly address: string };
  readonly heads: readonly MessageHead[];
}

/** A CRM organization. */
export interface Crm {
  /** `deliver`, `setRegarding`, `relate`, `remove`, `claim` and `settle` can take part in a transaction of the ledger's database. */
  readonly joinsTransaction: boolean;
  /** The organization's settings, those that are not set at Dynamics' defaults. */
  organizationSettings(): Promise<OrganizationSettings>;
  /** One set-based look-up per page; the number of statements does not depend on what the page holds, but for some more with tens of thousands of addresses. */
  facts(query: FactsQuery): Promise<Facts>;
  /**
   * What the CRM itself says of these messages, in their order; null: of this one it says nothing, and the rules here decide. Null instead of a list, or missing:
   * the CRM leaves all deciding to us. Changes nothing.
   */
  verdicts?(query: VerdictQuery): Promise<readonly (CrmVerdict | null)[] | null>;
  /** Only reads. */
  trial(options: TrialOptions): Promise<Trial>;
  /** Idempotent per email id: delivering twice makes one email. */
  deliver(emails: readonly IncomingEmail[], within?: Transaction): Promise<readonly Delivered[]>;
  /**
   * Those of these emails that stand in the CRM with all that their message held: nothing was left out for its size or its kind. With the hash of
   * their content as it was delivered (see contentHash in model/): what is to be deleted elsewhere is compared with it.
   */
  whole(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** What came back of these outgoing emails: what the delivery reports among the delivered emails say, newest first. Empty where the CRM keeps none. */
  returned(ids: readonly string[]): Promise<readonly Returned[]>;
  /**
   * The records that a person may mean: the one of that type and id, in whatever state; or the active contacts, accounts and leads that have the address,
   * of which the first few are enough.
   */
  records(named: RecordName): Promise<readonly RecordRef[]>;
  /** Those of these emails that stand in the CRM. */
  standing(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Those of these emails that are not there because somebody deleted them, in distinction from those that were lost. A CRM that keeps no trace of what is
   * deleted names all that are not there: nobody's deleting is undone.
   */
  deleted(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Addresses (key form) that active contacts, accounts and leads got since they were asked for before; taken with the transaction. None where nobody told
   * the CRM to keep them. Each comes a second time some minutes later; at most `limit` come for the first time, and as many for the second. Missing where the CRM cannot tell.
   */
  newAddresses?(limit: number, now: Date, within: Transaction): Promise<readonly string[]>;
  /**
   * Makes contacts and leads of addresses that no record has, one of each address whoever asks at once. By key form of the address, whose it is now;
   * without an entry it is nobody's. In a transaction it comes first.
   */
  makeRecords(wanted: readonly NewRecord[], within?: Transaction): Promise<ReadonlyMap<string, MadeRecord>>;
  /** Makes an address stand for a contact, account or lead; null where there is no such record. */
  addAddress(record: RecordRef, address: string, where: "column" | "beside", within?: Transaction): Promise<AddedAddress | null>;
  /** Resolves some of the unresolved parties with an address; called again until it says 0 parties, it has resolved all. */
  resolveParties(resolving: Resolving, within?: Transaction): Promise<ResolvedParties>;
  /** Items in a queue for emails that may have none there; see additionalQueueItem in tracking/. */
  addQueueItems(queueId: string, emailIds: readonly string[], within?: Transaction): Promise<void>;
  /** Sets what an email is about; null: nothing. False where there is no such email. */
  setRegarding(id: string, regarding: RecordRef | null, within?: Transaction): Promise<boolean>;
  /**
   * Sets what these emails are about, each once, if they are about `from` still or about `to` already: what somebody else said meanwhile stands. Returns the
   * ids of those that are about `to` now.
   */
  relate(relations: readonly Relation[], within?: Transaction): Promise<ReadonlySet<string>>;
  /**
   * Deletes an email with its parties, attachments and queue items; emails that named it as the one they belong to name none then. False where there is
   * no such email. Bodies that no other email has go with purgeLeft.
   */
  remove(id: string, within?: Transaction): Promise<boolean>;
  /** Ids of the newest emails that this address takes part in, at most `limit`: they are listed for a person who asks what is known of it. */
  emailsOf(address: string, limit: number): Promise<readonly string[]>;
  /** Deletes the bodies that deleted emails left; at most `limit` are looked at. How many were. 0 where the CRM sees to it itself. */
  purgeLeft(limit: number): Promise<number>;
  /**
   * Seconds between two questions for what waits in Pending Send without a wake, where each of them costs something there: what is due only after some time is found no
   * later than that. Missing: it may be asked at any time.
   */
  readonly pendingPullSeconds?: number;
  /** Senders that have emails in Pending Send whose time has come. A null address: emails without a sender. */
  pendingSenders(now: Date): Promise<readonly PendingSender[]>;
  /** Emails of one sender in Pending Send whose time has come, oldest first. */
  pending(senderAddress: string, limit: number, now: Date): Promise<readonly PendingEmail[]>;
  /**
   * Pending Send → Sending for one generation; null when somebody else has it or it changed. An email that cannot be read is claimed all the same, and a Failure of
   * scope item thrown. Allots the tracking token if it has none. Where the CRM lets nobody change the status, the claim stands in SendingNotes alone.
   */
  claim(id: string, generation: number, within?: Transaction): Promise<OutgoingEmail | null>;
  /** The email as `claim` gave it, whatever its status now; null when it is gone. */
  outgoing(id: string): Promise<OutgoingEmail | null>;
  /** The body of an attachment by what the CRM itself calls it (see OutgoingAttachment). */
  attachment(hash: string): Promise<Buffer>;
  /** Sending → Sent, Pending Send with a retry time, or Failed; `unknown` leaves Sending. */
  settle(id: string, generation: number, settlement: Settlement, within?: Transaction): Promise<Settled>;
  /**
   * Tries what Waypost must be able to do there, step by step, and says how it will work with the CRM and why. What it makes for that it takes away again.
   * Missing where there is nothing to try.
   */
  check?(signal: AbortSignal): AsyncIterable<Step>;
  /**
   * The mailboxes that a program of the CRM itself works on, by address in key form: Waypost leaves them to it. Asked for all of them at once. Missing where
   * there is no such program.
   */
  synchronizedElsewhere?(): Promise<ReadonlyMap<string, Elsewhere>>;
  /** What the CRM says of that program: its server profiles and mailboxes, and whose they are. Missing where there is no such program. */
  serverSideSync?(signal: AbortSignal): Promise<ServerSideSync>;
  /** Brings up to date what is kept here of what the CRM holds, so that `facts` need not ask for everything. Missing where nothing is kept. */
  keepIndex?(signal: AbortSignal): Promise<void>;
  /** Calls `wake` when an email may have become pending. Returns when `signal` aborts. */
  watch(wake: () => void, signal: AbortSignal): Promise<void>;
}
