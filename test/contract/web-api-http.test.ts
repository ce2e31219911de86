/** The whole Web API of the embedded CRM over HTTP: what a client with a token of a user can do with it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import Fastify from "fastify";
import { z } from "zod";
import { putUsers } from "../../src/crm/directory.ts";
import { issueToken } from "../../src/crm/webapi/access-tokens.ts";
import { openWebApi } from "../../src/crm/webapi/open.ts";
import { putBuiltInRoles, putRole, putUserRoles } from "../../src/crm/webapi/roles.ts";
import { addWebApi } from "../../src/server/web-api.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

/** A server over the database, and for each of these users, by name, the way to ask as that user. */
async function serve(
  database: TestDatabase,
  context: TestContext,
  roles: Readonly<Record<string, string>>,
): Promise<{ reported: unknown[]; as(name: string): Ask }> {
  const reported: unknown[] = [];
  const now = new Date();
  const tokens = await database.transaction(async (tx) => {
    await putBuiltInRoles(tx);
    await putRole(tx, { templateId: null, name: "own contacts", privileges: { prvReadContact: "basic", prvCreateContact: "basic" } });
    const users = await putUsers(
      tx,
      Object.keys(roles).map((name) => ({ name, address: `${name}@example.test` })),
    );
    await putUserRoles(tx, new Map(Object.entries(roles).map(([name, role]) => [users.get(`${name}@example.test`) ?? "", [role]])));
    const made = new Map<string, string>();
    for (const name of Object.keys(roles)) {
      const userId = users.get(`${name}@example.test`) ?? "";
      made.set(name, await issueToken(tx, { userId, name: "test", by: "test", now, expiresOn: new Date(now.getTime() + 3_600_000) }));
    }
    return made;
  });
  const app = Fastify({ logger: false, forceCloseConnections: true });
  await app.register(
    (scope, _options, done) => {
      const answering = openWebApi(database, { now: () => new Date(), report: (error) => reported.push(error) });
      addWebApi(scope, { answering, authority: null, names: [] });
      done();
    },
    { prefix: "/api/data" },
  );
  await new Promise<void>((resolve, reject) => app.listen({ host: "127.0.0.1", port: 0 }, (error) => (error ? reject(error) : resolve())));
  context.after(() => app.close());
  const root = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/api/data/v9.2/`;
  return {
    reported,
    as: (name) => (path, init) => {
      const given = new Headers(init?.headers);
      given.set("authorization", `Bearer ${tokens.get(name)}`);
      return fetch(root + path, { ...init, headers: given });
    },
  };
}

const serviceDocument = z.object({ value: z.array(z.object({ name: z.string() })) });
const contacts = z.object({ value: z.array(z.object({ lastname: z.string() })) });
const refusal = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
const json = (method: string, body: object): RequestInit => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

onBothEngines(
  "Web API over HTTP: an administrator reads every set of the service document, and nothing fails on the way",
  async (database, context) => {
    const { as, reported } = await serve(database, context, { admin: "System Administrator" });
    const ask = as("admin");
    const { value } = serviceDocument.parse(await (await ask("")).json());
    assert.ok(value.length > 30);
    for (const { name } of value) {
      const response = await ask(`${name}?$top=1`);
      assert.equal(response.status, 200, `${name}: ${await response.text()}`);
    }
    const metadata = await ask("$metadata");
    assert.equal(metadata.status, 200);
    assert.match(metadata.headers.get("content-type") ?? "", /^application\/xml/);
    assert.deepEqual(reported, []);
  },
);

onBothEngines(
  "Web API over HTTP: users see the rows that their roles reach, and are refused what these do not name",
  async (database, context) => {
    const { as } = await serve(database, context, { admin: "System Administrator", ann: "own contacts" });
    const names = async (ask: Ask) =>
      contacts.parse(await (await ask("contacts?$select=lastname&$orderby=lastname")).json()).value.map((one) => one.lastname);
    const [admin, ann] = [as("admin"), as("ann")];
    assert.equal((await admin("contacts", json("POST", { lastname: "of the administrator" }))).status, 204);
    assert.equal((await ann("contacts", json("POST", { lastname: "of Ann" }))).status, 204);
    assert.deepEqual(await names(ann), ["of Ann"]);
    assert.deepEqual(await names(admin), ["of Ann", "of the administrator"]);
    const refused = await ann("accounts");
    assert.equal(refused.status, 403);
    assert.equal(refusal.parse(await refused.json()).error.code, "0x80040220");
  },
);

onBothEngines(
  "Web API over HTTP: a change set makes an account and a contact of it by $1; one fault in it leaves nothing",
  async (database, context) => {
    const { as } = await serve(database, context, { admin: "System Administrator" });
    const ask = as("admin");
    const part = (id: string, request: string, body: object) =>
      `--c\r\nContent-Type: application/http\r\nContent-ID: ${id}\r\n\r\n${request} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(body)}\r\n`;
    const batch = (...parts: string[]) =>
      ask("$batch", {
        method: "POST",
        headers: { "content-type": "multipart/mixed;boundary=b" },
        body: `--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n${parts.join("")}--c--\r\n--b--\r\n`,
      });
    const account = part("1", "POST accounts", { name: "Contoso" });
    const wrong = await batch(account, part("2", "POST contacts", { lastname: "x", nosuchcolumn: randomUUID() }));
    assert.equal(wrong.status, 400, await wrong.text());
    const { rows } = await database.query("select from crm.account");
    assert.equal(rows.length, 0);
    const right = await batch(account, part("2", "POST contacts", { lastname: "Lee", "parentcustomerid_account@odata.bind": "$1" }));
    assert.equal(right.status, 200, await right.text());
    const { rows: made } = await database.query("select from crm.contact join crm.account on accountid = parentcustomerid");
    assert.equal(made.length, 1);
  },
);

onBothEngines("Web API over HTTP: versions, types and methods that it does not speak are refused by status", async (database, context) => {
  const { as } = await serve(database, context, { admin: "System Administrator" });
  const ask = as("admin");
  const status = async (path: string, init?: RequestInit) => (await ask(path, init)).status;
  assert.equal(await status("contacts", { headers: { "odata-maxversion": "3.0" } }), 400);
  assert.equal(await status("contacts", { headers: { "odata-version": "3.0" } }), 400);
  assert.equal(await status("contacts", { headers: { accept: "text/html" } }), 406);
  assert.equal(await status("contacts", { headers: { accept: "text/html, application/json;odata.metadata=minimal" } }), 200);
  assert.equal(await status("contacts", { method: "DELETE" }), 405);
  assert.equal(await status("$metadata", json("POST", {})), 405);
  assert.equal(await status("WhoAmI", json("POST", {})), 404);
  assert.equal(await status("nosuchset"), 404);
  assert.equal(await status("contacts", { method: "POST", headers: { "content-type": "text/plain" }, body: "{}" }), 415);
});

onBothEngines("Web API over HTTP: a batch holds 1000 operations, under v8.2 and v9.0 100", async (database, context) => {
  const { as } = await serve(database, context, { admin: "System Administrator" });
  const ask = as("admin");
  const batch = async (version: string, operations: number) => {
    const part = "--b\r\nContent-Type: application/http\r\n\r\nGET WhoAmI() HTTP/1.1\r\n\r\n";
    const response = await ask(`../${version}/$batch`, {
      method: "POST",
      headers: { "content-type": "multipart/mixed;boundary=b" },
      body: `${part.repeat(operations)}--b--\r\n`,
    });
    return [response.status, /maximum number of '(\d+)'/.exec(await response.text())?.[1]];
  };
  for (const version of ["v8.2", "v9.0"]) {
    assert.deepEqual(await batch(version, 100), [200, undefined], version);
    assert.deepEqual(await batch(version, 101), [400, "100"], version);
  }
  assert.deepEqual(await batch("v9.1", 101), [200, undefined]);
  assert.deepEqual(await batch("v9.2", 1_001), [400, "1000"]);
});
