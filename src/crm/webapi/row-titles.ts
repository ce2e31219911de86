import { ApiFault } from "./exchange.ts";
import type { FoundRow } from "./found-rows.ts";
import { keyColumn } from "./names.ts";
import type { Plan } from "./plan.ts";
import { newContext } from "./query-context.ts";
import type { Titles } from "./row-json.ts";
import type { Turn } from "./service.ts";

/** The names of all rows that lookups of these refer to, with one statement a table. Of rows that the caller may not read, none. */
export async function findTitles(turn: Turn, { columns }: Plan, rows: readonly FoundRow[]): Promise<Titles> {
  const wanted = new Map<string, Set<string>>();
  for (const column of columns) {
    if (column.type !== "Lookup" || column.readTitle !== undefined) continue;
    for (const row of rows) {
      const [target, id] = [row.targets.get(column), row.values.get(column)];
      if (target === undefined || typeof id !== "string") continue;
      const ids = wanted.get(target) ?? new Set();
      wanted.set(target, ids.add(id));
    }
  }
  const titles = new Map<string, ReadonlyMap<string, string>>();
  for (const [name, ids] of wanted) titles.set(name, await titlesOf(turn, name, [...ids]));
  return titles;
}

async function titlesOf(turn: Turn, name: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const table = turn.service.tables.named(name);
  const title = table?.columns.find((one) => one.name === table.title);
  if (!table || !title) return new Map();
  const context = newContext(turn);
  const readable = mayRead(() => context.readable(table));
  if (readable === null) return new Map();
  const key = keyColumn(table).read;
  const text = `select ${key} as id, ${title.read} as title from ${table.from} as row where ${readable} and ${key} = any(${context.parameters.add(ids, "uuid[]")})`;
  const { rows } = await turn.sql.query<{ id: string; title: string | null }>(text, context.parameters.values);
  return new Map(rows.flatMap(({ id, title: found }) => (found === null ? [] : [[id, found]])));
}

/** Who may not read a table at all still reads the rows that refer to it, without the names. */
function mayRead(ask: () => string): string | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof ApiFault && error.status === 403) return null;
    throw error;
  }
}
