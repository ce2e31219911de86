import { z } from "zod";
import { PARTICIPATION } from "../../../model/decision.ts";
import { createEmails, type DraftParty } from "../../create-email.ts";
import { fault } from "../error-codes.ts";
import { givenRow, requirePrivilege, requireRow, requireType, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { rowAnswer } from "../operation-answer.ts";
import { objectOf, textOf } from "../operation-parameters.ts";
import { send } from "../sending.ts";
import type { Turn } from "../service.ts";
import { fillTemplate } from "../templates.ts";

const MOST_PARTIES = 1_000;
const PARTY = z.looseObject({ participationtypemask: z.number().int(), addressused: z.string().max(200).nullish() });
const TARGET = z.looseObject({ email_activity_parties: z.array(PARTY).max(MOST_PARTIES).default([]) });

/** Sends an email with subject and body that a template makes for a record; sender and recipients are those of Target (wire 7.1). Answers with its id. */
export const sendEmailFromTemplate: Operation = {
  name: "SendEmailFromTemplate",
  kind: "action",
  binding: null,
  parameters: [
    { name: "TemplateId", type: "Edm.Guid", required: true },
    { name: "Regarding", type: "mscrm.crmbaseentity", required: true },
    { name: "Target", type: "mscrm.crmbaseentity", required: true },
  ],
  returns: { kind: "entity", type: "mscrm.email" },
  async run(turn, call) {
    const email = tableOf(turn, "email");
    requirePrivilege(turn, email, "Create");
    const regarding = givenRow(turn, objectOf(call, "Regarding"));
    await requireRow(turn, regarding.table, { kind: "id", id: regarding.id }, "AppendTo");
    const parties = partiesOf(turn, objectOf(call, "Target"));
    const of = (participation: number) => parties.flatMap((one) => (one.participation === participation ? [one.party] : []));
    const { subject, html } = await fillTemplate(turn, textOf(call, "TemplateId") ?? "", regarding);
    const [from = { record: { type: "systemuser", id: turn.caller.userId, name: "" } }] = of(PARTICIPATION.sender);
    const [id = ""] = await createEmails(turn.sql, [
      {
        subject,
        html,
        from,
        to: of(PARTICIPATION.to),
        cc: of(PARTICIPATION.cc),
        bcc: of(PARTICIPATION.bcc),
        regarding: { type: regarding.table.name, id: regarding.id, name: "" },
      },
    ]);
    await send(turn, id, { issueSend: true, token: null });
    return rowAnswer(call.request, email.set, { activityid: id });
  },
};

function partiesOf(turn: Turn, target: Readonly<Record<string, unknown>> | null): readonly { participation: number; party: DraftParty }[] {
  const read = TARGET.safeParse(target ?? {});
  if (!read.success) throw fault("InvalidArgument", "The parties of the email cannot be read.");
  return read.data.email_activity_parties.map((one) => {
    const bound = Object.entries(one).find(([name]) => /^partyid_\w+@odata\.bind$/.test(name))?.[1];
    if (bound === undefined)
      return { participation: one.participationtypemask, party: { address: { name: "", address: one.addressused ?? "" } } };
    const row = givenRow(turn, { "@odata.id": bound });
    requireType(row, ["systemuser", "queue", "contact", "account", "lead"]);
    return { participation: one.participationtypemask, party: { record: { type: row.table.name, id: row.id, name: "" } } };
  });
}
