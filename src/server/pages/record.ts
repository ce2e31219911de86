import type { EmailPage } from "../../crm/read.ts";
import type { RecordRef } from "../../model/record.ts";
import { html } from "../html.ts";
import { recordTypeName } from "../words.ts";
import { emailTable } from "./email-table.ts";
import type { Page } from "./page.ts";

export type ShownRecord = RecordRef & { readonly addresses: readonly string[]; readonly active: boolean };

/** A record with the emails it has a part in. */
export function recordPage(record: ShownRecord, { emails, next }: EmailPage, isFirst: boolean): Page {
  const here = `/records/${record.type}/${record.id}`;
  const name = record.name.trim() || "Without a name";
  return {
    title: name,
    part: "emails",
    content: html`<p class="kind">${recordTypeName(record.type)}${!record.active && ", inactive"}</p>
<h1><bdi>${name}</bdi></h1>
${record.addresses.length > 0 && html`<p class="quiet">${record.addresses.map((one, index) => html`${index > 0 && ", "}<bdi>${one}</bdi>`)}</p>`}
<h2>${record.type === "queue" ? "In the queue" : "Timeline"}</h2>
${emailTable(emails, "No email yet.")}
<nav class="pager" aria-label="More emails">
${!isFirst && html`<a href="${here}">Newest</a>`}
${next !== null && html`<a href="${`${here}?${new URLSearchParams({ page: next })}`}" rel="next">Older</a>`}
</nav>`,
  };
}
