import { withContext, writtenContext } from "./answer-context.ts";
import { findPage } from "./found-rows.ts";
import { planOf } from "./plan.ts";
import type { Expand } from "./query-options.ts";
import type { Reading } from "./reading.ts";
import { rowCondition } from "./row-condition.ts";
import type { RowJson } from "./row-json.ts";
import type { Turn } from "./service.ts";
import { showRows } from "./shown-rows.ts";
import type { Table } from "./table.ts";

/** How a row is to be read. */
export interface ReadRowOptions extends Partial<Omit<Reading, "turn">> {
  /** Property names; null or left out: all columns. */
  readonly select?: readonly string[] | null;
  readonly expand?: readonly Expand[];
}

/**
 * One row as the Web API answers with it, `@odata.context` (where `root` is given) and `@odata.etag` included: for `return=representation` and for operations that
 * return a row. Null: it does not exist, or the caller may not read it. Throws ApiFault 400 for unknown names.
 */
export async function readRow(
  turn: Turn,
  table: Table,
  id: string,
  { select = null, expand = [], root = "", annotations = null, metadata = "minimal" }: ReadRowOptions = {},
): Promise<RowJson | null> {
  const reading: Reading = { turn, root, annotations, metadata };
  const plan = planOf(table, { select, expand }, turn.service.tables);
  const page = await findPage(turn, plan, {
    conditions: ({ parameters }) => [rowCondition(table, { kind: "id", id }, parameters)],
    order: [],
    limit: 1,
    after: () => null,
  });
  const [json] = await showRows(reading, plan, page.rows);
  if (!json) return null;
  return root === "" ? json : withContext(reading, writtenContext(reading, plan), json);
}
