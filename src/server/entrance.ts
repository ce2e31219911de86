import type { FastifyInstance, FastifyRequest } from "fastify";
import { enterPage, linkUsedPage } from "./pages/notice.ts";
import { sendPage } from "./send-page.ts";
import { SESSION_LIFETIME, type SignIn } from "./sign-in.ts";

/** The cookie of a session. Browsers send it to every port of this host, so the name says whose it is. */
export const SESSION = "waypost-session";
const COOKIE = { path: "/", httpOnly: true, sameSite: "strict" } as const;

/** Wrong keys from one address in a minute. Keys cannot be guessed; this keeps the noise down. */
const WRONG_KEYS_A_MINUTE = 20;

export interface EntranceOptions {
  readonly signIn: SignIn;
  /** A reverse proxy stands in front: its word is taken for whether the browser came by HTTPS. */
  readonly behindProxy: boolean;
}

/** The one-time link with its button, and the way out. */
export function addEntrance(app: FastifyInstance, { signIn, behindProxy }: EntranceOptions): void {
  // A right key always enters: everybody's tries may come from one address (a proxy), and a stranger's must not keep the owner out.
  const rateLimit = {
    max: WRONG_KEYS_A_MINUTE,
    timeWindow: "1 minute",
    hook: "preHandler",
    allowList: (request: FastifyRequest) => signIn.opens(keyIn(request.body) ?? ""),
  } as const;
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, text, done) => {
    done(null, new URLSearchParams(String(text)));
  });

  // Looking at a link uses nothing up: programs that look at mail open every link.
  app.get<{ Querystring: { key?: unknown } }>("/enter", (request, reply) => {
    if (isPartOfForeignPage(request)) return reply.code(403).send();
    const { key } = request.query;
    return typeof key === "string" && signIn.opens(key) ? sendPage(reply, enterPage(key)) : sendPage(reply.code(410), linkUsedPage());
  });

  app.post("/enter", { config: { rateLimit } }, (request, reply) => {
    const key = keyIn(request.body);
    const session = key === null ? null : signIn.enter(key);
    if (session === null) return sendPage(reply.code(410), linkUsedPage());
    return reply
      .setCookie(SESSION, session, { ...COOKIE, secure: behindProxy && cameByHttps(request), maxAge: SESSION_LIFETIME / 1000 })
      .redirect("/", 303);
  });

  app.post("/leave", (request, reply) => {
    const session = request.cookies[SESSION];
    if (session !== undefined) signIn.leave(session);
    return reply.clearCookie(SESSION, COOKIE).redirect("/", 303);
  });
}

function keyIn(body: unknown): string | null {
  return body instanceof URLSearchParams ? body.get("key") : null;
}

/** Another site's page fetches the link as a picture or a frame; a reader who follows it from there opens a document. */
function isPartOfForeignPage({ headers }: FastifyRequest): boolean {
  return headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-dest"] !== "document";
}

/** The first proxy's word, where several stand in a row. */
function cameByHttps({ headers }: FastifyRequest): boolean {
  return /^\s*https\s*(?:,|$)/i.test(String(headers["x-forwarded-proto"] ?? ""));
}
