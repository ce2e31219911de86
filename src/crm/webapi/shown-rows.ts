import { setImmediate } from "node:timers/promises";
import { type FoundRow, findChildren, findPage } from "./found-rows.ts";
import { keyColumn, kindsOf } from "./names.ts";
import type { ExpandPlan, ManyExpand, OneExpand, Plan } from "./plan.ts";
import { asksFor, FORMATTED, type Reading } from "./reading.ts";
import { addressOf, type RowJson, rowJson } from "./row-json.ts";
import { findTitles } from "./row-titles.ts";
import { writeSkipToken } from "./skip-token.ts";

/** Rows of a page that are made without letting others have their turn: a few milliseconds with all columns. */
const ROWS_AT_ONCE = 50;

/**
 * Rows as JSON with their annotations and with what is expanded: one statement for each table whose names are shown and for each expanded navigation,
 * whatever the number of rows.
 */
export async function showRows(reading: Reading, plan: Plan, rows: readonly FoundRow[]): Promise<RowJson[]> {
  const titles = asksFor(reading, FORMATTED) ? await findTitles(reading.turn, plan, rows) : new Map();
  const shown: RowJson[] = [];
  for (const [place, row] of rows.entries()) {
    if (place % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await setImmediate();
    shown.push(rowJson(reading, plan, row, titles));
  }
  for (const item of plan.expands) await expandInto(reading, plan, item, rows, shown);
  return shown;
}

/** The address of a row in an answer of references. */
export function referenceJson(reading: Pick<Reading, "root">, plan: Plan, id: string): RowJson {
  return { "@odata.id": addressOf(reading, plan.table, id) };
}

async function expandInto(
  reading: Reading,
  plan: Plan,
  item: ExpandPlan,
  rows: readonly FoundRow[],
  shown: readonly RowJson[],
): Promise<void> {
  if (rows.length === 0) return;
  if (item.kind === "one") {
    const found = await referredRows(reading, item, rows);
    for (const [index, row] of rows.entries()) {
      const [id, json] = [row.values.get(item.column), shown[index]];
      if (json) json[item.expand.navigation] = (typeof id === "string" && found.get(`${row.targets.get(item.column)} ${id}`)) || null;
    }
    return;
  }
  const found = await collectedRows(
    reading,
    plan,
    item,
    rows.map((row) => row.id),
  );
  for (const [index, row] of rows.entries()) {
    const [children, json] = [found.get(row.id), shown[index]];
    if (!children || !json) continue;
    json[item.expand.navigation] = children.rows;
    if (children.next !== null) json[`${item.expand.navigation}@odata.nextLink`] = children.next;
  }
}

async function referredRows(reading: Reading, item: OneExpand, rows: readonly FoundRow[]): Promise<ReadonlyMap<string, RowJson>> {
  const found = new Map<string, RowJson>();
  for (const { target, plan } of item.targets) {
    const kinds = kindsOf(target.table, reading.turn.service.tables);
    const referring = rows.filter((row) => kinds.includes(row.targets.get(item.column) ?? ""));
    const ids = [...new Set(referring.map((row) => String(row.values.get(item.column))))];
    if (ids.length === 0) continue;
    const referred = await allRows(reading, plan, ids);
    const shown = item.expand.references
      ? referred.map((row) => referenceJson(reading, plan, row.id))
      : await showRows(reading, plan, referred);
    const byId = new Map(referred.map((row, index) => [row.id, shown[index] ?? {}]));
    for (const row of referring) {
      const id = String(row.values.get(item.column));
      const json = byId.get(id);
      if (json) found.set(`${row.targets.get(item.column)} ${id}`, json);
    }
  }
  return found;
}

/** All rows of these ids, in as many pages as their texts and files ask for; pages that have such rows are short (`pageLimit`). */
async function allRows(reading: Reading, plan: Plan, ids: readonly string[]): Promise<FoundRow[]> {
  const key = keyColumn(plan.table).read;
  const all: FoundRow[] = [];
  for (let more = true; more; ) {
    const page = await findPage(reading.turn, plan, {
      conditions: ({ parameters }) => [`${key} = any(${parameters.add(ids, "uuid[]")})`],
      order: [],
      limit: ids.length,
      after: () => all.at(-1)?.position ?? null,
    });
    all.push(...page.rows);
    more = page.more;
  }
  return all;
}

interface Collected {
  readonly rows: readonly RowJson[];
  readonly next: string | null;
}

async function collectedRows(
  reading: Reading,
  parent: Plan,
  item: ManyExpand,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Collected>> {
  const { plan, expand } = item;
  const found = await findChildren(reading.turn, item, parent.table.name, ids);
  const all = [...found.values()].flatMap((children) => children.rows);
  const shown = expand.references ? all.map((row) => referenceJson(reading, plan, row.id)) : await showRows(reading, plan, all);
  const collected = new Map<string, Collected>();
  let at = 0;
  for (const [id, { rows, more }] of found) {
    const mine = shown.slice(at, at + rows.length);
    at += rows.length;
    collected.set(id, { rows: mine, next: more ? linkToMore(reading, parent, item, id, rows) : null });
  }
  return collected;
}

/** To the rest of a collection that was cut off. */
function linkToMore(reading: Reading, parent: Plan, { expand }: ManyExpand, id: string, rows: readonly FoundRow[]): string {
  const options = [...expand.texts].map(([name, text]) => `${name}=${encodeURIComponent(text)}`);
  const last = rows.at(-1);
  if (last) {
    const left = expand.top === null ? null : expand.top - rows.length;
    options.push(`$skiptoken=${encodeURIComponent(writeSkipToken({ page: 2, values: last.position, left }))}`);
  }
  const references = expand.references ? "/$ref" : "";
  return `${addressOf(reading, parent.table, id)}/${expand.navigation}${references}${options.length > 0 ? `?${options.join("&")}` : ""}`;
}
