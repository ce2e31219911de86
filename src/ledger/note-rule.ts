import type { RuleAnswer } from "../model/decision.ts";
import type { Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** Adds an answer to these decisions of a mailbox that do not have it. */
export async function noteRule(tx: Transaction, mailboxId: string, decisionIds: readonly number[], rule: RuleAnswer): Promise<void> {
  if (decisionIds.length === 0) return;
  await tx.query(
    "update waypost.decision set rules = rules || $3::jsonb where mailbox_id = $1 and id = any($2::bigint[]) and not rules @> $3::jsonb",
    [mailboxId, decisionIds, storableJson([rule])],
  );
}
