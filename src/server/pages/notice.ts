import { html } from "../html.ts";
import type { Page } from "./page.ts";

/** Nobody is signed in. */
export function signInPage(): Page {
  return {
    title: "Sign in",
    part: null,
    content: html`<section class="notice">
<h1>You are not signed in</h1>
<p><code>waypost serve</code> prints a one-time link when it starts, and <code>waypost demo</code> too. Open it in this browser: it signs you in for 12 hours.</p>
<p class="quiet">A link works once, for an hour. Start the service again for a new one. If you are signed in already and came from another site, <a href="/">open the overview</a>.</p>
</section>`,
  };
}

/** What a one-time link shows: entering takes a press of the button, so that a program that looks at links uses none up. */
export function enterPage(key: string): Page {
  return {
    title: "Enter",
    part: null,
    content: html`<section class="notice">
<h1>Welcome to Waypost</h1>
<p>This link signs this browser in for 12 hours, to read the emails of the CRM and the reasons behind them. It works once.</p>
<form method="post" action="/enter"><input type="hidden" name="key" value="${key}"><button>Enter</button></form>
</section>`,
  };
}

export function linkUsedPage(): Page {
  return {
    title: "Link used",
    part: null,
    content: html`<section class="notice">
<h1>This link does not work any more</h1>
<p>It was used already, is older than an hour, or belongs to an earlier start of the service. Start the service again: it prints a new one.</p>
<p><a href="/">To the overview</a></p>
</section>`,
  };
}

/** Something went wrong; says what, and what to do. */
export function troublePage({ title, message, remedy }: { title: string; message: string; remedy: string }): Page {
  return {
    title,
    part: null,
    content: html`<section class="notice">
<h1>${title}</h1>
<p>${message}</p>
<p>${remedy}</p>
<p><a href="/">To the overview</a></p>
</section>`,
  };
}
