import { type BodyOptions, type Draft, PARTIES, type Reference, readBody, readReference, readRows } from "./body.ts";
import { type CreateOptions, createRows } from "./create-rows.ts";
import { deleteRow } from "./delete-row.ts";
import { fault, laterFault } from "./error-codes.ts";
import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import { readPreferences } from "./preferences.ts";
import { type Conditions, isAny, lockRow } from "./present-row.ts";
import { readQueryOptions } from "./query-options.ts";
import { readRow } from "./read-row.ts";
import { metadataLevel } from "./reading.ts";
import { refersTo } from "./refers-to.ts";
import type { Resource, RowKey } from "./resource.ts";
import { noSuchRow } from "./row-condition.ts";
import type { Turn } from "./service.ts";
import { columnOf } from "./storage.ts";
import type { Collection, Column, Table } from "./table.ts";
import { updatePresentRow, updateRow } from "./update-row.ts";
import { storedValue } from "./values.ts";

/**
 * Answers POST, PATCH, PUT and DELETE of whatever a path names but operations (wire 7, Create to Deep insert). Must run in a transaction, which a refusal must roll back.
 * Throws ApiFault for each refusal.
 */
export async function answerWrite(turn: Turn, resource: Resource, request: ApiRequest): Promise<ApiAnswer> {
  return await write(keepingPlans(turn), resource, request);
}

/** Single rows are written, and all that is asked for it by their keys: what it takes beside the planning of statements is little. */
function keepingPlans(turn: Turn): Turn {
  return { ...turn, sql: { query: (text, values) => turn.sql.query(text, values, { keepsPlan: true }) } };
}

async function write(turn: Turn, resource: Resource, request: ApiRequest): Promise<ApiAnswer> {
  const { method } = request;
  switch (resource.kind) {
    case "set":
      if (method === "POST") return postRow(turn, resource.table, request);
      break;
    case "row":
      if (method === "PATCH") return patchRow(turn, resource.table, resource.key, request);
      if (method === "DELETE") return removeRow(turn, resource.table, resource.key, request);
      break;
    case "property":
      if (!resource.raw && (method === "PUT" || method === "DELETE")) return writeProperty(turn, resource, request);
      break;
    case "reference":
      if (resource.references && method !== "PATCH") return writeReference(turn, resource, request);
      break;
    case "collection":
      return writeCollection(turn, resource, request);
    case "member":
      if (resource.references && method === "DELETE") return takeOut(turn, resource, resource.member, request);
      break;
    default:
      break;
  }
  throw notAllowed(request);
}

function notAllowed({ method }: ApiRequest) {
  return laterFault("NotAllowed", `The requested resource does not support http method '${method}'.`);
}

async function postRow(turn: Turn, table: Table, request: ApiRequest): Promise<ApiAnswer> {
  mustAllow(table, "create");
  const draft = readBody(table, request.body, optionsOf(turn, request, "create"));
  const [id] = await createRows(turn, [draft]);
  return written(turn, table, id ?? "", request, 201);
}

/** An upsert, unless the headers say that the row must be there or must not (wire 7, Update). */
async function patchRow(turn: Turn, table: Table, key: RowKey, request: ApiRequest): Promise<ApiAnswer> {
  const conditions = conditionsOf(request);
  if (table.allows.includes("update")) {
    const draft = readBody(table, request.body, optionsOf(turn, request, "update"));
    const id = await updateRow(turn, table, key, draft, conditions);
    if (id !== null) return written(turn, table, id, request, 200);
  }
  if (conditions.ifMatch !== null || !table.allows.includes("create")) {
    mustAllow(table, "update");
    throw noSuchRow(table, key);
  }
  const draft = withKey(table, readBody(table, withoutOwnKey(table, key, request.body), optionsOf(turn, request, "create")), key);
  const [id] = await createRows(turn, [draft], key.kind === "id" ? { ids: [key.id] } : {});
  return written(turn, table, id ?? "", request, 201);
}

/** The key in the address counts, whatever the body says of the primary key. */
function withoutOwnKey(table: Table, key: RowKey, body: unknown): unknown {
  if (key.kind !== "id" || typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== table.key));
}

/** The new row has the values of the alternate key that it was sought by. */
function withKey(table: Table, draft: Draft, key: RowKey): Draft {
  if (key.kind === "id") return draft;
  const values = new Map(draft.values);
  for (const [name, value] of key.values) {
    const column = columnOf(table, name);
    if (!column || column.type === "Lookup") throw laterFault("NotUnderstood", `A row of '${table.name}' cannot be made by this key.`);
    values.set(column, storedValue(table, column, value));
  }
  return { ...draft, values };
}

async function removeRow(turn: Turn, table: Table, key: RowKey, request: ApiRequest): Promise<ApiAnswer> {
  mustAllow(table, "delete");
  await deleteRow(turn, table, key, conditionsOf(request));
  return NO_CONTENT;
}

async function writeProperty(turn: Turn, { table, key, column }: Resource & { kind: "property" }, request: ApiRequest): Promise<ApiAnswer> {
  mustAllow(table, "update");
  const name = column.type === "Lookup" ? `_${column.name}_value` : column.name;
  const value = request.method === "DELETE" ? null : memberOf(request.body, "value");
  if (!column.update) throw fault("InvalidOperation", `'${column.name}' of '${table.name}' cannot be written.`);
  const draft = readBody(table, { [name]: value }, optionsOf(turn, request, "update"));
  await updatePresentRow(turn, table, key, draft, conditionsOf(request));
  return NO_CONTENT;
}

/** `PUT`, `POST` or `DELETE accounts(…)/primarycontactid/$ref`. */
async function writeReference(
  turn: Turn,
  { table, key, column, target }: Resource & { kind: "reference" },
  request: ApiRequest,
): Promise<ApiAnswer> {
  mustAllow(table, "update");
  if (!column.update) throw fault("InvalidOperation", `'${column.name}' of '${table.name}' cannot be written.`);
  const reference =
    request.method === "DELETE" ? null : readReference(memberOf(request.body, "@odata.id"), optionsOf(turn, request, "update"));
  const allowed = target === null ? (column.targets ?? []).map((one) => one.table) : [target];
  if (reference && !allowed.includes(reference.table.name))
    throw laterFault("NotUnderstood", `A row of '${reference.table.name}' cannot be bound here: ${allowed.join(", ")} expected.`);
  await updatePresentRow(turn, table, key, draftOf(table, column, reference), conditionsOf(request));
  return NO_CONTENT;
}

async function writeCollection(turn: Turn, resource: Resource & { kind: "collection" }, request: ApiRequest): Promise<ApiAnswer> {
  const { table, key, collection, references } = resource;
  const child = turn.service.tables.named(collection.table);
  if (!child) throw notAllowed(request);
  if (references) {
    if (request.method === "POST") {
      const { table: named, key: member } = readReference(memberOf(request.body, "@odata.id"), optionsOf(turn, request, "update"));
      if (named.name !== child.name) throw laterFault("NotUnderstood", `A row of '${child.name}' was expected, not of '${named.name}'.`);
      const column = lookupOf(child, collection);
      await updatePresentRow(turn, child, member, draftOf(child, column, { table, key }), NO_CONDITIONS);
      return NO_CONTENT;
    }
    if (request.method === "DELETE")
      return takeOut(turn, resource, readReference(idInQuery(request), optionsOf(turn, request, "update")).key, request);
    throw notAllowed(request);
  }
  if (request.method === "PUT" && child.name === PARTIES) {
    mustAllow(table, "update");
    const rows = readRows(table, collection, memberOf(request.body, "value"), optionsOf(turn, request, "update"));
    const draft: Draft = { ...draftOf(table, null, null), children: new Map([[collection, rows]]) };
    await updatePresentRow(turn, table, key, draft, conditionsOf(request));
    return NO_CONTENT;
  }
  if (request.method !== "POST") throw notAllowed(request);
  return postMember(turn, resource, child, request);
}

/** `POST accounts(…)/contact_customer_accounts`: a new row that belongs to this one. */
async function postMember(
  turn: Turn,
  { table, key, collection }: Resource & { kind: "collection" },
  child: Table,
  request: ApiRequest,
): Promise<ApiAnswer> {
  mustAllow(child, "create");
  const present = await lockRow(turn, table, key, ["AppendTo"]);
  if (!present) throw noSuchRow(table, key);
  const draft = readBody(child, request.body, { ...optionsOf(turn, request, "create"), belongsBy: collection.column });
  const under: CreateOptions["under"] = { column: lookupOf(child, collection), table, id: present.id, title: null };
  const [id] = await createRows(turn, [draft], { under });
  return written(turn, child, id ?? "", request, 201);
}

/** The row stays; its reference to this one goes. */
async function takeOut(
  turn: Turn,
  { table, key, collection }: { readonly table: Table; readonly key: RowKey; readonly collection: Collection },
  member: RowKey,
  request: ApiRequest,
): Promise<ApiAnswer> {
  const child = turn.service.tables.named(collection.table);
  if (!child) throw notAllowed(request);
  const column = lookupOf(child, collection);
  if (!(await refersTo(turn, child, member, column, { table, key }))) throw noSuchRow(child, member);
  await updatePresentRow(turn, child, member, draftOf(child, column, null), NO_CONDITIONS);
  return NO_CONTENT;
}

function lookupOf(child: Table, collection: Collection): Column {
  const column = columnOf(child, collection.column);
  if (!column) throw new Error(`${child.name} has no lookup ${collection.column}`);
  if (!column.update || !child.allows.includes("update"))
    throw fault("InvalidOperation", `'${column.name}' of '${child.name}' cannot be written.`);
  return column;
}

function draftOf(table: Table, column: Column | null, reference: Reference | null): Draft {
  return { table, values: new Map(), references: new Map(column ? [[column, reference]] : []), parents: new Map(), children: new Map() };
}

function mustAllow(table: Table, what: "create" | "update" | "delete"): void {
  if (table.allows.includes(what)) return;
  throw fault("InvalidOperation", `The '${what}' method does not support entities of type '${table.name}'.`);
}

const NO_CONDITIONS: Conditions = { ifMatch: null, ifNoneMatch: null };

/** `If-None-Match: null` says nothing: clients send it against caches (wire 7). */
function conditionsOf({ headers }: ApiRequest): Conditions {
  const ifNoneMatch = headers.get("if-none-match") ?? null;
  return { ifMatch: headers.get("if-match") ?? null, ifNoneMatch: isAny(ifNoneMatch) ? ifNoneMatch : null };
}

function optionsOf(turn: Turn, { root }: ApiRequest, way: BodyOptions["way"]): BodyOptions {
  return { tables: turn.service.tables, root, way };
}

/** Throws ApiFault 400 where a body does not hold what it must. */
function memberOf(body: unknown, name: string): unknown {
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, name))
    throw laterFault("InvalidPayload", `The request body must hold '${name}'.`);
  return Reflect.get(body, name);
}

function idInQuery({ query }: ApiRequest): string {
  const id = new URLSearchParams(query).get("$id");
  if (id === null) throw laterFault("NotUnderstood", "The query must name the row that is taken out: $id=…");
  return id;
}

const REPRESENTATION = /(?:^|[,;\s])return\s{0,9}=\s{0,9}"?representation"?(?=[,;\s]|$)/i;

function prefersRepresentation({ headers }: ApiRequest): boolean {
  return REPRESENTATION.test(headers.get("prefer") ?? "");
}

const NO_CONTENT: ApiAnswer = { status: 204, headers: {} };

/** 204 with the address of the row, or by `Prefer: return=representation` the row (wire 7, Create). */
async function written(turn: Turn, table: Table, id: string, request: ApiRequest, status: 200 | 201): Promise<ApiAnswer> {
  if (!prefersRepresentation(request)) return { status: 204, headers: { "OData-EntityId": `${request.root}${table.set}(${id})` } };
  const { select, expand } = readQueryOptions(request.query);
  const { annotations } = readPreferences(request.headers.get("prefer"));
  const metadata = metadataLevel(request.headers.get("accept"));
  const body = await readRow(turn, table, id, { select, expand, root: request.root, annotations, metadata });
  if (body === null) throw noSuchRow(table, { kind: "id", id });
  return { status, headers: { "Preference-Applied": "return=representation" }, body };
}
