import type { Outcome } from "../../model/decision.ts";
import type { DecisionPage, ShownDecision } from "../decisions.ts";
import { type Html, html } from "../html.ts";
import { moment, reasonName } from "../words.ts";
import { sentenceList } from "./email.ts";
import { subjectOf } from "./email-table.ts";
import { badge, facts, type Page, tabs } from "./page.ts";

const KINDS: Readonly<Record<Outcome, Parameters<typeof badge>[0]>> = {
  tracked: "good",
  skipped: "calm",
  duplicate: "calm",
  quarantined: "bad",
};
export const OUTCOMES: readonly Outcome[] = ["tracked", "skipped", "duplicate", "quarantined"];

const PRIVACY = html`<p class="quiet privacy">Of mail that became no email only the sender's domain is shown, and of private mail nothing: it belongs to the mailbox's owner.</p>`;

export function decisionsPage(outcome: Outcome | null, before: number | null, { decisions, next }: DecisionPage): Page {
  const tab = (name: string, one: Outcome | null) => ({ name, href: address(one, null), chosen: one === outcome });
  return {
    title: "Decisions",
    part: "decisions",
    content: html`<h1>Decisions</h1>
${tabs("Outcome", [tab("All", null), ...OUTCOMES.map((one) => tab(capital(one), one))])}
${PRIVACY}
${decisions.length === 0 ? html`<p class="empty">No message was decided about here yet.</p>` : table(decisions)}
<nav class="pager" aria-label="More decisions">
${before !== null && html`<a href="${address(outcome, null)}">Newest</a>`}
${next !== null && html`<a href="${address(outcome, next)}" rel="next">Older</a>`}
</nav>`,
  };
}

function table(decisions: readonly ShownDecision[]): Html {
  return html`<table class="decisions">
<caption class="unseen">Decisions, the newest first</caption>
<thead><tr><th scope="col">Received (UTC)</th><th scope="col">Mailbox</th><th scope="col">From</th><th scope="col">Subject</th><th scope="col">Outcome</th><th scope="col">Reason</th></tr></thead>
<tbody>${decisions.map(
    (one) => html`<tr>
<td class="date">${moment(one.received)}</td>
<td class="mailbox"><bdi>${one.mailbox}</bdi></td>
<td class="from">${from(one)}</td>
<td class="subject">${subject(one)}</td>
<td class="status">${badge(KINDS[one.outcome], one.outcome)}</td>
<td class="reason"><a href="/decisions/${one.id}">${reasonOf(one)}</a></td>
</tr>
`,
  )}</tbody></table>`;
}

export function decisionPage(decision: ShownDecision, sentences: readonly string[]): Page {
  return {
    title: `Decision ${decision.id}`,
    part: "decisions",
    content: html`<p class="kind">${badge(KINDS[decision.outcome], decision.outcome)} ${reasonOf(decision)}</p>
<h1>Decision ${decision.id}</h1>
${facts([
  ["Mailbox", decision.mailbox],
  ["From", from(decision)],
  ["Subject", subject(decision)],
  ["Received", moment(decision.received)],
  ["Decided", moment(decision.decidedAt)],
])}
${decision.emailId === null && PRIVACY}
<section><h2>Why</h2>
${sentenceList(sentences)}</section>`,
  };
}

function from(decision: ShownDecision): Html {
  if (decision.isPrivate) return html`<span class="quiet">private</span>`;
  if (decision.from === null) return html`<span class="quiet">nobody</span>`;
  return html`<bdi>${decision.emailId === null ? `…@${decision.from}` : decision.from}</bdi>`;
}

function reasonOf({ outcome, reason }: ShownDecision): string {
  return outcome === "quarantined" ? "could not be processed" : reasonName(reason);
}

function subject({ emailId, subject: words }: ShownDecision): Html {
  return emailId === null ? html`<span class="quiet">not shown</span>` : html`<a href="/emails/${emailId}">${subjectOf(words ?? "")}</a>`;
}

function address(outcome: Outcome | null, before: number | null): string {
  const query = new URLSearchParams({ ...(outcome !== null && { outcome }), ...(before !== null && { page: String(before) }) }).toString();
  return query === "" ? "/decisions" : `/decisions?${query}`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
