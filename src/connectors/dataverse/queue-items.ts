import { anyId } from "./any-of.ts";
import type { Answer, ChangeSetAnswer, Request } from "./client/client.ts";
import { answered } from "./client/client.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { idOf } from "./row.ts";
import { standingEmails } from "./standing.ts";
import type { Tables } from "./tables.ts";
import { written } from "./written-columns.ts";

/** EmailAlreadyExistsInDestinationQueue (wire 7). */
const THERE_ALREADY = "0x80040523";

/** Puts an item of an email into a queue. */
export function queueItem(tables: Tables, queueId: string, emailId: string): Request {
  if (tables.can("AddToQueue"))
    return {
      method: "POST",
      path: `${tables.set("queue")}(${queueId})/Microsoft.Dynamics.CRM.AddToQueue`,
      body: { Target: { "@odata.type": "Microsoft.Dynamics.CRM.email", activityid: emailId } },
    };
  const references = { queueid: { type: "queue", id: queueId }, objectid: { type: "email", id: emailId } };
  return { method: "POST", path: tables.set("queueitem"), body: written(tables, "queueitem", "create", {}, references) };
}

/** The email is in the queue already: somebody was faster, or the organization puts each new email there by a rule or plug-in of its own. */
export function isQueuedAlready(answer: Answer | ChangeSetAnswer): boolean {
  return answer.kind === "refused" && answer.code === THERE_ALREADY;
}

/** Ids of the queues that hold an item of this email. */
export async function queuesHolding(organization: Organization, emailId: string): Promise<ReadonlySet<string>> {
  const tables = await organization.tables();
  const [filter = ""] = anyId("_objectid_value", [emailId]);
  const rows = await readAll(organization.client, [
    { set: tables.set("queueitem"), select: tables.select("queueitem", ["queueid"]), filter },
  ]);
  return new Set(rows.flatMap((row) => idOf(row, "_queueid_value") ?? []));
}

/** Adds items of emails to a queue; those that have one there, and those that are gone, are left as they are. */
export async function addQueueItems(organization: Organization, queueId: string, emailIds: readonly string[]): Promise<void> {
  if (emailIds.length === 0) return;
  const tables = await organization.tables();
  const select = tables.select("queueitem", ["objectid"]);
  const [items, standing] = await Promise.all([
    readAll(
      organization.client,
      anyId("_objectid_value", new Set(emailIds)).map((filter) => ({
        ...{ set: tables.set("queueitem"), select },
        filter: `_queueid_value eq ${queueId} and (${filter})`,
      })),
    ),
    standingEmails(organization, emailIds),
  ]);
  const there = new Set(items.map((row) => idOf(row, "_objectid_value")));
  const missing = [...standing].filter((id) => !there.has(id));
  const answers = await organization.client.batch(missing.map((id) => queueItem(tables, queueId, id)));
  for (const answer of answers) {
    const isFine = isQueuedAlready(answer) || (answer.kind === "refused" && answer.status === 404);
    if (!isFine) answered(answer);
  }
}
