import type { MessageRef } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import { markGone } from "./decisions.ts";

/** A message that lies in a mailbox and may be deleted there, as far as the ledger knows. */
export interface Deletable {
  readonly ref: MessageRef;
  readonly folders: readonly string[];
  readonly decisionId: number;
  /** Key of the mailbox's decision about it, see `decisionKey`. */
  readonly identity: string;
  /** Where its identity is weak: what it looks like, wherever it lies. */
  readonly likeness: string | null;
  readonly emailId: string;
  /** What was read at this very place; null when nothing was: it was known by its head, or read elsewhere. */
  readonly content: { readonly hash: string; readonly size: number } | null;
  /** Other messages of this decision lie or lay in the same stream: an id without lasting meaning may have passed from one to another. */
  readonly hasTwins: boolean;
  /** When it was tried before and did not come to an end; null for the first time. */
  readonly triedAt: Date | null;
}

/** Milliseconds that a refusal is taken at its word: to be asked for again, a message is downloaded again to be proven. */
const REFUSED_FOR = 60 * 60 * 1000;

/** When a message may be asked for again that the mail system refused to delete, or to hand out, when it was asked at that time. */
export function askedAgainAt(triedAt: Date): Date {
  return new Date(triedAt.getTime() + REFUSED_FOR);
}

/** Why a message stays that would be deleted. */
export type KeptBecause = "other content" | "too large" | "unreadable";

/** A place whose message the mail system did not hand out to be compared with its email, when it was asked last. */
const WITHHELD = "(kept_because is not distinct from 'unreadable' and delete_refused is not null)";

/** Of a forward with several originals (see originalId in model/forwarded.ts): the one of this number may be deleted too. They go together or stay. */
const MAY_GO = `exists (
  select from (
    select decision_id from waypost.location other where other.mailbox_id = $1 and other.stream_id = location.stream_id
      and other.ref_id = regexp_replace(location.ref_id, '[0-9]{1,6}(/[0-9]{1,6})$', one.number || '\\1')
      and other.gone_at is null and other.deletable and (other.kept_because is null or other.kept_because = 'too large') offset 0) other
    cross join lateral (select * from waypost.decision its where its.id = other.decision_id offset 0) its
  where its.outcome in ('tracked', 'duplicate') and its.email_id is not null and not its.undecided and not its.reconsider
    and not exists (select from waypost.quarantine where quarantine.decision_id = its.id and closed_at is null)
    and not exists (select from waypost.decision made where made.email_id = its.email_id and made.rules @> '[{"rule": "content", "answer": "no"}]'))`;

/** Which messages are asked for: the next ones behind `after`. Those that the mail system `refused` to delete or to hand out when it was asked last stand apart. */
export interface DeletableQuery {
  readonly folders: readonly string[];
  /** Streams of which none is asked for. */
  readonly except: readonly string[];
  readonly refused: boolean;
  readonly after: Pick<Deletable, "ref" | "triedAt"> | null;
  readonly limit: number;
}

/**
 * The next messages of a mailbox to delete, of those that were refused the longest untried first: processed since deleting was switched on, tracked or a duplicate of an email, nothing about them
 * open, lying only in these folders, and whole: of none of the messages behind the email was anything left out. Those are left out that were looked
 * at before and are something else than the email; one that was too large to look at may have become allowed.
 */
export async function deletable(
  sql: Sql,
  mailboxId: string,
  { folders, except, refused, after, limit }: DeletableQuery,
): Promise<Deletable[]> {
  const place = [after?.ref.stream ?? null, after?.ref.id ?? null];
  const order = refused ? "delete_tried_at, stream_id, ref_id" : "stream_id, ref_id";
  const last = refused ? "($7::timestamptz, $3, $4)" : "($3, $4)";
  const { rows } = await sql.query<Omit<Deletable, "ref" | "content"> & { stream: string; id: string; hash: string | null; size: number }>(
    // OFFSET 0 leads from the few places that the index holds to what is known of them, one by one: without statistics the planner would rather read whole
    // tables and folders.
    `select stream_id as stream, ref_id as id, location.folders, decision_id as "decisionId", identity, likeness, email_id as "emailId",
       content_hash as hash, content_size as size, delete_tried_at as "triedAt",
       exists (select from (select * from waypost.location other where other.decision_id = location.decision_id offset 0) other
         where other.mailbox_id = location.mailbox_id and other.stream_id = location.stream_id and other.ref_id <> location.ref_id) as "hasTwins"
     from (
       select * from waypost.location
       where mailbox_id = $1 and deletable and gone_at is null and folders <@ $2::text[] and stream_id <> all($6::text[]) and ($3::text is null or (${order}) > ${last})
         and delete_refused is ${refused ? "not null" : "null"} and (kept_because is null or kept_because = 'too large' or ${WITHHELD})
       order by ${order} offset 0
     ) location cross join lateral (
       select * from waypost.decision
       where decision.id = location.decision_id and outcome in ('tracked', 'duplicate') and email_id is not null and not undecided and not reconsider
         and decided_at >= (select delete_since from waypost.mailbox where id = $1 and owner_type <> 'systemuser') offset 0
     ) decision
     where not exists (select from waypost.quarantine where quarantine.decision_id = decision.id and closed_at is null offset 0)
       and not exists (select from (select rules from waypost.decision other where other.email_id = decision.email_id offset 0) other
         where other.rules @> '[{"rule": "content", "answer": "no"}]')
       and not exists (select from generate_series(1, substring(ref_id from ' [0-9]{1,6}/([0-9]{1,6})$')::int) one (number)
         where not ${MAY_GO})
     order by ${order} limit $5`,
    [mailboxId, folders, ...place, limit, except, ...(refused ? [after?.triedAt ?? null] : [])],
  );
  return rows.map(({ stream, id, hash, size, ...row }) => ({
    ...row,
    ref: { stream, id },
    content: hash === null ? null : { hash, size },
  }));
}

/**
 * The intent to delete these: stored before the mail system is asked, so that whoever comes next knows that it was tried. Returns those that are to be
 * deleted still: a person may have untracked some since they were chosen.
 */
export async function intendDeletion(tx: Transaction, mailboxId: string, refs: readonly MessageRef[], now: Date): Promise<MessageRef[]> {
  const { rows } = await tx.query<MessageRef>(
    `update waypost.location set delete_tried_at = $4, delete_refused = null from unnest($2::text[], $3::text[]) as one (stream, id)
     where mailbox_id = $1 and stream_id = stream and ref_id = one.id
       and exists (select from waypost.decision where decision.id = decision_id and outcome in ('tracked', 'duplicate') offset 0)
     returning one.stream, one.id`,
    [mailboxId, refs.map((ref) => ref.stream), refs.map((ref) => ref.id), now],
  );
  const intended = new Set(rows.map(({ stream, id }) => `${stream}\n${id}`));
  return refs.filter(({ stream, id }) => intended.has(`${stream}\n${id}`));
}

/** The mail system has deleted these. */
export async function noteDeleted(tx: Transaction, mailboxId: string, refs: readonly MessageRef[], now: Date): Promise<void> {
  if (refs.length === 0) return;
  await tx.query(
    `insert into waypost.deletion (decision_id, folders, deleted_at)
     select decision_id, array(select coalesce(folder.name, one.id) from unnest(location.folders) as one (id)
       left join waypost.folder on folder.mailbox_id = $1 and folder.id = one.id order by 1), $4
     from unnest($2::text[], $3::text[]) as gone (stream, ref)
       join waypost.location on location.mailbox_id = $1 and stream_id = stream and ref_id = ref`,
    [mailboxId, refs.map((ref) => ref.stream), refs.map((ref) => ref.id), now],
  );
  await tx.query("update waypost.mailbox set deleted_messages = deleted_messages + $2, deleted_at = $3 where id = $1", [
    mailboxId,
    refs.length,
    now,
  ]);
  await markGone(tx, mailboxId, refs, now);
}

/** These had left before the mail system was asked: nothing was tried, and nothing was deleted by us. */
export async function noteGone(tx: Transaction, mailboxId: string, refs: readonly MessageRef[], now: Date): Promise<void> {
  if (refs.length === 0) return;
  await tx.query(
    `update waypost.location set delete_tried_at = null from unnest($2::text[], $3::text[]) as one (stream, id)
     where mailbox_id = $1 and stream_id = stream and ref_id = one.id`,
    [mailboxId, refs.map((ref) => ref.stream), refs.map((ref) => ref.id)],
  );
  await markGone(tx, mailboxId, refs, now);
}

/** The mail system did not delete these, or did not say so; with its words, or what happened instead of an answer. */
export async function noteNotDeleted(
  tx: Transaction,
  mailboxId: string,
  undone: readonly { readonly ref: MessageRef; readonly because: string }[],
): Promise<void> {
  if (undone.length === 0) return;
  await tx.query(
    `update waypost.location set delete_refused = because from unnest($2::text[], $3::text[], $4::text[]) as one (stream, id, because)
     where mailbox_id = $1 and stream_id = stream and ref_id = one.id`,
    [mailboxId, undone.map(({ ref }) => ref.stream), undone.map(({ ref }) => ref.id), undone.map(({ because }) => storableText(because))],
  );
}

/** What was found when messages were looked at again before deleting them. */
export interface Looked {
  readonly ref: MessageRef;
  readonly content: { readonly hash: string; readonly size: number } | null;
  readonly keptBecause: KeptBecause | null;
}

/** Stores it, so that nothing is downloaded a second time for it. What the mail system said before of a message that it hands out now is forgotten. */
export async function noteLooked(tx: Transaction, mailboxId: string, looked: readonly Looked[]): Promise<void> {
  if (looked.length === 0) return;
  await tx.query(
    `update waypost.location set content_hash = hash, content_size = size, kept_because = because, delete_refused = null
     from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[]) as one (stream, id, hash, size, because)
     where mailbox_id = $1 and stream_id = stream and ref_id = one.id`,
    [
      mailboxId,
      looked.map(({ ref }) => ref.stream),
      looked.map(({ ref }) => ref.id),
      looked.map(({ content }) => content?.hash ?? null),
      looked.map(({ content }) => content?.size ?? null),
      looked.map(({ keptBecause }) => keptBecause),
    ],
  );
}

/**
 * The mail system did not hand these out to be compared with their emails; with its words. One that it was asked to delete before may be deleted: that stays
 * known of it.
 */
export async function noteWithheld(
  tx: Transaction,
  mailboxId: string,
  withheld: readonly { readonly ref: MessageRef; readonly because: string }[],
  now: Date,
): Promise<void> {
  if (withheld.length === 0) return;
  await tx.query(
    `update waypost.location set kept_because = case when delete_tried_at is null or kept_because is not null then 'unreadable' end, delete_refused = because, delete_tried_at = $5
     from unnest($2::text[], $3::text[], $4::text[]) as one (stream, id, because)
     where mailbox_id = $1 and stream_id = stream and ref_id = one.id`,
    [
      mailboxId,
      withheld.map(({ ref }) => ref.stream),
      withheld.map(({ ref }) => ref.id),
      withheld.map(({ because }) => storableText(because)),
      now,
    ],
  );
}

/** Whether a message lies in the mailbox that was to be deleted before that moment, and stays. */
export async function wasTriedBefore(sql: Sql, mailboxId: string, moment: Date): Promise<boolean> {
  const { rows } = await sql.query(
    "select from waypost.location where mailbox_id = $1 and deletable and gone_at is null and delete_tried_at < $2 limit 1",
    [mailboxId, moment],
  );
  return rows.length > 0;
}

/** How deleting stands in a mailbox. */
export interface DeletionCount {
  readonly deleted: number;
  readonly lastAt: Date | null;
  /** Messages that lie there and stay because they are not proven to be what the email holds. */
  readonly kept: number;
}

/** Of the mailboxes from which messages are deleted, or were. */
export async function countDeletions(sql: Sql): Promise<Map<string, DeletionCount>> {
  const { rows } = await sql.query<DeletionCount & { mailboxId: string }>(
    `select id as "mailboxId", deleted_messages as deleted, deleted_at as "lastAt",
       (select count(*) from waypost.location where mailbox_id = mailbox.id and kept_because is not null and gone_at is null) as kept
     from waypost.mailbox where delete_since is not null or deleted_messages > 0`,
  );
  return new Map(rows.map(({ mailboxId, ...count }) => [mailboxId, count]));
}

/** What deleting did or did not do about one copy of a message. */
export interface DeletionNote {
  readonly decisionId: number;
  /** Names of the folders in which the copy lies or lay. */
  readonly folders: readonly string[];
  /** When it was deleted; null: it was not, as far as is known. */
  readonly deletedAt: Date | null;
  /** When the mail system was asked to, and is not known to have done it; it may have. Where it is kept as unreadable: when it was asked for the message. */
  readonly askedAt: Date | null;
  /** What it said instead, or what happened; null: no answer was stored, or it was not asked. */
  readonly refused: string | null;
  /** It lies there no more. */
  readonly gone: boolean;
  readonly keptBecause: KeptBecause | null;
}

/** Of these decisions, the copies that were deleted, may have been, or are kept though processed ones are deleted. */
export async function deletionNotes(sql: Sql, decisionIds: readonly number[]): Promise<DeletionNote[]> {
  if (decisionIds.length === 0) return [];
  const { rows } = await sql.query<DeletionNote>(
    `select decision_id as "decisionId", folders, deleted_at as "deletedAt", null::timestamptz as "askedAt", null::text as refused, true as gone, null::text as "keptBecause"
     from waypost.deletion where decision_id = any($1::bigint[])
     union all
     select decision_id, array(select folder.name from waypost.folder where folder.mailbox_id = location.mailbox_id and folder.id = any(location.folders)),
       null, case when gone_at is not null or delete_refused is not null then delete_tried_at end, delete_refused, gone_at is not null,
       case when gone_at is null then kept_because end
     from waypost.location where decision_id = any($1::bigint[])
       and ((gone_at is null and (kept_because is not null or delete_refused is not null)) or (gone_at is not null and delete_tried_at is not null and not ${WITHHELD}
         and not exists (select from waypost.deletion where deletion.decision_id = location.decision_id and deleted_at >= delete_tried_at)))
     order by 3 nulls last, 4`,
    [decisionIds],
  );
  return rows;
}
