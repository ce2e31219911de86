import { parseHead } from "../../src/mime/head.ts";
import { type Address, addressKey } from "../../src/model/address.ts";
import type { EarlierEmail, Facts, Voter } from "../../src/model/facts.ts";
import type { MessageHead } from "../../src/model/message.ts";
import type { AddressMatch } from "../../src/model/record.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";

export const READER = "reader@example.test";

/** Addresses of the directory, which are those of a contact each. */
export const PERSON = "person";

export function personAddress(number: number): string {
  return `${PERSON}${number}@firm${number % 997}.test`;
}

/** One message in so many is written by somebody in the directory. */
const KNOWN_EVERY = 4;

/** One message in so many answers another: a third of these by header, a third by token, a third by conversation index. */
const ANSWER_EVERY = 3;
const WAYS = ["header", "token", "conversation"] as const;

/** The message of that number, the same in every run: a letter, an answer or a list's, to one reader and up to twelve others of the directory. */
export function madeMime(number: number, directory: number): Buffer {
  const known = number % KNOWN_EVERY === 0;
  const sender = known ? personAddress((number * 7919) % directory) : `stranger${number}@elsewhere${number % 89}.test`;
  const way = number % ANSWER_EVERY === 0 ? WAYS[(number / ANSWER_EVERY) % WAYS.length] : undefined;
  const others = Array.from(
    { length: number % 13 },
    (_, index) => `"Some Body ${index}" <${personAddress((number * 31 + index * 104_729) % directory)}>`,
  );
  const lines = [
    `Message-ID: <made.${number}@elsewhere.test>`,
    `Date: ${dateOf(number).toUTCString().replace("GMT", "+0000")}`,
    `From: Some Body <${sender}>`,
    `To: ${[`Reader <${READER}>`, ...others.slice(0, 6)].join(",\r\n ")}`,
    ...(others.length > 6 ? [`Cc: ${others.slice(6).join(",\r\n ")}`] : []),
    `Subject: ${way === undefined ? "" : "Re: "}Offer number ${number} for the mill${way === "token" ? ` ${tokenOf(number)}` : ""}`,
    ...(way === "header" ? [`In-Reply-To: <${sentId(number)}>`, `References: <${sentId(number - 1)}> <${sentId(number)}>`] : []),
    ...(way === "conversation" ? [`Thread-Index: ${conversationOf(number)}`] : []),
    ...(number % 5 === 2 ? ["List-Id: <news.elsewhere.test>", "Precedence: bulk"] : []),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\nThe offer of number ${number}.\r\n`);
}

export function headOf(number: number, mime: Buffer): MessageHead {
  return parseHead(mime, {
    ref: { stream: "INBOX", id: `1.${number}` },
    folders: ["INBOX"],
    received: dateOf(number),
    size: mime.length,
    flags: [],
    providerId: null,
  });
}

function dateOf(number: number): Date {
  return new Date(1_750_000_000_000 + number * 1000);
}

function sentId(number: number): string {
  return `sent.${number}@example.test`;
}

function tokenOf(number: number): string {
  return `CRM:${String(number % 10_000_000).padStart(7, "0")}`;
}

/** The 22 bytes that begin a Thread-Index (MS-OXOMSG 2.2.1.3). */
function conversationOf(number: number): string {
  const bytes = Buffer.alloc(22, 1);
  bytes.writeUInt32BE(number, 8);
  return bytes.toString("base64");
}

/** What a CRM would know of these heads: who stands in the directory, and the emails that are answered. */
export function factsOf(heads: readonly MessageHead[]): Facts {
  const emails = heads.filter((head) => head.subject.startsWith("Re: ")).map(answeredBy);
  const by = (key: (email: EarlierEmail) => string | null) => {
    const found = emails.flatMap((email) => {
      const its = key(email);
      return its === null ? [] : [[its, [email]] as const];
    });
    return new Map(found);
  };
  const reader: Voter = {
    record: { type: "systemuser", id: "reader", name: "Reader" },
    addresses: [READER],
    filter: 2,
    ownerId: "reader",
    ownerType: "systemuser",
    ownerMayWrite: true,
    ownerQueue: null,
    ownerAutoCreates: 0,
    disabled: false,
  };
  return {
    settings: DEFAULT_SETTINGS,
    records: new Map(heads.flatMap(addressesOf).map((key) => [key, key.startsWith(PERSON) ? [contact(key)] : []])),
    voters: new Map([[READER, [reader]]]),
    mailboxOwner: reader,
    emailsByMessageId: by((email) => email.messageId),
    emailsByToken: by((email) => email.trackingToken),
    emailsByConversation: by((email) => email.conversationIndex),
    emailsByHash: new Map(),
  };
}

function addressesOf({ from, to, cc }: MessageHead): string[] {
  return [...from, ...to, ...cc].map((one: Address) => addressKey(one.address));
}

function contact(address: string): AddressMatch {
  const record = { type: "contact", id: address, name: address };
  return { address, record, column: 1, active: true, ownerId: "reader", doNotEmail: false };
}

function answeredBy(head: MessageHead): EarlierEmail {
  const author = head.from[0]?.address ?? "";
  return {
    id: `email-${head.ref.id}`,
    messageId: head.inReplyTo[0] ?? null,
    direction: "outgoing",
    subject: head.subject.slice("Re: ".length),
    trackingToken: /CRM:\d+/.exec(head.subject)?.[0] ?? null,
    conversationIndex: head.conversationIndex,
    senderAddress: READER,
    participants: [READER, addressKey(author)],
    at: new Date(head.received.getTime() - 86_400_000),
    sent: null,
    regarding: null,
    ownerId: "reader",
  };
}
