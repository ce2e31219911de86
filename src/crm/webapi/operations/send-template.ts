import { createEmails } from "../../create-email.ts";
import { fault } from "../error-codes.ts";
import { givenRow, requirePrivilege, requireRow, requireType, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { NOTHING } from "../operation-answer.ts";
import { membersOf, numberOf, objectOf, textOf } from "../operation-parameters.ts";
import { send } from "../sending.ts";
import { fillTemplate } from "../templates.ts";

/** Recipients of one call: each gets an email of its own. */
const MOST_RECIPIENTS = 100;

/** Sends each recipient an email that a template makes for it, in the sender's name and about the given record (product-behaviour 4.2). */
export const sendTemplate: Operation = {
  name: "SendTemplate",
  kind: "action",
  binding: null,
  parameters: [
    { name: "TemplateId", type: "Edm.Guid", required: true },
    { name: "Sender", type: "mscrm.crmbaseentity", required: true },
    { name: "Recipients", type: "Collection(mscrm.crmbaseentity)", required: true },
    { name: "Regarding", type: "mscrm.crmbaseentity", required: true },
    { name: "DeliveryPriorityCode", type: "Edm.Int32", required: false },
  ],
  returns: null,
  async run(turn, call) {
    requirePrivilege(turn, tableOf(turn, "email"), "Create");
    const priority = numberOf(call, "DeliveryPriorityCode") ?? 1;
    if (priority !== 0 && priority !== 1 && priority !== 2) throw fault("InvalidArgument");
    const sender = givenRow(turn, objectOf(call, "Sender"));
    requireType(sender, ["systemuser", "queue"]);
    const regarding = givenRow(turn, objectOf(call, "Regarding"));
    await requireRow(turn, regarding.table, { kind: "id", id: regarding.id }, "AppendTo");
    const recipients = membersOf(call, "Recipients").map((one) => givenRow(turn, one));
    if (recipients.length === 0) throw fault("EmailRecipientNotSpecified");
    if (recipients.length > MOST_RECIPIENTS) throw fault("InvalidArgument", `One call has at most ${MOST_RECIPIENTS} recipients.`);
    const reference = ({ table, id }: typeof sender) => ({ record: { type: table.name, id, name: "" } });
    const drafts = [];
    for (const recipient of recipients) {
      const { subject, html } = await fillTemplate(turn, textOf(call, "TemplateId") ?? "", recipient);
      drafts.push({
        subject,
        html,
        from: reference(sender),
        to: [reference(recipient)],
        regarding: reference(regarding).record,
        importance: priority,
      } as const);
    }
    for (const id of await createEmails(turn.sql, drafts)) await send(turn, id, { issueSend: true, token: null });
    return NOTHING;
  },
};
