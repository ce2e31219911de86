import type { DirectionStatus, MailboxStatus, Status } from "../../engine/operations/status.ts";
import { TEST_STATUS, type TestStatus } from "../../ledger/mailbox-tests.ts";
import type { QuarantineRow } from "../../ledger/quarantine.ts";
import { domainOf } from "../../model/address.ts";
import { redactedAddresses } from "../../tracking/redact.ts";
import { type Html, html } from "../html.ts";
import { moment, plural, prose } from "../words.ts";
import { badge, type Page } from "./page.ts";

/** Entries of each list; `waypost status` has them all. */
const LISTED = 200;

const STATES: Readonly<Record<DirectionStatus["state"], readonly [Parameters<typeof badge>[0], string]>> = {
  failing: ["bad", "failing"],
  new: ["busy", "no run yet"],
  works: ["good", "works"],
  off: ["calm", "off"],
};
/** What wants a person stands first. */
const ORDER = Object.keys(STATES);

export function overviewPage(status: Status, quarantine: readonly QuarantineRow[]): Page {
  return {
    title: "Overview",
    part: "overview",
    content: html`<h1>Overview</h1>
<ul class="numbers">
${number(status.mailboxes.length, "Mailboxes", "#mailboxes", false)}
${number(status.pendingEmails, "Due to be sent", "/emails?direction=out", false)}
${number(status.alerts.length, "Open alerts", "#alerts", true)}
${number(status.quarantined, "In quarantine", "#quarantine", true)}
${number(status.unknownEmails.length, "Unknown outcome", "#unknown", true)}
</ul>
${alerts(status.alerts)}
${unknownEmails(status.unknownEmails)}
${quarantined(quarantine)}
${mailboxes(status.mailboxes)}`,
  };
}

function number(count: number, name: string, href: string, wantsPerson: boolean): Html {
  const text = html`<b>${count}</b> <span>${name}</span>`;
  return html`<li${wantsPerson && count > 0 && html` class="attention"`}>${count > 0 ? html`<a href="${href}">${text}</a>` : html`<div>${text}</div>`}</li>`;
}

function alerts(all: Status["alerts"]): Html | null {
  if (all.length === 0) return null;
  return html`<section id="alerts"><h2>Open alerts</h2>
${all.slice(0, LISTED).map(
  (one) => html`<article class="card bad">
<p><b dir="auto">${one.message}</b></p>
${one.serverSaid && html`<p class="said" dir="auto">The server said: <q>${one.serverSaid}</q></p>`}
<p dir="auto"><b>What to do:</b> ${prose(one.remedy)}</p>
<p class="quiet">Since ${moment(one.openedAt)}, ${plural(one.times, "time")}, last ${moment(one.seenAt)}</p>
</article>`,
)}
${rest(all.length)}</section>`;
}

function unknownEmails(all: Status["unknownEmails"]): Html | null {
  if (all.length === 0) return null;
  return html`<section id="unknown"><h2>Unknown outcome</h2>
<p class="quiet">Their content went out and no answer came back: nobody knows whether they left. Look into the mailbox's Sent folder or ask a recipient, then decide.</p>
${all.slice(0, LISTED).map(
  (one) => html`<article class="card warn">
<p><a href="/emails/${one.emailId}"><b>Email ${one.emailId}</b></a> <span class="quiet">since ${moment(one.since)}</span></p>
${one.note && html`<p dir="auto">${one.note}</p>`}
<p><b>What to do:</b> <code>waypost decide ${one.emailId} sent</code> (or <code>again</code>, or <code>failed</code>)</p>
</article>`,
)}
${rest(all.length)}</section>`;
}

/** Mail in quarantine is no email yet, so it is shown as its owner's (DESIGN 10). */
function quarantined(all: readonly QuarantineRow[]): Html | null {
  if (all.length === 0) return null;
  return html`<section id="quarantine"><h2>In quarantine</h2>
${all.slice(0, LISTED).map(
  (one) => html`<article class="card warn">
<p><b>${one.mailbox}</b> <span class="quiet">from …@${domainOf(one.sender ?? "") || "nobody"}, received ${moment(one.received)}, could not be ${STEPS[one.step]}, ${plural(one.attempts, "try", "tries")}</span></p>
<p dir="auto">${redactedAddresses(one.message, one.mailbox)}${one.serverSaid && html` <q>${redactedAddresses(one.serverSaid, one.mailbox)}</q>`}</p>
<p dir="auto"><b>What to do:</b> ${prose(redactedAddresses(one.remedy, one.mailbox))}</p>
<p class="quiet">To run it again: <code>waypost quarantine retry ${one.id}</code></p>
</article>`,
)}
${rest(all.length)}</section>`;
}

const STEPS: Readonly<Record<QuarantineRow["step"], string>> = { read: "read", parse: "understood", deliver: "delivered" };

function mailboxes(all: readonly MailboxStatus[]): Html {
  if (all.length === 0) return html`<section id="mailboxes"><h2>Mailboxes</h2><p class="empty">None is configured yet.</p></section>`;
  const urgency = ({ receiving, sending }: MailboxStatus) => Math.min(ORDER.indexOf(receiving.state), ORDER.indexOf(sending.state));
  const sorted = all.toSorted((one, other) => urgency(one) - urgency(other));
  return html`<section id="mailboxes"><h2>Mailboxes</h2>
<div class="mailboxes">${sorted.slice(0, LISTED).map(mailbox)}</div>
${rest(all.length)}</section>`;
}

function mailbox(one: MailboxStatus): Html {
  const { tracked, skipped, duplicate, quarantined } = one.messages;
  return html`<article class="card">
<h3><bdi>${one.address}</bdi></h3>
<p class="quiet">${one.organization}, ${one.profile}</p>
${way("Receiving", one.receiving)}
${way("Sending", one.sending)}
${tests(one.test)}
<p class="counts"><span><b>${tracked}</b> tracked</span> <span><b>${skipped}</b> skipped</span> <span><b>${duplicate}</b> duplicate</span> <span><b>${quarantined}</b> in quarantine</span></p>
<p class="quiet">Mail from ${moment(one.startDate)} on</p>
${opened(one.opened)}
${one.notWatchedBecause && html`<p class="quiet">${prose(one.notWatchedBecause)}</p>`}
${one.weaknesses.length > 0 && html`<p class="remark">${one.weaknesses.join("; ")}</p>`}
${one.folders.length > 0 && folders(one.folders)}
</article>`;
}

/** Only where it is not the mailbox's own user. */
function opened({ receiving, sending }: MailboxStatus["opened"]): Html[] {
  const ways = [
    ["Read", receiving],
    ["Sent from", sending],
  ] as const;
  return ways.flatMap(([what, opening]) =>
    opening === null || opening.serviceAccount === null ? [] : [html`<p class="quiet">${what} <bdi>${opening.words}</bdi></p>`],
  );
}

function way(name: string, { state, because, lastSuccess, next, error }: DirectionStatus): Html {
  return html`<div class="way-row"><span>${name}</span> ${badge(...STATES[state])} <span class="quiet">${lastSuccess ? html`last ${moment(lastSuccess)}` : "never yet"}${state === "failing" && next && html`, next try ${moment(next)}`}</span>
${because && html`<p dir="auto">${prose(because)}${error && html` ${prose(error.remedy)}`}</p>`}</div>`;
}

const TEST_STATES: Readonly<Record<TestStatus, readonly [Parameters<typeof badge>[0], string]>> = {
  [TEST_STATUS.notRun]: ["calm", "Not Run"],
  [TEST_STATUS.success]: ["good", "Success"],
  [TEST_STATUS.failure]: ["bad", "Failure"],
};

/** The columns that Dynamics shows of a mailbox after "Test & Enable". */
function tests({
  incomingemailstatus,
  outgoingemailstatus,
  actstatus,
  testmailboxaccesscompletedon,
  because,
}: MailboxStatus["test"]): Html {
  const column = (name: string, status: TestStatus) => html`<li><span>${name}</span> ${badge(...TEST_STATES[status])}</li>`;
  const last = testmailboxaccesscompletedon ? html`last ${moment(testmailboxaccesscompletedon)}` : "never yet";
  return html`<div class="tests"><p>Test <span class="quiet">${last}</span></p>
<ul>${column("Incoming", incomingemailstatus)}${column("Outgoing", outgoingemailstatus)}${column("Appointments, contacts, tasks", actstatus)}</ul>
${because && html`<p class="quiet" dir="auto">${prose(because)}</p>`}</div>`;
}

function folders(all: MailboxStatus["folders"]): Html {
  const read = all.filter((one) => one.read).length;
  return html`<details><summary>${plural(all.length, "folder")}, ${read} read</summary>
<ul class="folders">${all.map(
    (one) =>
      html`<li><bdi>${one.name}</bdi> <span class="quiet">${one.messages ?? "?"} messages, ${one.read ? "read" : `not read: ${one.because}`}</span></li>`,
  )}</ul></details>`;
}

function rest(count: number): Html | null {
  return count > LISTED ? html`<p class="quiet">… and ${count - LISTED} more: <code>waypost status</code> lists all.</p>` : null;
}
