import { addressKey } from "../model/address.ts";
import { CANDIDATES_PER_KEY, type EarlierEmail } from "../model/facts.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import type { CorrelationKeys } from "../tracking/correlation-keys.ts";
import { storableInstant } from "./email-rows.ts";

/** Addresses read per earlier email: smart matching and reply checks need a few in common, not the whole of a mass mailing. */
export const PARTICIPANTS_PER_EMAIL = 500;

type KeyKind = Exclude<keyof CorrelationKeys, "sent">;

export interface EarlierEmails {
  readonly byMessageId: ReadonlyMap<string, readonly EarlierEmail[]>;
  readonly byToken: ReadonlyMap<string, readonly EarlierEmail[]>;
  readonly byConversation: ReadonlyMap<string, readonly EarlierEmail[]>;
  readonly byHash: ReadonlyMap<string, readonly EarlierEmail[]>;
}

/** What else of earlier emails is wanted. */
interface More {
  /** So many for each key and direction; of a hash in all. */
  readonly perKey?: number;
  /** Emails that have these hashes, although none are stored of them. */
  readonly alike?: readonly { readonly hash: string; readonly emailId: string }[];
}

/** Emails that the CRM has under these keys, newest first. One statement. */
export async function earlierEmails(
  sql: Sql,
  keys: CorrelationKeys,
  { perKey = CANDIDATES_PER_KEY, alike = [] }: More = {},
): Promise<EarlierEmails> {
  const { hashes } = keys;
  const { rows } = await sql.query<EmailRow & { keys: [kind: KeyKind | "sent", key: string | null][] }>(
    // Index by index: without statistics the planner would rather read all emails to join them.
    `with found as materialized (
       ${candidates("messageIds", "messageid", 1)} union all ${candidates("tokens", "trackingtoken", 2)} union all ${candidates("conversations", "baseconversationindex", 3)}
       union all ${HASH_CANDIDATES} union all select 'sent', null, unnest($8::uuid[]), null
     ), wanted as (select id, jsonb_agg(jsonb_build_array(kind, key)) as keys from found group by id)
     select ${emailColumns(9)}, wanted.keys
     from wanted cross join lateral (select * from crm.email where activityid = wanted.id offset 0) email
     order by at desc, id`,
    [
      keys.messageIds.map(storableText),
      keys.tokens.map(storableText),
      keys.conversations,
      perKey,
      hashes.map((one) => one.key),
      hashes.map((one) => storableInstant(one.from)),
      hashes.map((one) => storableInstant(one.to)),
      [...keys.sent, ...alike].map(({ emailId }) => emailId),
      PARTICIPANTS_PER_EMAIL,
    ],
  );
  const emails = new Map(rows.map(({ keys: _, ...row }) => [row.id, earlierEmail(row)]));
  const found = Map.groupBy(
    rows.flatMap(({ id, keys: its }) => its.map(([kind, key]) => ({ id, under: `${kind} ${key}` }))),
    ({ under }) => under,
  );
  const sent = Map.groupBy(keys.sent, ({ messageId }) => messageId);
  const hashed = Map.groupBy(alike, ({ hash }) => hash);
  const of = (kind: KeyKind, wanted: readonly string[]) =>
    new Map(
      wanted.flatMap((key) => {
        const known = (kind === "messageIds" ? sent.get(key) : kind === "hashes" ? hashed.get(key) : null) ?? [];
        const its = found.get(`${kind} ${storableText(key)}`) ?? [];
        const ids = new Set([...its.map(({ id }) => id), ...known.map(({ emailId }) => emailId)]);
        return entry(
          key,
          [...ids].flatMap((id) => emails.get(id) ?? []),
        );
      }),
    );
  return {
    byMessageId: of("messageIds", keys.messageIds),
    byToken: of("tokens", keys.tokens),
    byConversation: of("conversations", keys.conversations),
    byHash: of("hashes", [...new Set([...hashes.map((one) => one.key), ...hashed.keys()])]),
  };
}

function entry(key: string, emails: readonly EarlierEmail[]): [string, readonly EarlierEmail[]][] {
  return emails.length > 0 ? [[key, emails]] : [];
}

function candidates(kind: KeyKind, column: string, parameter: number): string {
  return `(select '${kind}' as kind, keys.key, found.activityid as id, found.at
    from unnest($${parameter}::text[]) keys (key)
      cross join (values (true), (false)) directions (outgoing)
      cross join lateral (
        select activityid, coalesce(receivedon, senton, createdon) as at from crm.email
        where ${column} = keys.key and directioncode = directions.outgoing
        order by at desc, activityid limit $4
      ) found)`;
}

/**
 * The newest emails of each hash, one step of the recursion each: by its index the database finds the next one at once. Asked for all ten, without
 * statistics, it would rather read and sort all that there are; a robot that reports all day makes tens of thousands.
 */
const HASH_CANDIDATES = `(with recursive newest (key, "from", at, id, number) as (
    select key, "from", "to", 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid, 0
    from unnest($5::bigint[], $6::timestamptz[], $7::timestamptz[]) keys (key, "from", "to")
    union all
    select key, "from", next.at, next.activityid, number + 1
    from newest cross join lateral (
      select at, activityid from crm.emailhash
      where hash = newest.key and at >= newest."from" and (at, activityid) < (newest.at, newest.id) order by at desc, activityid desc limit 1
    ) next
    where number < $4
  ) select 'hashes' as kind, key::text, id, at from newest where number > 0)`;

/** Emails by their ids. One statement. */
export async function readEmails(sql: Sql, ids: readonly string[]): Promise<Map<string, EarlierEmail>> {
  const { rows } = await sql.query<EmailRow>(`select ${emailColumns(2)} from crm.email where email.activityid = any($1::uuid[])`, [
    ids,
    PARTICIPANTS_PER_EMAIL,
  ]);
  return new Map(rows.map((row) => [row.id, earlierEmail(row)]));
}

interface EmailRow {
  readonly id: string;
  readonly messageId: string | null;
  readonly outgoing: boolean;
  readonly subject: string;
  readonly trackingToken: string | null;
  readonly conversationIndex: string | null;
  readonly senderAddress: string | null;
  readonly participants: string[];
  readonly at: Date;
  readonly sent: Date | null;
  readonly regardingType: string | null;
  readonly regardingId: string | null;
  readonly regardingName: string | null;
  readonly ownerId: string | null;
}

/** Of `email`; `participants`: number of the parameter that says how many addresses are read at most. */
function emailColumns(participants: number): string {
  return `email.activityid as id, email.messageid as "messageId", email.directioncode as outgoing, email.subject,
       email.trackingtoken as "trackingToken", email.conversationindex as "conversationIndex", email.sender as "senderAddress",
       array(select distinct crm.address_key(party.addressused) from crm.activityparty party
             where party.activityid = email.activityid and party.addressused <> '' limit $${participants}) as participants,
       coalesce(email.receivedon, email.senton, email.createdon) as at,
       case when email.directioncode and email.internetmessageheaders is null then null else email.senton end as sent,
       email.regardingobjecttypecode as "regardingType", email.regardingobjectid as "regardingId", email.regardingobjectidname as "regardingName",
       email.ownerid as "ownerId"`;
}

function earlierEmail({ outgoing, participants, regardingType, regardingId, regardingName, ...row }: EmailRow): EarlierEmail {
  return {
    ...row,
    direction: outgoing ? "outgoing" : "incoming",
    participants: [...new Set(row.senderAddress ? [addressKey(row.senderAddress), ...participants] : participants)],
    regarding: regardingType !== null && regardingId !== null ? { type: regardingType, id: regardingId, name: regardingName ?? "" } : null,
  };
}
