import { NOTIFICATIONS } from "../../model/email.ts";
import { anyId } from "./any-of.ts";
import { readMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { idOf, numberOf, textOf } from "./row.ts";
import { readEmails } from "./standing.ts";

/**
 * Those of these emails that are there with all that their message held, with the hash of their content as it was delivered: Dynamics keeps the body in another
 * form. An email from which somebody took an attachment is not whole, nor one that somebody else delivered.
 */
export async function wholeEmails(organization: Organization, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const tables = await organization.tables();
  const select = tables.select("activitymimeattachment", ["activitymimeattachmentid", "objectid"]);
  const [emails, attachments] = await Promise.all([
    readEmails(organization, ids, ["notifications", "activityadditionalparams"]),
    readAll(
      organization.client,
      anyId("_objectid_value", new Set(ids)).map((filter) => ({ set: tables.set("activitymimeattachment"), select, filter })),
    ),
  ]);
  const files = new Map<string, number>();
  for (const row of attachments) {
    const id = idOf(row, "_objectid_value") ?? "";
    files.set(id, (files.get(id) ?? 0) + 1);
  }
  return new Map(
    [...emails].flatMap(([id, row]) => {
      const mark = readMark(textOf(row, "activityadditionalparams"));
      const isWhole =
        mark.incomplete !== true && (numberOf(row, "notifications") ?? 0) === NOTIFICATIONS.none && mark.files === (files.get(id) ?? 0);
      return isWhole && mark.content !== undefined ? [[id, mark.content]] : [];
    }),
  );
}
