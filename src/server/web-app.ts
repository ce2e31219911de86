import cookie from "@fastify/cookie";
import rateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyInstance } from "fastify";
import { addEntrance, SESSION } from "./entrance.ts";
import { addFiles } from "./files.ts";
import { addGuard, hasToken } from "./guard.ts";
import { addHealth } from "./health.ts";
import { addOperationsApi } from "./operations-api.ts";
import { addPages } from "./page-routes.ts";
import { signInPage } from "./pages/notice.ts";
import { Sanitizer } from "./sanitizer.ts";
import { sendPage } from "./send-page.ts";
import type { ServerOptions } from "./server.ts";
import type { SignIn } from "./sign-in.ts";
import { addTrouble } from "./trouble.ts";
import { addWebApi } from "./web-api.ts";

export interface WebAppOptions extends Omit<ServerOptions, "host" | "port"> {
  /** As configured: its name is a good Host. */
  readonly listenHost: string;
  readonly operationsToken: string;
  readonly signIn: SignIn;
}

/** Longest request body, in bytes: the addresses of ten thousand mailboxes. */
const BODY_LIMIT = 512 * 1024;

const NO_TOKEN = {
  code: "token missing",
  message: "Operations need the bearer token of this service.",
  remedy: "The command line reads it from service.json in the folder of the database; run it as the user who owns that folder.",
};

/** The web server before it listens: what everybody may ask, what takes the token, and what takes a session. */
export async function buildWebApp(options: WebAppOptions): Promise<FastifyInstance> {
  const { database, crm, operations, metrics, log, listenHost, names = [], operationsToken, signIn, webApi } = options;
  const app = Fastify({ logger: false, bodyLimit: BODY_LIMIT, forceCloseConnections: "idle" });
  const stopping = new AbortController();
  const sanitizer = new Sanitizer();
  app.addHook("preClose", async () => stopping.abort());
  app.addHook("onClose", () => sanitizer.close());
  app.addHook("onResponse", async ({ method, routeOptions }, { statusCode, elapsedTime }) => {
    // The route and never the address asked for: that of a one-time link is a secret.
    log.debug({ method, route: routeOptions.url, status: statusCode, ms: Math.round(elapsedTime) }, "request");
  });
  addGuard(app, { ownNames: [listenHost, ...names], operationsToken });
  addTrouble(app, log);
  await app.register(cookie);
  await app.register(rateLimit, { global: false });
  addFiles(app);
  addHealth(app, { database, metrics, log, isOperator: (request) => hasToken(request, operationsToken) });
  await app.register((scope, _options, done) => {
    addEntrance(scope, { signIn, behindProxy: names.length > 0 });
    done();
  });
  if (webApi) {
    await app.register(
      (scope, _options, done) => {
        addWebApi(scope, { ...webApi, names });
        done();
      },
      { prefix: "/api/data" },
    );
  }
  await app.register((scope, _options, done) => {
    scope.addHook("onRequest", async (request, reply) => {
      if (!hasToken(request, operationsToken)) await reply.code(401).header("www-authenticate", "Bearer").send(NO_TOKEN);
    });
    addOperationsApi(scope, { operations, log, stopping: stopping.signal });
    done();
  });
  await app.register((scope, _options, done) => {
    scope.addHook("onRequest", async (request, reply) => {
      if (!signIn.isSignedIn(request.cookies[SESSION])) await sendPage(reply.code(401), signInPage());
    });
    addPages(scope, { database, crm, operations, sanitizer });
    done();
  });
  return app;
}
