import { doesNotExist } from "../error-codes.ts";
import { requireRow, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { flagOf, textOf } from "../operation-parameters.ts";
import { send } from "../sending.ts";

/**
 * Sends an email, or records it as sent with IssueSend false (product-behaviour 5.2). TrackingToken: one of GetTrackingTokenEmail, or empty. Answers with the
 * subject, which ends with the token. See send.
 */
export const sendEmail: Operation = {
  name: "SendEmail",
  kind: "action",
  binding: { table: "email", to: "row" },
  parameters: [
    { name: "IssueSend", type: "Edm.Boolean", required: true },
    { name: "TrackingToken", type: "Edm.String", required: false },
  ],
  returns: { kind: "complex", name: "SendEmailResponse", properties: [{ name: "Subject", type: "Edm.String" }] },
  async run(turn, call) {
    if (call.key === null) throw doesNotExist("email", "");
    const id = await requireRow(turn, tableOf(turn, "email"), call.key, "Write");
    const issueSend = flagOf(call, "IssueSend") ?? false;
    const subject = await send(turn, id, { issueSend, token: textOf(call, "TrackingToken")?.trim() || null });
    return complexAnswer(call.request, "SendEmailResponse", { Subject: subject });
  },
};
