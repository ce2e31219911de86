import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";

/** Who asks: what every client calls first. Under impersonation the user acted for. */
export const whoAmI: Operation = {
  name: "WhoAmI",
  kind: "function",
  binding: null,
  parameters: [],
  returns: {
    kind: "complex",
    name: "WhoAmIResponse",
    properties: [
      { name: "BusinessUnitId", type: "Edm.Guid" },
      { name: "UserId", type: "Edm.Guid" },
      { name: "OrganizationId", type: "Edm.Guid" },
    ],
  },
  async run({ sql, caller }, { request }) {
    const { rows } = await sql.query<{ id: string }>("select organizationid as id from crm.organization");
    return complexAnswer(request, "WhoAmIResponse", {
      BusinessUnitId: caller.businessUnitId,
      UserId: caller.userId,
      OrganizationId: rows[0]?.id ?? null,
    });
  },
};
