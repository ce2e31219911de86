import { Failure } from "../../model/failure.ts";
import type { FollowedTable, IndexRound, IndexState, KeyPage } from "../../model/key-index.ts";
import { onBehalfOf } from "../../wire/on-behalf-of.ts";
import { beginChanges, beginChangesOfEach, type ChangesAnswer, changesAt, changesAtEach, leadsTo, type Page } from "./client/pages.ts";
import { type Followed, followedTables } from "./followed-tables.ts";
import type { IndexOptions, Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { notUnderstood, numberOf } from "./row.ts";

/** Rows of a page: few columns each, of which one holds up to 8 KB. */
const PAGE = { rows: 2_000 } as const;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Readings of one table that are begun again in a round because their next page was refused; more are a fault, and the next round tries again. */
const MOST_RESTARTS = 3;

/** Wire 7: how long Dynamics keeps changes where nobody said otherwise. */
const DAYS_KEPT = 7;

/** `finished`: all tables told all that changed; `more`: some have been read and are to be followed from now on; `stays`: for now nothing more can be done. */
type Outcome = "finished" | "more" | "stays";

/** Brings the index up to date, and reads what has not been read yet; goes on where an earlier reading ended. @throws Failure where the organization cannot be asked */
export async function keepIndex(organization: Organization, signal: AbortSignal): Promise<void> {
  const { index } = organization;
  if (index === null) return;
  for (let outcome: Outcome = "more"; outcome === "more" && !signal.aborted; )
    outcome = await runRound(organization, index, { readsAll: true, signal });
}

/** Asks what changed: one exchange where little did. */
export async function updateIndex(organization: Organization, index: IndexOptions): Promise<void> {
  await runRound(organization, index, { readsAll: false, signal: undefined });
}

/** Whether all that is needed is followed, so that what is not held is not in the organization. */
export function isComplete(organization: Organization, tables: readonly Followed[], state: IndexState): boolean {
  return state.finished > 0 && tables.every((one) => !one.isNeeded || stageOf(organization, one, state) === "following");
}

/** Whether the changes of a table cannot be had, as far as was seen in the last hour. */
export function isRefused(organization: Organization, table: Followed, state: IndexState): boolean {
  return stageOf(organization, table, state) === "refused";
}

function stageOf({ client }: Organization, { name, columns }: Followed, state: IndexState): FollowedTable["stage"] | "to be begun" {
  const known = state.tables.get(name);
  // What was read of other columns, or at another address of the organization, is read again.
  if (known === undefined || known.columns !== columns || (known.link !== null && !leadsTo(client, known.link))) return "to be begun";
  return known.stage === "refused" && known.age > HOUR ? "to be begun" : known.stage;
}

interface Asked {
  /** Tables are read that have not been read yet. */
  readonly readsAll: boolean;
  readonly signal: AbortSignal | undefined;
}

/** It is nobody's in particular, whichever mailbox waits for it: it has its own turn at the organization. */
function runRound(organization: Organization, index: IndexOptions, asked: Asked): Promise<Outcome> {
  return onBehalfOf("index", () => roundOf(organization, index, asked));
}

async function roundOf(organization: Organization, { keys }: IndexOptions, asked: Asked): Promise<Outcome> {
  const before = await keys.state();
  const tables = await followedTables(organization, before);
  // Where a table that is needed cannot be followed, following the others is of no use.
  if (tables.some((one) => one.isNeeded && isRefused(organization, one, before))) return "stays";
  const round = await keys.begin();
  if (round === null) return "stays";
  try {
    const state = (await isExpired(organization, round.state)) ? { ...round.state, tables: new Map() } : round.state;
    const following = tables.flatMap((one) => {
      const link = stageOf(organization, one, state) === "following" ? state.tables.get(one.name)?.link : null;
      return link == null ? [] : [{ one, link }];
    });
    const links = following.map(({ link }) => link);
    const answers = await changesAtEach(organization.client, links, { ...PAGE, signal: asked.signal });
    let followed = 0;
    for (const [at, { one }] of following.entries()) {
      const answer = answers[at];
      if (answer === undefined) throw notUnderstood("an answer to each question");
      if (await follow(organization, round, one, answer, asked)) followed += 1;
    }
    if (followed === tables.filter((one) => stageOf(organization, one, state) !== "refused").length) {
      await round.finish();
      return "finished";
    }
    if (!asked.readsAll) return "stays";
    return (await readRest(
      organization,
      round,
      tables.filter((one) => !following.some((its) => its.one === one)),
      state,
      asked,
    ))
      ? "more"
      : "stays";
  } finally {
    await round.release();
  }
}

/** Whether the organization has forgotten since what changed: it need not refuse a link that is too old. */
async function isExpired(organization: Organization, { age }: IndexState): Promise<boolean> {
  if (age === null || age < DAY) return false;
  const tables = await organization.tables();
  const column = "expirechangetrackingindays";
  if (!tables.has("organization", column)) return age > DAYS_KEPT * DAY;
  const [row = {}] = await readAll(organization.client, [
    { set: tables.set("organization"), select: tables.select("organization", [column]) },
  ]);
  return age > (numberOf(row, column) ?? DAYS_KEPT) * DAY;
}

/** False: it has to be read anew, or somebody else goes on. */
async function follow(
  organization: Organization,
  round: IndexRound,
  table: Followed,
  first: ChangesAnswer,
  { signal }: Asked,
): Promise<boolean> {
  for (let answer = first; ; ) {
    if (answer.kind === "reset") {
      await round.keep({ ...nothing(table), stage: "reading", link: null });
      return false;
    }
    const { changed, gone, next, delta } = answer;
    const link = next ?? delta;
    if (link === null) throw notUnderstood("a link for what changes");
    const page: KeyPage = { ...nothing(table), ...told(table, changed), gone: gone.map(idOf), stage: "following", link };
    if (!(await round.keep(page))) return false;
    if (next === null) return true;
    answer = await changesAt(organization.client, next, { ...PAGE, signal });
  }
}

/** Reads tables to their ends; those that are read from their first row on are begun in one exchange. False: somebody else goes on. Where one that is needed cannot be followed, the next round says whether others stand in for it. */
async function readRest(
  organization: Organization,
  round: IndexRound,
  tables: readonly Followed[],
  state: IndexState,
  asked: Asked,
): Promise<boolean> {
  const open = tables.flatMap((table) => {
    const stage = stageOf(organization, table, state);
    return stage === "refused" ? [] : [{ table, link: stage === "reading" ? (state.tables.get(table.name)?.link ?? null) : null }];
  });
  const begun = await beginEach(
    organization,
    open.flatMap(({ table, link }) => (link === null ? [table] : [])),
    asked.signal,
  );
  for (const { table, link } of open) {
    const end = await readTable(organization, round, table, { link, begun: begun.get(table.name) ?? null }, asked);
    if (end === "somebody else's") return false;
    if (end === "refused" && table.isNeeded) return true;
    if (asked.signal?.aborted) return false;
  }
  return true;
}

async function readTable(
  organization: Organization,
  round: IndexRound,
  table: Followed,
  from: { readonly link: string | null; readonly begun: ChangesAnswer | null },
  { signal }: Asked,
): Promise<"read" | "refused" | "somebody else's"> {
  let { link, begun } = from;
  let beganInBatch = begun !== null;
  let restarts = 0;
  while (!signal?.aborted) {
    const first = link === null ? begun : null;
    begun = null;
    const answer =
      first ?? (link === null ? await begin(organization, table, signal) : await changesAt(organization.client, link, { ...PAGE, signal }));
    if (answer.kind === "reset") {
      // A link into a reading that is not known any more: from the first row on. The beginning itself refused: there is no following.
      const stage = link === null ? "refused" : "reading";
      if (!(await round.keep({ ...nothing(table), stage, link: null }))) return "somebody else's";
      if (link === null) return "refused";
      restarts += 1;
      if (restarts > MOST_RESTARTS) throw notUnderstood(`a page of ${table.name} that the one before named`);
      link = null;
      continue;
    }
    const { changed, gone, next, delta } = answer;
    const begins = link === null;
    if (next === null && delta === null) {
      // Nobody says that changes are to be had where the reading begins within a batch: once more, by itself.
      if (beganInBatch) {
        [link, beganInBatch] = [null, false];
        continue;
      }
      const kept = await round.keep({ ...nothing(table), stage: "refused", link: null });
      return kept ? "refused" : "somebody else's";
    }
    const isEnd = next === null;
    const page: KeyPage = {
      ...{ ...nothing(table), ...told(table, changed), gone: gone.map(idOf), link: next ?? delta },
      stage: isEnd ? "following" : "reading",
      reading: begins ? (isEnd ? "begins and ends" : "begins") : isEnd ? "ends" : undefined,
    };
    if (!(await round.keep(page))) return "somebody else's";
    if (isEnd) return "read";
    link = next;
  }
  return "somebody else's";
}

/** The first page of all rows. A refusal is this table's: changes of it are not kept, or may not be read. */
async function begin(organization: Organization, table: Followed, signal: AbortSignal | undefined): Promise<ChangesAnswer> {
  try {
    return pageRead(await beginChanges(organization.client, table, { ...PAGE, signal }));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return refusal(error);
  }
}

/** ChangeTrackingNotEnabledForEntity (wire 7). */
const NOT_TRACKED = "0x80072491";

/** The same of several tables in one exchange, by their names. What is refused within a batch for another reason than the table's own is not among them. */
async function beginEach(
  organization: Organization,
  tables: readonly Followed[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, ChangesAnswer>> {
  const answers = await beginChangesOfEach(organization.client, tables, { ...PAGE, signal });
  return new Map(
    answers.flatMap((answer, at) => {
      const table = tables[at];
      if (table === undefined) return [];
      if ("rows" in answer) return [[table.name, pageRead(answer)] as const];
      const isItsOwn = answer.code === NOT_TRACKED || answer.failure.code === "privilege missing";
      return isItsOwn ? [[table.name, refusal(answer.failure)] as const] : [];
    }),
  );
}

function pageRead({ rows, next, delta }: Page): ChangesAnswer {
  return { kind: "page", changed: rows, gone: [], next, delta };
}

/** @throws the failure, where it is more than the table's */
function refusal(failure: Failure): ChangesAnswer {
  if (failure.scope !== "item" && failure.code !== "privilege missing") throw failure;
  return { kind: "reset", reason: failure.message };
}

function nothing({ name, columns }: Followed): Pick<KeyPage, "table" | "columns" | "rows" | "gone"> {
  return { table: name, columns, rows: [], gone: [] };
}

function told(table: Followed, rows: readonly Readonly<Record<string, unknown>>[]): Pick<KeyPage, "rows" | "messageIds" | "senders"> {
  const its = rows.map((row) => table.keysOf(row));
  return {
    // Of a row that is told twice the last word counts.
    rows: [...new Map(its.map(({ id, keys }) => [id, { id: idOf(id), keys }])).values()],
    messageIds: its.flatMap(({ messageId }) => messageId ?? []),
    senders: its.flatMap(({ senders = [] }) => senders),
  };
}

function idOf(text: string): string {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw notUnderstood("a row with an id");
  return text.toLowerCase();
}
