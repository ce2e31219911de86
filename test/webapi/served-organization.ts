import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { putUsers } from "../../src/crm/directory.ts";
import { issueToken } from "../../src/crm/webapi/access-tokens.ts";
import { type Behaviour, DEFAULT_BEHAVIOUR } from "../../src/crm/webapi/behaviour.ts";
import type { Depth } from "../../src/crm/webapi/caller.ts";
import { openWebApi } from "../../src/crm/webapi/open.ts";
import { putBuiltInRoles, putUserRoles } from "../../src/crm/webapi/roles.ts";
import type { Database } from "../../src/database/database.ts";
import type { TokenSecret } from "../../src/model/mailbox.ts";
import type { Credentials } from "../../src/ports.ts";
import { addWebApi } from "../../src/server/web-api.ts";
import type { WebApiHook } from "../../src/server/web-api-hook.ts";

/** The Web API of an embedded CRM on a loopback port, with a user for programs. */
export interface ServedOrganization extends AsyncDisposable {
  readonly url: string;
  /** The user as whom the credentials sign in. */
  readonly userId: string;
  readonly credentials: Credentials;
  /** Names of the privileges that its answers depended on so far. */
  readonly asked: ReadonlySet<string>;
  /** Faults of the server's own, which no client may cause. */
  readonly faults: readonly unknown[];
  /** Exchanges over HTTP until now; a batch is one. */
  exchanges(): number;
}

export interface ServedOptions {
  readonly behaviour?: Partial<Behaviour>;
  readonly hook?: WebApiHook;
  /** Role of the user for programs. */
  readonly role?: string;
  /** Address of that user, who may be there already; default: one of its own. */
  readonly address?: string;
}

/** Serves the CRM in this database until it is disposed of; the database stays the caller's. */
export async function serveOrganization(
  database: Database,
  { behaviour = {}, hook, role = "System Administrator", address = `waypost-${randomUUID()}@crm.test` }: ServedOptions = {},
): Promise<ServedOrganization> {
  const now = () => new Date();
  const userId = await database.transaction(async (tx) => {
    await putBuiltInRoles(tx);
    const [id = ""] = (await putUsers(tx, [{ name: "Waypost", address }])).values();
    await putUserRoles(tx, new Map([[id, [role]]]));
    return id;
  }, "put service user");
  const expiresOn = new Date(now().getTime() + 3_600_000);
  // Several may serve it at a time, each with a token in force.
  const given = { userId, name: `test ${randomUUID()}`, by: "test", now: now(), expiresOn };
  const token = await database.transaction((tx) => issueToken(tx, given), "issue token");
  const faults: unknown[] = [];
  const asked = new Set<string>();
  const answering = openWebApi(database, {
    report: (error) => void faults.push(error),
    now,
    behaviour: { ...DEFAULT_BEHAVIOUR, ...behaviour },
  });
  const app = Fastify({ logger: false, forceCloseConnections: true });
  let exchanges = 0;
  app.addHook("onRequest", async () => {
    exchanges += 1;
  });
  await app.register(
    (scope, _options, done) => {
      addWebApi(scope, { answering, authority: null, names: [], hook });
      scope.addHook("onRequest", async (request) => {
        const caller = request.webApiCaller;
        if (caller) request.webApiCaller = { ...caller, privileges: new AskedPrivileges(caller.privileges, asked) };
      });
      done();
    },
    { prefix: "/api/data" },
  );
  await new Promise<void>((resolve, reject) => app.listen({ host: "127.0.0.1", port: 0 }, (error) => (error ? reject(error) : resolve())));
  const secret: TokenSecret = { kind: "token", username: "waypost", token };
  return {
    url: `http://127.0.0.1:${portOf(app.server.address())}`,
    userId,
    credentials: { current: () => Promise.resolve(secret), refresh: () => Promise.resolve(secret) },
    asked,
    faults,
    exchanges: () => exchanges,
    [Symbol.asyncDispose]: async () => app.close(),
  };
}

/** Privileges that note the name of each that is asked for. */
class AskedPrivileges extends Map<string, Depth> {
  readonly #asked: Set<string>;

  constructor(held: ReadonlyMap<string, Depth>, asked: Set<string>) {
    super(held);
    this.#asked = asked;
  }

  override get(name: string): Depth | undefined {
    this.#asked.add(name);
    return super.get(name);
  }

  override has(name: string): boolean {
    this.#asked.add(name);
    return super.has(name);
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}
