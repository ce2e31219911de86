import { randomUUID } from "node:crypto";
import type { Address } from "../../src/model/address.ts";
import type { Party, Placement } from "../../src/model/decision.ts";
import type { IncomingEmail } from "../../src/model/email.ts";
import type { FactsQuery } from "../../src/model/facts.ts";
import type { Attachment, MessageHead } from "../../src/model/message.ts";
import type { RecordRef } from "../../src/model/record.ts";

/** An address of this test only. */
export function unique(name: string): string {
  return `${name}-${randomUUID().slice(0, 8)}@crm.test`;
}

export function token(): string {
  return `0${Math.trunc(Math.random() * 1e12)
    .toString()
    .padStart(12, "0")}`;
}

/** The heads of a forward mailbox: nobody owns it. */
export function query(heads: MessageHead[]): FactsQuery {
  return { mailbox: { address: "forward@crm.test", owner: { type: "forward" } }, heads };
}

export function head(
  given: Partial<Omit<MessageHead, "from" | "to" | "cc">> & { from?: string[]; to?: string[]; cc?: string[] },
): MessageHead {
  const list = (addresses: string[] = []): Address[] => addresses.map((address) => ({ name: "", address }));
  return {
    ref: { stream: "INBOX", id: "1.1" },
    folders: ["INBOX"],
    received: new Date(),
    size: 1,
    flags: [],
    providerId: null,
    messageId: null,
    inReplyTo: [],
    references: [],
    subject: "",
    sender: null,
    replyTo: [],
    bcc: [],
    date: null,
    conversationIndex: null,
    headers: [],
    truncated: false,
    ...given,
    from: list(given.from),
    to: list(given.to),
    cc: list(given.cc),
  };
}

export function incoming({
  placement,
  ...given
}: Partial<Omit<IncomingEmail, "placement">> & { placement?: Partial<Placement> }): IncomingEmail {
  const id = randomUUID();
  return {
    id,
    messageId: `${id}@crm.test`,
    inReplyTo: null,
    conversationIndex: null,
    subject: "subject",
    received: new Date(),
    sent: null,
    html: null,
    text: null,
    attachments: [],
    reply: null,
    notifications: 0,
    importance: 1,
    submittedBy: "mailbox@crm.test",
    headers: [],
    ...given,
    placement: {
      parties: [],
      ownerId: null,
      ownerType: "systemuser",
      regarding: null,
      correlationMethod: 0,
      correlatedEmailId: null,
      parentEmailId: null,
      trackingToken: null,
      accepting: null,
      queueIds: [],
      duplicateSenderUnresolved: false,
      ...placement,
    },
  };
}

export function party(participation: Party["participation"], address: string, record: RecordRef | null = null): Party {
  return { participation, address: { name: "", address }, record, column: record ? 1 : null };
}

export function file(filename: string, body: string): Attachment {
  return { filename, mimetype: "text/plain", contentId: null, inline: false, body: Buffer.from(body) };
}
