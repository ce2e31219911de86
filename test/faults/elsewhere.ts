import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { storeConfiguration } from "../../src/app/store-configuration.ts";
import { configurationSchema } from "../../src/config.ts";
import { testDatabase } from "../databases.ts";
import { type ServedOptions, serveOrganization } from "../webapi/served-organization.ts";

const SECRET = "the application's own";
const CLIENT = "waypost";

/** A CRM in a PostgreSQL of its own, whose Web API the test's process serves, which nobody kills. */
export interface Elsewhere extends AsyncDisposable {
  readonly place: { readonly url: string };
  /** As a `waypost.yaml` names it. */
  readonly organization: object;
  /** For the process that reads that file. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Serves the CRM with the users, queues and settings of this configuration of an embedded one. */
export async function serveElsewhere(
  configuration: object,
  decides: "dynamics" | "waypost",
  options: Pick<ServedOptions, "behaviour" | "hook">,
): Promise<Elsewhere> {
  await using made = new AsyncDisposableStack();
  const database = made.use(await testDatabase("postgres"));
  if (!("url" in database.place)) throw new Error("the CRM is to stand in PostgreSQL");
  const { place } = database;
  // The mailboxes are the business of who works on them.
  await storeConfiguration(database, configurationSchema.parse({ ...configuration, mailboxes: [] }), new Date());
  const served = made.use(await serveOrganization(database, options));
  const secret = await served.credentials.current();
  if (secret.kind !== "token") throw new Error("a token opens the Web API");
  const tokens = made.use(await handOut(secret.token));
  const keep = made.move();
  return {
    place,
    organization: {
      ...{ name: "Company", kind: "dataverse", url: served.url, decides },
      application: { tenant: "company.test", clientId: CLIENT, clientSecret: { env: "WAYPOST_TEST_SECRET" }, tokenEndpoint: tokens.url },
    },
    environment: { WAYPOST_TEST_SECRET: SECRET },
    async [Symbol.asyncDispose]() {
      await keep.disposeAsync();
      if (served.faults.length > 0) throw new AggregateError(served.faults, "the Web API met faults of its own");
    },
  };
}

/** Hands that token out to the one application (RFC 6749 4.4). */
async function handOut(token: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(async (request, response) => {
    const asked = new URLSearchParams(await text(request));
    const isOurs =
      asked.get("grant_type") === "client_credentials" && asked.get("client_id") === CLIENT && asked.get("client_secret") === SECRET;
    response.writeHead(isOurs ? 200 : 401, { "Content-Type": "application/json" });
    response.end(JSON.stringify(isOurs ? { access_token: token, token_type: "Bearer", expires_in: 3600 } : { error: "invalid_client" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return {
    url: `http://127.0.0.1:${address.port}/token`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
