import { fault } from "../error-codes.ts";
import type { Operation } from "../operation.ts";
import { rowsAnswer } from "../operation-answer.ts";
import { textOf } from "../operation-parameters.ts";
import { fillTemplate } from "../templates.ts";

/** The email that a template makes for a record: subject and body, nothing stored (product-behaviour 4.2). */
export const instantiateTemplate: Operation = {
  name: "InstantiateTemplate",
  kind: "action",
  binding: null,
  parameters: [
    { name: "TemplateId", type: "Edm.Guid", required: true },
    { name: "ObjectType", type: "Edm.String", required: true },
    { name: "ObjectId", type: "Edm.Guid", required: true },
  ],
  returns: { kind: "entity", type: "Collection(mscrm.crmbaseentity)" },
  async run(turn, call) {
    const table = turn.service.tables.named(textOf(call, "ObjectType") ?? "");
    if (!table) throw fault("InvalidObjectTypes");
    const { subject, html } = await fillTemplate(turn, textOf(call, "TemplateId") ?? "", { table, id: textOf(call, "ObjectId") ?? "" });
    return rowsAnswer(call.request, "crmbaseentity", [{ "@odata.type": "#Microsoft.Dynamics.CRM.email", subject, description: html }]);
  },
};
