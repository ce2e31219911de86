import type { RuleAnswer } from "../model/decision.ts";
import type { MessageHead } from "../model/message.ts";
import type { Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { keptHead } from "./decisions.ts";

/** Adds an answer to these decisions of a mailbox that do not have it. */
export async function noteRule(tx: Transaction, mailboxId: string, decisionIds: readonly number[], rule: RuleAnswer): Promise<void> {
  if (decisionIds.length === 0) return;
  await tx.query(
    "update waypost.decision set rules = rules || $3::jsonb where mailbox_id = $1 and id = any($2::bigint[]) and not rules @> $3::jsonb",
    [mailboxId, decisionIds, storableJson([rule])],
  );
}

/** These decisions are to be made again, each on what its message shows now; what is in quarantine waits there until a person asks for it. */
export async function decideOnNewHeads(
  tx: Transaction,
  heads: readonly { readonly decisionId: number; readonly head: MessageHead }[],
): Promise<void> {
  if (heads.length === 0) return;
  await tx.query(
    `update waypost.decision set head = one.head, reconsider = outcome <> 'quarantined'
     from jsonb_to_recordset($1::jsonb) as one ("decisionId" bigint, head jsonb) where id = "decisionId"`,
    [storableJson(heads.map(({ decisionId, head }) => ({ decisionId, head: keptHead(head) })))],
  );
}
