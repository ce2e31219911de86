import { randomUUID } from "node:crypto";
import { z } from "zod";
import { PARTICIPATION } from "../../model/decision.ts";
import { STATE_OF_STATUS, STATUS, type Status } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import { type Answer, answered } from "./client/client.ts";
import { writeMark } from "./mark.ts";
import { instant, partyJson } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { readRow } from "./read.ts";
import { numberOf } from "./row.ts";
import { type Values, written } from "./written-columns.ts";

/** No router takes it up: nobody sends before that time. */
const NEVER = "2999-01-01T00:00:00Z";

/** Under which the ledger keeps which email a proof has made: after a crash the next one takes it away. */
const KEY = "status proof";
const UNDER_WAY = z.object({ id: z.guid().nullable() });

/** The change of status that was refused, and in whose words. */
export interface Refusal {
  readonly from: Status;
  readonly to: Status;
  readonly serverSaid: string;
}

/** How the organization takes what a router does with an email on its way. */
export interface StatusProof {
  /** Null: an email can go from Pending Send to Sending and to Sent by writing its status. */
  readonly refusal: Refusal | null;
  /** Where the status cannot be written: in which words SendEmail refused to record it as sent; null: it did not. */
  readonly notRecorded: string | null;
  /** Where the status cannot be written: the Message-ID can, by which answers are found. */
  readonly takesMessageId: boolean;
}

/**
 * Whether an email can go from Pending Send to Sending and to Sent by writing its status, with what Waypost notes beside it: documents disagree on whether the
 * state Completed is read-only over the Web API (product-behaviour 5.3). Tried on an email of its own, which nobody sends and which is deleted afterwards. Where it
 * cannot, it is tried whether SendEmail with IssueSend false brings it to Sent.
 * @throws Failure where the email cannot be made or taken away, or another process tries the same and took it for one that a crash left
 */
export async function proveStatuses(organization: Organization): Promise<StatusProof> {
  const tables = await organization.tables();
  const [id, self] = [randomUUID(), await organization.self()];
  const user = { type: "systemuser", id: self, name: "" };
  const party = (participation: 1 | 2) =>
    partyJson(tables, { participation, address: { name: "", address: "" }, record: user, column: null });
  const path = `${tables.set("email")}(${id})`;
  const mark = writeMark({ generation: 1, notBefore: NEVER });
  const values = { activityid: id, subject: "Test by Waypost, to be deleted", directioncode: true, delayedemailsendtime: NEVER };
  const fresh = written(tables, "email", "create", { ...values, activityadditionalparams: mark });
  const parties = { email_activity_parties: [party(PARTICIPATION.sender), party(PARTICIPATION.to)] };
  const change = (columns: Values<"email", "update">): Promise<Answer> =>
    organization.client.send({ method: "PATCH", path, headers: { "If-Match": "*" }, body: written(tables, "email", "update", columns) });
  const ended = await begin(organization, id);
  answered(await organization.client.send({ method: "POST", path: tables.set("email"), body: { ...fresh, ...parties } }));
  try {
    let from: Status = STATUS.draft;
    for (const to of [STATUS.pendingSend, STATUS.sending, STATUS.sent]) {
      const answer = await change({ statecode: STATE_OF_STATUS[to], statuscode: to, activityadditionalparams: mark, ...besides(to, id) });
      if (answer.kind === "refused" && answer.status === 404) throw overtaken();
      if (answer.kind === "refused" && answer.failure.scope === "item") {
        const refusal = { from, to, serverSaid: saidBy(answer) };
        const messageId = await change({ messageid: messageIdOf(id) });
        return { refusal, takesMessageId: messageId.kind === "answered", notRecorded: await recordRefusal(organization, id) };
      }
      answered(answer);
      from = to;
    }
    return { refusal: null, takesMessageId: true, notRecorded: null };
  } finally {
    await takeAway(organization, id);
    await ended();
  }
}

/** Takes away what a proof left that came to no end, and notes that this one makes the email of that id. Returns what notes its end. */
async function begin(organization: Organization, id: string): Promise<() => Promise<void>> {
  const { notes } = organization;
  const before = (await notes.read([KEY])).get(KEY);
  const left = before === undefined ? null : UNDER_WAY.parse(before.value).id;
  if (left !== null) await takeAway(organization, left);
  if (!(await notes.write(KEY, before?.revision ?? null, { id }))) throw overtaken();
  // Where it is not written, another proof has begun, and has its own email noted there.
  return async () => void (await notes.write(KEY, (before?.revision ?? 0) + 1, { id: null }));
}

/** An email that is not there has been taken away. */
async function takeAway(organization: Organization, id: string): Promise<void> {
  const set = (await organization.tables()).set("email");
  const answer = await organization.client.send({ method: "DELETE", path: `${set}(${id})` });
  if (answer.kind !== "refused" || answer.status !== 404) answered(answer);
}

/** Another process tries the same. */
export const OVERTAKEN = "statuses tried elsewhere";

/** What another process did to the email says nothing about statuses. */
function overtaken(): Failure {
  return new Failure({
    scope: "organization",
    code: OVERTAKEN,
    message: "Another process tries at this moment whether Dynamics lets the status of an email be changed.",
    remedy: "None: it is tried again.",
    waitingHelps: true,
  });
}

function messageIdOf(id: string): string {
  return `${id}@waypost.invalid`;
}

/** What is written together with a status: see claimEmail and settleEmail. The subject alone can be done without. */
function besides(to: Status, id: string): Values<"email", "update"> {
  if (to === STATUS.sending) return { deliveryattempts: 0, trackingtoken: "WAYPOST:0" };
  return to === STATUS.sent ? { deliveryattempts: 1, messageid: messageIdOf(id), actualend: instant(new Date()) } : {};
}

/** Why SendEmail does not record it as sent; null: it does. */
async function recordRefusal(organization: Organization, id: string): Promise<string | null> {
  const tables = await organization.tables();
  const set = tables.set("email");
  const answer = await organization.client.send({
    ...{ method: "POST", path: `${set}(${id})/Microsoft.Dynamics.CRM.SendEmail`, body: { IssueSend: false, TrackingToken: "" } },
  });
  if (answer.kind === "refused") return saidBy(answer);
  answered(answer);
  const row = await readRow(organization.client, set, id, tables.select("email", ["statuscode"]));
  const status = row && numberOf(row, "statuscode");
  return status === STATUS.sent ? null : `SendEmail was answered, and the email is in status ${status}.`;
}

function saidBy({ failure }: Extract<Answer, { kind: "refused" }>): string {
  return failure.serverSaid ?? failure.message;
}
