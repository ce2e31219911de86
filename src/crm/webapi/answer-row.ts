import { propertyContext, rowContext, withContext } from "./answer-context.ts";
import type { ApiAnswer } from "./exchange.ts";
import { type FoundRow, findPage } from "./found-rows.ts";
import { propertyName } from "./names.ts";
import { type Plan, planOf } from "./plan.ts";
import { badQuery } from "./query-fault.ts";
import type { QueryOptions } from "./query-options.ts";
import type { Reading } from "./reading.ts";
import type { RowKey } from "./resource.ts";
import { noSuchRow, rowCondition } from "./row-condition.ts";
import { etagOf, jsonValue } from "./row-json.ts";
import { showRows } from "./shown-rows.ts";
import type { Column, Table } from "./table.ts";

/** The one row of a key, as a plan reads it. Throws ApiFault 404 where it does not exist or the caller may not read it. */
export async function findRow(reading: Pick<Reading, "turn">, plan: Plan, key: RowKey): Promise<FoundRow> {
  const page = await findPage(reading.turn, plan, {
    conditions: ({ parameters }) => [rowCondition(plan.table, key, parameters)],
    order: [],
    limit: 1,
    after: () => null,
  });
  const [row] = page.rows;
  if (!row) throw noSuchRow(plan.table, key);
  return row;
}

/** Answers with one row. `ifNoneMatch`: the header; a version that the client has is 304 (wire 7, Retrieve), unless other rows come along. */
export async function answerRow(
  reading: Reading,
  table: Table,
  key: RowKey,
  options: QueryOptions,
  ifNoneMatch: string | undefined,
): Promise<ApiAnswer> {
  refuseSetOptions(options);
  const plan = planOf(table, options, reading.turn.service.tables);
  const row = await findRow(reading, plan, key);
  const etag = etagOf(row);
  if (plan.expands.length === 0 && ifNoneMatch !== undefined && hasTag(ifNoneMatch, etag)) return { status: 304, headers: { ETag: etag } };
  const [json] = await showRows(reading, plan, [row]);
  return { status: 200, headers: { ETag: etag }, body: withContext(reading, rowContext(reading, plan), json ?? {}) };
}

/** Answers with one property: `{"value": …}`, or with `/$value` the value as text. 204: there is none. */
export async function answerProperty(reading: Reading, table: Table, key: RowKey, column: Column, raw: boolean): Promise<ApiAnswer> {
  const plan = planOf(table, { select: [propertyName(column)], expand: [] }, reading.turn.service.tables);
  const row = await findRow(reading, plan, key);
  const value = jsonValue(column, row.values.get(column));
  if (value === null) return { status: 204, headers: {} };
  if (raw) return { status: 200, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: String(value) };
  return { status: 200, headers: {}, body: withContext(reading, propertyContext(reading, plan, row.id), { value }) };
}

/** Filter, order, paging and aggregates fit no single row. */
export function refuseSetOptions(options: QueryOptions): void {
  const found =
    (options.filter && "$filter") ??
    (options.orderBy.length > 0 ? "$orderby" : null) ??
    (options.top !== null ? "$top" : null) ??
    (options.count ? "$count" : null) ??
    (options.apply && "$apply") ??
    (options.skipToken !== null ? "$skiptoken" : null) ??
    (options.deltaToken !== null ? "$deltatoken" : null);
  if (found) throw badQuery(`The query option ${found} cannot be applied to a single row.`);
}

/** `null`, which clients send against caching, is no tag. */
function hasTag(header: string, etag: string): boolean {
  return header
    .slice(0, 1_000)
    .split(",")
    .some((one) => one.trim() === etag);
}
