import { randomUUID } from "node:crypto";
import { storableText } from "../../../model/text.ts";
import { contentHash, putContent } from "../../content.ts";
import { endUpload } from "../attachment-uploads.ts";
import { fault } from "../error-codes.ts";
import { type GivenAttachment, givenAttachment, requireAllowed } from "../given-attachment.ts";
import { requirePrivilege, requireRow, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { membersOf, objectOf, textOf } from "../operation-parameters.ts";
import type { Turn } from "../service.ts";
import { refuseClosed } from "../write-attachments.ts";

/** Blocks of one file: 128 MB of 4 MB each are 32. */
const MOST_BLOCKS = 1_000;

/** Makes an attachment of the blocks that were uploaded, in the order of the list, or gives one that is there a new body (wire 8.2). */
export const commitAttachmentBlocksUpload: Operation = {
  name: "CommitAttachmentBlocksUpload",
  kind: "action",
  binding: null,
  parameters: [
    { name: "Target", type: "mscrm.activitymimeattachment", required: true },
    { name: "BlockList", type: "Collection(Edm.String)", required: true },
    { name: "FileContinuationToken", type: "Edm.String", required: true },
  ],
  returns: {
    kind: "complex",
    name: "CommitAttachmentBlocksUploadResponse",
    properties: [
      { name: "ActivityMimeAttachmentId", type: "Edm.Guid" },
      { name: "FileSizeInBytes", type: "Edm.Int64" },
    ],
  },
  async run(turn, call) {
    requirePrivilege(turn, tableOf(turn, "activitymimeattachment"), "Create");
    const attachment = givenAttachment(turn, objectOf(call, "Target"));
    const blockIds = membersOf(call, "BlockList").filter((one) => typeof one === "string");
    if (blockIds.length > MOST_BLOCKS) throw fault("InvalidArgument", `A file has at most ${MOST_BLOCKS} blocks.`);
    const body = await endUpload(turn, textOf(call, "FileContinuationToken") ?? "", blockIds);
    await requireAllowed(turn, attachment.filename, body);
    const hash = contentHash(body);
    await putContent(turn.sql, new Map([[hash, body]]));
    const id = (await replace(turn, attachment, hash, body.length)) ?? (await attach(turn, attachment, hash, body.length));
    return complexAnswer(call.request, "CommitAttachmentBlocksUploadResponse", {
      ActivityMimeAttachmentId: id,
      FileSizeInBytes: body.length,
    });
  },
};

/** The id of the attachment that is there; null: there is none. */
async function replace(turn: Turn, { id, filename, mimetype }: GivenAttachment, hash: string, size: number): Promise<string | null> {
  if (id === null) return null;
  const { rows } = await turn.sql.query<{ objectid: string }>(
    "select objectid from crm.activitymimeattachment where activitymimeattachmentid = $1 for update",
    [id],
  );
  if (rows.length === 0) return null;
  await requireRow(turn, tableOf(turn, "activitymimeattachment"), { kind: "id", id }, "Write");
  await refuseClosed(
    turn,
    rows.map(({ objectid }) => objectid),
  );
  await turn.sql.query(
    `update crm.activitymimeattachment set hash = $2, filesize = $3, filename = coalesce($4, filename), mimetype = coalesce($5, mimetype)
     where activitymimeattachmentid = $1`,
    [id, hash, size, filename === null ? null : storableText(filename), mimetype === null ? null : storableText(mimetype)],
  );
  return id;
}

async function attach(turn: Turn, attachment: GivenAttachment, hash: string, size: number): Promise<string> {
  const { object, filename, mimetype, subject, contentId } = attachment;
  if (!object) throw fault("RequiredFieldMissing", "Required field missing. The attachment names no activity.");
  await requireRow(turn, object.table, { kind: "id", id: object.id }, "Write");
  await refuseClosed(turn, [object.id]);
  const id = attachment.id ?? randomUUID();
  await turn.sql.query(
    `insert into crm.activitymimeattachment (activitymimeattachmentid, objectid, objecttypecode, attachmentnumber, filename, mimetype, subject, attachmentcontentid, isinline, filesize, hash)
     select $1, $2, $3, coalesce(max(attachmentnumber), 0) + 1, $4, $5, $6, $7, $8, $9, $10 from crm.activitymimeattachment where objectid = $2`,
    [
      id,
      object.id,
      object.table.name,
      storableText(filename ?? "attachment"),
      storableText(mimetype ?? "application/octet-stream"),
      subject === null ? null : storableText(subject),
      contentId === null ? null : storableText(contentId),
      contentId !== null,
      size,
      hash,
    ],
  );
  if (object.table.name === "email")
    await turn.sql.query("update crm.email set attachmentcount = attachmentcount + 1 where activityid = $1", [object.id]);
  return id;
}
