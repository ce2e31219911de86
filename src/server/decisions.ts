import type { Sql } from "../database/database.ts";
import { findDecisions, whereItLies } from "../ledger/decision-rows.ts";
import { PRIVATE } from "../ledger/privacy.ts";
import { domainOf } from "../model/address.ts";
import type { Outcome } from "../model/decision.ts";
import type { Crm } from "../ports.ts";
import type { Advised } from "../tracking/advice.ts";
import { explain } from "../tracking/explain.ts";
import { redactedAddresses, redactedRules } from "../tracking/redact.ts";
import { plural } from "./words.ts";

/** Most decisions of one page. */
const PAGE = 50;

/**
 * A decision as it may be shown to somebody who is not the mailbox's owner. Of mail that did not become an email only the sender's domain
 * is told, and of private and confidential mail nothing (DESIGN 10).
 */
export interface ShownDecision {
  readonly id: number;
  readonly mailbox: string;
  readonly received: Date;
  readonly decidedAt: Date;
  readonly outcome: Outcome;
  readonly reason: number;
  readonly emailId: string | null;
  readonly isPrivate: boolean;
  /** The whole address of an email's sender, else the domain. */
  readonly from: string | null;
  /** Of emails only. */
  readonly subject: string | null;
}

export interface DecisionPage {
  /** The newest first. */
  readonly decisions: readonly ShownDecision[];
  /** Hand it in as `before`; null on the last page. */
  readonly next: number | null;
}

interface Row extends Omit<ShownDecision, "from"> {
  readonly sender: string | null;
  /** It would be private if it were no email. */
  readonly privateInItself: boolean;
}

/** Tells which of these emails somebody deleted, as the CRM does. */
export type DeletedEmails = Pick<Crm, "deleted">;

/** The email that a message is; of one that was untracked the decision still names it. */
const EMAIL = "case when decision.outcome <> 'skipped' then decision.email_id end";

/** What is no email is nobody's business but its owner's: its subject never leaves the database. */
const SHOWN = `decision.id, mailbox.address as mailbox, decision.received, decision.decided_at as "decidedAt", decision.outcome, decision.reason, ${EMAIL} as "emailId",
  decision.sender, case when ${EMAIL} is not null then decision.subject end as subject,
  ${PRIVATE} as "privateInItself", ${EMAIL} is null and ${PRIVATE} as "isPrivate"`;

/** The decisions of all mailboxes, or those of one outcome, a page at a time. */
export async function listDecisions(
  sql: Sql,
  crm: DeletedEmails,
  { outcome, before }: { outcome: Outcome | null; before: number | null },
): Promise<DecisionPage> {
  const { rows } = await sql.query<Row>(
    `select ${SHOWN} from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id
     where ($1::text is null or decision.outcome = $1) and ($2::bigint is null or decision.id < $2) order by decision.id desc limit $3`,
    [outcome, before, PAGE + 1],
  );
  const page = await withoutDeleted(crm, rows.slice(0, PAGE));
  return { decisions: page.map(shown), next: rows.length > PAGE ? (rows[PAGE - 1]?.id ?? null) : null };
}

/** What one could change about a decision, see adviseOn in engine/operations. */
export type AdviceOn = (id: number) => Promise<Advised | null>;

/** One decision with its reasons as sentences, or null. */
export async function readDecision(
  sql: Sql,
  crm: DeletedEmails,
  id: number,
  adviceOn: AdviceOn,
): Promise<{ decision: ShownDecision; sentences: readonly string[] } | null> {
  const { rows } = await sql.query<Row>(
    `select ${SHOWN} from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id where decision.id = $1`,
    [id],
  );
  const [row] = await withoutDeleted(crm, rows);
  return row ? { decision: shown(row), sentences: await sentencesOf(sql, row, adviceOn) } : null;
}

/** Once an email is deleted in the CRM, its message is shown as one that became no email. */
async function withoutDeleted(crm: DeletedEmails, rows: readonly Row[]): Promise<Row[]> {
  const ids = rows.flatMap(({ emailId }) => emailId ?? []);
  const deleted = ids.length === 0 ? new Set<string>() : await crm.deleted(ids);
  return rows.map((row) =>
    row.emailId !== null && deleted.has(row.emailId) ? { ...row, emailId: null, subject: null, isPrivate: row.privateInItself } : row,
  );
}

function shown({ sender, privateInItself: _, ...row }: Row): ShownDecision {
  if (row.isPrivate || sender === null) return { ...row, from: null };
  return { ...row, from: row.emailId === null ? domainOf(sender) || null : sender };
}

async function sentencesOf(sql: Sql, { id, emailId, isPrivate, mailbox }: Row, adviceOn: AdviceOn): Promise<string[]> {
  const whole = (await findDecisions(sql, String(id))).find((one) => one.id === id);
  if (!whole) return [];
  const { quarantine } = whole;
  if (isPrivate)
    return explain({ ...whole, rules: whole.purgedAt === null ? [] : whole.rules, waitingFor: [] }, { mailbox }).slice(
      0,
      whole.purgedAt === null ? 1 : undefined,
    );
  const advice = await adviceOn(id);
  if (emailId !== null) return explain(whole, { mailbox, number: id, advice });
  const redacted = { ...whole, rules: redactedRules(whole.rules, mailbox) };
  return [
    ...explain(redacted, { mailbox, lies: whereItLies(whole), number: id, advice }).map((one) => redactedAddresses(one, mailbox)),
    ...(quarantine ? [`It was tried ${plural(quarantine.attempts, "time")}. To run it again: \`waypost quarantine retry\`.`] : []),
  ];
}
