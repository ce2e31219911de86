import type { Sql } from "../model/sql.ts";

/**
 * The schemas `waypost`, `crm` and `waypost_meta` as readable text: tables with columns, constraints and indexes, then sequences,
 * triggers and functions. The same text on both engines and for every version of PostgreSQL from 15 on.
 */
export async function schemaText(sql: Sql): Promise<string> {
  const { rows } = await sql.query<{ line: string }>(STATEMENT);
  return `${rows.map((row) => row.line).join("\n")}\n`;
}

/** NOT NULL is a constraint of its own (contype n) only from PostgreSQL 18 on; it stands with the column here. */
const STATEMENT = `
with space as (
  select oid, nspname as name from pg_namespace where nspname in ('waypost', 'crm', 'waypost_meta')
), relation as (
  select c.oid, c.relkind, space.name || '.' || c.relname as name from pg_class c join space on space.oid = c.relnamespace
), line as (
  select name, 0 as part, 0 as place, 'table ' || name as line from relation where relkind = 'r'
  union all
  select r.name, 1, a.attnum, concat('  ', a.attname, ' ', format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' end,
      case when a.attidentity <> '' then ' identity' end,
      case when a.attgenerated <> '' then ' generated ' || pg_get_expr(d.adbin, d.adrelid)
           when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) end,
      case when a.attstorage <> t.typstorage then ' storage ' || a.attstorage::text end)
    from relation r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    where r.relkind = 'r'
  union all
  select r.name, 2, row_number() over (partition by r.name order by c.conname)::int, '  constraint ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
    from relation r join pg_constraint c on c.conrelid = r.oid where c.contype <> 'n'
  union all
  select r.name, 3, row_number() over (partition by r.name order by i.indexrelid::regclass::text)::int, '  ' || pg_get_indexdef(i.indexrelid)
    from relation r join pg_index i on i.indrelid = r.oid
    where not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x'))
  union all
  select r.name, 4, row_number() over (partition by r.name order by t.tgname)::int, '  ' || pg_get_triggerdef(t.oid)
    from relation r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal
  union all
  select name, 5, 0, 'sequence ' || name from relation where relkind = 'S'
  union all
  select space.name || '.' || p.proname, 6, 0, concat('function ', space.name, '.', p.proname, '(', pg_get_function_arguments(p.oid), ') returns ',
      pg_get_function_result(p.oid), ' sha256 ', left(encode(sha256(convert_to(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), 'UTF8')), 'hex'), 16))
    from pg_proc p join space on space.oid = p.pronamespace
)
select line from line order by name, part, place`;
