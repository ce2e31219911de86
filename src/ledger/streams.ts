import type { Cursor, Stream } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** A stream with the answer to "is it read, and if not, why?". */
export interface ChosenStream extends Stream {
  /** It is to be read, whether the server lets it or not. */
  readonly wanted: boolean;
  /** Null when it is read. */
  readonly notReadBecause: string | null;
}

export interface StreamRow {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly messages: number | null;
  readonly notReadBecause: string | null;
  readonly cursor: Cursor | null;
  readonly pulledAt: Date | null;
  readonly missingSince: Date | null;
}

/** Stores the listing of a mailbox's streams. Streams that are not listed any more keep their cursor and are marked missing. */
export async function storeStreams(tx: Transaction, mailboxId: string, streams: readonly ChosenStream[], now: Date): Promise<void> {
  await tx.query(
    `insert into waypost.stream (mailbox_id, id, name, role, under_inbox, namespace, messages, not_read_because)
     select $1, id, name, role, "underInbox", namespace, messages, "notReadBecause"
     from jsonb_to_recordset($2::jsonb) as one (id text, name text, role text, "underInbox" boolean, namespace text, messages bigint, "notReadBecause" text)
     on conflict (mailbox_id, id) do update set name = excluded.name, role = excluded.role, under_inbox = excluded.under_inbox, namespace = excluded.namespace,
       messages = excluded.messages, not_read_because = excluded.not_read_because, missing_since = null`,
    [mailboxId, storableJson(streams)],
  );
  await tx.query("update waypost.stream set missing_since = $3 where mailbox_id = $1 and missing_since is null and not (id = any($2))", [
    mailboxId,
    streams.map((one) => one.id),
    now,
  ]);
}

export async function listStreams(sql: Sql, mailboxId: string): Promise<StreamRow[]> {
  const { rows } = await sql.query<StreamRow>(
    `select id, name, role, messages, not_read_because as "notReadBecause", cursor, pulled_at as "pulledAt", missing_since as "missingSince"
     from waypost.stream where mailbox_id = $1 order by role <> 'inbox', name`,
    [mailboxId],
  );
  return rows;
}

export async function readCursor(sql: Sql, mailboxId: string, stream: string): Promise<Cursor | null> {
  const { rows } = await sql.query<{ cursor: Cursor | null }>("select cursor from waypost.stream where mailbox_id = $1 and id = $2", [
    mailboxId,
    stream,
  ]);
  return rows[0]?.cursor ?? null;
}

/** Moves the cursor: always in the transaction that stores what it covers (invariant 1). Null forgets it, so that the stream is reconciled. */
export async function storeCursor(tx: Transaction, mailboxId: string, stream: string, cursor: Cursor | null, now: Date): Promise<void> {
  await tx.query("update waypost.stream set cursor = $3, pulled_at = $4 where mailbox_id = $1 and id = $2", [
    mailboxId,
    stream,
    cursor,
    now,
  ]);
}
