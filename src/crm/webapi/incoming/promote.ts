import { addressKey } from "../../../model/address.ts";
import type { MessageHead } from "../../../model/message.ts";
import { putContent } from "../../content.ts";
import { contentOf, insertAttachments } from "../../email-rows.ts";
import { readSettings } from "../../settings.ts";
import { doesNotExist, fault } from "../error-codes.ts";
import type { ApiAnswer } from "../exchange.ts";
import { requirePrivilege, requireRow, tableOf } from "../given-row.ts";
import type { OperationCall } from "../operation.ts";
import { rowAnswer } from "../operation-answer.ts";
import type { Turn } from "../service.ts";
import { deliver, holdMessageId, receivedOn, submittedBy } from "./deliver.ts";
import { emailColumns } from "./email-columns.ts";
import { givenContent } from "./given-content.ts";
import { givenMessage } from "./given-message.ts";
import { judge, wishOf } from "./judge.ts";

/**
 * Makes an email of a message that a person wants tracked, under the id of the call; what its submitter wrote becomes an outgoing one, status Sent, anything else
 * Received (product-behaviour 4.1, 5.2). Where there is an email of that id, made of a message with the same Message-ID, it is given the body and the attachments
 * that it does not have yet; any other one is refused as a duplicate. Throws ApiFault 0x8005e20b for a message that is an email already. Answers with the id.
 */
export async function promote(turn: Turn, call: OperationCall): Promise<ApiAnswer> {
  const email = tableOf(turn, "email");
  if (call.key?.kind !== "id") throw doesNotExist("email", "");
  const { id } = call.key;
  requirePrivilege(turn, email, "Create");
  const mailbox = submittedBy(call);
  const given = givenMessage(turn, call, receivedOn(call), emailColumns(turn));
  const message = { ...given, head: fromMailbox(given.head, mailbox) };
  await holdMessageId(turn, message.head);
  if (await isThere(turn, id, message.head)) {
    await requireRow(turn, email, call.key, "Write");
    await complete(turn, call, id);
  } else {
    await deliver(turn, call, message, await judge(turn, message.head, { mailbox, wish: wishOf(turn) }), id);
    await requireRow(turn, email, call.key, "Create");
  }
  return rowAnswer(call.request, email.set, { activityid: id });
}

/** Whoever wrote the message promotes the copy among the sent mail. */
function fromMailbox(head: MessageHead, mailbox: string | null): MessageHead {
  const isOwn = mailbox !== null && head.from.some(({ address }) => addressKey(address) === addressKey(mailbox));
  return isOwn ? { ...head, isSentCopy: true } : head;
}

async function isThere({ sql }: Turn, id: string, { messageId }: MessageHead): Promise<boolean> {
  const { rows } = await sql.query<{ messageId: string | null }>(
    `select messageid as "messageId" from crm.email where activityid = $1 for update`,
    [id],
  );
  const [row] = rows;
  if (row && (row.messageId === null || row.messageId !== messageId)) throw fault("DuplicateRecord");
  return row !== undefined;
}

async function complete({ sql }: Turn, call: OperationCall, id: string): Promise<void> {
  const { settings } = await readSettings(sql);
  const { content, notifications } = givenContent(call, settings);
  const { rows } = await sql.query<{ attachments: number }>(
    "select count(*)::int as attachments from crm.activitymimeattachment where objectid = $1",
    [id],
  );
  const attachments = (rows[0]?.attachments ?? 0) > 0 ? [] : content.attachments;
  const { bodies, hashes } = contentOf([{ html: content.html, text: null, attachments }]);
  await putContent(sql, bodies);
  await insertAttachments(sql, [{ emailId: id, attachments }]);
  await sql.query(
    `update crm.email set descriptionhash = coalesce(descriptionhash, $2), attachmentcount = attachmentcount + $3, notifications = greatest(notifications, $4::smallint)
     where activityid = $1`,
    [id, hashes[0]?.html ?? null, attachments.length, notifications],
  );
}
