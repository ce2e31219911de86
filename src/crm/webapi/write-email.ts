import { z } from "zod";
import { PARTICIPATION } from "../../model/decision.ts";
import { STATUS } from "../../model/email.ts";
import { hashesAreMade } from "../../tracking/smart-matching.ts";
import { removeEmail, setRegardingParties } from "../by-hand.ts";
import { keepAddresses } from "../claim.ts";
import { hashStored } from "../email-hashes.ts";
import { readSettings } from "../settings.ts";
import { fault } from "./error-codes.ts";
import type { Change, NewRow } from "./new-row.ts";
import type { Row } from "./record.ts";
import { requireRightToSend } from "./sending.ts";
import type { Turn } from "./service.ts";
import type { Specials } from "./special.ts";

/**
 * Columns of an email that is completed or cancelled that can be written still: how it stands in the CRM, and what only the sending or delivering program knows (wire
 * 8.1, product-behaviour 5.3: after the fact a router sets regarding and parent, Message-ID and attempts; the subject under which it left, and what an external program
 * has to say of it).
 */
const EDITABLE_WHEN_CLOSED: ReadonlySet<string> = new Set([
  "acceptingentityid",
  "activityadditionalparams",
  "actualend",
  "correlatedactivityid",
  "correlatedsubjectchanged",
  "deliveryattempts",
  "internetmessageheaders",
  "messageid",
  "notifications",
  "ownerid",
  "parentactivityid",
  "prioritycode",
  "receivingmailboxid",
  "regardingobjectid",
  "statecode",
  "statuscode",
  "subject",
  "trackingtoken",
]);

/**
 * What a status can become (product-behaviour 4.1). What has left, has arrived or is cancelled stays that. Sending is entered from Pending Send alone, which counts the
 * generation that is sent.
 */
const BECOMES: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [STATUS.draft, [STATUS.completed, STATUS.sent, STATUS.received, STATUS.canceled, STATUS.pendingSend, STATUS.failed]],
  [STATUS.failed, [STATUS.draft, STATUS.completed, STATUS.sent, STATUS.received, STATUS.canceled, STATUS.pendingSend]],
  [STATUS.pendingSend, [STATUS.draft, STATUS.sent, STATUS.sending, STATUS.canceled, STATUS.failed]],
  [STATUS.sending, [STATUS.sent, STATUS.pendingSend, STATUS.failed]],
]);

/** Emails that others can answer, or that answer others: smart matching finds them. */
const FINDABLE: readonly number[] = [STATUS.completed, STATUS.sent, STATUS.received, STATUS.sending, STATUS.failed];

/** Header fields as the CRM keeps them: name and value, in the order of the message. */
const HEADERS = z.array(z.tuple([z.string(), z.string()])).max(10_000);

export const EMAIL_SPECIALS: Specials = {
  async beforeCreate(_turn, rows, all) {
    for (const row of rows) {
      const { record } = row;
      checkHeaders(record);
      const within = all.filter(({ belongsTo }) => belongsTo?.row === row);
      record.attachmentcount = within.filter(({ table }) => table.name === "activitymimeattachment").length;
      fillAddresses(record, within);
    }
  },
  async afterCreate(turn, rows) {
    const ids = rows.map(({ id }) => id);
    // What was deleted and is made again is not deleted any more.
    await turn.sql.query("delete from crm.deletedemail where activityid = any($1::uuid[])", [ids]);
    await setRegardingParties(
      turn.sql,
      rows.flatMap(({ id, record }) => ((record.regardingobjectid ?? null) === null ? [] : [id])),
    );
  },
  async beforeUpdate(turn, change) {
    const { record, before, after } = change;
    checkHeaders(record);
    if (before && before.statecode !== 0) await refuseClosed(turn, change);
    if (before && after) {
      if (!BECOMES.get(before.statuscode)?.includes(after.statuscode))
        throw fault("CannotUpdateBecauseItIsReadOnly", `An email of status ${before.statuscode} cannot come to ${after.statuscode}.`);
      if (after.statuscode === STATUS.pendingSend && before.statecode === 0) await requireRightToSend(turn, change.id);
      become(turn, record, before.statuscode, after.statuscode);
      if (after.statuscode === STATUS.sent || after.statuscode === STATUS.sending) await fillSent(turn, change);
    }
  },
  async afterUpdate(turn, { id, record, after, draft }) {
    if ("regardingobjectid" in record) await setRegardingParties(turn.sql, [id]);
    if (draft.children.size > 0) await addressesAnew(turn, id);
    if (!after) return;
    if (after.statuscode === STATUS.sent || after.statuscode === STATUS.sending) await keepAddresses(turn.sql, id);
    if (!FINDABLE.includes(after.statuscode)) return;
    const { settings } = await readSettings(turn.sql);
    if (hashesAreMade(settings)) await hashStored(turn.sql, [id], settings);
  },
  async remove(turn, id) {
    await removeEmail(turn.sql, id);
  },
};

function checkHeaders(record: Row): void {
  if ((record.internetmessageheaders ?? null) === null) return;
  if (!HEADERS.safeParse(record.internetmessageheaders).success)
    throw fault(
      "InvalidArgument",
      "The value of 'internetmessageheaders' of 'email' must be a JSON array of pairs, each a name and a value.",
    );
}

/** `sender`, and of an incoming email `torecipients`, where the body does not give them: as on emails made in process. */
function fillAddresses(record: Row, within: readonly NewRow[]): void {
  const addresses = (participation: number) =>
    within.flatMap(({ record: party }) =>
      party.participationtypemask === participation && typeof party.addressused === "string" && party.addressused !== ""
        ? [party.addressused]
        : [],
    );
  record.sender ??= addresses(PARTICIPATION.sender)[0] ?? null;
  if (record.directioncode === false) record.torecipients ??= addresses(PARTICIPATION.to).join(";");
}

/** An email that arrived has no other subject than the one under which it came. */
async function refuseClosed(turn: Turn, { id, draft, after, before }: Change): Promise<void> {
  const written = [...draft.values.keys(), ...draft.references.keys()].map(({ name }) => name);
  const closed = written.find((name) => !EDITABLE_WHEN_CLOSED.has(name));
  if (closed !== undefined || draft.children.size > 0)
    throw fault("CannotUpdateBecauseItIsReadOnly", `The email is closed: ${closed ?? "its parties"} cannot be changed.`);
  if (written.includes("subject")) {
    const { rows } = await turn.sql.query("select from crm.email where activityid = $1 and not directioncode", [id]);
    if (rows.length > 0) throw fault("CannotUpdateBecauseItIsReadOnly", "The email is closed: subject cannot be changed.");
  }
  if (after && before && !turn.service.behaviour.changesCompletedStatus)
    throw fault("CannotUpdateBecauseItIsReadOnly", `The email is closed: status ${before.statuscode} cannot be changed.`);
}

/** What the CRM itself writes when a status changes, as it does in process (sendEmail, settleEmail, deliverEmails). */
function become(turn: Turn, record: Row, before: number, after: number): void {
  const now = turn.service.now().toISOString();
  const pressed = before === STATUS.draft || before === STATUS.failed;
  switch (after) {
    case STATUS.pendingSend:
      if (!pressed) break;
      Object.assign(record, {
        submitterid: turn.caller.userId,
        lastsendresponse: null,
        postponeemailprocessinguntil: null,
        senton: null,
        actualend: null,
      });
      record.deliveryattempts ??= 0;
      break;
    case STATUS.sent:
      if (pressed) record.submitterid = turn.caller.userId;
      record.actualend ??= now;
      Object.assign(record, { senton: record.actualend, postponeemailprocessinguntil: null });
      break;
    case STATUS.received:
      record.actualend ??= now;
      record.receivedon = record.actualend;
      break;
    case STATUS.failed:
      record.postponeemailprocessinguntil = null;
      break;
    case STATUS.completed:
    case STATUS.canceled:
      record.actualend ??= now;
      break;
  }
}

/** The addresses that are sent from and to, so that later changes of records do not rewrite history (see claimEmail). */
async function fillSent(turn: Turn, { id, record }: Change): Promise<void> {
  const { rows } = await turn.sql.query<{ sender: string | null; torecipients: string | null }>(
    `select (select address from crm.addressedparty where activityid = $1 and participationtypemask = ${PARTICIPATION.sender} and address <> '' order by ordinal limit 1) as sender,
       (select string_agg(address, ';' order by ordinal) from crm.addressedparty where activityid = $1 and participationtypemask = ${PARTICIPATION.to} and address <> '') as torecipients`,
    [id],
  );
  record.sender ??= rows[0]?.sender ?? null;
  record.torecipients ??= rows[0]?.torecipients ?? "";
}

/** `sender` follows the party that is From, `torecipients` of an incoming email those that are To. */
async function addressesAnew(turn: Turn, id: string): Promise<void> {
  await turn.sql.query(
    `update crm.email set
       sender = (select addressused from crm.activityparty party where party.activityid = $1 and participationtypemask = ${PARTICIPATION.sender} order by ordinal limit 1),
       torecipients = case when directioncode then torecipients else (select coalesce(string_agg(addressused, ';' order by ordinal), '') from crm.activityparty party
         where party.activityid = $1 and participationtypemask = ${PARTICIPATION.to} and addressused <> '') end
     where activityid = $1`,
    [id],
  );
}
