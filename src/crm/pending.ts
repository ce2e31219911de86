import { addressKey } from "../model/address.ts";
import { PARTICIPATION } from "../model/decision.ts";
import { type PendingEmail, type PendingSender, STATUS } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";
import { storableText } from "../model/text.ts";

/**
 * Outgoing emails in Pending Send whose `delayedemailsendtime` and `postponeemailprocessinguntil` have passed ($1 is now), with the address
 * from which they will be sent. How they came to be Pending Send does not matter; a trigger has given each its generation.
 */
const DUE = `from crm.email
    left join lateral (
      select crm.address_key(party.address) as address from crm.addressedparty party
      where party.activityid = email.activityid and party.participationtypemask = ${PARTICIPATION.sender} order by party.ordinal limit 1
    ) sender on true
  where email.statuscode = ${STATUS.pendingSend} and email.directioncode
    and coalesce(greatest(email.delayedemailsendtime, email.postponeemailprocessinguntil) <= $1, true)`;

/** Who has due emails, and how many. */
export async function pendingSenders(sql: Sql, now: Date): Promise<PendingSender[]> {
  const { rows } = await sql.query<PendingSender>(
    `select nullif(sender.address, '') as "senderAddress", count(*)::int as emails ${DUE} group by 1 order by 1`,
    [now],
  );
  return rows;
}

/** Due emails of one sender, by the time at which they became due, then by age. */
export async function pendingEmails(sql: Sql, senderAddress: string, limit: number, now: Date): Promise<PendingEmail[]> {
  const { rows } = await sql.query<PendingEmail>(
    `select email.activityid as id, email.sendgeneration as generation ${DUE} and sender.address = $2
     order by coalesce(greatest(email.delayedemailsendtime, email.postponeemailprocessinguntil), email.createdon), email.createdon, email.activityid
     limit $3`,
    [now, storableText(addressKey(senderAddress)), limit],
  );
  return rows;
}
