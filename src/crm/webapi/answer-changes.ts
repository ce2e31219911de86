import { setContext, withContext } from "./answer-context.ts";
import { changedSince, changeToken, countDeletedSince, deletedSince, readChangeToken, type Since } from "./changes.ts";
import { type ApiAnswer, ApiFault, type ApiRequest } from "./exchange.ts";
import { findPage } from "./found-rows.ts";
import { MOST_ROWS, nextLink, withoutOptions } from "./next-link.ts";
import { countSql } from "./page-sql.ts";
import { type Plan, planOf } from "./plan.ts";
import type { Preferences } from "./preferences.ts";
import { newContext } from "./query-context.ts";
import { badQuery } from "./query-fault.ts";
import type { QueryOptions } from "./query-options.ts";
import type { Reading } from "./reading.ts";
import type { RowJson } from "./row-json.ts";
import { showRows } from "./shown-rows.ts";
import { checkPosition, type Position, readSkipToken } from "./skip-token.ts";
import type { Table } from "./table.ts";

/** The request's address, for the links in the answer. */
type Asked = Pick<ApiRequest, "path" | "query">;

/** Deletions of one answer: all that there are. A client that was away so long that there are more reads the table again. */
const MOST_DELETIONS = 100_000;

/** Is it a request of change tracking: its first, or one with a token? */
export function tracksChanges(options: QueryOptions, preferences: Preferences): boolean {
  return options.deltaToken !== null || preferences.trackChanges;
}

/**
 * Answers with all rows of a table and, on the last page, a link for what will have changed by then; or with a token, with what has changed since: rows as they
 * are now, and the ids of those deleted (wire 7, Change tracking). The token of the first page goes along to the last, so that nothing that happens
 * in between is missed; a row can be told twice. Throws ApiFault 400 for options that do not fit and tables without change tracking, 403 for
 * callers who may not read every row (no one else can tell a deletion from a row that was never theirs), 410 for expired tokens.
 */
export async function answerChanges(
  reading: Reading,
  table: Table,
  options: QueryOptions,
  preferences: Preferences,
  request: Asked,
): Promise<ApiAnswer> {
  const { turn } = reading;
  refuseOthers(table, options);
  refuseWithoutAll(reading, table);
  const plan = planOf(table, options, turn.service.tables);
  // Before the first row is read: what happens from here on is told next time.
  const fresh = await changeToken(turn.sql, turn.service.now());
  const position = options.skipToken === null ? null : readSkipToken(options.skipToken);
  const since = options.deltaToken === null ? null : await readChangeToken(turn.sql, options.deltaToken, turn.service.now());
  const page = await findPage(turn, plan, {
    conditions: ({ parameters }) => (since ? [changedSince(since, parameters)] : []),
    order: [],
    limit: Math.min(preferences.maximumPageSize ?? MOST_ROWS, MOST_ROWS),
    after: (terms) => position && checkPosition(position, terms),
  });
  const token = position?.token ?? fresh;
  const rows = await showRows(reading, plan, page.rows);
  const last = page.rows.at(-1);
  const next: Position | null = page.more && last ? { page: (position?.page ?? 1) + 1, values: last.position, left: null, token } : null;
  const gone = since && !next ? await deletions(reading, plan, since) : [];
  const body = withContext(reading, since ? `${reading.root}$metadata#${table.set}/$delta` : setContext(reading, plan), {
    value: [...rows, ...gone],
    ...(next ? { "@odata.nextLink": nextLink(reading, request, next) } : { "@odata.deltaLink": deltaLink(reading, request, token) }),
  });
  return { status: 200, headers: { "Preference-Applied": "odata.track-changes" }, body };
}

/** Answers `/$count` with a token: how many rows changed or were deleted since. */
export async function answerChangesCount(reading: Reading, table: Table, options: QueryOptions, token: string): Promise<ApiAnswer> {
  const { turn } = reading;
  refuseOthers(table, options);
  refuseWithoutAll(reading, table);
  const since = await readChangeToken(turn.sql, token, turn.service.now());
  const context = newContext(turn);
  const text = countSql(table, [changedSince(since, context.parameters)], MOST_ROWS, context);
  const { rows } = await turn.sql.query<{ count: number }>(text, context.parameters.values);
  const gone = await countDeletedSince(turn.sql, table, since);
  return { status: 200, headers: { "Content-Type": "text/plain" }, body: String((rows[0]?.count ?? 0) + gone) };
}

function refuseOthers(table: Table, options: QueryOptions): void {
  // ChangeTrackingNotEnabledForEntity, newer than Microsoft's table of v9.0 (wire 7).
  if (!table.tracksChanges) throw new ApiFault(400, "0x80072491", `Change tracking is not enabled for the entity '${table.name}'.`);
  const unfit =
    (options.filter && "$filter") ??
    (options.orderBy.length > 0 ? "$orderby" : null) ??
    (options.expand.length > 0 ? "$expand" : null) ??
    (options.top !== null ? "$top" : null) ??
    (options.apply && "$apply");
  if (unfit) throw badQuery(`The query parameter ${unfit} is not supported when tracking changes.`);
}

function refuseWithoutAll({ turn }: Reading, table: Table): void {
  if (newContext(turn).readable(table) === "true") return;
  throw new ApiFault(
    403,
    "0x80040220",
    `Principal user (Id=${turn.caller.userId}) needs prvRead${table.privilege} for the whole organization to track changes.`,
  );
}

async function deletions(reading: Reading, { table }: Plan, since: Since): Promise<RowJson[]> {
  const ids = await deletedSince(reading.turn.sql, table, since, { limit: MOST_DELETIONS });
  if (ids.length === MOST_DELETIONS) throw new ApiFault(410, "0x80044352", "Too much has been deleted since. Read the whole table again.");
  const context = reading.metadata === "none" ? {} : { "@odata.context": `${reading.root}$metadata#${table.set}/$deletedEntity` };
  return ids.map((id) => ({ ...context, id, reason: "deleted" }));
}

function deltaLink(reading: Reading, { path, query }: Asked, token: string): string {
  return `${reading.root}${path}?${[...withoutOptions(query, ["$skiptoken", "$deltatoken"]), `$deltatoken=${encodeURIComponent(token)}`].join("&")}`;
}
