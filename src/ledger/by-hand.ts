import { type Outcome, REASON, type RuleAnswer } from "../model/decision.ts";
import { emailIdentityOf, identityOf } from "../model/identity.ts";
import type { MessageHead } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import type { Wish } from "../model/wish.ts";
import { type AuditEntry, auditEach } from "./audit.ts";
import { reviveHead } from "./decisions.ts";
import { MESSAGE_ID, messageIdsOf } from "./message-ids.ts";
import { LIES, SHOWN } from "./pending-decisions.ts";
import { release } from "./quarantine.ts";
import { storeWish, wishKeys, wouldBe } from "./wishes.ts";

/** A message as one mailbox knows it. */
export interface Copy {
  /** Number of the decision. */
  readonly id: number;
  readonly organization: string;
  readonly mailboxId: string;
  readonly mailbox: string;
  readonly decisionKey: string;
  readonly messageId: string | null;
  /** Null where it is not kept any more. */
  readonly head: MessageHead | null;
  readonly outcome: Outcome;
  /** The email that was made of it, or that it was linked to; it may be deleted. */
  readonly emailId: string | null;
  /** It lies in a folder that is read, as far as is known. */
  readonly lies: boolean;
  /** It belongs to a test of a mailbox. */
  readonly isTest: boolean;
}

/** Most copies of one message: reused Message-IDs can have thousands. */
export const MOST_COPIES = 1000;

/** By what copies are looked for. */
export interface CopyQuery {
  readonly messageId: string | null;
  readonly emailId: string | null;
  readonly number: number | null;
}

/** The copies with that Message-ID, email or number of the decision, in all mailboxes; at most MOST_COPIES of each. */
export async function findCopies(sql: Sql, { messageId, emailId, number }: CopyQuery): Promise<Copy[]> {
  const { rows } = await sql.query<Omit<Copy, "head"> & { readonly head: unknown }>(
    // Index by index, as in findDecisions.
    `select decision.id, decision.organization, decision.mailbox_id as "mailboxId", mailbox.address as mailbox, identity as "decisionKey", ${MESSAGE_ID} as "messageId", head, outcome,
       email_id as "emailId", rules @> '[{"rule": "test message", "answer": "yes"}]' as "isTest",
       exists (select from (select * from waypost.location where decision_id = decision.id offset 0) location where ${LIES} and ${SHOWN}) as lies
     from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id
     where decision.id = any(array(
       (select id from waypost.decision where message_id = any($1::text[]) limit ${MOST_COPIES})
       union (select id from waypost.decision where email_id = $2::uuid limit ${MOST_COPIES})
       union select id from waypost.decision where id = $3::bigint))
     order by decision.id`,
    [messageId === null ? [] : messageIdsOf(messageId), emailId, number],
  );
  return rows.map(({ head, ...copy }) => ({ ...copy, head: head === null ? null : reviveHead(head) }));
}

/** What copies of one message have in common: the email that they are or would be; of one that only its content tells, itself. Pure. */
export function messageKey({ organization, emailId, head, id }: Copy): string {
  return `${organization} ${emailId ?? wouldBe(organization, head) ?? id}`;
}

/** Stores a wish about a message, with an entry in the audit for each of its copies. The transaction must have changed wishes to itself. */
export async function wish(tx: Transaction, copies: readonly Copy[], said: Wish): Promise<void> {
  for (const [organization, some] of Map.groupBy(copies, (one) => one.organization)) {
    await storeWish(
      tx,
      organization,
      some.flatMap((one) => wishKeys(organization, one)),
      said,
    );
  }
  await auditCopies(tx, copies, { at: said.at, actor: said.by, action: said.verb });
}

/** An entry for each copy. */
export async function auditCopies(tx: Transaction, copies: readonly Pick<Copy, "id">[], entry: Omit<AuditEntry, "subject">): Promise<void> {
  await auditEach(
    tx,
    copies.map(({ id }) => `decision ${id}`),
    entry,
  );
}

/** The decisions about an untracked message: skipped, for this one reason, and out of quarantine. The email that was made of it stays named. */
export async function skipCopies(tx: Transaction, copies: readonly Pick<Copy, "id">[], because: RuleAnswer, now: Date): Promise<void> {
  const ids = copies.map((one) => one.id);
  await tx.query(
    `update waypost.decision set outcome = 'skipped', reason = ${REASON.unknown}, rules = $2::jsonb, waiting_for = '{}', reconsider = false, undecided = false,
       decided_at = $3 where id = any($1::bigint[])`,
    [ids, storableJson([because]), now],
  );
  await release(tx, ids, now);
}

/** What of a copy tells its claims. */
export type ClaimedCopy = Pick<Copy, "organization" | "head" | "emailId">;

/**
 * Whether the claims of a message count as fulfilled: where they do, no mailbox makes an email of it; where they do not, the next one does, under the same
 * id, and finds what may be left of it.
 */
export async function setClaims(tx: Transaction, copies: readonly ClaimedCopy[], deliveredAt: Date | null): Promise<void> {
  for (const [organization, some] of Map.groupBy(copies, (one) => one.organization)) {
    const identities = some.flatMap(({ head }) => (head === null || identityOf(head).weak ? [] : emailIdentityOf(head).key));
    // What only the content tells, or whose head is gone, is found by its email, without an index: seldom asked for.
    const emailIds = some.flatMap((one) => (one.emailId !== null && wouldBe(organization, one.head) === null ? one.emailId : []));
    const set = deliveredAt === null ? "delivered_at = null" : "delivered_at = coalesce(delivered_at, $3)";
    const parameters = deliveredAt === null ? [] : [deliveredAt];
    await tx.query(`update waypost.claim set ${set} where organization = $1 and identity = any($2::text[])`, [
      organization,
      identities,
      ...parameters,
    ]);
    if (emailIds.length === 0) continue;
    await tx.query(`update waypost.claim set ${set} where organization = $1 and email_id = any($2::uuid[])`, [
      organization,
      emailIds,
      ...parameters,
    ]);
  }
}
