import { beginUpload } from "../attachment-uploads.ts";
import { givenAttachment, requireAllowed } from "../given-attachment.ts";
import { requirePrivilege, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { objectOf } from "../operation-parameters.ts";

/** Begins the upload of a large attachment in blocks (wire 8.2). */
export const initializeAttachmentBlocksUpload: Operation = {
  name: "InitializeAttachmentBlocksUpload",
  kind: "action",
  binding: null,
  parameters: [{ name: "Target", type: "mscrm.activitymimeattachment", required: true }],
  returns: {
    kind: "complex",
    name: "InitializeAttachmentBlocksUploadResponse",
    properties: [{ name: "FileContinuationToken", type: "Edm.String" }],
  },
  async run(turn, call) {
    requirePrivilege(turn, tableOf(turn, "activitymimeattachment"), "Create");
    const { filename } = givenAttachment(turn, objectOf(call, "Target"));
    await requireAllowed(turn, filename);
    const FileContinuationToken = await beginUpload(turn, filename ?? "");
    return complexAnswer(call.request, "InitializeAttachmentBlocksUploadResponse", { FileContinuationToken });
  },
};
