import { PARTICIPATION } from "../model/decision.ts";
import { type OutgoingEmail, STATUS } from "../model/email.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { hashesAreMade } from "../tracking/smart-matching.ts";
import { withToken } from "../tracking/token.ts";
import { hashStored } from "./email-hashes.ts";
import { readOutgoing } from "./outgoing.ts";
import { readSettings } from "./settings.ts";
import { allotToken } from "./tracking-tokens.ts";

interface ClaimedRow {
  readonly subject: string;
  readonly trackingToken: string | null;
  /** Whose counter the token comes from; null takes the organization's. */
  readonly numberedUserId: string | null;
}

/**
 * Pending Send → Sending, for exactly one claimer of that generation; null for everybody else. The email gets its tracking token, a
 * subject that ends with it, and the addresses that will be used. Must run in a transaction.
 */
export async function claimEmail(sql: Sql, id: string, generation: number): Promise<OutgoingEmail | null> {
  const claimed = await takeRow(sql, id, generation);
  if (!claimed) return null;
  const { settings } = await readSettings(sql);
  const email = await readOutgoing(sql, id);
  if (!email) throw new Error(`email ${id} vanished while its row was locked`);
  const trackingToken = claimed.trackingToken ?? (await allotToken(sql, settings, claimed.numberedUserId));
  const subject = withToken(claimed.subject, trackingToken, settings.MaximumSubjectLengthOnMailServer);
  const version = await writeClaim(sql, { ...email, trackingToken, subject });
  // Answers may come before anybody knows that it left.
  if (hashesAreMade(settings)) await hashStored(sql, [id], settings);
  return { ...email, trackingToken, subject, version };
}

/** Pending Send → Sending of an email that cannot be read, so that it can be settled as failed. */
export async function claimUnreadable(sql: Sql, id: string, generation: number): Promise<void> {
  await takeRow(sql, id, generation);
}

async function takeRow(sql: Sql, id: string, generation: number): Promise<ClaimedRow | undefined> {
  const { rows } = await sql.query<ClaimedRow>(
    `update crm.email set statuscode = ${STATUS.sending}
     where activityid = $1 and sendgeneration = $2 and statuscode = ${STATUS.pendingSend} and directioncode
     returning subject, trackingtoken as "trackingToken", coalesce(
       (select partyid from crm.activityparty party where party.activityid = email.activityid and participationtypemask = ${PARTICIPATION.sender}
          and partyobjecttypecode = 'systemuser' order by ordinal limit 1),
       submitterid) as "numberedUserId"`,
    [id, generation],
  );
  return rows[0];
}

/**
 * Keeps what is sent on the email and its parties, so that later changes of records do not rewrite history and answers find the thread.
 * Returns the new version.
 */
async function writeClaim(sql: Sql, email: OutgoingEmail): Promise<string> {
  await keepAddresses(sql, email.id);
  const { rows } = await sql.query<{ version: string }>(
    `update crm.email set trackingtoken = $2, subject = $3, sender = $4, torecipients = $5, inreplyto = $6, internetmessageheaders = $7::jsonb
     where activityid = $1 returning versionnumber::text as version`,
    [
      email.id,
      email.trackingToken,
      email.subject,
      email.from?.address.address || null,
      email.recipients.flatMap(({ kind, address }) => (kind === "to" && address.address !== "" ? [address.address] : [])).join(";"),
      email.inReplyTo,
      email.inReplyTo === null
        ? null
        : storableJson([["references", [...email.references, email.inReplyTo].map((id) => `<${id}>`).join(" ")]]),
    ],
  );
  return rows[0]?.version ?? email.version;
}

/** Writes on the parties of an email the addresses that they have at this moment. */
export async function keepAddresses(sql: Sql, id: string): Promise<void> {
  await sql.query(
    `update crm.activityparty party set addressused = known.address from crm.addressedparty known
     where party.activityid = $1 and known.activityid = $1 and known.ordinal = party.ordinal and known.address <> '' and party.addressused is distinct from known.address`,
    [id],
  );
}
