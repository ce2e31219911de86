import { keepBlock } from "../attachment-uploads.ts";
import { requirePrivilege, tableOf } from "../given-row.ts";
import { bytesOf } from "../incoming/given-content.ts";
import type { Operation } from "../operation.ts";
import { NOTHING } from "../operation-answer.ts";
import { textOf } from "../operation-parameters.ts";

/** One block of at most 4 MB of an attachment that is being uploaded (wire 8.2). */
export const uploadBlock: Operation = {
  name: "UploadBlock",
  kind: "action",
  binding: null,
  parameters: [
    { name: "BlockId", type: "Edm.String", required: true },
    { name: "BlockData", type: "Edm.Binary", required: true },
    { name: "FileContinuationToken", type: "Edm.String", required: true },
  ],
  returns: null,
  async run(turn, call) {
    requirePrivilege(turn, tableOf(turn, "activitymimeattachment"), "Create");
    await keepBlock(
      turn,
      textOf(call, "FileContinuationToken") ?? "",
      textOf(call, "BlockId") ?? "",
      bytesOf(textOf(call, "BlockData") ?? ""),
    );
    return NOTHING;
  },
};
