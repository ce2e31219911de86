import { answerChanges, answerChangesCount, tracksChanges } from "./answer-changes.ts";
import { withContext } from "./answer-context.ts";
import { answerProperty, answerRow, findRow, refuseSetOptions } from "./answer-row.ts";
import { answerCount, answerSet } from "./answer-set.ts";
import { laterFault } from "./error-codes.ts";
import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import { refersTo } from "./filter-sql.ts";
import { findPage } from "./found-rows.ts";
import { kindsOf } from "./names.ts";
import { planOf } from "./plan.ts";
import { type Preferences, readPreferences } from "./preferences.ts";
import { tableNamed } from "./query-context.ts";
import { type QueryOptions, readQueryOptions } from "./query-options.ts";
import { metadataLevel, type Reading } from "./reading.ts";
import type { Resource, RowKey } from "./resource.ts";
import { noSuchRow, rowCondition } from "./row-condition.ts";
import type { Turn } from "./service.ts";
import { referenceJson } from "./shown-rows.ts";
import type { Source } from "./source.ts";
import type { Collection, Column, Table } from "./table.ts";

/**
 * Answers GET of whatever a path names but `$metadata`, `$batch` and operations: the service document, sets, counts, rows, properties, collections and what
 * lookups refer to (wire 7). Throws ApiFault for each refusal.
 */
export async function answerRead(turn: Turn, resource: Resource, request: ApiRequest): Promise<ApiAnswer> {
  const preferences = readPreferences(request.headers.get("prefer"));
  const metadata = metadataLevel(request.headers.get("accept"));
  const reading: Reading = { turn, root: request.root, annotations: preferences.annotations, metadata };
  const answer = await answered(reading, resource, request, preferences);
  return withHeaders(answer, reading, resource, preferences);
}

async function answered(reading: Reading, resource: Resource, request: ApiRequest, preferences: Preferences): Promise<ApiAnswer> {
  const options = readQueryOptions(request.query);
  const set = (source: Source) => answerSet(reading, source, options, preferences, request);
  const none = request.headers.get("if-none-match");
  switch (resource.kind) {
    case "set":
      if (tracksChanges(options, preferences)) return answerChanges(reading, resource.table, options, preferences, request);
      return set({ table: resource.table, within: () => [], references: false });
    case "count":
      if (options.deltaToken !== null) return answerChangesCount(reading, resource.table, options, options.deltaToken);
      return answerCount(reading, { table: resource.table, within: () => [], references: false }, options);
    case "row":
      return answerRow(reading, resource.table, resource.key, options, none);
    case "property":
      return answerProperty(reading, resource.table, resource.key, resource.column, resource.raw);
    case "collection":
      return set(await collectionSource(reading, resource.table, resource.key, resource.collection, resource.references));
    case "collectionCount":
      return answerCount(reading, await collectionSource(reading, resource.table, resource.key, resource.collection, false), options);
    case "member":
      return member(reading, resource, options, none);
    case "reference":
      return reference(reading, resource, options, none);
    case "service":
    case "metadata":
    case "batch":
    case "operation":
      throw laterFault("NotAllowed", `The requested resource does not support http method '${request.method}'.`);
  }
}

/** The rows of a collection. The row that they belong to has to be there for the caller, else 404. */
async function collectionSource(reading: Reading, table: Table, key: RowKey, collection: Collection, references: boolean): Promise<Source> {
  const { tables } = reading.turn.service;
  const parent = await findRow(reading, planOf(table, { select: [], expand: [] }, tables), key);
  const child = tableNamed(tables, collection.table);
  const back = lookupOf(child, collection.column);
  return {
    table: child,
    references,
    within: (context) => {
      const typed = refersTo(back, table.name, context);
      return [`${back.read} = ${context.parameters.add(parent.id, "uuid")}`, ...(typed === null ? [] : [typed])];
    },
  };
}

async function member(
  reading: Reading,
  { table, key, collection, member: id, references }: Resource & { kind: "member" },
  options: QueryOptions,
  ifNoneMatch: string | undefined,
): Promise<ApiAnswer> {
  const source = await collectionSource(reading, table, key, collection, false);
  const plan = planOf(source.table, { select: [], expand: [] }, reading.turn.service.tables);
  const found = await findWithin(reading, source, id);
  if (found === null) throw noSuchRow(source.table, id);
  if (references)
    return { status: 200, headers: {}, body: withContext(reading, `${reading.root}$metadata#$ref`, referenceJson(reading, plan, found)) };
  return answerRow(reading, source.table, { kind: "id", id: found }, options, ifNoneMatch);
}

/** What a lookup refers to; 204 where that is nothing, or nothing that the caller may read. */
async function reference(
  reading: Reading,
  { table, key, column, target, references }: Resource & { kind: "reference" },
  options: QueryOptions,
  ifNoneMatch: string | undefined,
): Promise<ApiAnswer> {
  refuseSetOptions(options);
  const { tables } = reading.turn.service;
  const plan = planOf(table, { select: [`_${column.name}_value`], expand: [] }, tables);
  const row = await findRow(reading, plan, key);
  const [id, referred] = [row.values.get(column), row.targets.get(column)];
  if (typeof id !== "string" || referred === undefined || (target !== null && !kindsOf(target, tables).includes(referred)))
    return { status: 204, headers: {} };
  const to = tableNamed(tables, referred);
  const found = await findWithin(reading, { table: to, within: () => [], references: false }, { kind: "id", id });
  if (found === null) return { status: 204, headers: {} };
  if (!references) return answerRow(reading, to, { kind: "id", id }, options, ifNoneMatch);
  const one = planOf(to, { select: [], expand: [] }, tables);
  return { status: 200, headers: {}, body: withContext(reading, `${reading.root}$metadata#$ref`, referenceJson(reading, one, id)) };
}

/** The id of a row within a source; null: it is not there. */
async function findWithin(reading: Reading, { table, within }: Source, key: RowKey): Promise<string | null> {
  const plan = planOf(table, { select: [], expand: [] }, reading.turn.service.tables);
  const page = await findPage(reading.turn, plan, {
    conditions: (context) => [...within(context), rowCondition(table, key, context.parameters)],
    order: [],
    limit: 1,
    after: () => null,
  });
  return page.rows[0]?.id ?? null;
}

function lookupOf(table: Table, name: string): Column {
  const column = table.columns.find((one) => one.name === name);
  if (!column) throw new Error(`${table.name} has no column ${name}`);
  return column;
}

/** The content type, and `Preference-Applied` with what was done of the preferences. */
function withHeaders(answer: ApiAnswer, reading: Reading, resource: Resource, preferences: Preferences): ApiAnswer {
  if (answer.status !== 200) return answer;
  const paged = resource.kind === "set" || resource.kind === "collection" || resource.kind === "row";
  const applied = [
    ...(answer.headers["Preference-Applied"] ? [answer.headers["Preference-Applied"]] : []),
    ...(paged && preferences.maximumPageSize !== null ? [`odata.maxpagesize=${preferences.maximumPageSize}`] : []),
    ...(reading.annotations !== null ? [`odata.include-annotations="${reading.annotations}"`] : []),
  ];
  const headers = { "Content-Type": `application/json; odata.metadata=${reading.metadata}; charset=utf-8`, ...answer.headers };
  return { ...answer, headers: applied.length > 0 ? { ...headers, "Preference-Applied": applied.join(",") } : headers };
}
