import type { AutomaticAnswer } from "../model/automatic-answer.ts";
import type { Outcome, ReasonCode, RuleAnswer } from "../model/decision.ts";
import { likenessOf } from "../model/identity.ts";
import type { MessageHead, MessageRef, Place } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { storeAutomaticAnswers } from "./automatic-answers.ts";
import { release } from "./quarantine.ts";
import { type KeptAnswer, storedAnswers } from "./rule-answers.ts";

/** A decision about one message of one mailbox, with the place where the message lies. */
export interface DecidedMessage {
  readonly head: MessageHead;
  /** Where it lies; more than one for copies in one mailbox, none where it is decided again after it left. */
  readonly places: readonly Place[];
  /** The identity under which the decision is kept in this mailbox. */
  readonly identity: string;
  readonly outcome: Outcome;
  readonly reason: ReasonCode;
  readonly rules: readonly RuleAnswer[];
  readonly emailId: string | null;
  readonly waitingFor: readonly string[];
  /** It slipped away before its content was read: where it turns up again, it is decided as if never seen. */
  readonly undecided?: boolean;
  /** See Decision. */
  readonly automaticAnswer?: AutomaticAnswer | undefined;
  readonly cutsLoop?: true;
  /** Hash of the content that was read where the head says; see contentHash in model/. Left out: none was read, or nobody will ask. */
  readonly contentHash?: string | null;
}

/** A place with the decision about the message in it. */
export interface DecidedPlace extends Place {
  readonly decisionId: number;
  /** What was read there, and the size that the mail system told of it. */
  readonly content?: { readonly hash: string; readonly size: number } | undefined;
}

/** What a mailbox knows of messages by their identities. */
export interface KnownByIdentity {
  /** Ids of the decisions. */
  readonly decided: ReadonlyMap<string, number>;
  /** Identities of copies that senders keep, and that slipped away undecided. */
  readonly slipped: ReadonlySet<string>;
}

/**
 * Decisions of a mailbox by identity: a message that was moved or copied is known by it. One that slipped away undecided is not known.
 * @param elsewhere further identities. `sent`: of the copies that senders keep; what lay among sent mail, and was not sent, is not known by them. `received`: of
 * what would have been received; what became no email, or lies somewhere still, is not known by them
 */
export async function decisionsByIdentity(
  sql: Sql,
  mailboxId: string,
  identities: readonly string[],
  { sent = [], received = [] }: { readonly sent?: readonly string[]; readonly received?: readonly string[] } = {},
): Promise<KnownByIdentity> {
  const { rows } = await sql.query<{ id: number; identity: string; undecided: boolean }>(
    `select id, identity, undecided from waypost.decision where mailbox_id = $1 and identity = any($2) and (not undecided or identity = any($3))
       and not (identity = any($3) and rules @> '[{"rule": "sent mail", "answer": "no"}]')
       and (identity <> all($4) or (outcome in ('tracked', 'duplicate')
         and not exists (select from waypost.location where decision_id = decision.id and gone_at is null)))`,
    [mailboxId, [...identities, ...sent, ...received], sent, received],
  );
  return {
    decided: new Map(rows.flatMap(({ id, identity, undecided }) => (undecided ? [] : [[identity, id]]))),
    slipped: new Set(rows.flatMap(({ identity, undecided }) => (undecided ? [identity] : []))),
  };
}

/** Decisions in one statement, some 300 KB of JSON: more at a time is no faster, but holds the event loop and megabytes of text. */
const ROWS_AT_A_TIME = 250;

/**
 * Whether the cursor of the same transaction covers what is stored. A part of a page that commits before the page is whole is `ahead` of the
 * cursor: when the process dies then, and the message leaves before the page is read again, no tombstone tells of it (see settlePlaces).
 */
export type Coverage = "covered" | "ahead";

/**
 * Stores decisions and where their messages lie. A decision that is there already is replaced: it was made again, and the message leaves
 * quarantine. The head is kept so that other settings can be tried on it later. Returns the decisions' ids by identity.
 */
export async function storeDecisions(
  tx: Transaction,
  organization: string,
  mailboxId: string,
  decided: readonly DecidedMessage[],
  now: Date,
  coverage: Coverage = "covered",
): Promise<Map<string, number>> {
  if (decided.length === 0) return new Map();
  const { ids, replaced } = await insertAll(tx, organization, mailboxId, decided, now);
  const places = decided.flatMap((one) => {
    const decisionId = ids.get(one.identity);
    return decisionId === undefined ? [] : one.places.map((place) => ({ ...place, decisionId, content: contentAt(one, place) }));
  });
  const failed = new Set(decided.flatMap((one) => (one.outcome === "quarantined" ? (ids.get(one.identity) ?? []) : [])));
  const settled = replaced.filter((id) => !failed.has(id));
  const answers = decided.flatMap(({ identity, automaticAnswer }) => {
    const decisionId = ids.get(identity);
    return automaticAnswer === undefined || decisionId === undefined ? [] : [{ ...automaticAnswer, decisionId }];
  });
  await Promise.all([
    storeLocations(tx, mailboxId, places, now, coverage),
    release(tx, settled, now),
    storeAutomaticAnswers(tx, organization, answers),
  ]);
  await markDeletable(tx, mailboxId, replaced);
  return ids;
}

/** Whether messages of the decision may be deleted from its mailbox, as far as the decision knows; `since`: from when on that mailbox deletes. */
const MAY_BE_DELETED = "decision.outcome in ('tracked', 'duplicate') and decision.decided_at >= since";

/** A decision made again is about the message's other places too. */
async function markDeletable(tx: Transaction, mailboxId: string, decisionIds: readonly number[]): Promise<void> {
  if (decisionIds.length === 0) return;
  await tx.query(
    `update waypost.location set deletable = true from waypost.decision, (select delete_since as since from waypost.mailbox where id = $1) mailbox
     where location.decision_id = any($2::bigint[]) and not deletable and decision.id = location.decision_id and since is not null and ${MAY_BE_DELETED}`,
    [mailboxId, decisionIds],
  );
}

/** Of several places of one message only one was read. */
function contentAt({ head, contentHash }: DecidedMessage, { ref }: Place): DecidedPlace["content"] {
  const isRead = ref.stream === head.ref.stream && ref.id === head.ref.id;
  return isRead && contentHash != null ? { hash: contentHash, size: head.size } : undefined;
}

/** What is kept of a head: not how it is written, which matters only until its content is read. */
export function keptHead({ originDigest: _, ...head }: MessageHead): MessageHead {
  return head;
}

/** While one statement is carried out, the next is written. */
async function insertAll(
  tx: Transaction,
  organization: string,
  mailboxId: string,
  decided: readonly DecidedMessage[],
  now: Date,
): Promise<{ readonly ids: Map<string, number>; readonly replaced: readonly number[] }> {
  const ids = new Map<string, number>();
  const replaced: number[] = [];
  const keep = (stored: readonly StoredId[]) => {
    for (const { identity, id, isNew } of stored) {
      ids.set(identity, id);
      if (!isNew) replaced.push(id);
    }
  };
  let storing: ReturnType<typeof insertDecisions> = Promise.resolve([]);
  for (let from = 0; from < decided.length; from += ROWS_AT_A_TIME) {
    const next = insertDecisions(tx, organization, mailboxId, decided.slice(from, from + ROWS_AT_A_TIME), now);
    // It is awaited after the one before it, and may have failed by then.
    next.catch(() => undefined);
    keep(await storing);
    storing = next;
  }
  keep(await storing);
  return { ids, replaced };
}

interface StoredId {
  readonly id: number;
  readonly identity: string;
  /** There was no decision about the message before. */
  readonly isNew: boolean;
}

async function insertDecisions(
  tx: Transaction,
  organization: string,
  mailboxId: string,
  decided: readonly DecidedMessage[],
  now: Date,
): Promise<readonly StoredId[]> {
  const kept = new Map<string, KeptAnswer>();
  const rows = decided.map(({ head, ...one }) => ({
    identity: one.identity,
    messageId: head.messageId,
    received: head.received,
    sender: head.from[0]?.address ?? head.sender?.address ?? null,
    subject: head.subject,
    head: keptHead(head),
    outcome: one.outcome,
    reason: one.reason,
    rules: storedAnswers(one.rules, kept),
    emailId: one.emailId,
    waitingFor: one.waitingFor,
    undecided: one.undecided ?? false,
    likeness: likenessOf(head),
  }));
  const { rows: stored } = await tx.query<StoredId>(
    `with kept as (
       insert into waypost.rule_answer (id, answer)
       select id, answer from jsonb_to_recordset($5::jsonb) one (id text, answer jsonb)
       where not exists (select from waypost.rule_answer known where known.id = one.id)
     )
     insert into waypost.decision (organization, mailbox_id, identity, message_id, received, sender, subject, head, outcome, reason, rules, email_id, waiting_for, undecided, likeness, first_seen_at, decided_at)
     select distinct on (identity) $1, $2::uuid, identity, "messageId", received, sender, subject, head, outcome, reason, rules, "emailId",
       "waitingFor", undecided, likeness, $4::timestamptz, $4::timestamptz
     from jsonb_to_recordset($3::jsonb) as one (identity text, "messageId" text, received timestamptz, sender text, subject text, head jsonb, outcome text, reason smallint,
       rules jsonb, "emailId" uuid, "waitingFor" text[], undecided boolean, likeness text) order by identity
     on conflict (mailbox_id, identity) do update set outcome = excluded.outcome, reason = excluded.reason, rules = excluded.rules, email_id = excluded.email_id,
       waiting_for = excluded.waiting_for, undecided = excluded.undecided, likeness = excluded.likeness, reconsider = false, head = excluded.head, message_id = excluded.message_id,
       sender = excluded.sender, subject = excluded.subject, decided_at = excluded.decided_at, purged_at = null, remainder = null
     returning id, identity, xmax = 0 as "isNew"`,
    [organization, mailboxId, storableJson(rows), now, storableJson([...kept.values()])],
  );
  return stored;
}

/** In an upsert of a place: the message that was stored there lies there still. */
const STILL = "location.gone_at is null and location.decision_id = excluded.decision_id";

/** Stores where messages lie now whose decision is there already: in a new place, in other folders, or back again. */
export async function storeLocations(
  tx: Transaction,
  mailboxId: string,
  places: readonly DecidedPlace[],
  now: Date,
  coverage: Coverage = "covered",
): Promise<void> {
  if (places.length === 0) return;
  await tx.query(
    // What was read of a message counts as long as it lies there; what comes back to a place is looked at anew, and no cursor covers it yet.
    // Only of a mailbox that deletes are the decisions looked up.
    `insert into waypost.location (mailbox_id, stream_id, ref_id, folders, decision_id, seen_at, ahead, content_hash, content_size, deletable)
     select $1, stream, one.id, folders, one.decision, $3, $4, hash, size,
       since is not null and exists (select from waypost.decision where decision.id = one.decision and ${MAY_BE_DELETED})
     from jsonb_to_recordset($2::jsonb) as one (stream text, id text, folders text[], decision bigint, hash text, size bigint),
       (select delete_since as since from waypost.mailbox where mailbox.id = $1) mailbox
     on conflict (mailbox_id, stream_id, ref_id) do update set gone_at = null, folders = excluded.folders, decision_id = excluded.decision_id, deletable = excluded.deletable,
       ahead = location.ahead or (excluded.ahead and location.gone_at is not null),
       content_hash = coalesce(excluded.content_hash, case when ${STILL} then location.content_hash end),
       content_size = case when excluded.content_hash is null and ${STILL} then location.content_size else excluded.content_size end,
       kept_because = case when excluded.content_hash is null and ${STILL} then location.kept_because end`,
    [
      mailboxId,
      storableJson(
        places.map(({ ref, folders, decisionId, content }) => ({
          ...ref,
          folders,
          decision: decisionId,
          hash: content?.hash ?? null,
          size: content?.size ?? null,
        })),
      ),
      now,
      coverage === "ahead",
    ],
  );
}

/** Whether an earlier reading of the stream stored places ahead of its cursor and did not come to settle them. */
export async function hasPlacesAhead(sql: Sql, mailboxId: string, stream: string): Promise<boolean> {
  const { rows } = await sql.query("select from waypost.location where mailbox_id = $1 and stream_id = $2 and ahead limit 1", [
    mailboxId,
    stream,
  ]);
  return rows.length > 0;
}

/**
 * Places of a stream that were stored ahead of its cursor, once a page is stored with the cursor: those it tells of again are covered now. At the
 * end of the stream, those of which nothing was told again have left it unseen.
 */
export async function settlePlaces(
  tx: Transaction,
  mailboxId: string,
  stream: string,
  { told, end }: { readonly told: readonly string[]; readonly end: boolean },
  now: Date,
): Promise<void> {
  await tx.query(
    `update waypost.location set ahead = false, gone_at = case when ref_id = any($3) then gone_at else coalesce(gone_at, $5) end
     where mailbox_id = $1 and stream_id = $2 and ahead and ($4 or ref_id = any($3))`,
    [mailboxId, stream, told, end, now],
  );
}

/** Messages that left a stream, by tombstone. Decisions stay: what lies nowhere any more was still decided once. */
export async function markGone(sql: Sql, mailboxId: string, refs: readonly MessageRef[], now: Date): Promise<void> {
  if (refs.length === 0) return;
  await sql.query(
    `update waypost.location set gone_at = $4 from unnest($2::text[], $3::text[]) as gone (stream, id)
     where mailbox_id = $1 and stream_id = stream and ref_id = gone.id and gone_at is null`,
    [mailboxId, refs.map((ref) => ref.stream), refs.map((ref) => ref.id), now],
  );
}

/**
 * Messages that a complete listing of a stream does not hold. Those first seen after `listedAt`, or received before `since` where the listing
 * begins there, are not judged by it.
 */
export async function markAbsent(
  sql: Sql,
  mailboxId: string,
  stream: string,
  { present, listedAt, since }: { readonly present: readonly string[]; readonly listedAt: Date; readonly since: Date | null },
  now: Date,
): Promise<void> {
  await sql.query(
    `update waypost.location set gone_at = $6 from waypost.decision
     where location.mailbox_id = $1 and stream_id = $2 and gone_at is null and seen_at < $4 and decision.id = decision_id
       and ($5::timestamptz is null or received >= $5) and not exists (select from unnest($3::text[]) as present (id) where present.id = ref_id)`,
    [mailboxId, stream, present, listedAt, since, now],
  );
}

/** Clocks of processes that share a database may differ by so much. */
const CLOCKS_DIFFER_BY = 60_000;

/**
 * Skipped messages that wait for one of these message ids are to be decided again, in whichever mailbox they lie. Must come after all that the
 * transaction stores. Returns the mailboxes concerned, for waking.
 */
export async function reconsiderWaiting(tx: Transaction, organization: string, messageIds: readonly string[]): Promise<string[]> {
  if (messageIds.length === 0) return [];
  const alone = holdWaiting(tx, organization);
  const found = tx.query<{ mailboxId: string }>(
    // Id by id, and with nothing else beside the conditions of the index: before statistics are there the planner would rather read the
    // whole mailbox.
    `with found as materialized (
       select distinct one.id from unnest($2::text[]) asked (message_id)
         cross join lateral (
           select id, organization, reconsider from waypost.decision
           where outcome = 'skipped' and waiting_for <> '{}' and waiting_for @> array[asked.message_id] offset 0
         ) one
       where one.organization = $1 and not one.reconsider
     ), waiting as (
       update waypost.decision set reconsider = true from found where decision.id = found.id returning mailbox_id
     )
     select distinct mailbox_id as "mailboxId" from waiting`,
    [organization, messageIds],
  );
  const [, { rows }] = await Promise.all([alone, found]);
  return rows.map((row) => row.mailboxId);
}

/**
 * The counterpart for decisions just stored: those that wait for what was tracked or sent since their facts were looked up are to be decided
 * again. Must come after all that the transaction stores.
 */
export async function reconsiderAnswered(tx: Transaction, organization: string, ids: readonly number[], factsReadAt: Date): Promise<void> {
  if (ids.length === 0) return;
  const alone = holdWaiting(tx, organization);
  const marked = tx.query(
    // OFFSET 0 keeps the planner to the index of the Message-ID, where without statistics it would rather read the whole organization for each.
    `update waypost.decision set reconsider = true where id in (
       select answer.id from waypost.decision answer cross join lateral unnest(answer.waiting_for) waited (message_id)
       where answer.id = any($2::bigint[]) and (
         exists (select from (select * from waypost.decision where message_id = waited.message_id offset 0) question
           where organization = $1 and outcome = 'tracked' and decided_at >= $3)
         or exists (select from (select * from waypost.outbox where message_id = waited.message_id offset 0) sent
           where organization = $1 and stage in ('accepted', 'unknown') and changed_at >= $3)
       )
     )`,
    [organization, ids, new Date(factsReadAt.getTime() - CLOCKS_DIFFER_BY)],
  );
  await Promise.all([alone, marked]);
}

/** These decisions are made again in this round or the next, with what lies there. */
export async function decideAnew(tx: Transaction, decisionIds: readonly number[]): Promise<void> {
  if (decisionIds.length === 0) return;
  await tx.query("update waypost.decision set reconsider = true where id = any($1::bigint[])", [decisionIds]);
}

/**
 * To the end of the transaction: of a question and an answer stored at the same moment, the second then sees the first. Where decisions are made again it
 * comes before they are stored: those who mark what waits lock them in this order too.
 */
export async function holdWaiting(tx: Transaction, organization: string): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtextextended('waypost waiting ' || $1, 0))", [organization]);
}

/** Heads are stored as JSON by this module alone; dates come back as text. */
export function reviveHead(stored: unknown): MessageHead {
  const head = stored as MessageHead & { received: string; date: string | null };
  return { ...head, received: new Date(head.received), date: head.date === null ? null : new Date(head.date) };
}
