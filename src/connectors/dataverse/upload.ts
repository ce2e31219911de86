import type { Attachment } from "../../model/message.ts";
import { answered } from "./client/client.ts";
import { createAttachment } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { notUnderstood, rowOf, textOf } from "./row.ts";

/** Bytes of one block (wire 8.2). */
const BLOCK = 4 * 1024 * 1024;

/** Whether the organization takes large attachments in blocks: it does online. */
export async function takesBlocks(organization: Organization): Promise<boolean> {
  const tables = await organization.tables();
  return ["InitializeAttachmentBlocksUpload", "UploadBlock", "CommitAttachmentBlocksUpload"].every((name) => tables.can(name));
}

/**
 * Makes an attachment block by block, under the same id whoever does it again: it is there when the last block is committed, or not at all.
 * `number`: its place, beginning with 1. @throws Failure
 */
export async function uploadAttachment(organization: Organization, emailId: string, attachment: Attachment, number: number): Promise<void> {
  const tables = await organization.tables();
  const { body } = createAttachment(tables, emailId, { ...attachment, body: Buffer.alloc(0) }, number);
  const { body: _, attachmentnumber: __, ...target } = rowOf(body);
  const Target = { "@odata.type": "Microsoft.Dynamics.CRM.activitymimeattachment", ...target };
  const call = async (path: string, given: object) =>
    answered(await organization.client.send({ method: "POST", path, body: given, repeatable: path === "UploadBlock" })).body;
  const FileContinuationToken = textOf(rowOf(await call("InitializeAttachmentBlocksUpload", { Target })), "FileContinuationToken");
  if (FileContinuationToken === null) throw notUnderstood("a token for an upload");
  const BlockList: string[] = [];
  for (let from = 0; from < attachment.body.length; from += BLOCK) {
    const BlockId = Buffer.from(`block ${String(BlockList.length).padStart(6, "0")}`).toString("base64");
    const BlockData = attachment.body.subarray(from, from + BLOCK).toString("base64");
    await call("UploadBlock", { BlockId, BlockData, FileContinuationToken });
    BlockList.push(BlockId);
  }
  await call("CommitAttachmentBlocksUpload", { Target, BlockList, FileContinuationToken });
}
