import type { Database } from "../database/database.ts";
import type { Outcome } from "../model/decision.ts";
import type { ReportEvidence } from "../model/delivery-report.ts";
import type { MessageHead } from "../model/message.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import { reviveHead } from "./decisions.ts";

/** Which decisions other settings are tried on: one stretch of time of an organization, as it stood when the trying began. */
export interface Stretch {
  readonly organization: string;
  /** Messages that the mail system received from then on. */
  readonly since: Date;
  /** Decisions made later than this one take no part. */
  readonly lastId: number;
}

/** A decided message whose head is kept. */
export interface StoredHead {
  readonly id: number;
  readonly mailboxId: string;
  /** The identity under which its mailbox keeps the decision. */
  readonly identity: string;
  /** When it was received; the head may have been read anew since. */
  readonly received: Date;
  /** The same to the microsecond, which a date cannot tell: by it the message has its place among the others. */
  readonly position: string;
  readonly head: MessageHead;
  readonly outcome: Outcome;
  readonly emailId: string | null;
  /** What its content told, where it looked like a delivery report and the rules asked; null where nothing is kept of that. */
  readonly report: ReportEvidence | null;
  /** It lies in a folder with a rule, or did so when it was decided. */
  readonly inFolder: boolean;
  /** No setting had a part in the outcome: a test message, one whose header was not handed out, one that left before it could be read. */
  readonly isFixed: boolean;
}

/** How far a stretch has been read. */
export type After = Pick<StoredHead, "position" | "id">;

/** The sum keeps the planner from the index of the ids, of which all are below the last. */
const IN_STRETCH = "decision.organization = $1 and decision.received >= $2 and decision.id + 0 <= $3";

const FIXED = `(decision.undecided or decision.head ? 'unreadable' or decision.rules @> '[{"rule": "test message", "answer": "yes"}]')`;

/** Where it lies now; of what lies nowhere any more, where it lay when it was decided. */
const IN_FOLDER = `coalesce(
  (select bool_or(exists (select from waypost.folder where folder.mailbox_id = place.mailbox_id and id = any(place.folders) and rule_id is not null and missing_since is null))
   from (select mailbox_id, folders from waypost.location where decision_id = decision.id and gone_at is null offset 0) place),
  decision.rules @> '[{"rule": "folder", "answer": "yes"}]')`;

const REPORT = `jsonb_path_query_first(decision.rules, '$[*] ? (@.rule == "automatic mail").report')`;

const COLUMNS = `decision.id, decision.mailbox_id as "mailboxId", decision.identity, decision.received, decision.received::text as position, decision.head, decision.outcome, decision.email_id as "emailId", ${REPORT} as report, ${IN_FOLDER} as "inFolder", ${FIXED} as "isFixed"`;

type Row = Omit<StoredHead, "head"> & { readonly head: unknown };

function revived({ head, ...row }: Row): StoredHead {
  return { ...row, head: reviveHead(head) };
}

/** The stretch from this moment to now. */
export async function stretchSince(sql: Sql, organization: string, since: Date): Promise<Stretch> {
  const { rows } = await sql.query<{ lastId: number }>(`select coalesce(max(id), 0) as "lastId" from waypost.decision`);
  return { organization, since, lastId: rows[0]?.lastId ?? 0 };
}

/** The next decided messages of the stretch whose heads are kept, in the order in which they were received. */
export async function storedHeads(database: Database, stretch: Stretch, after: After | null, limit: number): Promise<StoredHead[]> {
  return database.transaction(async (tx) => {
    await tx.query("set transaction read only");
    // Along the index: without statistics the planner would read all that is left of the stretch for each page, and sort it.
    await tx.query("set local enable_sort = off");
    await tx.query("set local enable_bitmapscan = off");
    const { rows } = await tx.query<Row>(
      // The last but one condition leads the index to where the page before it ended.
      `select ${COLUMNS} from waypost.decision
       where ${IN_STRETCH} and decision.head is not null and decision.received >= $4 and (decision.received, decision.id) > ($4::timestamptz, $5::bigint)
       order by decision.received, decision.id limit $6`,
      [...parameters(stretch), after?.position ?? stretch.since, after?.id ?? 0, limit],
    );
    return rows.map(revived);
  }, "read stored heads");
}

/** Those of these decisions whose heads are kept, in the order in which they were received. */
export async function storedHeadsById(sql: Sql, ids: readonly number[]): Promise<StoredHead[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from waypost.decision where decision.id = any($1::bigint[]) and decision.head is not null
     order by decision.received, decision.id`,
    [ids],
  );
  return rows.map(revived);
}

/** How many decisions of the stretch have no head any more, so that nothing can be tried on them. */
export async function decisionsWithoutHead(sql: Sql, stretch: Stretch): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `select count(*)::int as count from waypost.decision where ${IN_STRETCH} and decision.head is null`,
    parameters(stretch),
  );
  return rows[0]?.count ?? 0;
}

/** A decision of the stretch that may have to do with a message. */
export interface Related {
  readonly id: number;
  readonly mailboxId: string;
  readonly identity: string;
  readonly messageId: string | null;
  readonly emailId: string | null;
}

/** One message lies in so many mailboxes at most, and one Message-ID was used so often at most, as far as is looked at. */
const RELATED_PER_KEY = 2_000;

const RELATED = `found.id, found.organization, found.received, found.mailbox_id, found.identity, found.message_id, found.email_id, found.head is not null as has_head`;

/** Decisions of the stretch about messages with these Message-IDs, or of which these emails were made. */
export async function relatedDecisions(
  sql: Sql,
  stretch: Stretch,
  { messageIds, emailIds }: { readonly messageIds: readonly string[]; readonly emailIds: readonly string[] },
): Promise<Related[]> {
  const { rows } = await sql.query<Related>(
    // Index by index: without statistics the planner would read the whole organization.
    `select id, mailbox_id as "mailboxId", identity, message_id as "messageId", email_id as "emailId" from (
         select ${RELATED} from unnest($4::text[]) asked (message_id)
           cross join lateral (select * from waypost.decision where message_id = asked.message_id limit $6) found
         union select ${RELATED} from unnest($5::uuid[]) asked (email_id)
           cross join lateral (select * from waypost.decision where email_id = asked.email_id limit $6) found) decision
     where ${IN_STRETCH} and has_head order by received, id`,
    [...parameters(stretch), messageIds.map(storableText), emailIds, RELATED_PER_KEY],
  );
  return rows;
}

/** Those of these emails that messages of the stretch became: under other settings they may not be there. */
export async function emailsOfStretch(sql: Sql, stretch: Stretch, emailIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (emailIds.length === 0) return new Set();
  const { rows } = await sql.query<{ emailId: string }>(
    `select found.email_id as "emailId" from unnest($4::uuid[]) asked (email_id)
       cross join lateral (select * from waypost.decision where email_id = asked.email_id offset 0) found
     where found.outcome = 'tracked' and found.organization = $1 and found.received >= $2 and found.id <= $3 and found.head is not null`,
    [...parameters(stretch), emailIds],
  );
  return new Set(rows.map((row) => row.emailId));
}

function parameters({ organization, since, lastId }: Stretch): readonly unknown[] {
  return [organization, since, lastId];
}
