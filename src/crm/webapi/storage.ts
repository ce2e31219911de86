import type { Store } from "../transaction.ts";
import type { Turn } from "./service.ts";
import type { Column, Table } from "./table.ts";

/** A column of the database. */
export interface StoredColumn {
  readonly name: string;
  /** As SQL writes it: `timestamp with time zone`. */
  readonly type: string;
  readonly nullable: boolean;
  /** SQL of its default; null: none. */
  readonly standard: string | null;
  /** The database computes it: it cannot be written. */
  readonly computed: boolean;
}

/** Where rows of a table are written. */
export interface Storage {
  /** `crm.email`. */
  readonly into: string;
  /** The database's column of the primary key; null: it is none that could be written. */
  readonly key: string | null;
  readonly columns: ReadonlyMap<string, StoredColumn>;
}

/** What the database says of a table does not change while the product runs. */
const KNOWN = new WeakMap<Store, Map<string, Storage>>();

/** How the database stores a table: the types, defaults and computed columns that its definition need not repeat. One statement the first time, none after. */
export async function storageOf({ service, sql }: Turn, table: Table): Promise<Storage> {
  const known = KNOWN.get(service.store) ?? new Map<string, Storage>();
  KNOWN.set(service.store, known);
  const found = known.get(table.name);
  if (found) return found;
  const { rows } = await sql.query<StoredColumn>(
    `select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as nullable,
       case when attgenerated = '' then pg_get_expr(adbin, adrelid) end as standard, attgenerated <> '' or attidentity = 'a' as computed
     from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
     where attrelid = (select pg_class.oid from pg_class join pg_namespace on pg_namespace.oid = relnamespace where nspname = 'crm' and relname = $1 and relkind in ('r', 'p'))
       and attnum > 0 and not attisdropped`,
    [table.name],
  );
  const columns = new Map(rows.map((row) => [row.name, row]));
  if (columns.size === 0) throw new Error(`Rows of ${table.name} have no place in the database`);
  const key = columnOf(table, table.key)?.stored ?? table.key;
  const storage: Storage = { into: `crm.${table.name}`, key: columns.has(key) ? key : null, columns };
  known.set(table.name, storage);
  return storage;
}

/** The column of that logical name. */
export function columnOf(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

/** SQL that reads a column over the alias `row`; `otherwise` where the table has none of that name. */
export function readSql(table: Table, name: string, otherwise: string): string {
  return columnOf(table, name)?.read ?? otherwise;
}
