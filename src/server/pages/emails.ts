import type { EmailPage } from "../../crm/read.ts";
import { html } from "../html.ts";
import { emailTable } from "./email-table.ts";
import { type Page, tabs } from "./page.ts";

/** What a reader asked the list for. */
export interface EmailsView {
  readonly direction: "in" | "out" | null;
  /** Part of the subject; empty for all. */
  readonly subject: string;
  /** Position, null for the newest. */
  readonly after: string | null;
}

export function emailsPage(view: EmailsView, { emails, next }: EmailPage): Page {
  const tab = (name: string, direction: EmailsView["direction"]) => ({
    name,
    href: address({ ...view, direction, after: null }),
    chosen: view.direction === direction,
  });
  return {
    title: "Emails",
    part: "emails",
    content: html`<h1>Emails</h1>
<div class="bar">
${tabs("Direction", [tab("All", null), tab("Incoming", "in"), tab("Outgoing", "out")])}
<form class="find" role="search" action="/emails">
${view.direction && html`<input type="hidden" name="direction" value="${view.direction}">`}
<label class="unseen" for="subject">Words of the subject</label>
<input id="subject" type="search" name="subject" value="${view.subject}" placeholder="Words of the subject" maxlength="200"><button>Find</button>
</form>
</div>
${emailTable(emails, view.subject === "" ? "There is no email here yet." : "No email has these words in its subject.")}
<nav class="pager" aria-label="More emails">
${view.after !== null && html`<a href="${address({ ...view, after: null })}">Newest</a>`}
${next !== null && html`<a href="${address({ ...view, after: next })}" rel="next">Older</a>`}
</nav>`,
  };
}

function address({ direction, subject, after }: EmailsView): string {
  const query = new URLSearchParams({
    ...(direction !== null && { direction }),
    ...(subject !== "" && { subject }),
    ...(after !== null && { page: after }),
  }).toString();
  return query === "" ? "/emails" : `/emails?${query}`;
}
