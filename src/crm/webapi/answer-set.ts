import { aggregateRows } from "./aggregate.ts";
import { setContext, withContext } from "./answer-context.ts";
import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import { type FoundRow, findPage } from "./found-rows.ts";
import { MOST_ROWS, nextLink } from "./next-link.ts";
import { countSql } from "./page-sql.ts";
import { type Plan, planOf } from "./plan.ts";
import type { Preferences } from "./preferences.ts";
import { newContext } from "./query-context.ts";
import { badQuery } from "./query-fault.ts";
import type { QueryOptions } from "./query-options.ts";
import { asksFor, type Reading, TOTAL, TOTAL_EXCEEDED } from "./reading.ts";
import { referenceJson, showRows } from "./shown-rows.ts";
import { checkPosition, type Position, readSkipToken } from "./skip-token.ts";
import { conditionsOf, type Source } from "./source.ts";

/** Answers with a set: a page of it, the number of its rows where asked for, and the link to the next page. Throws ApiFault. */
export async function answerSet(
  reading: Reading,
  source: Source,
  options: QueryOptions,
  preferences: Preferences,
  request: Pick<ApiRequest, "path" | "query">,
): Promise<ApiAnswer> {
  if (options.deltaToken !== null) throw badQuery("The query option $deltatoken does not fit this request.");
  if (options.apply) return aggregateRows(reading, source, options.apply, options);
  const plan = planOf(source.table, source.references ? { select: [], expand: [] } : options, reading.turn.service.tables);
  const { rows, next } = await pageOf(reading, source, plan, options, preferences);
  const shown = source.references ? rows.map((row) => referenceJson(reading, plan, row.id)) : await showRows(reading, plan, rows);
  const count = options.count ? await countRows(reading, source, options) : null;
  const context = source.references ? `${reading.root}$metadata#Collection($ref)` : setContext(reading, plan);
  const body = withContext(reading, context, {
    ...(count && { "@odata.count": count.rows }),
    ...(asksFor(reading, TOTAL) && { [`@${TOTAL}`]: count?.rows ?? -1 }),
    ...(asksFor(reading, TOTAL_EXCEEDED) && { [`@${TOTAL_EXCEEDED}`]: count?.exceeded ?? false }),
    value: shown,
    ...(next && { "@odata.nextLink": nextLink(reading, request, next) }),
  });
  return { status: 200, headers: {}, body };
}

/** Answers `/$count`: a number in plain text, at most 5000. */
export async function answerCount(reading: Reading, source: Source, options: QueryOptions): Promise<ApiAnswer> {
  const { rows } = await countRows(reading, source, options);
  return { status: 200, headers: { "Content-Type": "text/plain" }, body: String(rows) };
}

async function pageOf(
  reading: Reading,
  source: Source,
  plan: Plan,
  options: QueryOptions,
  preferences: Preferences,
): Promise<{ rows: readonly FoundRow[]; next: Position | null }> {
  const position = options.skipToken === null ? null : readSkipToken(options.skipToken);
  const left = position ? position.left : options.top;
  const page = await findPage(reading.turn, plan, {
    conditions: (context) => conditionsOf(source, options, context),
    order: options.orderBy,
    // $top excludes paging: it is answered at once, unless there is too much of it.
    limit: Math.min(left ?? preferences.maximumPageSize ?? MOST_ROWS, MOST_ROWS),
    after: (terms) => position && checkPosition(position, terms),
  });
  const last = page.rows.at(-1);
  const still = left === null ? null : left - page.rows.length;
  const next = last && page.more && still !== 0 ? { page: (position?.page ?? 1) + 1, values: last.position, left: still } : null;
  return { rows: page.rows, next };
}

async function countRows(reading: Reading, source: Source, options: QueryOptions): Promise<{ rows: number; exceeded: boolean }> {
  const context = newContext(reading.turn);
  const text = countSql(source.table, conditionsOf(source, options, context), MOST_ROWS + 1, context);
  const { rows } = await reading.turn.sql.query<{ count: number }>(text, context.parameters.values);
  const count = rows[0]?.count ?? 0;
  return { rows: Math.min(count, MOST_ROWS), exceeded: count > MOST_ROWS };
}
