import type { ImapFlow } from "imapflow";
import type { App } from "../../src/app.ts";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Database } from "../../src/database/database.ts";
import type { Outcome } from "../../src/model/decision.ts";
import type { MailSource } from "../../src/ports.ts";
import type { Dovecot } from "../servers/dovecot.ts";
import { changeSources } from "./change-sources.ts";
import { OVER_DYNAMICS } from "./over-web-api.ts";
import { addressOf } from "./rig.ts";

/** What a test says of a message; the rest is made up. */
export interface Letter {
  /** Local part of the Message-ID; null for a message without one. */
  readonly id: string | null;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly subject?: string;
  readonly date?: Date;
  /** `id` of the letter that it answers. */
  readonly answers?: string;
  readonly body?: string;
}

/** A plain message, like one from a customer. */
export function letter({ id, date = new Date("2026-03-02T10:00:00Z"), ...rest }: Letter): string {
  const lines = [
    `From: ${rest.from ?? "Carla Customer <carla@customer.test>"}`,
    ...(["to", "cc", "bcc"] as const).flatMap((field) => (rest[field] ? [`${field}: ${rest[field].join(", ")}`] : [])),
    `Subject: ${rest.subject ?? `Letter ${id}`}`,
    `Date: ${date.toUTCString()}`,
    ...(id === null ? [] : [`Message-ID: <${messageIdOf(id)}>`]),
    ...(rest.answers === undefined ? [] : [`In-Reply-To: <${messageIdOf(rest.answers)}>`]),
    "",
    rest.body ?? `The body of ${id}.`,
  ];
  return `${lines.join("\r\n")}\r\n`;
}

export function messageIdOf(id: string): string {
  return `${id}@customer.test`;
}

/** What a mailbox decided about one message. */
export interface Decided {
  /** The account, without the domain. */
  readonly mailbox: string;
  readonly messageId: string | null;
  readonly outcome: Outcome;
  readonly reason: number;
  readonly emailId: string | null;
  /** The last rule's answer, as a sentence. */
  readonly because: string;
}

/** The decisions of these accounts, or all, by mailbox and time of arrival. */
export async function decisionsIn(database: Database, ...names: readonly string[]): Promise<Decided[]> {
  const { rows } = await database.query<Decided>(
    `select split_part(mailbox.address, '@', 1) as mailbox, message_id as "messageId", outcome, reason, email_id as "emailId", waypost.whole_rules(rules) -> -1 ->> 'because' as because
     from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id where cardinality($1::text[]) = 0 or mailbox.address = any($1)
     order by mailbox.address, decision.received, decision.id`,
    [names.map(addressOf)],
  );
  return rows;
}

export interface EmailRow {
  readonly id: string;
  readonly messageId: string | null;
  readonly subject: string;
  readonly correlatedTo: string | null;
}

/** The emails that came from the mailboxes of these accounts, or from all, by subject. */
export async function emailsIn(database: Database, ...names: readonly string[]): Promise<EmailRow[]> {
  const { rows } = await database.query<EmailRow>(
    `select activityid as id, messageid as "messageId", subject, correlatedactivityid as "correlatedTo" from crm.email
     where not directioncode and (cardinality($1::text[]) = 0 or submittedby = any($1)) order by subject, activityid`,
    [names.map(addressOf)],
  );
  return rows;
}

/** What `explain` says of a letter in one mailbox: the outcome, and the folders in which it lies. Throws when it says anything but one thing. */
export async function explained(
  app: App,
  id: string,
  mailbox: string,
): Promise<{ outcome: string; folders: readonly string[]; sentences: string }> {
  const { incoming } = await app.operations.explain(messageIdOf(id));
  const [only, ...others] = incoming.filter((one) => one.mailbox.startsWith(`${mailbox}@`));
  if (!only || others.length > 0)
    throw new Error(`explain knows ${others.length + (only ? 1 : 0)} messages ${id} in the mailbox ${mailbox}`);
  return { outcome: only.outcome, folders: only.folders, sentences: only.sentences.join("\n") };
}

/** Moves messages of an account from one folder to another, as a mail program does. */
export function move(dovecot: Dovecot, user: string, id: string, from: string, to: string): Promise<void> {
  return withLetter(dovecot, user, id, from, (client, uid) => client.messageMove(uid, to, { uid: true }));
}

export function copy(dovecot: Dovecot, user: string, id: string, from: string, to: string): Promise<void> {
  return withLetter(dovecot, user, id, from, (client, uid) => client.messageCopy(uid, to, { uid: true }));
}

/** Deletes a message for good. */
export function remove(dovecot: Dovecot, user: string, id: string, from: string): Promise<void> {
  return withLetter(dovecot, user, id, from, (client, uid) => client.messageDelete(uid, { uid: true }));
}

async function withLetter(
  dovecot: Dovecot,
  user: string,
  id: string,
  folder: string,
  change: (client: ImapFlow, uids: string) => Promise<unknown>,
): Promise<void> {
  await dovecot.withImap(user, async (client) => {
    await client.mailboxOpen(folder);
    const uids = await client.search({ header: { "message-id": `<${messageIdOf(id)}>` } }, { uid: true });
    if (!Array.isArray(uids) || uids.length === 0) throw new Error(`there is no letter ${id} in ${folder}`);
    if ((await change(client, uids.join())) === false) throw new Error(`the letter ${id} could not be changed`);
  });
}

/** Makes folders of an account. */
export async function makeFolders(dovecot: Dovecot, user: string, ...folders: readonly string[]): Promise<void> {
  await dovecot.withImap(user, async (client) => {
    for (const folder of folders) await client.mailboxCreate(folder);
  });
}

/** A moment in a round: just before a folder's messages are listed, or before the content of some is read. */
export interface Moment {
  readonly reads: "heads" | "content";
  readonly folder: string;
}

/**
 * Does something at each such moment of the rounds to come, until disposed. An error that it throws is the mail server's. `pageSize`: pages hold no
 * more heads than that.
 */
export function atEach(app: App, act: (moment: Moment) => Promise<void>, { pageSize = Number.POSITIVE_INFINITY } = {}): Disposable {
  return changeSources(app, (source) => watched(source, act, pageSize));
}

function watched(source: MailSource, act: (moment: Moment) => Promise<void>, pageSize: number): MailSource {
  return {
    folders: () => source.folders(),
    async pull(stream, cursor, options) {
      await act({ reads: "heads", folder: stream });
      return source.pull(stream, cursor, { ...options, limit: Math.min(options.limit, pageSize) });
    },
    async *content(refs, options) {
      for (const folder of new Set(refs.map((ref) => ref.stream))) await act({ reads: "content", folder });
      yield* source.content(refs, options);
    },
    list: (stream, cursor, options) => source.list(stream, cursor, options),
    heads: (refs) => source.heads(refs),
    find: (stream, messageId) => source.find(stream, messageId),
    apply: (refs, action) => source.apply(refs, action),
    fileSent: (messageId, mime, sentOn) => source.fileSent(messageId, mime, sentOn),
    close: () => source.close(),
  };
}

/** The bytes of an attachment, as the embedded CRM holds them: Dynamics does not know them by their hash. */
export function attachmentIn(database: Database, hash: string): Promise<Buffer> {
  return openEmbeddedCrm(database).attachment(hash);
}

/** What the CRM says of a value that its database refuses in these words: the Web API keeps them to itself. */
export function refusedAs(words: string): string {
  return OVER_DYNAMICS ? "status 400, 0x80040203: Invalid Argument: a value is not one that the column takes." : words;
}
