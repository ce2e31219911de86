import { askTogether } from "./ask-together.ts";
import type { Answer, DataverseClient, Request } from "./client/client.ts";
import { answered } from "./client/client.ts";
import { pageAt } from "./client/pages.ts";
import { notUnderstood, pageOf, type Row, rowOf } from "./row.ts";

/** Pages of one answer that are read: more rows than anybody asked for are a fault. */
const MOST_PAGES = 250;

/** Rows of a page, where it is not said how many are wanted. Dynamics gives up to 5,000, with names and lookups 10 MB, which no thread can parse without holding up everybody else. */
const PAGE_ROWS = 1_000;

/** Lookups with the table that they refer to and the name shown for it. */
const ANNOTATED = { Prefer: 'odata.include-annotations="*"' } as const;

/** What is wanted of a set. */
export interface Query {
  readonly set: string;
  /** See Tables.select. */
  readonly select: string;
  readonly filter?: string;
  readonly orderby?: string;
  readonly top?: number;
}

/** All rows that each query has, in the queries' order; one exchange where the answers have one page each, together with what else is asked at that moment. @throws Failure */
export async function readRows(client: DataverseClient, queries: readonly Query[]): Promise<Row[][]> {
  if (queries.length === 0) return [];
  const answers = await askTogether(client, queries.map(requestOf));
  return await Promise.all(answers.map((answer) => allPages(client, answer)));
}

/** The rows of all queries together. */
export async function readAll(client: DataverseClient, queries: readonly Query[]): Promise<Row[]> {
  return (await readRows(client, queries)).flat();
}

/** One row, or null where there is none. @throws Failure */
export async function readRow(client: DataverseClient, set: string, id: string, select: string): Promise<Row | null> {
  const answer = await client.send({ method: "GET", path: `${set}(${id})`, query: { $select: select }, headers: ANNOTATED });
  if (answer.kind === "refused" && answer.status === 404) return null;
  return rowOf(answered(answer).body);
}

function requestOf({ set, select, filter, orderby, top }: Query): Request {
  return {
    method: "GET",
    path: set,
    query: {
      $select: select,
      ...(filter !== undefined && { $filter: filter }),
      ...(orderby !== undefined && { $orderby: orderby }),
      ...(top !== undefined && { $top: String(top) }),
    },
    // Dynamics takes no size of pages beside $top.
    headers: top === undefined ? { Prefer: `${ANNOTATED.Prefer},odata.maxpagesize=${PAGE_ROWS}` } : ANNOTATED,
  };
}

async function allPages(client: DataverseClient, first: Answer): Promise<Row[]> {
  const rows: Row[] = [];
  let { rows: some, next } = pageOf(answered(first).body);
  rows.push(...some);
  for (let pages = 1; next !== null; pages++) {
    if (pages >= MOST_PAGES) throw notUnderstood("as many rows as were asked for");
    ({ rows: some, next } = await pageAt(client, next, { rows: PAGE_ROWS, prefer: ANNOTATED.Prefer }));
    rows.push(...some);
  }
  return rows;
}
