import type { Reference } from "./body.ts";
import { fault } from "./error-codes.ts";
import { Parameters } from "./parameters.ts";
import { type Action, rowsThatMay } from "./rights.ts";
import { noSuchRow, rowCondition } from "./row-condition.ts";
import type { Turn } from "./service.ts";
import { readSql } from "./storage.ts";
import type { Table } from "./table.ts";

/** A row that is there, and that the caller may have others refer to. */
export interface Referred {
  readonly table: Table;
  readonly id: string;
  /** What names it for people. */
  readonly title: string | null;
}

/**
 * Looks the rows up that drafts refer to; one statement a table and action, however many. Throws ApiFault: 404 for a row that is not there or that the caller may not see, 403
 * where the caller may not do what is asked with it.
 */
export async function lookUp(turn: Turn, asked: readonly Asked[]): Promise<ReadonlyMap<Reference, Referred>> {
  const found = new Map<Reference, Referred>();
  for (const its of Map.groupBy(asked, ({ reference, action }) => `${action} ${reference.table.name}`).values()) {
    const [first] = its;
    if (!first) continue;
    const rows = await find(
      turn,
      first.reference.table,
      its.map(({ reference }) => reference),
      first.action,
    );
    for (const [reference, row] of rows) found.set(reference, row);
  }
  return found;
}

/** A row to look up, and what the caller must be allowed to do with it besides seeing it. */
export interface Asked {
  readonly reference: Reference;
  readonly action: Action;
}

interface FoundRow {
  readonly place: number;
  readonly id: string;
  readonly title: string | null;
  readonly seen: boolean;
  readonly may: boolean;
}

async function find(turn: Turn, table: Table, references: readonly Reference[], action: Action): Promise<ReadonlyMap<Reference, Referred>> {
  const parameters = new Parameters();
  const [seen, may] = [rowsThatMay(turn.caller, table, "Read", parameters), rowsThatMay(turn.caller, table, action, parameters)];
  const key = readSql(table, table.key, `row.${table.key}`);
  const title = table.title === null ? "null::text" : readSql(table, table.title, "null::text");
  const columns = `${key} as id, ${title}::text as title, (${seen}) as seen, (${may}) as may`;
  const byId = references.flatMap(({ key }, place) => (key.kind === "id" ? [{ place, id: key.id }] : []));
  const questions = references.flatMap((reference, place) =>
    reference.key.kind === "alternate"
      ? [
          `(select ${place}::int as place, ${columns} from ${table.from} row where ${rowCondition(table, reference.key, parameters)} limit 1)`,
        ]
      : [],
  );
  if (byId.length > 0)
    questions.unshift(
      `(select asked.place, ${columns}
        from unnest(${parameters.add(
          byId.map(({ place }) => place),
          "int[]",
        )}, ${parameters.add(
          byId.map(({ id }) => id),
          "uuid[]",
        )}) asked (place, id) join ${table.from} row on ${key} = asked.id)`,
    );
  const { rows } = await turn.sql.query<FoundRow>(questions.join(" union all "), parameters.values);
  const found = new Map(rows.map((row) => [row.place, row]));
  return new Map(
    references.map((reference, place) => {
      const row = found.get(place);
      if (!row?.seen) throw noSuchRow(table, reference.key);
      if (!row.may)
        throw fault("PrivilegeDenied", `Principal user (Id=${turn.caller.userId}, type=8) may not append to '${table.name}' ${row.id}.`);
      return [reference, { table, id: row.id, title: row.title }] as const;
    }),
  );
}
