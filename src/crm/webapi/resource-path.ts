import { type Segment, splitPath } from "./path-segments.ts";
import { noSuchSegment } from "./query-fault.ts";
import type { Resource, RowKey } from "./resource.ts";
import { readKey } from "./row-key.ts";
import type { Column, Table } from "./table.ts";
import type { Tables } from "./table-index.ts";

/** What a path is read with. */
export interface PathOptions {
  /** Values of `@p1` in keys, by name with the sign, decoded: those of the query string. Default: none. */
  readonly aliases?: ReadonlyMap<string, string>;
  readonly tables: Tables;
}

/** Where a path has come to: a set, or a row. */
type Place = { readonly kind: "set"; readonly table: Table } | { readonly kind: "row"; readonly table: Table; readonly key: RowKey };

const NAMESPACES = ["Microsoft.Dynamics.CRM.", "mscrm."] as const;

/**
 * What a path behind the service root names, still percent-encoded: `emails(…)/email_activity_parties/$ref` (wire 7). A name that no table, column or
 * navigation has is taken for an operation; whoever runs it answers `noSuchSegment` where there is none. Throws ApiFault: 404 for what is not there, 400 for
 * keys and encodings that cannot be read.
 */
export function readResource(path: string, { aliases = new Map(), tables }: PathOptions): Resource {
  const segments = splitPath(path);
  const [first, ...rest] = segments;
  if (!first) return { kind: "service" };
  if (rest.length === 0 && first.arguments === null) {
    if (first.name === "$metadata") return { kind: "metadata" };
    if (first.name === "$batch") return { kind: "batch" };
  }
  const table = tables.ofSet(first.name);
  if (!table) return operation(first, rest, null);
  const place: Place =
    first.arguments === null ? { kind: "set", table } : { kind: "row", table, key: readKey(table, first.arguments, aliases) };
  return follow(place, rest, aliases, tables);
}

function follow(place: Place, segments: readonly Segment[], aliases: ReadonlyMap<string, string>, tables: Tables): Resource {
  const [segment, ...rest] = segments;
  if (!segment) return place;
  const cast = castOf(segment, place.table, tables);
  if (cast) {
    if (place.kind === "row" && cast.name !== place.table.name && place.key.kind === "alternate") throw noSuchSegment(segment.name);
    return follow({ ...place, table: cast }, rest, aliases, tables);
  }
  if (place.kind === "set") {
    if (segment.name === "$count" && segment.arguments === null) return last({ kind: "count", table: place.table }, rest);
    return operation(segment, rest, { table: place.table, key: null });
  }
  const { table, key } = place;
  const collection = table.collections.find((one) => one.navigation === segment.name);
  if (collection) {
    if (segment.arguments !== null) {
      const [member, references] = [readKey(tableOf(collection.table, tables), segment.arguments, aliases), asReferences(rest)] as const;
      return { kind: "member", table, key, collection, member, references };
    }
    return collectionOf({ table, key, collection }, rest);
  }
  if (segment.arguments === null) {
    const reference = referenceOf(table, segment.name);
    if (reference) return navigation({ table, key, ...reference }, rest, tables);
    const column = propertyOf(table, segment.name);
    if (column) return property({ table, key, column }, rest);
  }
  return operation(segment, rest, { table, key });
}

function collectionOf(place: Pick<Resource & { kind: "collection" }, "table" | "key" | "collection">, rest: readonly Segment[]): Resource {
  const [next] = rest;
  if (next?.name === "$count" && rest.length === 1) return { kind: "collectionCount", ...place };
  return { kind: "collection", ...place, references: asReferences(rest) };
}

function property(place: Pick<Resource & { kind: "property" }, "table" | "key" | "column">, rest: readonly Segment[]): Resource {
  const [next, ...more] = rest;
  if (!next) return { kind: "property", ...place, raw: false };
  if (next.name !== "$value" || next.arguments !== null) throw noSuchSegment(next.name);
  return last({ kind: "property", ...place, raw: true }, more);
}

function navigation(
  place: { readonly table: Table; readonly key: RowKey; readonly column: Column; readonly target: string | null },
  rest: readonly Segment[],
  tables: Tables,
): Resource {
  const [next, ...more] = rest;
  const cast = next && castName(next);
  if (cast && place.column.targets?.some((one) => one.table === cast) && tables.named(cast)) {
    return { kind: "reference", ...place, target: cast, references: asReferences(more) };
  }
  return { kind: "reference", ...place, references: asReferences(rest) };
}

/** Null: one name for lookups that refer to several tables (`ownerid`); the row says to which. */
function referenceOf(table: Table, name: string): { column: Column; target: string | null } | null {
  for (const column of table.columns) {
    const [target, second] = column.targets?.filter((one) => one.navigation === name) ?? [];
    if (target) return { column, target: second ? null : target.table };
  }
  return null;
}

/** Lookups are read as `_name_value`. */
function propertyOf(table: Table, name: string): Column | undefined {
  return table.columns.find((one) => (one.type === "Lookup" ? `_${one.name}_value` : one.name) === name);
}

function castOf(segment: Segment, table: Table, tables: Tables): Table | null {
  const name = castName(segment);
  if (name === table.name) return table;
  const cast = name === null ? undefined : tables.named(name);
  return cast?.base === table.name ? cast : null;
}

/** `systemuser` of `Microsoft.Dynamics.CRM.systemuser`. */
function castName(segment: Segment): string | null {
  return segment.arguments === null ? withoutNamespace(segment.name) : null;
}

function withoutNamespace(name: string): string | null {
  const namespace = NAMESPACES.find((one) => name.startsWith(one));
  return namespace ? name.slice(namespace.length) : null;
}

function operation(segment: Segment, rest: readonly Segment[], on: (Resource & { kind: "operation" })["on"]): Resource {
  const name = withoutNamespace(segment.name) ?? segment.name;
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) throw noSuchSegment(segment.name);
  return last({ kind: "operation", name, on, parameters: segment.arguments }, rest);
}

function asReferences(rest: readonly Segment[]): boolean {
  const [next, more] = rest;
  if (!next) return false;
  if (next.name !== "$ref" || next.arguments !== null) throw noSuchSegment(next.name);
  if (more) throw noSuchSegment(more.name);
  return true;
}

function last(resource: Resource, rest: readonly Segment[]): Resource {
  const [more] = rest;
  if (more) throw noSuchSegment(more.name);
  return resource;
}

function tableOf(name: string, tables: Tables): Table {
  const table = tables.named(name);
  if (!table) throw new Error(`The collection's table ${name} is not among the tables`);
  return table;
}
