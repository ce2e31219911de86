import { mkdirSync } from "node:fs";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { chromiumPath } from "../servers/needs.ts";

/** Debian's Chromium, which asks nobody for anything by itself. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath() ?? "chromium",
    args: [
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Puts a picture of the page into test-results/, for people. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = path.resolve(import.meta.dirname, "../../test-results");
  mkdirSync(folder, { recursive: true });
  // A frame paints only what is in view, so the whole page is brought into view first.
  const viewport = page.viewportSize();
  if (viewport) await page.setViewportSize({ ...viewport, height: await page.evaluate<number>("document.documentElement.scrollHeight") });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
  if (viewport) await page.setViewportSize(viewport);
}
