import { parseAddresses } from "../../../mime/addresses.ts";
import { messageIds } from "../../../mime/message-ids.ts";
import { oneLine } from "../../../mime/one-line.ts";
import type { MessageHead } from "../../../model/message.ts";
import { ApiFault } from "../exchange.ts";
import type { OperationCall, OperationParameter } from "../operation.ts";
import { objectOf, textOf } from "../operation-parameters.ts";
import type { Turn } from "../service.ts";
import { type Extra, NO_EXTRA, readExtra } from "./extra-properties.ts";

/** `email.messageid` (wire 8.1). */
const LONGEST_MESSAGE_ID = 320;
/** Thousands of addresses with their names; more than `MAXIMUM_PARTIES` become no parties. */
const LONGEST_LIST = 1024 * 1024;

/** Those parameters of Check and Deliver by which a message is judged (product-behaviour 5.2, wire 7.1), in the order of the CSDL. */
export const HEAD_PARAMETERS: readonly OperationParameter[] = [
  { name: "MessageId", type: "Edm.String", required: true },
  { name: "Subject", type: "Edm.String", required: false },
  { name: "From", type: "Edm.String", required: true },
  { name: "To", type: "Edm.String", required: true },
  { name: "Cc", type: "Edm.String", required: true },
  { name: "Bcc", type: "Edm.String", required: true },
];

export const EXTRA_PARAMETER: OperationParameter = { name: "ExtraProperties", type: "mscrm.email", required: false };

/** The head of a message as far as Check and Deliver tell it, in the form in which the rules of tracking take those that mail systems tell. */
export interface GivenMessage {
  readonly head: MessageHead;
  /** When it was sent; null: nobody said so. */
  readonly sent: Date | null;
}

/**
 * Reads a message out of the parameters of a call. Address lists hold addresses with or without names, parted by semicolons or commas. Angle brackets of
 * Message-IDs are left off, as everywhere in the CRM. `received`: when it was received; of a message that is only asked about, now. Throws ApiFault 400.
 */
export function givenMessage({ service }: Turn, call: OperationCall, received: Date, columns: ReadonlySet<string>): GivenMessage {
  const extra = service.behaviour.readsExtraProperties ? readExtra(objectOf(call, EXTRA_PARAMETER.name), columns) : NO_EXTRA;
  const lists = { from: list(call, "From"), to: list(call, "To"), cc: list(call, "Cc"), bcc: list(call, "Bcc") };
  const { truncated } = Object.values(lists).reduce((one, other) => ({ truncated: one.truncated || other.truncated }), {
    truncated: false,
  });
  const head: MessageHead = {
    ref: { stream: "", id: "" },
    folders: [],
    received,
    size: 0,
    flags: [],
    providerId: null,
    messageId: messageIdOf(call),
    subject: oneLine(textOf(call, "Subject") ?? ""),
    from: lists.from.addresses,
    sender: null,
    replyTo: [],
    to: lists.to.addresses,
    cc: lists.cc.addresses,
    bcc: lists.bcc.addresses,
    // Two messages are told apart by their dates; of one that tells none, that of its receipt stands for it.
    date: extra.sent ?? received,
    ...extraOf(extra),
    truncated,
  };
  return { head, sent: extra.sent };
}

function extraOf({ inReplyTo, references, conversationIndex, headers }: Extra) {
  return { inReplyTo, references, conversationIndex, headers };
}

/** The Message-ID of a call, without angle brackets; null for an empty one. */
export function messageIdOf(call: OperationCall): string | null {
  const text = textOf(call, "MessageId") ?? "";
  if (text.length > LONGEST_MESSAGE_ID) throw tooLong("MessageId", "messageid", LONGEST_MESSAGE_ID);
  return messageIds(text).ids[0] ?? null;
}

function list(call: OperationCall, name: string) {
  const text = textOf(call, name) ?? "";
  if (text.length > LONGEST_LIST) throw tooLong(name, "torecipients", LONGEST_LIST);
  return parseAddresses(text);
}

function tooLong(parameter: string, attribute: string, most: number): ApiFault {
  return new ApiFault(
    400,
    "0x80044331",
    `A validation error occurred. The length of the '${attribute}' attribute of the 'email' entity exceeded the maximum allowed length of '${most}' (parameter '${parameter}').`,
  );
}
