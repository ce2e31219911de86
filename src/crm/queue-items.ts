import type { Sql } from "../model/sql.ts";

/** Adds items of emails to a queue; those that have one there, and those that are gone, are left as they are. One statement. */
export async function addQueueItems(sql: Sql, queueId: string, emailIds: readonly string[]): Promise<void> {
  if (emailIds.length === 0) return;
  await sql.query(
    `insert into crm.queueitem (queueitemid, queueid, objectid, title)
     select gen_random_uuid(), queueid, activityid, subject from crm.queue cross join crm.email
     where queueid = $1 and activityid = any($2::uuid[]) order by activityid
     on conflict (queueid, objectid) do nothing`,
    [queueId, emailIds],
  );
}
