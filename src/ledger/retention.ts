/** How long the ledger keeps what nobody needs any more. */
import { addressKey } from "../model/address.ts";
import { remainderOf } from "../model/identity.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson, storableText } from "../model/text.ts";
import { reviveHead } from "./decisions.ts";
import { purgedMessageId } from "./message-ids.ts";
import type { StoredAnswer } from "./rule-answers.ts";
import { LOOK_ALIKE } from "./told-before.ts";

/**
 * Decisions whose head can go: their messages are no emails of their own, or emails that were deleted, and none is to be decided again. A forward that was too
 * large to be opened may be any stranger's: where it is tried again, it is read where it lies.
 */
const KEPT = `head is not null and not reconsider and (outcome in ('skipped', 'duplicate') or outcome = 'tracked' and email_id = any($4::uuid[])
  or outcome = 'quarantined' and head -> 'forwarded' ->> 'kind' = 'too large')`;

interface KeptDecision {
  readonly id: number;
  readonly messageId: string | null;
  readonly head: unknown;
  readonly rules: readonly StoredAnswer[];
}

/** What came of one part of a walk through the decisions. */
export interface PurgedPart {
  readonly purged: number;
  /** Number of the last decision of the part; null: there are no more. */
  readonly goesOnAfter: number | null;
}

/** A part of the walk: the next `limit` decisions after this number, the oldest first. */
export interface Walk {
  readonly after: number;
  readonly limit: number;
  /** Of the emails that were made in this part (see {@link emailsMade}), those that somebody deleted in the CRM since: their messages are no emails any more. */
  readonly deletedEmails: readonly string[];
}

/** Emails that the decisions of a part made and whose heads are kept, by organization: the CRM is asked which of them were deleted. */
export async function emailsMade(
  sql: Sql,
  organizations: readonly string[],
  { after, limit }: Omit<Walk, "deletedEmails">,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await sql.query<{ organization: string; id: string }>(
    `select organization, email_id as id from (select * from waypost.decision where id > $1 order by id limit $2) part
     where outcome = 'tracked' and email_id is not null and head is not null and organization = any($3::text[])`,
    [after, limit, organizations],
  );
  const byOrganization = Map.groupBy(rows, (row) => row.organization);
  return new Map([...byOrganization].map(([organization, some]) => [organization, some.map((one) => one.id)]));
}

/**
 * Takes the head of messages that are no emails, or no more, with their sender, subject and Message-ID, and what the rules said of them, from those decisions of the part that
 * were made before that moment. Outcome, reason code, each rule's answer and the fingerprints stay, so that such a message is known again wherever it is read.
 * It waits for no other message any more. What another transaction has in hand is left for another time.
 */
export function purgeHeads(tx: Transaction, decidedBefore: Date, walk: Walk, now: Date): Promise<PurgedPart> {
  return purgePart(tx, walk, now, { meant: "decided_at < $3", parameter: decidedBefore, inHand: "left" });
}

/** In a query: the text holds the address for which the parameter is {@link addressPattern}. */
const holds = (text: string, parameter: string) => `lower(${text}) ~ ${parameter}`;

/**
 * Finds an address in the text of JSON and in sentences, and not within a longer one. What JSON escapes, no address has; what an escape of JSON or of a web
 * address ends with is no part of the address behind it.
 */
function addressPattern(address: string): string {
  const literally = storableText(addressKey(address)).replaceAll(/[!-/:-?[-^`{-~]/g, "\\$&");
  return `(^|[^a-z0-9._+-]|\\\\[bfnrt]|\\\\u[0-9a-f]{4}|%[0-9a-f]{2})${literally}(?![a-z0-9_-]|\\.[a-z0-9])`;
}

/**
 * As {@link purgeHeads}, but of messages of whatever age whose head, or what the rules said of them, holds this address. What another transaction has in hand is
 * waited for: the walk goes on before it.
 */
export function purgeHeadsWith(tx: Transaction, address: string, walk: Walk, now: Date): Promise<PurgedPart> {
  return purgePart(tx, walk, now, {
    meant: holds("head::text || rules::text", "$3"),
    parameter: addressPattern(address),
    inHand: "awaited",
  });
}

/** Which decisions of a part are meant: a condition with its parameter, and what of those that others have in hand. */
interface Meant {
  readonly meant: string;
  readonly parameter: unknown;
  readonly inHand: "left" | "awaited";
}

/** Goes by the number of the decisions: an index of those that can be purged would be written with every message, for what is done once a day. */
async function purgePart(
  tx: Transaction,
  { after, limit, deletedEmails }: Walk,
  now: Date,
  { meant, parameter, inHand }: Meant,
): Promise<PurgedPart> {
  const { rows: part } = await tx.query<{ last: number | null; seen: number }>(
    "select max(id) as last, count(*)::int as seen from (select id from waypost.decision where id > $1 order by id limit $2) part",
    [after, limit],
  );
  const { last = null, seen = 0 } = part[0] ?? {};
  if (last === null) return { purged: 0, goesOnAfter: null };
  const which = `from waypost.decision where id > $1 and id <= $2 and ${KEPT} and ${meant}`;
  const parameters = [after, last, parameter, deletedEmails];
  // Others lock decisions in other orders: who waits for one must hold none.
  if (inHand === "awaited") await tx.query(`select id ${which} order by id limit 1 for update`, parameters);
  const { rows } = await tx.query<KeptDecision>(
    `select id, message_id as "messageId", head, rules ${which} order by id for update skip locked`,
    parameters,
  );
  await purge(tx, rows, now);
  const passedOver = inHand === "awaited" ? await tx.query<{ first: number | null }>(`select min(id) as first ${which}`, parameters) : null;
  const first = passedOver?.rows[0]?.first ?? null;
  if (first !== null) return { purged: rows.length, goesOnAfter: first - 1 };
  return { purged: rows.length, goesOnAfter: seen < limit ? null : last };
}

/** Deletes closed alerts and closed entries of the quarantine whose words hold this address. Returns how many there were. */
export async function purgeWordsWith(tx: Transaction, address: string): Promise<number> {
  let all = 0;
  for (const what of ["alert", "quarantine"] as const) {
    const words = "concat_ws(' ', message, server_said, remedy)";
    const { rowCount } = await tx.query(`delete from waypost.${what} where closed_at is not null and ${holds(words, "$1")}`, [
      addressPattern(address),
    ]);
    all += rowCount;
  }
  return all;
}

/** Messages in quarantine, and those about to be decided again, that hold this address: nothing is purged of them before they are decided. */
export async function countWaitingWith(sql: Sql, address: string): Promise<number> {
  const { rows } = await sql.query<{ messages: number }>(
    `select count(*)::int as messages from (
       select head from waypost.decision where outcome = 'quarantined' union all select head from waypost.decision where reconsider and outcome <> 'quarantined') waiting
     where ${holds("head::text", "$1")}`,
    [addressPattern(address)],
  );
  return rows[0]?.messages ?? 0;
}

async function purge(tx: Transaction, decisions: readonly KeptDecision[], now: Date): Promise<void> {
  if (decisions.length === 0) return;
  const purged = decisions.map(({ id, messageId, head, rules }) => ({
    id,
    messageId: messageId === null ? null : purgedMessageId(messageId),
    remainder: remainderOf(reviveHead(head)),
    rules: rules.map(bareAnswer),
  }));
  await tx.query(
    `update waypost.decision set head = null, sender = null, subject = null, message_id = one."messageId", remainder = one.remainder, rules = one.rules, waiting_for = '{}', purged_at = $2
     from jsonb_to_recordset($1::jsonb) one (id bigint, "messageId" text, remainder text, rules jsonb) where decision.id = one.id`,
    [storableJson(purged), now],
  );
  await tx.query("delete from waypost.automatic_answer where decision_id = any($1::bigint[])", [decisions.map(({ id }) => id)]);
}

/** An answer without what it says of the message. One that is kept once for all says nothing of it, and by one the message is known in its place. */
function bareAnswer(answer: StoredAnswer): StoredAnswer {
  if (typeof answer === "string" || answer.because === LOOK_ALIKE.because) return answer;
  const { records: _, ...bare } = answer;
  return { ...bare, because: "" };
}

/** What is purged by its age alone: its table, and the time that counts. */
const AGING = { alert: "closed_at", quarantine: "closed_at", audit: "at" } as const;
export type Aging = keyof typeof AGING;

/** Deletes at most `limit` closed alerts, closed entries of the quarantine, or entries of the audit from before that moment. Returns how many there were. */
export async function purgeAged(tx: Transaction, what: Aging, before: Date, limit: number): Promise<number> {
  const { rowCount } = await tx.query(
    `delete from waypost.${what} where id = any(array(
       select id from waypost.${what} where ${AGING[what]} < $1 order by id limit $2 for update skip locked))`,
    [before, limit],
  );
  return rowCount;
}
