import { storableText } from "../../model/text.ts";
import { fault } from "./error-codes.ts";
import { type GivenRow, requireRow, tableOf } from "./given-row.ts";
import type { Turn } from "./service.ts";

/** Tables whose rows can lie in a queue (wire 8.1, product-behaviour 10.1). */
export const QUEUEABLE = [
  "email",
  "appointment",
  "recurringappointmentmaster",
  "serviceappointment",
  "task",
  "phonecall",
  "letter",
  "fax",
  "campaignresponse",
] as const;

/** Columns of a queue item that whoever adds it may fill in. */
export interface QueueItemProperties {
  readonly priority: number | null;
  readonly title: string | null;
}

/** What a queue item is: where it lies, what it holds. */
export interface QueueItemRow {
  readonly id: string;
  readonly queueId: string;
  readonly objectId: string;
  readonly type: string;
  readonly active: boolean;
}

/** Those of a row's queue items that are active, held until the end of the transaction. */
export async function itemsOf({ sql }: Turn, { table, id }: GivenRow): Promise<readonly QueueItemRow[]> {
  const { rows } = await sql.query<QueueItemRow>(
    `select queueitemid as id, queueid as "queueId", objectid as "objectId", objectidtypecode as type, true as active from crm.queueitem
     where objectid = $1 and objectidtypecode = $2 and statecode = 0 order by queueitemid for update`,
    [id, table.name],
  );
  return rows;
}

/** The queue item of that id with which the caller may do that, held until the end of the transaction. Throws ApiFault 404, 403. */
export async function heldItem(turn: Turn, id: string): Promise<QueueItemRow> {
  await requireRow(turn, tableOf(turn, "queueitem"), { kind: "id", id }, "Write");
  const { rows } = await turn.sql.query<QueueItemRow>(
    `select queueitemid as id, queueid as "queueId", objectid as "objectId", objectidtypecode as type, statecode = 0 as active from crm.queueitem
     where queueitemid = $1 for update`,
    [id],
  );
  const [item] = rows;
  if (!item) throw fault("ObjectDoesNotExist");
  return item;
}

/**
 * Puts a row into a queue: a received email into this one beside the others that it lies in; anything else comes out of its queue for it (product-behaviour
 * 4.12). Throws ApiFault 0x80040523 where an email lies there already. Returns the id of the item.
 */
export async function putIntoQueue(turn: Turn, queueId: string, object: GivenRow, properties: QueueItemProperties): Promise<string> {
  const items = await itemsOf(turn, object);
  const there = items.find((item) => item.queueId === queueId);
  if (there && object.table.name === "email") throw fault("EmailAlreadyExistsInDestinationQueue");
  const [item] = object.table.name === "email" ? [] : items;
  if (there) return there.id;
  if (item) return moveItem(turn, item.id, queueId);
  const title = object.table.columns.find(({ name }) => name === object.table.title)?.read ?? "null";
  const { rows } = await turn.sql.query<{ id: string }>(
    `insert into crm.queueitem (queueitemid, queueid, objectid, objectidtypecode, title, priority)
     select gen_random_uuid(), $1, $2, $3, left(coalesce($4::text, ${title}, ''), 300), $5 from ${object.table.from} row where row.${object.table.key} = $2
     on conflict (queueid, objectid) do nothing returning queueitemid as id`,
    [queueId, object.id, object.table.name, properties.title === null ? null : storableText(properties.title), properties.priority],
  );
  const [added] = rows;
  if (!added) throw fault("EmailAlreadyExistsInDestinationQueue");
  return added.id;
}

/** Moves an item into another queue; nobody works on it then. Throws ApiFault 0x80040523 where what it holds lies there already. */
export async function moveItem({ sql }: Turn, id: string, queueId: string): Promise<string> {
  const { rows } = await sql.query<{ moved: boolean }>(
    `with moved as (
       update crm.queueitem item set queueid = $2, enteredon = now(), workerid = null, workeridtype = null, workeridmodifiedon = null
       where queueitemid = $1 and not exists (select from crm.queueitem other where other.queueid = $2 and other.objectid = item.objectid and other.queueitemid <> item.queueitemid)
       returning queueitemid
     ) select exists (select from moved) as moved`,
    [id, queueId],
  );
  if (!rows[0]?.moved) throw fault("EmailAlreadyExistsInDestinationQueue");
  return id;
}

/** Whoever works on an item; null: nobody. */
export async function giveTo(
  { sql, service }: Turn,
  id: string,
  worker: { readonly type: string; readonly id: string } | null,
): Promise<void> {
  await sql.query("update crm.queueitem set workerid = $2, workeridtype = $3, workeridmodifiedon = $4 where queueitemid = $1", [
    id,
    worker?.id ?? null,
    worker?.type ?? null,
    service.now(),
  ]);
}

/** Takes an item out of its queue. */
export async function removeItem({ sql }: Turn, id: string): Promise<void> {
  await sql.query("delete from crm.queueitem where queueitemid = $1", [id]);
}
