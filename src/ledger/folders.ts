import type { Cursor, Folder, FolderRole } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** A folder with the answer to "is it read, and if not, why?". */
export interface ChosenFolder extends Folder {
  /** It is to be read, whether the server lets it or not. */
  readonly wanted: boolean;
  /** Null when it is read. */
  readonly notReadBecause: string | null;
  /** The rule about folders that applies to it; null or left out: none. */
  readonly ruleId?: number | null | undefined;
}

export interface FolderRow {
  readonly id: string;
  readonly stream: string;
  readonly name: string;
  readonly role: FolderRole;
  readonly namespace: Folder["namespace"];
  readonly selectable: boolean;
  /** See Folder. */
  readonly mark: string | null;
  readonly messages: number | null;
  readonly notReadBecause: string | null;
  readonly missingSince: Date | null;
  /** What people should know of it as the mail system keeps it, or null. */
  readonly remark: string | null;
}

/** Stores the listing of a mailbox's folders. Those that are not listed any more are marked missing; the cursor of their stream stays. */
export async function storeFolders(tx: Transaction, mailboxId: string, folders: readonly ChosenFolder[], now: Date): Promise<void> {
  const listed = tx.query(
    // A listing that is the same as before, as most are, writes nothing.
    `insert into waypost.folder as old (mailbox_id, id, stream_id, name, role, under_inbox, namespace, selectable, messages, not_read_because, mark, rule_id)
     select $1, id, stream, name, role, "underInbox", namespace, selectable, messages, "notReadBecause", mark, "ruleId"
     from jsonb_to_recordset($2::jsonb) as one (id text, stream text, name text, role text, "underInbox" boolean, namespace text, selectable boolean, messages bigint, "notReadBecause" text, mark text, "ruleId" bigint)
     on conflict (mailbox_id, id) do update set stream_id = excluded.stream_id, name = excluded.name, role = excluded.role, under_inbox = excluded.under_inbox,
       namespace = excluded.namespace, selectable = excluded.selectable, messages = excluded.messages, not_read_because = excluded.not_read_because, mark = excluded.mark, rule_id = excluded.rule_id,
       missing_since = null
     where (old.stream_id, old.name, old.role, old.under_inbox, old.namespace, old.selectable, old.messages, old.not_read_because, old.mark, old.rule_id, old.missing_since)
       is distinct from (excluded.stream_id, excluded.name, excluded.role, excluded.under_inbox, excluded.namespace, excluded.selectable, excluded.messages,
         excluded.not_read_because, excluded.mark, excluded.rule_id, null)`,
    [mailboxId, storableJson(folders)],
  );
  const missing = tx.query(
    "update waypost.folder set missing_since = $3 where mailbox_id = $1 and missing_since is null and not (id = any($2))",
    [mailboxId, folders.map((one) => one.id), now],
  );
  await Promise.all([listed, missing]);
}

const COLUMNS =
  'id, stream_id as stream, name, role, namespace, selectable, mark, messages, not_read_because as "notReadBecause", missing_since as "missingSince", remark';

export async function listFolders(sql: Sql, mailboxId: string): Promise<FolderRow[]> {
  const { rows } = await sql.query<FolderRow>(
    `select ${COLUMNS} from waypost.folder where mailbox_id = $1 order by role <> 'inbox', name`,
    [mailboxId],
  );
  return rows;
}

/** The folders of all mailboxes, by mailbox, each list as `listFolders` gives it. */
export async function foldersByMailbox(sql: Sql): Promise<Map<string, FolderRow[]>> {
  const { rows } = await sql.query<FolderRow & { mailboxId: string }>(
    `select mailbox_id as "mailboxId", ${COLUMNS} from waypost.folder order by role <> 'inbox', name`,
  );
  return Map.groupBy(rows, (row) => row.mailboxId);
}

/** How far a stream was read, and for which of its folders. */
export interface Position {
  readonly cursor: Cursor;
  /** Ids of the folders whose messages were decided up to the cursor. */
  readonly folders: readonly string[];
}

export async function readPosition(sql: Sql, mailboxId: string, stream: string): Promise<Position | null> {
  const { rows } = await sql.query<Position>(
    "select cursor_base || cursor as cursor, folders from waypost.stream where mailbox_id = $1 and id = $2",
    [mailboxId, stream],
  );
  return rows[0] ?? null;
}

/** When the streams of a mailbox were pulled last, or could not be; those of which neither is known are left out. An alert names its stream as `<mailbox id>/<stream>`. */
export async function whenLookedAt(sql: Sql, mailboxId: string): Promise<Map<string, Date>> {
  const { rows } = await sql.query<{ id: string; at: Date }>(
    `select id, max(at) as at from (
       select id, pulled_at as at from waypost.stream where mailbox_id = $1
       union all select substr(subject, length($2) + 1), seen_at from waypost.alert
         where scope = 'folder' and closed_at is null and starts_with(subject, $2)) looked group by id`,
    [mailboxId, `${mailboxId}/`],
  );
  return new Map(rows.map(({ id, at }) => [id, at]));
}

/** Streams in which there was nothing more to read: the others come first next time. */
export async function noteLookedAt(sql: Sql, mailboxId: string, streams: readonly string[], now: Date): Promise<void> {
  await sql.query("update waypost.stream set pulled_at = $3 where mailbox_id = $1 and id = any($2)", [mailboxId, streams, now]);
}

/**
 * Moves the cursor: always in the transaction that stores what it covers (invariant 1). What stands before its first line break is not written again where
 * it is that of `before`, the cursor that was stored last: some are large, and of those little changes with a page.
 */
export async function storePosition(
  tx: Transaction,
  mailboxId: string,
  stream: string,
  { cursor, folders }: Position,
  now: Date,
  before: Cursor | null = null,
): Promise<void> {
  const { base, rest } = partsOf(cursor);
  if (base !== "" && before !== null && partsOf(before).base === base) {
    const { rowCount } = await tx.query(
      `update waypost.stream set cursor = $3, folders = $4, pulled_at = $5
       where mailbox_id = $1 and id = $2 and octet_length(cursor_base) = $6`,
      [mailboxId, stream, rest, folders, now, Buffer.byteLength(base)],
    );
    if (rowCount === 1) return;
  }
  await tx.query(
    `insert into waypost.stream (mailbox_id, id, cursor_base, cursor, folders, pulled_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (mailbox_id, id) do update set cursor_base = excluded.cursor_base, cursor = excluded.cursor, folders = excluded.folders,
       pulled_at = excluded.pulled_at`,
    [mailboxId, stream, base, rest, folders, now],
  );
}

function partsOf(cursor: Cursor): { readonly base: string; readonly rest: string } {
  const end = Math.max(0, cursor.indexOf("\n"));
  return { base: cursor.slice(0, end), rest: cursor.slice(end) };
}

/** What people should know of the folders of a stream; null: nothing. */
export async function storeRemark(tx: Transaction, mailboxId: string, stream: string, remark: string | null): Promise<void> {
  await tx.query("update waypost.folder set remark = $3 where mailbox_id = $1 and stream_id = $2 and remark is distinct from $3", [
    mailboxId,
    stream,
    remark,
  ]);
}
