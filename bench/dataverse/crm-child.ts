/**
 * Run as another process by the bench: `crm-child.ts <task as JSON>`. The embedded CRM behind its Web API over HTTP, with what a sign-in needs. It says where it listens, as
 * JSON, and ends when it is asked to.
 */
import Fastify from "fastify";
import type { Place } from "../../src/database/database.ts";
import type { ProtectionLimits } from "../../src/server/service-protection.ts";
import { RequestCount } from "./count-requests.ts";
import { CRM_USER, putDirectory } from "./directory.ts";

export interface CrmTask {
  readonly place: Place;
  /** Addresses of the users who own the mailboxes. */
  readonly users: readonly string[];
  readonly limits: ProtectionLimits | null;
}

/** Where it is, and how programs sign in. */
export interface ServedCrm {
  readonly url: string;
  readonly tokenEndpoint: string;
}

await import(new URL("../../bin/small-heap.mjs", import.meta.url).href);
const { issueToken } = await import("../../src/crm/webapi/access-tokens.ts");
const { openWebApi } = await import("../../src/crm/webapi/open.ts");
const { openDatabase } = await import("../../src/database/open.ts");
const { addWebApi } = await import("../../src/server/web-api.ts");

/** Seconds for which a token is good: longer than any run. */
const TOKEN_SECONDS = 24 * 3600;

const [argument = ""] = process.argv.slice(2);
const { place, users, limits } = JSON.parse(argument) as CrmTask;
await using database = await openDatabase(place);
const userId = await putDirectory(database, users);
const count = new RequestCount(limits);
const answering = openWebApi(database, { report: (error) => console.error(error), now: () => new Date() });
const app = Fastify({ logger: false, forceCloseConnections: true });
app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => done(null, body));
app.post("/token", async () => {
  const now = new Date();
  const expiresOn = new Date(now.getTime() + TOKEN_SECONDS * 1000);
  const token = await database.transaction((tx) => issueToken(tx, { userId, name: CRM_USER, by: CRM_USER, now, expiresOn }), "issue token");
  return { access_token: token, token_type: "Bearer", expires_in: TOKEN_SECONDS };
});
app.get("/counts", () => count.taken());
const asked = new Promise<void>((resolve) => {
  app.post("/stop", async () => resolve());
});
await app.register(
  (scope, _options, done) => {
    addWebApi(scope, { answering: count.counting(answering), authority: null, names: [], hook: count });
    done();
  },
  { prefix: "/api/data" },
);
const url = await new Promise<string>((resolve, reject) =>
  app.listen({ host: "127.0.0.1", port: 0 }, (error, address) => (error ? reject(error) : resolve(address))),
);
process.stdout.write(`${JSON.stringify({ url, tokenEndpoint: `${url}/token` } satisfies ServedCrm)}\n`);
await asked;
await app.close();
