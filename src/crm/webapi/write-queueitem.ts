import { fault } from "./error-codes.ts";
import type { NewRow } from "./new-row.ts";
import { QUEUEABLE } from "./queue-rows.ts";
import type { Turn } from "./service.ts";
import type { Specials } from "./special.ts";

/** Characters of a queue item's title. */
const LONGEST_TITLE = 300;

/** What a queue item holds. */
interface Held {
  readonly type: string;
  readonly title: string;
  /** Queues in which it lies in an active item. */
  readonly queues: readonly string[];
}

export const QUEUEITEM_SPECIALS: Specials = {
  /**
   * A queue item bears the title and type of what it holds. An email lies once in a queue (0x80040523), any other activity in one queue (0x80040526), as with
   * AddToQueue (product-behaviour 4.12).
   */
  async beforeCreate(turn, rows) {
    const standing = await heldOf(turn, rows);
    for (const row of rows) {
      const { record } = row;
      const held = newlyMade(row) ?? standing.get(String(record.objectid));
      if (!held) throw fault("ObjectDoesNotExist");
      if (!QUEUEABLE.some((type) => type === held.type)) throw fault("InvalidArgument", `A row of '${held.type}' cannot lie in a queue.`);
      if (held.type === "email" && held.queues.includes(String(record.queueid))) throw fault("EmailAlreadyExistsInDestinationQueue");
      if (held.type !== "email" && held.queues.length > 0) throw fault("ActiveQueueItemAlreadyExists");
      record.objectidtypecode = held.type;
      record.title = held.title;
    }
  },
};

/** What is made together with its queue item. */
function newlyMade({ belongsTo, parents }: NewRow): Held | null {
  const parent = [...parents].find(([column]) => column.name === "objectid")?.[1];
  const made = belongsTo?.column.name === "objectid" ? belongsTo.row : parent;
  if (!made) return null;
  const subject = typeof made.record.subject === "string" ? made.record.subject : "";
  return { type: made.table.name, title: [...subject].slice(0, LONGEST_TITLE).join(""), queues: [] };
}

/** What stands already, by id. */
async function heldOf({ sql }: Turn, rows: readonly NewRow[]): Promise<ReadonlyMap<string, Held>> {
  const ids = new Set(rows.flatMap((row) => (newlyMade(row) || typeof row.record.objectid !== "string" ? [] : [row.record.objectid])));
  if (ids.size === 0) return new Map();
  const { rows: found } = await sql.query<Held & { id: string }>(
    `select row.activityid as id, row.activitytypecode as type, left(coalesce(row.subject, ''), ${LONGEST_TITLE}) as title,
       coalesce((select array_agg(item.queueid::text) from crm.queueitem item where item.objectid = row.activityid and item.statecode = 0), '{}') as queues
     from crm.activitypointer row where row.activityid = any($1::uuid[])`,
    [[...ids]],
  );
  return new Map(found.map((held) => [held.id, held]));
}
