import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import Fastify from "fastify";
import { onBothEngines, type TestDatabase } from "../../test/databases.ts";
import { Faults } from "../../test/webapi/faults.ts";
import { BARE_CONTACT } from "../../test/webapi/tables.ts";
import { putUsers } from "../crm/directory.ts";
import { issueToken, listTokens, revokeToken } from "../crm/webapi/access-tokens.ts";
import type { Authority } from "../crm/webapi/authority.ts";
import { DEFAULT_BEHAVIOUR } from "../crm/webapi/behaviour.ts";
import type { Dispatch } from "../crm/webapi/dispatch.ts";
import { type ApiAnswer, ApiFault } from "../crm/webapi/exchange.ts";
import { putRole, putUserRoles } from "../crm/webapi/roles.ts";

import { indexTables } from "../crm/webapi/table-index.ts";
import { SigningKeys } from "../wire/oauth/signing-keys.ts";
import { addGuard } from "./guard.ts";
import { ServiceProtection } from "./service-protection.ts";
import { addWebApi } from "./web-api.ts";
import type { WebApiHook } from "./web-api-hook.ts";

const OPERATIONS_TOKEN = "the-token-of-the-operations";
const ISSUER = "https://login.example/tenant";
const AUDIENCE = "https://crm.example/";

/** Stands in for what reads and writes: contacts by their last names. */
const dispatch: Dispatch = async ({ sql, caller }, { method, path, body, root, query }): Promise<ApiAnswer> => {
  const row = /^contacts\(([0-9a-f-]{36})\)$/.exec(path)?.[1];
  if (method === "GET" && path === "contacts") {
    const { rows } = await sql.query<{ lastname: string }>("select lastname, firstname from crm.contact order by lastname");
    return { status: 200, headers: {}, body: { value: rows, query } };
  }
  if (method === "GET" && path === "WhoAmI") return { status: 200, headers: {}, body: { UserId: caller.userId, root } };
  if (method === "POST" && path === "contacts") {
    const given = body as { lastname?: string; parent?: string; "self@odata.bind"?: string; long?: string };
    if (given.lastname === "too long") throw new ApiFault(400, "0x80044331", "A validation error occurred.");
    if (given.lastname === "broken") throw new Error("the secret content of the request");
    const id = randomUUID();
    await sql.query("insert into crm.contact (contactid, lastname, firstname) values ($1, $2, $3)", [
      id,
      given.lastname ?? "",
      given["self@odata.bind"] ?? String(given.long?.length ?? ""),
    ]);
    return { status: 204, headers: { "OData-EntityId": `${root}contacts(${id})` } };
  }
  if (method === "PATCH" && row) {
    const { rowCount } = await sql.query("update crm.contact set lastname = $2 where contactid = $1", [
      row,
      (body as { lastname: string }).lastname,
    ]);
    if (rowCount === 0) throw new ApiFault(404, "0x80040217", `contact With Id = ${row} Does Not Exist`);
    return { status: 204, headers: { "OData-EntityId": `${root}${path}` } };
  }
  throw new ApiFault(404, "0x8006088a", `Resource not found for the segment '${path}'.`);
};

interface Rig {
  readonly url: string;
  readonly token: string;
  readonly userId: string;
  readonly reported: unknown[];
  ask(path: string, init?: RequestInit & { readonly token?: string | null }): Promise<Response>;
  authority: { readonly privateKey: KeyObject; token(claims: object, header?: object, key?: KeyObject): string };
}

interface RigOptions {
  readonly hook?: WebApiHook;
  readonly now?: () => Date;
  readonly holdMilliseconds?: number;
}

async function startRig(
  database: TestDatabase,
  context: TestContext,
  { hook, now = () => new Date(), holdMilliseconds = 0 }: RigOptions = {},
): Promise<Rig> {
  const userId = await database.transaction(async (tx) => {
    const [id = ""] = (await putUsers(tx, [{ name: "Ada", address: "ada@example.test" }])).values();
    await putRole(tx, { templateId: null, name: "reader", privileges: { prvReadContact: "global" } });
    await putUserRoles(tx, new Map([[id, ["reader"]]]));
    return id;
  });
  const token = await database.transaction((tx) =>
    issueToken(tx, { userId, name: "test", by: "test", now: now(), expiresOn: new Date(now().getTime() + 3_600_000) }),
  );
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig" }] };
  const authority: Authority = {
    issuer: ISSUER,
    audiences: [AUDIENCE],
    keys: new SigningKeys(async () => JSON.stringify(keys)),
    authorizationUri: `${ISSUER}/oauth2/authorize`,
  };
  const reported: unknown[] = [];
  const service = { store: database, behaviour: DEFAULT_BEHAVIOUR, tables: indexTables([BARE_CONTACT]), now };
  const app = Fastify({ logger: false, forceCloseConnections: true });
  addGuard(app, { ownNames: ["127.0.0.1"], operationsToken: OPERATIONS_TOKEN });
  await app.register(
    (scope, _options, done) => {
      addWebApi(scope, {
        answering: { service, dispatch, dispatchAll: async () => null, report: (error) => reported.push(error) },
        authority,
        names: ["crm.example"],
        hook,
        holdMilliseconds,
      });
      done();
    },
    { prefix: "/api/data" },
  );
  await new Promise<void>((resolve, reject) => app.listen({ host: "127.0.0.1", port: 0 }, (error) => (error ? reject(error) : resolve())));
  context.after(() => app.close());
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return {
    url,
    token,
    userId,
    reported,
    ask: (path, { token: given = token, ...init } = {}) =>
      fetch(`${url}/api/data/v9.2/${path}`, {
        ...init,
        headers: { ...(given === null ? {} : { authorization: `Bearer ${given}` }), ...(init.headers as Record<string, string>) },
      }),
    authority: {
      privateKey,
      token: (claims, header = {}, key = privateKey) => {
        const signed = `${encoded({ alg: "RS256", kid: "one", typ: "JWT", ...header })}.${encoded(claims)}`;
        return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
      },
    },
  };
}

const json = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

onBothEngines(
  "whoever is not signed in gets 401 for every path, method and version, with the challenge of Dynamics",
  async (database, context) => {
    const { url } = await startRig(database, context);
    const paths = ["", "v9.2", "v9.2/", "v9.2/contacts", "v9.2/$metadata", "v9.2/$batch", "v1.0/contacts", "v9.2/WhoAmI", "x/y/z"];
    for (const authorization of [undefined, "Bearer nonsense", "Bearer wpc_nonsense", "Basic YTpi", `Bearer ${OPERATIONS_TOKEN}`])
      for (const path of paths)
        for (const method of ["GET", "POST", "PATCH", "PUT", "DELETE"]) {
          const response = await fetch(`${url}/api/data/${path}`, {
            method,
            headers: authorization === undefined ? {} : { authorization },
          });
          const expected = [401];
          assert.ok(expected.includes(response.status), `${method} ${path}: ${response.status}`);
          const body = (await response.json()) as { error: { code: string } };
          assert.ok(body.error.code);
          if (response.status === 401)
            assert.match(
              response.headers.get("www-authenticate") ?? "",
              /^Bearer .*authorization_uri=https:\/\/login\.example\/tenant\/oauth2\/authorize, resource_id=http:\/\/127\.0\.0\.1:\d+\/$/,
            );
        }
  },
);

onBothEngines(
  "a token of the CRM's own opens it until it expires or is revoked, and is nowhere in the database",
  async (database, context) => {
    let now = new Date();
    const { ask, userId, token } = await startRig(database, context, { now: () => now });
    assert.deepEqual(await (await ask("WhoAmI")).json(), { UserId: userId, root: (await ask("x")).url.replace(/x$/, "") });
    const [kept] = await listTokens(database);
    assert.equal(kept?.name, "test");
    assert.ok(kept?.usedOn);
    const { rows } = await database.query<{ hash: Buffer }>("select hash from crm.accesstoken");
    assert.deepEqual(Buffer.from(rows[0]?.hash ?? ""), createHash("sha256").update(token).digest());
    now = new Date(now.getTime() + 3_600_001);
    assert.equal((await ask("WhoAmI")).status, 401);
    now = new Date(now.getTime() - 3_600_001);
    assert.equal((await ask("WhoAmI")).status, 200);
    assert.equal(await revokeToken(database, userId, "test", now), true);
    assert.equal((await ask("WhoAmI")).status, 401);
    assert.equal(await revokeToken(database, userId, "test", now), false);
  },
);

onBothEngines("a disabled user and a token without a user are 403 with their codes", async (database, context) => {
  const { ask, userId, authority } = await startRig(database, context);
  const claims = { iss: ISSUER, aud: AUDIENCE, exp: Date.now() / 1000 + 600, oid: randomUUID() };
  const stranger = await ask("WhoAmI", { token: authority.token(claims) });
  assert.deepEqual([stranger.status, await codeOf(stranger)], [403, "0x80072560"]);
  await database.query("update crm.systemuser set isdisabled = true where systemuserid = $1", [userId]);
  const disabled = await ask("WhoAmI");
  assert.deepEqual([disabled.status, await codeOf(disabled)], [403, "0x80040225"]);
});

onBothEngines(
  "a signed token of the authorization server opens it for the user it names, and no other token does",
  async (database, context) => {
    const { ask, userId, authority } = await startRig(database, context);
    const [oid, app] = [randomUUID(), randomUUID()];
    await database.query(
      "update crm.systemuser set azureactivedirectoryobjectid = $2, applicationid = $3, domainname = 'Ada@Example.test' where systemuserid = $1",
      [userId, oid, app],
    );
    const seconds = Date.now() / 1000;
    const good = { iss: ISSUER, aud: AUDIENCE, exp: seconds + 600 };
    const status = async (token: string) => (await ask("WhoAmI", { token })).status;
    assert.equal(await status(authority.token({ ...good, oid })), 200);
    assert.equal(await status(authority.token({ ...good, appid: app })), 200);
    assert.equal(await status(authority.token({ ...good, azp: app, idtyp: "app" })), 200);
    assert.equal(await status(authority.token({ ...good, upn: "ada@example.test" })), 200);
    // A stranger who signed in by that application is not the application.
    assert.equal(await status(authority.token({ ...good, appid: app, scp: "user_impersonation", oid: randomUUID() })), 403);
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const bad = {
      expired: authority.token({ ...good, oid, exp: seconds - 120 }),
      early: authority.token({ ...good, oid, nbf: seconds + 600 }),
      "without an end": authority.token({ iss: ISSUER, aud: AUDIENCE, oid }),
      "for somebody else": authority.token({ ...good, oid, aud: "https://other.example/" }),
      "by somebody else": authority.token({ ...good, oid, iss: "https://other.example/" }),
      "of another key": authority.token({ ...good, oid }, {}, other),
      "unknown key id": authority.token({ ...good, oid }, { kid: "two" }),
      unsigned: authority.token({ ...good, oid }, { alg: "none" }).replace(/[^.]*$/, ""),
      "signed with the public key as a secret": authority.token({ ...good, oid }, { alg: "HS256" }),
      "with critical extensions": authority.token({ ...good, oid }, { crit: ["b64"] }),
      "changed afterwards": authority
        .token({ ...good, oid: randomUUID() })
        .replace(/\.[^.]*\./, `.${Buffer.from(JSON.stringify({ ...good, oid })).toString("base64url")}.`),
    };
    for (const [what, token] of Object.entries(bad)) assert.equal(await status(token), 401, what);
  },
);

onBothEngines(
  "too many bad tokens from one address wait for their refusal, which stays 401; a good one opens at once",
  async (database, context) => {
    const holdMilliseconds = 60_000;
    const { ask } = await startRig(database, context, { holdMilliseconds });
    for (let tries = 0; tries < 60; tries++) assert.equal((await ask("WhoAmI", { token: "nonsense" })).status, 401);
    const one = new AbortController();
    const held = ask("WhoAmI", { token: "nonsense", signal: one.signal });
    const answers = [ask("WhoAmI", { token: null }), ask("WhoAmI")];
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status }) => status),
      [401, 200],
    );
    one.abort();
    await assert.rejects(held, /abort/i, "it was not answered meanwhile");
  },
);

onBothEngines("a Host that does not mean this server is refused, whatever the token", async (database, context) => {
  const { url, token } = await startRig(database, context);
  const status = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { host, authorization: `Bearer ${token}` };
      http.get(`${url}/api/data/v9.2/contacts`, { headers }, (response) => resolve(response.resume().statusCode)).on("error", reject);
    });
  assert.equal(await status("attacker.example"), 421);
  assert.equal(await status("localhost"), 200);
});

onBothEngines("answers carry the protocol's headers; bodies of another type, and of no type, are refused", async (database, context) => {
  const { ask, reported } = await startRig(database, context);
  const response = await ask("contacts?$select=lastname&x=%20y");
  assert.equal(response.headers.get("odata-version"), "4.0");
  assert.match(response.headers.get("content-type") ?? "", /^application\/json; odata\.metadata=minimal/);
  assert.ok(response.headers.get("req_id") && response.headers.get("x-ms-service-request-id"));
  assert.equal(((await response.json()) as { query: string }).query, "$select=lastname&x=%20y");
  for (const type of ["text/plain", "application/xml", ""]) {
    const refused = await ask("contacts", { method: "POST", headers: { "content-type": type }, body: "{}" });
    assert.equal(refused.status, 415, type);
  }
  const broken = await ask("contacts", { ...json({}), body: '{"lastname":' });
  assert.deepEqual([broken.status, await codeOf(broken)], [400, "0x80048d19"]);
  const made = await ask("contacts", json({ lastname: "A" }));
  assert.equal(made.status, 204);
  assert.match(made.headers.get("odata-entityid") ?? "", /^http:\/\/127\.0\.0\.1:\d+\/api\/data\/v9\.2\/contacts\([0-9a-f-]{36}\)$/);
  const failed = await ask("contacts", json({ lastname: "broken" }));
  assert.equal(failed.status, 500);
  assert.doesNotMatch(await failed.text(), /secret/);
  assert.equal(reported.length, 1);
});

onBothEngines("a body of megabytes is read in a thread, and wrong JSON of that size is refused too", async (database, context) => {
  const { ask } = await startRig(database, context);
  const long = "x".repeat(3_000_000);
  assert.equal((await ask("contacts", json({ lastname: "long", long }))).status, 204);
  const { value } = (await (await ask("contacts")).json()) as { value: { firstname: string }[] };
  assert.equal(value[0]?.firstname, "3000000");
  const broken = await ask("contacts", { ...json({}), body: `{"lastname":"${long}` });
  assert.deepEqual([broken.status, await codeOf(broken)], [400, "0x80048d19"]);
});

function batchOf(parts: readonly string[]): string {
  return `${parts.map((part) => `--batch_1\r\n${part}\r\n`).join("")}--batch_1--\r\n`;
}
function single(request: string, body: object | null = null, contentId?: string): string {
  const id = contentId === undefined ? "" : `Content-ID: ${contentId}\r\n`;
  const type = body === null ? "" : "Content-Type: application/json\r\n";
  return `Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n${id}\r\n${request} HTTP/1.1\r\n${type}\r\n${body === null ? "" : JSON.stringify(body)}`;
}
function changeSet(...parts: readonly string[]): string {
  return `Content-Type: multipart/mixed;boundary=changeset_1\r\n\r\n${parts.map((part) => `--changeset_1\r\n${part}\r\n`).join("")}--changeset_1--`;
}
function post(ask: Rig["ask"], parts: readonly string[], headers: Record<string, string> = {}): Promise<Response> {
  return ask("$batch", {
    method: "POST",
    headers: { "content-type": "multipart/mixed;boundary=batch_1", ...headers },
    body: batchOf(parts),
  });
}
const statusesIn = (text: string) => [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status));

onBothEngines("a batch runs its requests in order, with every form of address, and its reads see its writes", async (database, context) => {
  const { ask, url } = await startRig(database, context);
  const response = await post(ask, [
    single("POST contacts", { lastname: "relative" }),
    single("POST /api/data/v9.2/contacts", { lastname: "rooted" }),
    changeSet(single(`POST ${url}/api/data/v9.2/contacts`, { lastname: "absolute" }, "1")),
    single("GET contacts?$select=lastname"),
  ]);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.match(response.headers.get("content-type") ?? "", /^multipart\/mixed; boundary=batchresponse_/);
  assert.deepEqual(statusesIn(text), [204, 204, 204, 200]);
  for (const name of ["relative", "rooted", "absolute"]) assert.match(text, new RegExp(`"lastname":"${name}"`));
  assert.match(text, /Content-Type: multipart\/mixed; boundary=changesetresponse_/);
  assert.match(text, /Content-ID: 1\r\n/);
});

onBothEngines("a change set happens all or not at all, and $1 means what its first request made", async (database, context) => {
  const { ask, url } = await startRig(database, context);
  const names = async () => ((await (await ask("contacts")).json()) as { value: { lastname: string }[] }).value.map((one) => one.lastname);
  const failed = await post(ask, [
    changeSet(single("POST contacts", { lastname: "first" }, "1"), single("POST contacts", { lastname: "too long" }, "2")),
  ]);
  const text = await failed.text();
  assert.deepEqual(statusesIn(text), [400]);
  assert.match(text, /Content-ID: 2\r\n/);
  assert.doesNotMatch(text, /changesetresponse/);
  assert.equal(failed.status, 400);
  assert.deepEqual(await names(), []);
  const done = await post(ask, [
    changeSet(
      single("POST contacts", { lastname: "first" }, "1"),
      single("PATCH $1", { lastname: "changed" }, "2"),
      single("POST contacts", { lastname: "second", "self@odata.bind": "$1" }, "3"),
    ),
  ]);
  assert.equal(done.status, 200, await done.text());
  assert.deepEqual(await names(), ["changed", "second"]);
  const { value } = (await (await ask("contacts")).json()) as { value: { firstname: string }[] };
  assert.match(value[1]?.firstname ?? "", new RegExp(`^${url}/api/data/v9\\.2/contacts\\([0-9a-f-]{36}\\)$`));
  const unknown = await post(ask, [changeSet(single("PATCH $7", { lastname: "x" }, "1"))]);
  assert.match(await unknown.text(), /Content-ID Reference: '\$7' does not exist/);
});

onBothEngines(
  "the first failure ends a batch with 400, or under v9.0 with its own status; continue-on-error goes on with 200",
  async (database, context) => {
    const { ask, url, token } = await startRig(database, context);
    const parts = [single("GET nothing"), single("POST contacts", { lastname: "after" })];
    const stopped = await post(ask, parts);
    assert.equal(stopped.status, 400);
    assert.deepEqual(statusesIn(await stopped.text()), [404]);
    const goesOn = await post(ask, parts, { prefer: "odata.continue-on-error" });
    assert.equal(goesOn.status, 200);
    assert.deepEqual(statusesIn(await goesOn.text()), [404, 204]);
    const headers = { authorization: `Bearer ${token}`, "content-type": "multipart/mixed;boundary=batch_1" };
    const older = await fetch(`${url}/api/data/v9.0/$batch`, { method: "POST", headers, body: batchOf(parts) });
    assert.equal(older.status, 404);
    assert.equal((await ask("$batch")).status, 405);
    const nested = await post(ask, [single("POST $batch", {})]);
    assert.equal(nested.status, 400);
    const unreadable = await ask("$batch", { method: "POST", headers: { "content-type": "multipart/mixed;boundary=x" }, body: "nothing" });
    assert.deepEqual([unreadable.status, await codeOf(unreadable)], [400, "0x80060888"]);
  },
);

onBothEngines(
  "service protection counts and refuses with each of its codes, and forgets as the window moves on",
  async (database, context) => {
    let now = 0;
    const hook = new ServiceProtection({ requests: 3, executionSeconds: 10, concurrent: 2, seconds: 60 }, () => now);
    const { ask } = await startRig(database, context, { hook });
    const outcome = async () => {
      const response = await ask("contacts");
      return response.status === 200 ? 200 : [response.status, await codeOf(response), response.headers.get("retry-after")];
    };
    assert.deepEqual([await outcome(), await outcome(), await outcome()], [200, 200, 200]);
    assert.deepEqual(await outcome(), [429, "0x80072322", "60"]);
    now += 60_000;
    const response = await ask("contacts");
    assert.equal(response.headers.get("x-ms-ratelimit-burst-remaining-xrm-requests"), "2");
    const slow = hook.around({ userId: "u", method: "GET", path: "", query: "" }, async () => {
      now += 11_000;
      return { status: 200, headers: {} };
    });
    await slow;
    const time = await hook.around({ userId: "u", method: "GET", path: "", query: "" }, async () => ({ status: 200, headers: {} }));
    assert.equal(time.status, 429);
    assert.match(JSON.stringify(time.body), /0x80072321/);
    const hanging = Array.from({ length: 2 }, () => Promise.withResolvers<ApiAnswer>());
    const running = hanging.map(({ promise }) => hook.around({ userId: "v", method: "GET", path: "", query: "" }, () => promise));
    const third = await hook.around({ userId: "v", method: "GET", path: "", query: "" }, async () => ({ status: 200, headers: {} }));
    assert.match(JSON.stringify(third.body), /0x80072326/);
    for (const { resolve } of hanging) resolve({ status: 200, headers: {} });
    assert.deepEqual(
      (await Promise.all(running)).map((one) => one.status),
      [200, 200],
    );
  },
);

onBothEngines(
  "planned faults befall requests as often as planned: refusals, delays, and connections cut before or after the work",
  async (database, context) => {
    const faults = new Faults();
    const { ask } = await startRig(database, context, { hook: faults });
    faults.plan(
      { fault: { kind: "concurrent", retryAfter: "1.5" } },
      { fault: { kind: "precondition" }, of: ({ method }) => method === "POST" },
    );
    const refused = await ask("contacts");
    assert.deepEqual([refused.status, refused.headers.get("retry-after"), await codeOf(refused)], [429, "1.5", "0x80072326"]);
    assert.equal((await ask("contacts")).status, 200);
    assert.equal((await ask("contacts", json({ lastname: "x" }))).status, 412);
    faults.plan({ fault: { kind: "cut before" }, of: ({ method }) => method === "POST" });
    await assert.rejects(ask("contacts", json({ lastname: "before" })));
    faults.plan({ fault: { kind: "cut after" }, of: ({ method }) => method === "POST" });
    await assert.rejects(ask("contacts", json({ lastname: "after" })));
    const { value } = (await (await ask("contacts")).json()) as { value: { lastname: string }[] };
    assert.deepEqual(
      value.map((one) => one.lastname),
      ["after"],
    );
    assert.equal(faults.befell.length, 4);
  },
);
