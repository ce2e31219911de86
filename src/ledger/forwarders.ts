import { addressKey } from "../model/address.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import { APPROVAL } from "./approvals.ts";
import { METHOD } from "./mailboxes.ts";

/** Those of these addresses (key form) that are mailboxes of the organization whose mail comes through a forward mailbox, and take part. */
export async function forwardersAmong(sql: Sql, organization: string, addresses: readonly string[]): Promise<ReadonlySet<string>> {
  if (addresses.length === 0) return new Set();
  const { rows } = await sql.query<{ address: string }>(
    `select address from waypost.mailbox where organization = $1 and address = any($2::text[]) and incoming_method = ${METHOD.forwardMailbox} and active
       and (approval = ${APPROVAL.approved} or not approval_required)`,
    [organization, addresses.map(addressKey).map(storableText)],
  );
  return new Set(rows.map((row) => row.address));
}

/**
 * Ids of the refs at which originals lie, as far as is known, that came with these messages of a stream; ids of the messages themselves are left out. See
 * originId in model/forwarded.ts.
 */
export async function originalsAt(sql: Sql, mailboxId: string, stream: string, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql.query<{ id: string }>(
    // Message by message, by the whole of the index: without statistics the planner would go through all places of the stream.
    `select place.id from unnest($3::text[]) forward (id) cross join lateral (
       select ref_id as id from waypost.location where mailbox_id = $1 and stream_id = $2 and gone_at is null and ref_id ~ ' [0-9]{1,6}/[0-9]{1,6}$'
         and regexp_replace(ref_id, ' [0-9]{1,6}/[0-9]{1,6}$', '') = forward.id offset 0) place`,
    [mailboxId, stream, ids],
  );
  return rows.map((row) => row.id);
}

/** The decisions about forwards that could not be opened, or were not believed, go when what they hold is decided. */
export async function forgetOpened(tx: Transaction, decisionIds: readonly number[]): Promise<void> {
  if (decisionIds.length > 0) await tx.query("delete from waypost.decision where id = any($1::bigint[])", [decisionIds]);
}
