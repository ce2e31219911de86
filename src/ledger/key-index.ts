import { randomUUID } from "node:crypto";
import type { Database, Transaction } from "../database/database.ts";
import {
  type FollowedTable,
  type IndexRound,
  type IndexState,
  type KeyIndex,
  type KeyKind,
  type KeyPage,
  keyNumber,
} from "../model/key-index.ts";
import { readAfterwards, reconsiderSenders } from "./afterwards.ts";
import { holdWaiting, reconsiderWaiting } from "./decisions.ts";

export interface KeyIndexOptions {
  readonly database: Database;
  readonly organization: string;
  readonly now: () => Date;
  /** Told of mailboxes in which messages are to be decided again; they are marked in any case. */
  wake(mailboxId: string): Promise<void>;
}

/** A process that has not been heard of for so long is taken for dead. */
const HOLD_SECONDS = 120;

const DAY = 24 * 3_600_000;

/** The index of the keys that an organization holds, in the ledger's database: its content is not in any process's memory. */
export function openKeyIndex(options: KeyIndexOptions): KeyIndex {
  const { database, organization } = options;
  return {
    state: () => readState(database, organization),
    async held(keys) {
      const { rows } = await database.query<{ key: number; round: number }>(
        // Key by key: without statistics the planner would rather read the whole index.
        `select asked.key, found.round from unnest($2::bigint[]) asked (key) cross join lateral (
           select max(round) as round from waypost.held_key
           where key = asked.key and table_id = any(array(select id from waypost.key_table where organization = $1)) offset 0
         ) found where found.round is not null`,
        [organization, [...new Set(keys)]],
      );
      return new Map(rows.map(({ key, round }) => [key, round]));
    },
    begin: () => begin(options),
  };
}

async function readState(database: Database, organization: string): Promise<IndexState> {
  const { rows } = await database.query<{ finished: number; age: number | null; tables: readonly FollowedTable[] }>(
    `select finished, extract(epoch from clock_timestamp() - finished_at)::float8 * 1000 as age,
       (select coalesce(jsonb_agg(jsonb_build_object('name', name, 'stage', stage, 'link', link, 'columns', columns, 'changed', changed,
          'age', extract(epoch from clock_timestamp() - set_at)::float8 * 1000)), '[]')
        from waypost.key_table where organization = key_index.organization) as tables
     from waypost.key_index where organization = $1`,
    [organization],
  );
  const [row] = rows;
  return {
    finished: row?.finished ?? 0,
    age: row?.age ?? null,
    tables: new Map((row?.tables ?? []).map((one) => [one.name, one])),
  };
}

async function begin(options: KeyIndexOptions): Promise<IndexRound | null> {
  const { database, organization } = options;
  const holder = randomUUID();
  const { rows } = await database.query<{ begun: number }>(
    `insert into waypost.key_index as i (organization, begun, begun_at, holder, held_until)
     values ($1, 1, clock_timestamp(), $2, clock_timestamp() + make_interval(secs => $3))
     on conflict (organization) do update set begun = i.begun + 1, begun_at = clock_timestamp(), holder = excluded.holder, held_until = excluded.held_until
     where i.held_until is null or i.held_until < clock_timestamp()
     returning begun`,
    [organization, holder, HOLD_SECONDS],
  );
  const number = rows[0]?.begun;
  if (number === undefined) return null;
  return {
    state: await readState(database, organization),
    async keep(page) {
      const kept = await database.transaction((tx) => keep(tx, options, { holder, number }, page), "keep keys");
      for (const mailboxId of kept ?? []) await options.wake(mailboxId);
      return kept !== null;
    },
    async finish() {
      await database.transaction(async (tx) => {
        await holdWaiting(tx, organization);
        const { rowCount } = await tx.query(
          "update waypost.key_index set finished = $3, finished_at = begun_at where organization = $1 and holder = $2",
          [organization, holder, number],
        );
        // What was decided before this round began has been compared with all that it told.
        if (rowCount > 0) await tx.query("delete from waypost.unasked where organization = $1 and begun < $2", [organization, number]);
      }, "finish keys");
    },
    async release() {
      await database.query("update waypost.key_index set holder = null, held_until = null where organization = $1 and holder = $2", [
        organization,
        holder,
      ]);
    },
  };
}

interface Holding {
  readonly holder: string;
  readonly number: number;
}

/** Mailboxes to wake; null: somebody else holds the index. */
async function keep(
  tx: Transaction,
  options: KeyIndexOptions,
  { holder, number }: Holding,
  page: KeyPage,
): Promise<ReadonlySet<string> | null> {
  const { organization } = options;
  // Of a decision stored at the same moment and a key kept, the second then sees the first.
  await holdWaiting(tx, organization);
  const { rowCount } = await tx.query(
    "update waypost.key_index set held_until = clock_timestamp() + make_interval(secs => $3) where organization = $1 and holder = $2",
    [organization, holder, HOLD_SECONDS],
  );
  if (rowCount === 0) return null;
  const { id, readings } = await setTable(tx, organization, number, page);
  const added = await keepRows(tx, id, { number, readings }, page);
  if (page.reading?.endsWith("ends")) await tx.query("delete from waypost.held_key where table_id = $1 and reading < $2", [id, readings]);
  if (added.length === 0) return new Set();
  const { rows } = await tx.query<{ mailboxId: string }>(
    `with concerned as (
       select decision.id from waypost.decision join waypost.unasked on decision_id = decision.id
       where unasked.organization = $1 and keys && $2::bigint[] order by decision.id for no key update of decision
     )
     update waypost.decision set reconsider = true from concerned where decision.id = concerned.id returning mailbox_id as "mailboxId"`,
    [organization, added],
  );
  const woken = new Set(rows.map(({ mailboxId }) => mailboxId));
  // The first time that the rows are read they are no news.
  if (page.stage === "reading" ? readings > 1 : page.reading === undefined || readings > 1)
    for (const mailboxId of await reconsiderKnown(tx, options, page, new Set(added))) woken.add(mailboxId);
  return woken;
}

async function setTable(
  tx: Transaction,
  organization: string,
  round: number,
  { table, stage, link, columns, rows, gone, reading }: KeyPage,
): Promise<{ readonly id: number; readonly readings: number }> {
  const begins = reading?.startsWith("begins") ?? false;
  const changes = rows.length > 0 || gone.length > 0 || begins;
  const { rows: stored } = await tx.query<{ id: number; readings: number }>(
    `insert into waypost.key_table as t (organization, name, stage, link, columns, readings, changed) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (organization, name) do update set stage = excluded.stage, link = excluded.link, columns = excluded.columns, set_at = now(),
       readings = t.readings + excluded.readings, changed = greatest(t.changed, excluded.changed)
     returning id, readings`,
    [organization, table, stage, link, columns, begins ? 1 : 0, changes ? round : 0],
  );
  const [one] = stored;
  if (one === undefined) throw new Error("a followed table was not stored");
  return one;
}

/** The keys that were not there. */
async function keepRows(
  tx: Transaction,
  table: number,
  { number, readings }: { readonly number: number; readonly readings: number },
  { rows, gone }: KeyPage,
): Promise<readonly number[]> {
  if (rows.length === 0 && gone.length === 0) return [];
  const pairs = rows.flatMap(({ id, keys }) => [...new Set(keys)].map((key) => ({ id, key })));
  const { rows: added } = await tx.query<{ key: number }>(
    `with given as materialized (select distinct id, key from unnest($2::uuid[], $3::bigint[]) one (id, key)),
     lost as (
       delete from waypost.held_key held where table_id = $1 and row_id = any($4::uuid[])
         and not exists (select from given where given.id = row_id and given.key = held.key)
     ), kept as (
       insert into waypost.held_key (table_id, row_id, key, reading, round) select $1, id, key, $5, $6 from given
       on conflict (table_id, row_id, key) do update set reading = excluded.reading, round = excluded.round
       returning key, xmax = 0 as is_new
     )
     select distinct key from kept where is_new`,
    [table, pairs.map(({ id }) => id), pairs.map(({ key }) => key), [...rows.map(({ id }) => id), ...gone], readings, number],
  );
  return added.map(({ key }) => key);
}

/** Messages that wait for what came into the CRM by other hands, and those whose senders it knows now, where the organization wants them decided again. */
async function reconsiderKnown(
  tx: Transaction,
  { organization, now }: KeyIndexOptions,
  { messageIds = [], senders = [] }: KeyPage,
  added: ReadonlySet<number>,
): Promise<readonly string[]> {
  const isNew = (kind: KeyKind) => (key: string) => added.has(keyNumber(kind, key));
  const waiting = await reconsiderWaiting(tx, organization, messageIds.filter(isNew("messageId")));
  const addresses = senders.filter(isNew("address"));
  const afterwards = addresses.length === 0 ? null : await readAfterwards(tx, organization);
  if (afterwards === null || !afterwards.automatically) return waiting;
  // The clock of a mail server may be ahead of ours: what it received in our future is there all the same.
  const to = new Date(now().getTime() + DAY);
  const from = new Date(now().getTime() - afterwards.days * DAY);
  const { mailboxIds } = await reconsiderSenders(tx, organization, { addresses, from, to, mailboxIds: null });
  return [...waiting, ...mailboxIds];
}

/** A decision in the belief that the organization has none of these keys. */
export interface Unasked {
  readonly decisionId: number;
  readonly keys: readonly number[];
}

/**
 * Notes on which keys decisions just stored rest. Those that the organization got since are asked for: the decision is made again. Must come after all that the
 * transaction stores.
 */
export async function noteUnasked(tx: Transaction, organization: string, noted: readonly Unasked[]): Promise<void> {
  if (noted.length === 0) return;
  await holdWaiting(tx, organization);
  const pairs = noted.flatMap(({ decisionId, keys }) => keys.map((key) => ({ decisionId, key })));
  await tx.query(
    `with noted as materialized (select decision, key from unnest($2::bigint[], $3::bigint[]) one (decision, key)),
     stored as (
       insert into waypost.unasked (decision_id, organization, begun, keys)
       select decision, $1, begun, array_agg(key) from noted, waypost.key_index where organization = $1 group by decision, begun
       on conflict (decision_id) do update set begun = excluded.begun, keys = excluded.keys
     )
     update waypost.decision set reconsider = true where id in (
       select decision from noted cross join lateral (
         select from waypost.held_key
         where key = noted.key and table_id = any(array(select id from waypost.key_table where organization = $1)) limit 1
       ) held
     )`,
    [organization, pairs.map(({ decisionId }) => decisionId), pairs.map(({ key }) => key)],
  );
}
