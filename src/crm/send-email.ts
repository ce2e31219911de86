import { PARTICIPATION } from "../model/decision.ts";
import { STATUS, type Status } from "../model/email.ts";
import { Failure } from "../model/failure.ts";
import type { Sql } from "../model/sql.ts";
import { hashesAreMade } from "../tracking/smart-matching.ts";
import { keepAddresses } from "./claim.ts";
import { hashStored } from "./email-hashes.ts";
import { readSettings } from "./settings.ts";

export interface SendOptions {
  /** False only records the email as sent; nothing is transmitted. */
  readonly issueSend: boolean;
  /** With issueSend false: also one that waits to be sent or is being sent, which somebody else has transmitted. Its submitter stays. */
  readonly settlesPending?: true;
}

export interface SendResult {
  readonly status: Status;
  /** The press of Send that this was; 0 when nothing will be transmitted. */
  readonly generation: number;
}

interface Row {
  readonly status: Status;
  readonly outgoing: boolean;
  readonly recipients: boolean;
}

/**
 * Dynamics' SendEmail (product-behaviour 4.1, 5.2): a draft or failed email becomes Pending Send, in a new generation, or Sent without being
 * transmitted. `by` is the user who presses Send, null for the sender itself. Throws Failure when the email cannot be sent as it is; code
 * is Dynamics' where it documents one. Must run in a transaction.
 */
export async function sendEmail(sql: Sql, id: string, by: string | null, options: SendOptions, now: Date): Promise<SendResult> {
  const { rows } = await sql.query<Row>(
    `select statuscode as status, directioncode as outgoing,
       exists (select from crm.activityparty party where party.activityid = email.activityid
         and participationtypemask in (${PARTICIPATION.to}, ${PARTICIPATION.cc}, ${PARTICIPATION.bcc})) as recipients
     from crm.email where activityid = $1 for update`,
    [id],
  );
  const { issueSend } = options;
  const isPending = rows[0]?.status === STATUS.pendingSend || rows[0]?.status === STATUS.sending;
  const settles = isPending && !issueSend && options.settlesPending === true;
  const refusal = refuse(id, rows[0], settles);
  if (refusal) throw refusal;
  const { rows: sent } = await sql.query<SendResult>(
    `update crm.email set submitterid = case when $5 then submitterid else $2 end, modifiedby = coalesce($2, modifiedby), deliveryattempts = 0, lastsendresponse = null, postponeemailprocessinguntil = null,
       statuscode = case when $3 then ${STATUS.pendingSend} else ${STATUS.sent} end,
       senton = case when $3 then null else $4::timestamptz end, actualend = case when $3 then null else $4::timestamptz end
     where activityid = $1 returning statuscode as status, case when $3 then sendgeneration else 0 end as generation`,
    [id, by, issueSend, now, settles],
  );
  const result = sent[0];
  if (!result) throw new Error(`email ${id} vanished while its row was locked`);
  if (!issueSend) await recordAsSent(sql, id);
  return result;
}

/** What is kept of an email that is sent, of one too that somebody else has transmitted. */
async function recordAsSent(sql: Sql, id: string): Promise<void> {
  await keepAddresses(sql, id);
  const { settings } = await readSettings(sql);
  if (hashesAreMade(settings)) await hashStored(sql, [id], settings);
}

/** Why an email cannot be sent now, or null. */
function refuse(id: string, row: Row | undefined, settles: boolean): Failure | null {
  if (!row) return failure("80040217", `There is no email ${id}.`, "Choose an email that exists.");
  if (!row.outgoing)
    return failure(
      "incoming email",
      `The email ${id} was received; only outgoing emails are sent.`,
      "Write an answer to it and send that.",
    );
  if (row.status !== STATUS.draft && row.status !== STATUS.failed && !settles) {
    return failure(
      "not open",
      `The email ${id} is ${STATUS_NAMES[row.status]}; only drafts and failed emails are sent.`,
      "Wait for its outcome, or make a copy of it to send it once more.",
    );
  }
  if (!row.recipients) return failure("80040B04", `The email ${id} has no recipient.`, "Add somebody to To, Cc or Bcc.");
  return null;
}

const STATUS_NAMES: Readonly<Record<Status, string>> = {
  1: "a draft",
  2: "completed",
  3: "sent",
  4: "received",
  5: "canceled",
  6: "waiting to be sent",
  7: "being sent",
  8: "failed",
};

function failure(code: string, message: string, remedy: string): Failure {
  return new Failure({ scope: "item", code, message, remedy, waitingHelps: false });
}
