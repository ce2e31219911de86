import type { WholeEmail } from "../../crm/read.ts";
import type { Explanation } from "../../engine/operations/explain.ts";
import { PARTICIPATION, type Participation } from "../../model/decision.ts";
import { NOTIFICATIONS } from "../../model/email.ts";
import { type Html, html } from "../html.ts";
import { bytes, correlationName, moment, plural, prose, recordTypeName } from "../words.ts";
import { direction, partiesOf, recordLink, statusBadge, subjectOf } from "./email-table.ts";
import { facts, type Page } from "./page.ts";

/** Longest plain text that is shown, in characters. */
const SHOWN_TEXT = 512 * 1024;

const ROLES: readonly (readonly [name: string, participation: Participation])[] = [
  ["From", PARTICIPATION.sender],
  ["To", PARTICIPATION.to],
  ["Cc", PARTICIPATION.cc],
  ["Bcc", PARTICIPATION.bcc],
];

/** One email with everything that the CRM has of it, and why it is there. */
/** What is told of an email on its page. */
type Told = Pick<Explanation, "incoming" | "outgoing">;

export function emailPage(email: WholeEmail, explanation: Told): Page {
  return {
    title: email.subject.trim() || "No subject",
    part: "emails",
    content: html`<p class="kind">${direction(email.outgoing)} ${statusBadge(email.status)} ${moment(email.at)} UTC</p>
<h1>${subjectOf(email.subject)}</h1>
${facts([
  ...ROLES.map(([name, participation]) => [name, parties(email, participation)] as const),
  ["Regarding", email.regarding && named(email.regarding)],
  ["Owner", email.owner && named(email.owner)],
  ["Queues", email.queues.length === 0 ? null : html`${email.queues.map((one, index) => html`${index > 0 && ", "}${recordLink(one)}`)}`],
])}
${notice(email)}
${attachments(email)}
${newPart(email)}
${bodies(email)}
${why(explanation)}
${details(email)}`,
  };
}

function parties(email: WholeEmail, participation: Participation): Html | null {
  const found = partiesOf(email, [participation]);
  if (found.length === 0) return null;
  return html`<ul class="parties">${found.map(
    ({
      name,
      address,
      record,
    }) => html`<li>${record ? recordLink({ ...record, name: record.name || name || address }) : html`<bdi>${name || address || "nobody"}</bdi>`}
${address !== "" && (record !== null || name !== "") && html` <span class="quiet"><bdi>${address}</bdi></span>`}${record ? html` <span class="tag">${recordTypeName(record.type)}</span>` : html` <span class="tag">no record</span>`}</li>`,
  )}</ul>`;
}

function named(record: { readonly type: string; readonly id: string; readonly name: string }): Html {
  return html`${recordLink(record)} <span class="tag">${recordTypeName(record.type)}</span>`;
}

function notice({ notifications }: WholeEmail): Html | null {
  if (notifications === NOTIFICATIONS.attachmentsBlocked)
    return html`<p class="remark">Some attachments were blocked by the CRM's settings.</p>`;
  if (notifications === NOTIFICATIONS.bodyTruncated) return html`<p class="remark">The body was longer than the CRM keeps and is cut.</p>`;
  return null;
}

function attachments({ id, attachments: all }: WholeEmail): Html | null {
  if (all.length === 0) return null;
  return html`<section><h2>${plural(all.length, "attachment")}</h2>
<ul class="files">${all.map(
    (one, index) =>
      html`<li><a href="/emails/${id}/attachments/${index + 1}" download><bdi>${one.filename}</bdi></a> <span class="quiet">${bytes(one.size)}${one.inline && ", in the text"}</span></li>`,
  )}</ul></section>`;
}

/** What is new, for those who know the rest. */
function newPart({ reply }: WholeEmail): Html | null {
  return reply === null ? null : html`<section><details><summary>Only what is new</summary>${plainText(reply)}</details></section>`;
}

/** HTML only ever in a frame that can do nothing; plain text beside it, or alone. */
function bodies({ id, html: body, text }: WholeEmail): Html {
  if (body === null && text === null) return html`<p class="empty">This email has no body.</p>`;
  if (body === null) return html`<section><h2 class="unseen">Text</h2>${plainText(text ?? "")}</section>`;
  return html`<section><h2 class="unseen">Text</h2>
<iframe class="body" sandbox="" src="/emails/${id}/body" title="Text of the email" referrerpolicy="no-referrer"></iframe>
<p class="quiet"><a href="/emails/${id}/body">Show the text alone</a></p>
${text !== null && html`<details><summary>Plain text</summary>${plainText(text)}</details>`}</section>`;
}

function plainText(text: string): Html {
  return html`<pre class="body" dir="auto" tabindex="0">${text.slice(0, SHOWN_TEXT)}</pre>
${text.length > SHOWN_TEXT && html`<p class="remark">The text is ${text.length} characters long; the first ${SHOWN_TEXT} are shown.</p>`}`;
}

function why({ incoming, outgoing }: Told): Html | null {
  if (incoming.length + outgoing.length === 0) return null;
  return html`<section><h2>Why</h2>
${incoming.map(
  (
    one,
  ) => html`<div class="card"><p><b>${one.mailbox}</b> <span class="quiet">received ${moment(one.received)}${one.folders.length > 0 && `, now in ${one.folders.join(" and ")}`}</span></p>
${sentenceList(one.sentences)}</div>`,
)}
${outgoing.map(
  (
    one,
  ) => html`<div class="card"><p><b>Sending ${one.generation}</b> <span class="quiet">${plural(one.attempts, "attempt")}, last change ${moment(one.changedAt)}</span></p>
${sentenceList(one.sentences)}</div>`,
)}
</section>`;
}

export function sentenceList(sentences: readonly string[]): Html {
  return html`<ol class="sentences">${sentences.map((one) => html`<li dir="auto">${prose(one)}</li>`)}</ol>`;
}

function details(email: WholeEmail): Html {
  return html`<section><details><summary>Details</summary>
${facts([
  ["Message-ID", text(email.messageId)],
  ["In-Reply-To", text(email.inReplyTo)],
  ["Answers", email.parentEmailId && html`<a href="/emails/${email.parentEmailId}">the earlier email</a>`],
  ["Correlated by", email.outgoing ? null : correlationName(email.correlationMethod)],
  ["Correlated with", email.correlatedEmailId && html`<a href="/emails/${email.correlatedEmailId}">an earlier email</a>`],
  ["Tracking token", text(email.trackingToken)],
  ["Accepted by", email.accepting && named(email.accepting)],
  ["Read from", text(email.submittedBy)],
  ["Received", email.receivedon && moment(email.receivedon)],
  ["Sent", email.senton && moment(email.senton)],
  ["Made in the CRM", moment(email.createdon)],
  ["Not before", email.delayedSendTime && moment(email.delayedSendTime)],
  ["Next try", email.postponedUntil && moment(email.postponedUntil)],
  ["Attempts", email.outgoing ? String(email.attempts) : null],
  ["Last answer", text(email.lastSendResponse)],
])}
${email.headers.length > 0 && html`<h3>Header fields</h3><dl class="headers">${email.headers.map(([name, value]) => html`<div><dt>${name}</dt><dd><bdi>${value}</bdi></dd></div>`)}</dl>`}
</details></section>`;
}

function text(value: string | null): Html | null {
  return value === null || value === "" ? null : html`<bdi>${value}</bdi>`;
}
