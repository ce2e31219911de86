import type { Outcome } from "../model/decision.ts";
import type { Sql } from "../model/sql.ts";

/** Decisions of one mailbox by outcome. */
export type DecisionCounts = Readonly<Record<Outcome, number>>;

export const NO_DECISIONS: DecisionCounts = { tracked: 0, skipped: 0, duplicate: 0, quarantined: 0 };

/**
 * How many decisions each mailbox has, by outcome. Counted by triggers in the transactions that store, change and delete decisions: counting a
 * million rows at each look would take most of a second.
 */
export async function countDecisions(sql: Sql): Promise<Map<string, DecisionCounts>> {
  const { rows } = await sql.query<{ mailboxId: string; outcome: Outcome; messages: number }>(
    `select mailbox_id as "mailboxId", outcome, messages from waypost.decision_count`,
  );
  const counts = new Map<string, Record<Outcome, number>>();
  for (const { mailboxId, outcome, messages } of rows) {
    const one = counts.get(mailboxId) ?? { ...NO_DECISIONS };
    one[outcome] = messages;
    counts.set(mailboxId, one);
  }
  return counts;
}
