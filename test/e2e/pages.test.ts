import assert from "node:assert/strict";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { createMetrics } from "../../src/server/metrics.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { missingServers } from "../servers/needs.ts";
import { picture, startBrowser } from "./browser.ts";
import { FAINT_TEXT } from "./contrast.ts";
import { makeSample, type Sample, SILENT } from "./sample.ts";

const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
const PHONE: BrowserContextOptions = { viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
/** The narrowest screen on which a page must not scroll sideways (WCAG 2.2, 1.4.10). */
const NARROW: BrowserContextOptions = { viewport: { width: 320, height: 640 } };

describe("the pages in a browser", { skip: missingServers(["chromium"]) }, () => {
  let elsewhere: HttpServer;
  /** What the hostile mail's server got to hear. */
  const heard: string[] = [];
  let sample: Sample;
  let server: Server;
  let browser: Browser;

  before(async () => {
    elsewhere = createServer((request, response) => {
      heard.push(request.url ?? "");
      response.end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    await fetch(`${address}/it-listens`);
    assert.deepEqual(heard.splice(0), ["/it-listens"]);
    sample = await makeSample(address);
    const { database, crm, operations } = sample.app;
    server = await startServer({ database, crm, operations, metrics: createMetrics(), log: SILENT, host: "127.0.0.1", port: 0 });
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await server?.close();
    await sample?.[Symbol.asyncDispose]();
    elsewhere?.close();
  });

  /** A signed-in page of a fresh browser, which fails the test when anything leaves for another server. */
  async function reader(options: BrowserContextOptions, work: (page: Page) => Promise<void>): Promise<void> {
    const context = await browser.newContext(options);
    try {
      const foreign: string[] = [];
      context.on("request", (request) => {
        if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) foreign.push(request.url());
      });
      const page = await context.newPage();
      await page.goto(server.oneTimeLink());
      await page.getByRole("button", { name: "Enter" }).click();
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      await work(page);
      assert.deepEqual(foreign, []);
      assert.deepEqual(heard, []);
    } finally {
      await context.close();
    }
  }

  function allPages(): readonly (readonly [name: string, path: string])[] {
    return [
      ["overview", "/"],
      ["emails", "/emails"],
      ["email", `/emails/${sample.attackId}`],
      ["unknown", `/emails/${sample.unknownId}`],
      ["account", `/records/account/${sample.accountId}`],
      ["queue", `/records/queue/${sample.queueId}`],
      ["decisions", "/decisions"],
      ["decision", `/decisions/${sample.decisions.large}`],
      ["nothing", "/decisions/999"],
    ];
  }

  test("without a session there is only the way in", async () => {
    const context = await browser.newContext(DESKTOP);
    const page = await context.newPage();
    for (const [, path] of allPages()) {
      assert.equal((await page.goto(`${server.url}${path}`))?.status(), 401);
    }
    await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
    await picture(page, "sign-in");
    await context.close();
  });

  test("a link enters once, and leaving ends the session", () =>
    reader(DESKTOP, async (page) => {
      const link = server.oneTimeLink();
      await page.goto(link);
      await page.goto(link);
      await picture(page, "enter");
      await page.getByRole("button", { name: "Enter" }).click();
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      assert.equal((await page.goto(link))?.status(), 410);
      await page.goto(server.url);
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "You are not signed in" }).waitFor();
      assert.equal((await page.goto(`${server.url}/emails`))?.status(), 401);
    }));

  test("the overview shows what wants a person, with the next step", () =>
    reader(DESKTOP, async (page) => {
      const text = await page.locator("main").innerText();
      for (const words of [
        "2 Open alerts",
        "refuses connections (incoming mail).",
        "What to do: Check that the mail service runs",
        "1 Unknown outcome",
        `waypost decide ${sample.unknownId} sent`,
        "from …@large.example",
        "waypost quarantine retry 1",
        "bob@contoso.example",
        "Test never yet Incoming Not Run Outgoing Not Run Appointments, contacts, tasks Not Run",
        "No test for incoming and outgoing mail was run yet",
      ]) {
        assert.ok(text.replace(/\s+/g, " ").includes(words), words);
      }
      assert.doesNotMatch(text, /`/, "commands are set as such");
      for (const column of await page.locator(".tests li").all())
        assert.ok(((await column.boundingBox())?.height ?? 99) < 32, "each column of the test stands on a line of its own");
      assert.equal(await page.locator(".mailboxes h3").first().innerText(), "bob@contoso.example");
      assert.doesNotMatch(text, /max@large/);
    }));

  test("the list is read page by page and by direction, and found in by subject", () =>
    reader(DESKTOP, async (page) => {
      await page.getByRole("link", { name: "Emails", exact: true }).click();
      const rows = page.locator("tbody tr");
      assert.equal(await rows.count(), 50);
      const newest = await rows.first().innerText();
      await page.getByRole("link", { name: "Older" }).click();
      assert.equal(await rows.count(), 18);
      assert.equal(await page.getByRole("link", { name: "Older" }).count(), 0);
      await page.getByRole("link", { name: "Newest" }).click();
      assert.equal(await rows.first().innerText(), newest);
      await page.getByRole("link", { name: "Outgoing" }).click();
      assert.deepEqual((await page.locator("td.status").allInnerTexts()).sort(), ["Draft", "Failed", "Pending Send", "Sending", "Sent"]);
      await page.getByRole("link", { name: "All" }).click();
      await page.getByRole("searchbox").fill("weekly REPORT 1");
      await page.getByRole("button", { name: "Find" }).click();
      assert.equal(await rows.count(), 11);
    }));

  test("an email that tries to run and to fetch does neither, and is readable", () =>
    reader(DESKTOP, async (page) => {
      const dialogs: string[] = [];
      page.on("dialog", (dialog) => {
        dialogs.push(dialog.message());
        return dialog.dismiss();
      });
      await page.goto(`${server.url}/emails/${sample.attackId}`);
      const frame = page.frameLocator("iframe");
      await frame.getByText("thank you for the offer").waitFor();
      await frame.getByText("2 pictures from elsewhere are not loaded.").waitFor();
      assert.equal(await frame.locator("img").count(), 1);
      assert.equal(
        await frame
          .locator("script, style:not(head style), link, base, form, input, iframe, object, embed, svg, video, [onload], [onerror], [href]")
          .count(),
        0,
      );
      // The frame runs no script, so what it looks like is asked from outside by its picture's box.
      const box = await frame.locator("img").boundingBox();
      assert.ok(box && box.width === 20 && box.height === 20, "the email's own picture is shown");
      await frame.getByText("our site").click();
      await frame.getByText("here", { exact: true }).click();
      await page.waitForLoadState("networkidle");
      assert.equal(page.url(), `${server.url}/emails/${sample.attackId}`);
      assert.match(await page.title(), /^Re: Our offer <script>/);
      assert.deepEqual(dialogs, []);
      await picture(page, "email-light");
    }));

  test("the body alone and the attachments run nothing either", () =>
    reader(DESKTOP, async (page) => {
      await page.goto(`${server.url}/emails/${sample.attackId}`);
      await page.getByRole("link", { name: "Show the text alone" }).click();
      await page.getByText("thank you for the offer").waitFor();
      assert.equal(await page.title(), "Text of the email");
      await page.goBack();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "page.html" }).click()]);
      assert.equal(download.suggestedFilename(), "page.html");
    }));

  test("from an email one comes to its record, and back to the emails of the record", () =>
    reader(DESKTOP, async (page) => {
      await page.goto(`${server.url}/emails/${sample.attackId}`);
      await page.getByRole("link", { name: "Fabrikam & Söhne <Ltd>" }).click();
      await page.getByRole("heading", { name: "Fabrikam & Söhne <Ltd>" }).waitFor();
      assert.equal(await page.locator("tbody tr").count(), 3);
      await page.goto(`${server.url}/records/queue/${sample.queueId}`);
      assert.equal(await page.locator("tbody tr").count(), 2);
    }));

  test("decisions tell why, and nothing of mail that is its owner's alone", () =>
    reader(DESKTOP, async (page) => {
      await page.getByRole("link", { name: "Decisions" }).click();
      await page.getByRole("link", { name: "Skipped" }).click();
      const list = await page.locator("main").innerText();
      assert.match(list, /…@bargains\.example/);
      assert.match(list, /private/);
      assert.doesNotMatch(list, /secret-subject|news@|dee@|clinic|results/);
      await page.goto(`${server.url}/decisions/${sample.decisions.advertisement}`);
      const bargains = await page.locator("main").innerText();
      assert.match(bargains, /The filter of Alice Adams is "Email messages in response to CRM email", and the message answers none\./);
      assert.doesNotMatch(bargains, /secret-subject|news@/);
      await page.goto(`${server.url}/decisions/${sample.decisions.private}`);
      assert.doesNotMatch(await page.locator("main").innerText(), /dee@|clinic|results/);
    }));

  for (const [screen, options] of [
    ["phone", PHONE],
    ["narrow", NARROW],
  ] as const) {
    test(`no page scrolls sideways on a ${screen} screen`, () =>
      reader(options, async (page) => {
        for (const [name, path] of allPages()) {
          await page.goto(`${server.url}${path}`);
          for (const summary of await page.locator("summary").all()) await summary.click();
          const width = await page.evaluate<number>("document.documentElement.scrollWidth");
          assert.ok(width <= (options.viewport?.width ?? 0), `${name} is ${width} wide`);
          await picture(page, `${screen}-${name}`);
        }
      }));
  }

  for (const colorScheme of ["light", "dark"] as const) {
    test(`every text can be read in ${colorScheme} colours`, () =>
      reader({ ...DESKTOP, colorScheme }, async (page) => {
        const grounds = new Set<string>();
        for (const [name, path] of allPages()) {
          await page.goto(`${server.url}${path}`);
          for (const summary of await page.locator("summary").all()) await summary.click();
          assert.deepEqual(await page.evaluate<string[]>(FAINT_TEXT), [], name);
          grounds.add(await page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor"));
          await picture(page, `${colorScheme}-${name}`);
        }
        assert.deepEqual([...grounds], [colorScheme === "light" ? "rgb(245, 246, 248)" : "rgb(17, 21, 27)"]);
      }));
  }

  test("everything is reached by the keyboard, the content first", () =>
    reader(DESKTOP, async (page) => {
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate("document.activeElement.textContent"), "To the content");
      assert.ok(((await page.locator(".skip").boundingBox())?.width ?? 0) > 50, "the link shows itself");
      await page.keyboard.press("Enter");
      await page.waitForURL(/#content$/);
      await page.goto(`${server.url}/decisions`);
      for (let presses = 0; presses < 20; presses++) {
        await page.keyboard.press("Tab");
        if (await page.evaluate("document.activeElement.textContent === 'Quarantined'")) break;
      }
      assert.notEqual(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none");
      await page.keyboard.press("Enter");
      await page.waitForURL(/outcome=quarantined/);
    }));
});
