import { randomUUID } from "node:crypto";
import { PARTICIPATION } from "../../model/decision.ts";
import { STATE_OF_STATUS, STATUS, type Status } from "../../model/email.ts";
import { answered } from "./client/client.ts";
import { writeMark } from "./mark.ts";
import { partyJson } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { written } from "./written-columns.ts";

/** No router takes it up: nobody sends before that time. */
const NEVER = "2999-01-01T00:00:00Z";

/** The change of status that was refused, and in whose words. */
export interface Refusal {
  readonly from: Status;
  readonly to: Status;
  readonly serverSaid: string;
}

/**
 * Whether an email can go from Pending Send to Sending and to Sent by writing its status, with what Waypost notes beside it: documents disagree on whether the
 * state Completed is read-only over the Web API (product-behaviour 5.3). Tried on an email of its own, which nobody sends and which is deleted afterwards; null: it
 * can.
 * @throws Failure where the email cannot be made or taken away
 */
export async function statusRefusal(organization: Organization): Promise<Refusal | null> {
  const tables = await organization.tables();
  const [id, self] = [randomUUID(), await organization.self()];
  const user = { type: "systemuser", id: self, name: "" };
  const party = (participation: 1 | 2) =>
    partyJson(tables, { participation, address: { name: "", address: "" }, record: user, column: null });
  const path = `${tables.set("email")}(${id})`;
  const fresh = written(tables, "email", "create", { activityid: id, subject: "Test by Waypost, to be deleted", directioncode: true });
  const later = written(tables, "email", "create", { delayedemailsendtime: NEVER });
  const parties = { email_activity_parties: [party(PARTICIPATION.sender), party(PARTICIPATION.to)] };
  answered(await organization.client.send({ method: "POST", path: tables.set("email"), body: { ...fresh, ...later, ...parties } }));
  try {
    let from: Status = STATUS.draft;
    for (const to of [STATUS.pendingSend, STATUS.sending, STATUS.sent]) {
      const values = { statecode: STATE_OF_STATUS[to], statuscode: to, activityadditionalparams: writeMark({ generation: 1 }) };
      const body = written(tables, "email", "update", values);
      const answer = await organization.client.send({ method: "PATCH", path, headers: { "If-Match": "*" }, body });
      if (answer.kind === "refused") return { from, to, serverSaid: answer.failure.serverSaid ?? answer.failure.message };
      answered(answer);
      from = to;
    }
    return null;
  } finally {
    const answer = await organization.client.send({ method: "DELETE", path });
    if (answer.kind !== "refused" || answer.status !== 404) answered(answer);
  }
}
