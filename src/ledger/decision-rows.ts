import type { Outcome, ReasonCode, RuleAnswer } from "../model/decision.ts";
import type { Sql } from "../model/sql.ts";
import { MESSAGE_ID, messageIdsOf } from "./message-ids.ts";
import { PRIVATE } from "./privacy.ts";

/** A stored decision, for explaining. */
export interface DecisionRow {
  readonly id: number;
  readonly organization: string;
  readonly mailboxId: string;
  readonly mailbox: string;
  readonly messageId: string | null;
  readonly received: Date;
  readonly sender: string | null;
  readonly subject: string | null;
  readonly outcome: Outcome;
  readonly reason: ReasonCode;
  readonly rules: readonly RuleAnswer[];
  readonly emailId: string | null;
  readonly waitingFor: readonly string[];
  readonly decidedAt: Date;
  /** When its head, and what the rules said of it, went; see retention.ts. */
  readonly purgedAt: Date | null;
  /** It is decided as if never seen where it turns up: its content could not be read, for it had left. */
  readonly undecided: boolean;
  /** See PRIVATE in privacy.ts. */
  readonly isPrivate: boolean;
  /** It is to be made again. */
  readonly isPending: boolean;
  /** Folders in which the message lies now. */
  readonly folders: readonly string[];
  readonly quarantine: { readonly code: string; readonly message: string; readonly remedy: string; readonly attempts: number } | null;
}

const COLUMNS = `decision.id, decision.organization, decision.mailbox_id as "mailboxId", mailbox.address as mailbox, ${MESSAGE_ID} as "messageId", decision.received,
  decision.sender, decision.subject, decision.outcome, decision.reason, waypost.whole_rules(decision.rules) as rules, decision.email_id as "emailId",
  decision.waiting_for as "waitingFor", decision.decided_at as "decidedAt", decision.purged_at as "purgedAt", decision.undecided, ${PRIVATE} as "isPrivate"`;

/** Decisions about a message in all mailboxes, by Message-ID (with or without angle brackets), email id, or decision id. Newest first. */
export async function findDecisions(sql: Sql, key: string, limit = 50): Promise<DecisionRow[]> {
  const bare = key.trim().replace(/^<(.*)>$/s, "$1");
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(bare) ? bare : null;
  const number = /^\d{1,15}$/.test(bare) ? Number(bare) : null;
  const { rows } = await sql.query<DecisionRow>(
    `select ${COLUMNS},
       decision.reconsider or exists (select from waypost.quarantine where decision_id = decision.id and closed_at is null and retry) as "isPending",
       array(select distinct name from (select mailbox_id, folders from waypost.location where decision_id = decision.id and gone_at is null offset 0) place
             cross join lateral (select name from waypost.folder where folder.mailbox_id = place.mailbox_id and id = any(place.folders)
               and missing_since is null and selectable offset 0) folder order by name) as folders,
       (select jsonb_build_object('code', code, 'message', message, 'remedy', remedy, 'attempts', attempts) from waypost.quarantine where decision_id = decision.id and closed_at is null) as quarantine
     from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id
     -- Index by index, an array, and OFFSET 0 above: without statistics the planner would read all decisions, or go through the folders of everybody.
     where decision.id = any(array(
       select id from waypost.decision where message_id = any($1::text[])
       union select id from waypost.decision where email_id = $2::uuid
       union select id from waypost.decision where id = $3::bigint))
     order by decision.received desc, decision.id limit $4`,
    [messageIdsOf(bare), uuid, number, limit],
  );
  return rows;
}

/** Why it lies in no folder that is shown; null where it lies in one, and where nobody asks. Pure. */
export function whereItLies({ undecided, isPending, folders }: DecisionRow): "nowhere" | "in a hidden folder" | null {
  if (folders.length > 0) return null;
  if (undecided) return "nowhere";
  return isPending ? "in a hidden folder" : null;
}

/** The newest decisions over all mailboxes. */
export async function recentDecisions(sql: Sql, limit: number): Promise<DecisionRow[]> {
  const { rows } = await sql.query<DecisionRow>(
    `select ${COLUMNS}, decision.reconsider as "isPending", '{}'::text[] as folders, null as quarantine
     from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id order by decision.id desc limit $1`,
    [limit],
  );
  return rows;
}
