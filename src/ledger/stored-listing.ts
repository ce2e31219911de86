import type { Sql } from "../model/sql.ts";
import type { ChosenFolder } from "./folders.ts";

/** What is stored of a mailbox's folders, asked for before they are listed again. */
export interface StoredListing {
  /** Those that were listed last. */
  readonly folders: readonly StoredFolder[];
  /** There are others that were listed before. */
  readonly hasMissing: boolean;
  /** An alert about the mailbox or one of its folders is open. */
  readonly hasAlerts: boolean;
}

type StoredFolder = Pick<
  ChosenFolder,
  "id" | "stream" | "name" | "role" | "underInbox" | "namespace" | "selectable" | "messages" | "notReadBecause" | "mark" | "ruleId"
>;

export async function readListing(sql: Sql, mailboxId: string): Promise<StoredListing> {
  const [{ rows }, { rows: alerts }] = await Promise.all([
    sql.query<StoredFolder & { missing: boolean }>(
      `select id, stream_id as stream, name, role, under_inbox as "underInbox", namespace, selectable, messages, not_read_because as "notReadBecause", mark,
         rule_id as "ruleId", missing_since is not null as missing
       from waypost.folder where mailbox_id = $1`,
      [mailboxId],
    ),
    sql.query(
      `select from waypost.alert where closed_at is null and (scope = 'mailbox' and subject = $1 or scope = 'folder' and starts_with(subject, $1 || '/')) limit 1`,
      [mailboxId],
    ),
  ]);
  const folders = rows.filter(({ missing }) => !missing);
  return { folders, hasMissing: folders.length < rows.length, hasAlerts: alerts.length > 0 };
}

/** Whether storing this listing would change nothing. Pure. */
export function isAsStored(listed: readonly ChosenFolder[], { folders }: StoredListing): boolean {
  const stored = new Map(folders.map((folder) => [folder.id, facts(folder)]));
  return listed.length === stored.size && listed.every((folder) => stored.get(folder.id) === facts(folder));
}

function facts(folder: StoredFolder): string {
  const { stream, name, role, underInbox, namespace, selectable, messages, notReadBecause, mark = null, ruleId = null } = folder;
  return JSON.stringify([stream, name, role, underInbox, namespace, selectable, messages, notReadBecause, mark, ruleId]);
}
