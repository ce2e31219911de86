import type { App } from "../../src/app.ts";
import type { Database } from "../../src/database/database.ts";
import type { Outcome } from "../../src/model/decision.ts";

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

/** All decisions, by mailbox and time of arrival. */
export async function decisionsIn(database: Database): Promise<Decided[]> {
  const { rows } = await database.query<Decided>(
    `select split_part(mailbox.address, '@', 1) as mailbox, message_id as "messageId", outcome, reason, email_id as "emailId", rules -> -1 ->> 'because' as because
     from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id order by mailbox.address, decision.received, decision.id`,
  );
  return rows;
}

export interface EmailRow {
  readonly id: string;
  readonly messageId: string | null;
  readonly subject: string;
  readonly correlatedTo: string | null;
}

/** All emails that were received, by subject. */
export async function emailsIn(database: Database): Promise<EmailRow[]> {
  const { rows } = await database.query<EmailRow>(
    `select activityid as id, messageid as "messageId", subject, correlatedactivityid as "correlatedTo" from crm.email where not directioncode order by subject, activityid`,
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
