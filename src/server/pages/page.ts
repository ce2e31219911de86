import { type Html, html } from "../html.ts";

/** A whole page. */
export interface Page {
  readonly title: string;
  /** The part of the site it belongs to; null for pages outside it. */
  readonly part: "overview" | "emails" | "decisions" | null;
  readonly content: Html;
}

const PARTS = [
  { part: "overview", href: "/", name: "Overview" },
  { part: "emails", href: "/emails", name: "Emails" },
  { part: "decisions", href: "/decisions", name: "Decisions" },
] as const;

/** A page as a document; `stylesheet` and `icon` are addresses on this server. */
export function renderPage({ title, part, content }: Page, { stylesheet, icon }: { stylesheet: string; icon: string }): string {
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · Waypost</title>
<link rel="stylesheet" href="${stylesheet}">
<link rel="icon" href="${icon}" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header class="site">
<span class="brand"><img src="${icon}" alt="" width="24" height="24">Waypost</span>
${part !== null && navigation(part)}
</header>
<main id="content">
${content}
</main>
${part !== null && html`<footer class="site quiet">All times are UTC.</footer>`}
</body>
</html>
`);
}

function navigation(here: NonNullable<Page["part"]>): Html {
  return html`<nav aria-label="Pages"><ul class="links">${PARTS.map(
    ({ part, href, name }) => html`<li><a href="${href}"${part === here && html` aria-current="page"`}>${name}</a></li>`,
  )}</ul></nav>
<form method="post" action="/leave"><button class="plain">Sign out</button></form>`;
}

/** A choice between views of one list, as links. */
export function tabs(label: string, choices: readonly { readonly name: string; readonly href: string; readonly chosen: boolean }[]): Html {
  return html`<nav class="tabs" aria-label="${label}"><ul class="links">${choices.map(
    ({ name, href, chosen }) => html`<li><a href="${href}"${chosen && html` aria-current="true"`}>${name}</a></li>`,
  )}</ul></nav>`;
}

/** Names with their values; a value of null leaves its name out. */
export function facts(entries: readonly (readonly [name: string, value: Html | string | null])[]): Html {
  return html`<dl class="facts">${entries.map(([name, value]) => value !== null && html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export function badge(kind: "good" | "busy" | "warn" | "bad" | "calm", text: string): Html {
  return html`<span class="badge ${kind}">${text}</span>`;
}
