import type { ListedEmail, ListedParty } from "../../crm/read.ts";
import { PARTICIPATION, type Participation } from "../../model/decision.ts";
import type { Status } from "../../model/email.ts";
import type { RecordRef } from "../../model/record.ts";
import { type Html, html } from "../html.ts";
import { moment, plural, STATUS_NAMES } from "../words.ts";
import { badge } from "./page.ts";

/** Records that have a page. */
const SHOWN_RECORDS: ReadonlySet<string> = new Set(["account", "contact", "lead", "queue", "systemuser"]);
/** Recipients named in a row; the email's page has them all. */
const RECIPIENTS_NAMED = 2;

const STATUS_KINDS: Readonly<Record<Status, Parameters<typeof badge>[0]>> = {
  1: "calm",
  2: "calm",
  3: "good",
  4: "good",
  5: "calm",
  6: "busy",
  7: "busy",
  8: "bad",
};

export function statusBadge(status: Status): Html {
  return badge(STATUS_KINDS[status], STATUS_NAMES[status]);
}

/** A list of emails; on a narrow screen each is a card. */
export function emailTable(emails: readonly ListedEmail[], none: string): Html {
  if (emails.length === 0) return html`<p class="empty">${none}</p>`;
  return html`<table class="emails">
<caption class="unseen">Emails, the newest first</caption>
<thead><tr><th scope="col">Date (UTC)</th><th scope="col">Direction</th><th scope="col">From</th><th scope="col">To</th><th scope="col">Subject</th><th scope="col">Regarding</th><th scope="col">Status</th></tr></thead>
<tbody>${emails.map(row)}</tbody>
</table>`;
}

function row(email: ListedEmail): Html {
  return html`<tr>
<td class="date">${moment(email.at)}</td>
<td class="direction">${direction(email.outgoing)}</td>
<td class="from">${people(partiesOf(email, [PARTICIPATION.sender]))}</td>
<td class="to">${people(partiesOf(email, [PARTICIPATION.to, PARTICIPATION.cc, PARTICIPATION.bcc]))}</td>
<td class="subject"><a href="/emails/${email.id}">${subjectOf(email.subject)}</a>${email.attachmentCount > 0 && html` <span class="quiet">${plural(email.attachmentCount, "file")}</span>`}</td>
<td class="regarding">${email.regarding && recordLink(email.regarding)}</td>
<td class="status">${statusBadge(email.status)}</td>
</tr>
`;
}

export function direction(outgoing: boolean): Html {
  return outgoing ? html`<span class="way">↗ out</span>` : html`<span class="way">↘ in</span>`;
}

/** The subject, or words for none: a link needs something to press. */
export function subjectOf(subject: string): Html {
  return subject.trim() === "" ? html`<i>no subject</i>` : html`<bdi>${subject}</bdi>`;
}

export function partiesOf(email: ListedEmail, participations: readonly Participation[]): ListedParty[] {
  return email.parties.filter((one) => participations.includes(one.participation));
}

/** A record's name, with a link where it has a page. */
export function recordLink(record: RecordRef): Html {
  const name = html`<bdi>${record.name.trim() || "without a name"}</bdi>`;
  return SHOWN_RECORDS.has(record.type) ? html`<a href="/records/${record.type}/${record.id}">${name}</a>` : name;
}

function people(parties: readonly ListedParty[]): Html {
  const named = parties
    .slice(0, RECIPIENTS_NAMED)
    .map((one) => html`<bdi title="${one.address}">${one.name || one.address || "nobody"}</bdi>`);
  const more = parties.length - named.length;
  return html`${named.map((one, index) => (index === 0 ? one : html`, ${one}`))}${more > 0 && ` and ${more} more`}`;
}
