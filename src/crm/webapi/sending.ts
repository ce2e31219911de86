import type { OutgoingEmail, Recipient } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import { storableText } from "../../model/text.ts";
import { withToken } from "../../tracking/token.ts";
import { keepAddresses } from "../claim.ts";
import { readOutgoing } from "../outgoing.ts";
import { sendEmail } from "../send-email.ts";
import { readSettings } from "../settings.ts";
import { allotToken } from "../tracking-tokens.ts";
import { fault } from "./error-codes.ts";
import { ApiFault } from "./exchange.ts";
import type { Turn } from "./service.ts";

/** `email.trackingtoken` (wire 8.1). */
const LONGEST_TOKEN = 50;
/** Delivery method of a mailbox, user or queue (wire 8.4). */
const METHOD_NONE = 0;

/** How an email is sent. */
export interface Sending {
  /** False: it is only recorded as sent. */
  readonly issueSend: boolean;
  /** Given by the caller; null: none. */
  readonly token: string | null;
}

/**
 * Sends an email as Dynamics' SendEmail does (product-behaviour 4.1, 4.2, 5.2): it gets its tracking token, a subject that ends with it, the addresses of its
 * sender and recipients, and its sender's mailbox, and waits in Pending Send; or, with issueSend false, it is Sent, also where it was pending already. Returns the subject. Throws
 * ApiFault where it is no draft, has no sender or recipient, an unresolved or unwilling one, or the caller may not send in its sender's name. Must run in a
 * transaction.
 */
export async function send(turn: Turn, id: string, { issueSend, token }: Sending): Promise<string> {
  const { sql, caller, service } = turn;
  if (token !== null && token.length > LONGEST_TOKEN) throw fault("InvalidArgument");
  const email = await readOutgoing(sql, id);
  if (!email) throw fault("InvalidOperation", `The email ${id} was received; only outgoing emails are sent.`);
  const { settings } = await readSettings(sql);
  if (issueSend) {
    requireParties(email, settings);
    await requireSender(turn, email);
    if (!service.behaviour.sendsWithMethodNone) await requireRoute(turn, email);
  }
  const options = { issueSend, ...(!issueSend && { settlesPending: true as const }) };
  await inDynamicsWords(() => sendEmail(sql, id, caller.userId, options, service.now()));
  const trackingToken = token ?? email.trackingToken ?? (issueSend ? await tokenFor(turn, email, settings) : null);
  const subject = withToken(email.subject, trackingToken, settings.MaximumSubjectLengthOnMailServer);
  await keepAddresses(sql, id);
  await sql.query(
    `update crm.email set trackingtoken = $2, subject = $3, sender = coalesce($4, sender), torecipients = $5,
       sendermailboxid = (select mailboxid from crm.mailbox where regardingobjectid = $6 order by createdon, mailboxid limit 1) where activityid = $1`,
    [
      id,
      trackingToken === null ? null : storableText(trackingToken),
      subject,
      email.from?.address.address || null,
      email.recipients.flatMap(({ kind, address }) => (kind === "to" && address.address !== "" ? [address.address] : [])).join(";"),
      email.from?.record?.id ?? null,
    ],
  );
  return subject;
}

async function tokenFor({ sql, caller, service }: Turn, { from }: OutgoingEmail, settings: OrganizationSettings): Promise<string | null> {
  if (!service.behaviour.allotsTokenOnSend) return null;
  return allotToken(sql, settings, from?.record?.type === "systemuser" ? from.record.id : caller.userId);
}

/** Who sends it and whom it goes to. */
function requireParties(email: OutgoingEmail, settings: OrganizationSettings): void {
  const { from, recipients } = email;
  if (!from || (from.record === null && from.address.address === "")) throw fault("unManagedidscommunicationsnosender");
  if (recipients.length === 0) throw fault("EmailRecipientNotSpecified");
  const unresolved = settings.allowunresolvedpartiesonemailsend ? undefined : recipients.find(({ record }) => record === null);
  if (unresolved)
    throw fault("InvalidArgument", `The recipient ${named(unresolved)} is no record, and unresolved recipients are not allowed.`);
  const unwilling = recipients.find(({ doNotEmail }) => doNotEmail);
  if (unwilling) throw fault("InvalidArgument", `The recipient ${named(unwilling)} does not allow emails.`);
}

function named({ record, address }: Recipient): string {
  return (record?.name || address.address).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 100);
}

/** An email that is made Pending Send by its status, without SendEmail: nobody sends in another's name in that way either. It may lack a sender; then it waits. */
export async function requireRightToSend(turn: Turn, id: string): Promise<void> {
  const email = await readOutgoing(turn.sql, id);
  if (email?.from) await requireSender(turn, email);
}

/** In another user's name sends who may do so where that user lets others (product-behaviour 4.2, "Send as another user"). */
async function requireSender({ sql, caller }: Turn, { from }: OutgoingEmail): Promise<void> {
  const record = from?.record ?? null;
  if (record?.type !== "systemuser" && record?.type !== "queue") throw fault("unManagedidscommunicationsnosender");
  if (record.type === "queue" || record.id === caller.userId) return;
  const { rows } = await sql.query<{ allowed: boolean }>(
    "select issendasallowed as allowed from crm.usersettings where systemuserid = $1",
    [record.id],
  );
  if (!caller.privileges.has("prvSendAsUser") || !rows[0]?.allowed) throw fault("UserDoesNotHaveSendAsAllowed");
}

/** There is a way out for mail of its sender: the delivery method of its mailbox, or where it has none its own, is not None. */
async function requireRoute({ sql }: Turn, { from }: OutgoingEmail): Promise<void> {
  const { rows } = await sql.query<{ method: number }>(
    `select coalesce(
       (select max(outgoingemaildeliverymethod) from crm.mailbox where regardingobjectid = $1),
       (select outgoingemaildeliverymethod from crm.systemuser where systemuserid = $1),
       (select outgoingemaildeliverymethod from crm.queue where queueid = $1), $2::int) as method`,
    [from?.record?.id ?? null, METHOD_NONE],
  );
  if (rows[0]?.method === METHOD_NONE) throw fault("InvalidOutgoingDeliveryExpectingEmailConnector");
}

/** What the CRM refuses, as Dynamics says it. */
async function inDynamicsWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    const code = /^[0-9A-F]{8}$/i.test(error.code) ? `0x${error.code.toLowerCase()}` : "0x8004023b";
    throw new ApiFault(400, code, error.message);
  }
}
