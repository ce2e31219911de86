import type { MessageHead } from "../model/message.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";
import type { ClaimRow } from "./claims.ts";
import { reviveHead } from "./decisions.ts";

/** A decision about a message with the Message-ID of one that is to be decided, and another identity. */
export interface EarlierCopy {
  readonly mailboxId: string;
  readonly mailboxAddress: string;
  /** The identity under which its mailbox keeps the decision. */
  readonly decisionKey: string;
  readonly head: MessageHead;
  /** The email that was made of it, or deleted since; null where none was. */
  readonly emailId: string | null;
}

/** By what the ledger may know messages. */
interface Asked {
  /** Of those that are not weak. */
  readonly identities: readonly string[];
  /** The keys of the mailbox's decisions about them: these are no copies. */
  readonly decisionKeys: readonly string[];
  readonly messageIds: readonly string[];
}

/** Of one Message-ID: careless senders use one for all their mail. */
const COPIES_OF_ONE_ID = 10;

/** The claims of these identities, and the copies that may be of the same messages. One statement. Of what was purged nothing is left to compare. */
export async function readKnown(
  sql: Sql,
  organization: string,
  { identities, decisionKeys, messageIds }: Asked,
): Promise<{ readonly claims: ReadonlyMap<string, ClaimRow>; readonly copies: readonly EarlierCopy[] }> {
  if (identities.length === 0 && messageIds.length === 0) return { claims: new Map(), copies: [] };
  const { rows } = await sql.query<ClaimRow & { readonly head: unknown }>(
    // OFFSET 0 keeps the planner to the index of the Message-ID, also without statistics.
    `select claim.identity, claim.email_id as "emailId", claim.message_id as "messageId", claim.mailbox_id as "mailboxId", mailbox.address as "mailboxAddress",
       claim.delivered_at is not null as delivered, null::jsonb as head
     from waypost.claim join waypost.mailbox on mailbox.id = claim.mailbox_id where claim.organization = $1 and claim.identity = any($2::text[])
     union all
     select copy.identity, claim.email_id, copy.message_id, copy.mailbox_id, mailbox.address, claim.delivered_at is not null, copy.head
     from unnest($3::text[]) asked (message_id)
       cross join lateral (
         select identity, message_id, mailbox_id, head from (select * from waypost.decision where message_id = asked.message_id offset 0) one
         where organization = $1 and head is not null and not undecided and identity <> all($4::text[]) limit ${COPIES_OF_ONE_ID}
       ) copy
       join waypost.mailbox on mailbox.id = copy.mailbox_id
       left join waypost.claim on claim.organization = $1 and claim.identity = split_part(copy.identity, ' ', 1)`,
    [organization, identities, [...new Set(messageIds.map(storableText))], [...identities, ...decisionKeys]],
  );
  const claims = new Map<string, ClaimRow>();
  const copies: EarlierCopy[] = [];
  for (const { head, ...row } of rows) {
    const { mailboxId, mailboxAddress, identity, emailId, delivered } = row;
    if (head === null) claims.set(identity, row);
    else copies.push({ mailboxId, mailboxAddress, decisionKey: identity, head: reviveHead(head), emailId: delivered ? emailId : null });
  }
  return { claims, copies };
}
