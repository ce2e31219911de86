import { fault, laterFault } from "./error-codes.ts";
import type { RowKey } from "./resource.ts";
import { readResource } from "./resource-path.ts";
import type { Collection, Column, Table } from "./table.ts";
import type { Tables } from "./table-index.ts";
import { invalidPayload, quoted, storedValue, type Value } from "./values.ts";

/** What a body may hold. A row in Dynamics has at most 1,024 columns; an email of more parties than that is sent by other means. */
export const BODY_LIMITS = {
  properties: 2_000,
  /** Rows within rows. */
  depth: 6,
  /** Rows of one body, that of the request among them. */
  rows: 20_000,
  /** Characters of a reference to a row. */
  reference: 2_000,
} as const;

/** What a body says of one row, checked against the definition of its table. */
export interface Draft {
  readonly table: Table;
  /** Without columns that cannot be written this way: Dynamics leaves them out without a word. */
  readonly values: ReadonlyMap<Column, Value>;
  /** By lookup column; null: it shall refer to nothing. */
  readonly references: ReadonlyMap<Column, Reference | null>;
  /** Rows to be made that a lookup shall refer to. */
  readonly parents: ReadonlyMap<Column, Draft>;
  /** Rows to be made that belong to this one; on an update, those that stand in place of the present ones. */
  readonly children: ReadonlyMap<Collection, readonly Draft[]>;
}

/** A row that a body refers to, not yet looked up. */
export interface Reference {
  readonly table: Table;
  readonly key: RowKey;
}

/** What bodies are read with. `root`: see ApiRequest. */
export interface BodyOptions {
  readonly tables: Tables;
  readonly root: string;
  readonly way: "create" | "update";
  /** The lookup by which the row belongs to one that stands already, which the body need not and cannot give. */
  readonly belongsBy?: string;
}

/**
 * Reads the JSON body of a POST, PATCH or PUT of a row. Throws ApiFault: 400 in Dynamics' words for what is no row of that table. A column that cannot be written in
 * this way is checked and left out: "The system will ignore any attribute values that are not allowed for create or update" (Microsoft, on create and update of
 * records). Annotations of declared properties are ignored, apart from `@odata.bind` and `@odata.type` (wire 7, Binding, Deep insert).
 */
export function readBody(table: Table, body: unknown, options: BodyOptions): Draft {
  return new Reading(options).row(table, body, options.way, options.belongsBy ?? null, 1);
}

/** Reads the rows of `PUT emails(…)/email_activity_parties` (wire 7, Deep insert), or of a nested array. Throws as readBody does. */
export function readRows(table: Table, collection: Collection, rows: unknown, options: BodyOptions): readonly Draft[] {
  return new Reading(options).rowsOf(table, collection, rows, 1);
}

/**
 * The row that a bind or `@odata.id` names: `/accounts(…)`, `accounts(…)`, the whole address below our root, or an alternate key in the parentheses. Throws ApiFault
 * 400 where it is none.
 */
export function readReference(text: unknown, { tables, root }: Pick<BodyOptions, "tables" | "root">): Reference {
  if (typeof text !== "string" || text.length > BODY_LIMITS.reference) throw notUnderstood(text);
  const below = text.startsWith(root) ? text.slice(root.length) : text;
  const path = below.startsWith("/") ? below.slice(1) : below;
  if (/^[a-z][a-z\d+.-]*:/i.test(path) || /[?#]/.test(path)) throw notUnderstood(text);
  const resource = readResource(path, { tables });
  if (resource.kind !== "row") throw notUnderstood(text);
  return { table: resource.table, key: resource.key };
}

function notUnderstood(text: unknown) {
  return laterFault("NotUnderstood", `Resource not found for the segment '${quoted(text)}'.`);
}

/** The names that may stand in a body of one table. */
interface Names {
  readonly columns: ReadonlyMap<string, Column>;
  /** A name of several targets leads to all of them. */
  readonly navigations: ReadonlyMap<string, { readonly column: Column; readonly targets: readonly string[] }>;
  readonly collections: ReadonlyMap<string, Collection>;
}

const NAMES = new WeakMap<Table, Names>();

function namesOf(table: Table): Names {
  const known = NAMES.get(table);
  if (known) return known;
  const targets = table.columns.flatMap((column) => (column.targets ?? []).map((target) => ({ column, target })));
  const navigations = [...Map.groupBy(targets, ({ target }) => target.navigation)].flatMap(([name, its]) =>
    its[0] ? [[name, { column: its[0].column, targets: its.map(({ target }) => target.table) }] as const] : [],
  );
  const names: Names = {
    columns: new Map(table.columns.map((column) => [column.type === "Lookup" ? `_${column.name}_value` : column.name, column])),
    navigations: new Map(navigations),
    collections: new Map(table.collections.map((collection) => [collection.navigation, collection])),
  };
  NAMES.set(table, names);
  return names;
}

class Reading {
  readonly #options: BodyOptions;
  #rows = 0;

  constructor(options: BodyOptions) {
    this.#options = options;
  }

  /** @param belongsBy the lookup by which it belongs to the row around it, which cannot be given */
  row(table: Table, body: unknown, way: "create" | "update", belongsBy: string | null, depth: number): Draft {
    if (!isObject(body)) throw invalidPayload(table, "The request body must be a JSON object.");
    this.#rows += 1;
    if (this.#rows > BODY_LIMITS.rows) throw invalidPayload(table, `A request makes at most ${BODY_LIMITS.rows} rows.`);
    if (depth > BODY_LIMITS.depth) throw invalidPayload(table, `Rows stand at most ${BODY_LIMITS.depth} deep in each other.`);
    const entries = Object.entries(body);
    if (entries.length > BODY_LIMITS.properties) throw invalidPayload(table, `A row has at most ${BODY_LIMITS.properties} properties.`);
    const draft = {
      table,
      values: new Map<Column, Value>(),
      references: new Map<Column, Reference | null>(),
      parents: new Map<Column, Draft>(),
      children: new Map<Collection, readonly Draft[]>(),
    };
    for (const [name, value] of entries) this.#property(draft, name, value, way, belongsBy, depth);
    if (way === "create") checkRequired(draft, belongsBy);
    return draft;
  }

  rowsOf(table: Table, collection: Collection, rows: unknown, depth: number): readonly Draft[] {
    const child = this.#options.tables.named(collection.table);
    if (!child || !collection.deepInsert)
      throw laterFault("NotUnderstood", `Rows of '${collection.navigation}' cannot be given with the row that they belong to.`);
    if (!Array.isArray(rows))
      throw invalidPayload(table, `Cannot read the value of '${collection.navigation}': a JSON array was expected.`);
    return rows.map((row) => this.row(child, row, "create", collection.column, depth + 1));
  }

  #property(draft: Filling, name: string, value: unknown, way: "create" | "update", belongsBy: string | null, depth: number): void {
    const { table } = draft;
    const at = name.indexOf("@");
    if (at >= 0) {
      this.#annotation(draft, name.slice(0, at), name.slice(at + 1), value, way, belongsBy);
      return;
    }
    const { columns, navigations, collections } = namesOf(table);
    const column = columns.get(name);
    const navigation = navigations.get(name);
    if (column || navigation) {
      if (column) property(draft, column, value, way);
      else if (navigation) this.#parent(draft, navigation, name, value, way, depth);
      return;
    }
    const collection = collections.get(name);
    if (!collection) throw invalidProperty(table, name);
    if (way === "update" && collection.table !== PARTIES)
      throw laterFault("NotUnderstood", `Deep update of navigation properties is not allowed: '${name}'.`);
    draft.children.set(collection, this.rowsOf(table, collection, value, depth));
  }

  #annotation(draft: Filling, name: string, term: string, value: unknown, way: "create" | "update", belongsBy: string | null): void {
    const { table } = draft;
    if (name === "") {
      checkControl(table, term, value);
      return;
    }
    const { columns, navigations, collections } = namesOf(table);
    const navigation = navigations.get(name);
    if (term !== "odata.bind") {
      if (!columns.has(name) && !navigation && !collections.has(name)) throw undeclared(table, name);
      return;
    }
    if (!navigation) {
      if (collections.has(name)) throw laterFault("NotUnderstood", `Only a single-valued navigation property can be bound, not '${name}'.`);
      throw undeclared(table, name);
    }
    const { column, targets } = navigation;
    if (column.name === belongsBy) throw laterFault("NotUnderstood", `'${name}' is given by the row around this one.`);
    const reference = value === null ? null : readReference(value, this.#options);
    if (reference && !targets.includes(reference.table.name))
      throw laterFault(
        "NotUnderstood",
        `A row of '${reference.table.name}' cannot be bound to '${name}' of '${table.name}': ${targets.join(", ")} expected.`,
      );
    if (draft.parents.has(column) || (reference && draft.references.get(column)))
      throw laterFault("NotUnderstood", `'${column.name}' of '${table.name}' is given twice.`);
    // `null` for one navigation of a lookup beside another that refers to a row takes nothing away.
    if (writable(column, way) && (reference || !draft.references.has(column))) draft.references.set(column, reference);
  }

  #parent(
    draft: Filling,
    { column, targets }: { readonly column: Column; readonly targets: readonly string[] },
    name: string,
    value: unknown,
    way: "create" | "update",
    depth: number,
  ): void {
    const { table } = draft;
    if (value === null) {
      if (writable(column, way) && !draft.references.has(column) && !draft.parents.has(column)) draft.references.set(column, null);
      return;
    }
    const [target, second] = targets;
    const parent = target && !second ? this.#options.tables.named(target) : undefined;
    if (!isObject(value) || way === "update" || !parent)
      throw laterFault("NotUnderstood", `'${name}' of '${table.name}' takes a reference: '${name}@odata.bind'.`);
    if (draft.parents.has(column) || draft.references.get(column))
      throw laterFault("NotUnderstood", `'${column.name}' of '${table.name}' is given twice.`);
    const row = this.row(parent, value, "create", null, depth + 1);
    if (!writable(column, way)) return;
    draft.references.delete(column);
    draft.parents.set(column, row);
  }
}

/** Logical name of the one table whose rows can be replaced with the row that they belong to (wire 7, Deep insert). */
export const PARTIES = "activityparty";

interface Filling extends Draft {
  readonly values: Map<Column, Value>;
  readonly references: Map<Column, Reference | null>;
  readonly parents: Map<Column, Draft>;
  readonly children: Map<Collection, readonly Draft[]>;
}

function property(draft: Filling, column: Column, value: unknown, way: "create" | "update"): void {
  if (column.type === "Lookup")
    throw laterFault(
      "NotUnderstood",
      "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.",
    );
  const stored = storedValue(draft.table, column, value);
  if (writable(column, way)) draft.values.set(column, stored);
}

function writable(column: Column, way: "create" | "update"): boolean {
  return way === "create" ? column.create : column.update;
}

/** `@odata.type` must be the table's own; the other annotations of a row say what was read, and change nothing. */
function checkControl(table: Table, term: string, value: unknown): void {
  if (term === "odata.bind" || term === "odata.id")
    throw invalidPayload(table, `The annotation '@${term}' cannot stand in a row that is written.`);
  if (term !== "odata.type") return;
  const name = typeof value === "string" ? value.replace(/^#/, "") : "";
  if (name !== `Microsoft.Dynamics.CRM.${table.name}` && name !== `mscrm.${table.name}`)
    throw invalidPayload(
      table,
      `A type named '${quoted(value)}' could not be resolved as 'Microsoft.Dynamics.CRM.${table.name}' or a type derived from it.`,
    );
}

function checkRequired({ table, values, references, parents }: Draft, belongsBy: string | null): void {
  for (const column of table.columns) {
    if (!column.required || column.name === belongsBy || parents.has(column)) continue;
    if ((values.get(column) ?? references.get(column) ?? null) === null)
      throw fault("RequiredFieldMissing", `Required field '${column.name}' is missing`);
  }
}

function invalidProperty(table: Table, name: string) {
  return laterFault(
    "InvalidProperty",
    `An error occurred while validating input parameters: Microsoft.Crm.CrmException: Invalid property '${quoted(name)}' was found in entity 'Microsoft.Dynamics.CRM.${table.name}'. ---> Microsoft.OData.ODataException: Does not support untyped value in non-open type.`,
  );
}

function undeclared(table: Table, name: string) {
  return invalidPayload(
    table,
    `An undeclared property '${quoted(name)}' which only has property annotations in the payload but no property value was found in the payload. In OData, only declared navigation properties and declared named streams can be represented as properties without values.`,
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
