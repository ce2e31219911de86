import { requirePrivilege, requireRow, tableOf } from "../given-row.ts";
import { CONTENT_PARAMETERS, deliver, holdMessageId, receivedOn, submittedBy } from "../incoming/deliver.ts";
import { emailColumns } from "../incoming/email-columns.ts";
import { EXTRA_PARAMETER, givenMessage, HEAD_PARAMETERS } from "../incoming/given-message.ts";
import { judge, wishOf } from "../incoming/judge.ts";
import type { Operation } from "../operation.ts";
import { rowAnswer } from "../operation-answer.ts";
import { flagOf } from "../operation-parameters.ts";

/**
 * Makes an email of a received message: correlation, parties, owner, queue items, status Received (product-behaviour 5.2). The mailbox in which it was read is
 * SubmittedBy's. Throws ApiFault 0x8005e20b with the reason code of the check where the CRM does not take it, and for a second one with its Message-ID. With
 * ValidateBeforeCreate false only the latter is looked at. Answers with the id.
 */
export const deliverIncomingEmail: Operation = {
  name: "DeliverIncomingEmail",
  kind: "action",
  binding: { table: "email", to: "set" },
  parameters: [
    ...HEAD_PARAMETERS,
    ...CONTENT_PARAMETERS,
    EXTRA_PARAMETER,
    { name: "ValidateBeforeCreate", type: "Edm.Boolean", required: false },
  ],
  returns: { kind: "entity", type: "mscrm.email" },
  available: ({ deliversIncoming }) => deliversIncoming,
  async run(turn, call) {
    const email = tableOf(turn, "email");
    requirePrivilege(turn, email, "Create");
    const message = givenMessage(turn, call, receivedOn(call), emailColumns(turn));
    await holdMessageId(turn, message.head);
    const validates = flagOf(call, "ValidateBeforeCreate") ?? turn.service.behaviour.validatesUnlessTold;
    const reading = { mailbox: submittedBy(call), ...(!validates && { wish: wishOf(turn) }) };
    const id = await deliver(turn, call, message, await judge(turn, message.head, reading));
    await requireRow(turn, email, { kind: "id", id }, "Create");
    return rowAnswer(call.request, email.set, { activityid: id });
  },
};
