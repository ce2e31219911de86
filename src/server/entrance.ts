import type { FastifyInstance } from "fastify";
import { enterPage, linkUsedPage } from "./pages/notice.ts";
import { sendPage } from "./send-page.ts";
import { SESSION_LIFETIME, type SignIn } from "./sign-in.ts";

/** The cookie of a session. Browsers send it to every port of this host, so the name says whose it is. */
export const SESSION = "waypost-session";
const COOKIE = { path: "/", httpOnly: true, sameSite: "strict" } as const;

/** Tries to enter from one address in a minute. Keys cannot be guessed; this keeps the noise down. */
const TRIES_A_MINUTE = 20;

/** The one-time link with its button, and the way out. */
export function addEntrance(app: FastifyInstance, signIn: SignIn): void {
  const config = { rateLimit: { max: TRIES_A_MINUTE, timeWindow: "1 minute" } };
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, text, done) => {
    done(null, new URLSearchParams(String(text)));
  });

  // Looking at a link uses nothing up: programs that look at mail open every link.
  app.get<{ Querystring: { key?: unknown } }>("/enter", { config }, (request, reply) => {
    const { key } = request.query;
    return typeof key === "string" && signIn.opens(key) ? sendPage(reply, enterPage(key)) : sendPage(reply.code(410), linkUsedPage());
  });

  app.post("/enter", { config }, (request, reply) => {
    const key = request.body instanceof URLSearchParams ? request.body.get("key") : null;
    const session = key === null ? null : signIn.enter(key);
    if (session === null) return sendPage(reply.code(410), linkUsedPage());
    return reply.setCookie(SESSION, session, { ...COOKIE, maxAge: SESSION_LIFETIME / 1000 }).redirect("/", 303);
  });

  app.post("/leave", (request, reply) => {
    const session = request.cookies[SESSION];
    if (session !== undefined) signIn.leave(session);
    return reply.clearCookie(SESSION, COOKIE).redirect("/", 303);
  });
}
