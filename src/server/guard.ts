import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { troublePage } from "./pages/notice.ts";
import { sendPage } from "./send-page.ts";
import { meansUs } from "./web-address.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answers under any Host: it has nothing to hide. */
    open?: boolean;
  }
}

/** Headers of every answer. Pages run no script at all, and the browser keeps nothing of them. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "cache-control": "no-store",
};

/** What the guard must know. */
export interface Guarded {
  /** Names that are good as Host: the one listened on and those of `listen.names`. */
  readonly ownNames: readonly string[];
  readonly operationsToken: string;
}

/**
 * Puts the security headers on every answer and refuses what a stranger's page makes a browser send: requests under a name that was
 * only made to point here (DNS rebinding), and forms of other sites. A request with the token comes from no browser.
 */
export function addGuard(app: FastifyInstance, { ownNames, operationsToken }: Guarded): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(HEADERS);
    if (request.routeOptions.config.open === true || hasToken(request, operationsToken)) return;
    if (!meansUs(request.headers.host, ownNames)) await refuseHost(reply);
    else if (isForeignForm(request)) await refuseForm(reply);
  });
}

/** Compares hashes, so that the time tells nothing, the length of the token neither. */
export function hasToken({ headers }: FastifyRequest, token: string): boolean {
  const [, given] = /^Bearer ([^\s]+)$/i.exec(headers.authorization ?? "") ?? [];
  return given !== undefined && timingSafeEqual(sha256(given), sha256(token));
}

/** The session's cookie stays away from other sites' forms already; the form that signs in has none yet. Origin is no help: no-referrer makes it null. */
function isForeignForm({ method, headers }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  return method !== "GET" && method !== "HEAD" && site !== undefined && site !== "same-origin";
}

function refuseHost(reply: FastifyReply): FastifyReply {
  return sendPage(
    reply.code(421),
    troublePage({
      title: "Not this address",
      message: "This server does not answer to the name in the address bar.",
      remedy: "Open it by its IP address, as localhost, or by a name in listen.host or listen.names of the configuration.",
    }),
  );
}

function refuseForm(reply: FastifyReply): FastifyReply {
  return sendPage(
    reply.code(403),
    troublePage({
      title: "Sent from elsewhere",
      message: "Another site sent this form.",
      remedy: "Go back to Waypost and press the button there.",
    }),
  );
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
