import type { FastifyReply } from "fastify";
import { ICON_PATH, STYLE_PATH } from "./files.ts";
import { type Page, renderPage } from "./pages/page.ts";

/** Sends a page with the status that the reply has. */
export function sendPage(reply: FastifyReply, page: Page): FastifyReply {
  return reply.type("text/html; charset=utf-8").send(renderPage(page, { stylesheet: STYLE_PATH, icon: ICON_PATH }));
}
