import assert from "node:assert/strict";
import { test } from "node:test";
import { adfsCredentials } from "../../src/app/adfs.ts";
import { ON_PREMISES } from "../../src/connectors/dataverse/client/limits.ts";
import { openClient } from "../../src/connectors/dataverse/client/open-client.ts";
import { keyRing, newKey } from "../../src/ledger/sealing.ts";
import { testDatabase } from "../databases.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../servers/authorization-server.ts";
import { failureOf, told } from "../servers/dataverse-rig.ts";
import { type ScriptedWeb, startScriptedWeb } from "../servers/scripted-web.ts";
import { testClock } from "./rig.ts";

const RESOURCE = "https://sales.corp.example/";
const PASSWORD = "secret-of-the-account";
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** An organization with claims that says where to sign in, and asks the authorization server about each token. */
function organization(adfs: AuthorizationServer): Promise<ScriptedWeb> {
  return startScriptedWeb(async ({ headers }) => {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    const asked = await fetch(`${adfs.url}/introspect`, { method: "POST", body: new URLSearchParams({ token }) });
    if (/"active":true/.test(await asked.text())) return { body: { UserId: "1" } };
    return {
      status: 401,
      headers: { "WWW-Authenticate": `Bearer authorization_uri=${adfs.url}/authorize, resource_id=${RESOURCE}` },
    };
  });
}

async function setting(context: { after(work: () => Promise<void>): void }, password = PASSWORD) {
  const adfs = await startAuthorizationServer({
    clients: [{ id: "service", grants: ["password"] }],
    logins: { passwords: { "corp\\waypost": PASSWORD }, resources: [RESOURCE] },
  });
  const web = await organization(adfs);
  const database = await testDatabase("pglite");
  const keys = keyRing(newKey());
  assert.ok(keys !== null);
  process.env.WAYPOST_TEST_ADFS_PASSWORD = password;
  const clock = testClock();
  const account = { clientId: "service", username: "CORP\\waypost", password: { env: "WAYPOST_TEST_ADFS_PASSWORD" } };
  const credentials = adfsCredentials(
    { name: "Sales", url: `${web.origin}/Sales`, adfs: account, authorities: null },
    { database, keys: () => keys, log, now: clock.now },
  );
  const client = openClient({
    address: `${web.origin}/Sales/api/data/v9.1/`,
    signIn: { kind: "token", credentials },
    limits: ON_PREMISES,
    certificateAuthorities: null,
  });
  context.after(async () => {
    delete process.env.WAYPOST_TEST_ADFS_PASSWORD;
    await client.close();
    await database[Symbol.asyncDispose]();
    await web[Symbol.asyncDispose]();
    await adfs[Symbol.asyncDispose]();
  });
  const grants = () => adfs.requests.map(({ grant }) => grant);
  return { adfs, web, client, grants, clock };
}

const WHO = { method: "GET", path: "WhoAmI()" } as const;

test("a user account signs in at the AD FS that the organization names, once, and its password goes out as seldom as can be", async (context) => {
  const { adfs, client, grants } = await setting(context);
  assert.equal(told(await client.send(WHO)), "answered 200");
  assert.equal(told(await client.send(WHO)), "answered 200");
  assert.deepEqual(grants(), ["password"]);
  assert.equal(adfs.requests[0]?.parameters.get("resource"), RESOURCE);
});

test("a refresh token that is worth nothing any more is followed by the password, and nobody has to do anything", async (context) => {
  const { adfs, client, grants, clock } = await setting(context);
  await client.send(WHO);
  adfs.revoke("CORP\\waypost");
  clock.forward(adfs.tokenLife);
  assert.equal(told(await client.send(WHO)), "answered 200");
  assert.deepEqual(grants(), ["password", "refresh_token", "password"]);
});

test("a wrong password is a failure that names the account's trouble and does not hold the password", async (context) => {
  const { client } = await setting(context, "wrong-password");
  const failure = await failureOf(client.send(WHO));
  assert.deepEqual([failure?.code, failure?.waitingHelps], ["account refused", false]);
  assert.ok(!`${failure?.message} ${failure?.serverSaid} ${failure?.stack}`.includes("wrong-password"));
});

test("a password goes to no other company's sign-in service because an answer says so; entered, it does", async (context) => {
  const hears: string[] = [];
  const stranger = await startScriptedWeb(async ({ path }) => {
    hears.push(path);
    return { body: {} };
  });
  const strange = stranger.origin.replace("127.0.0.1", "localhost");
  const web = await startScriptedWeb(async () => ({
    status: 401,
    headers: { "WWW-Authenticate": `Bearer authorization_uri=${strange}/adfs/oauth2/authorize, resource_id=${RESOURCE}` },
  }));
  const database = await testDatabase("pglite");
  const keys = keyRing(newKey());
  assert.ok(keys !== null);
  process.env.WAYPOST_TEST_ADFS_STRANGE = PASSWORD;
  context.after(async () => {
    delete process.env.WAYPOST_TEST_ADFS_STRANGE;
    await database[Symbol.asyncDispose]();
    await web[Symbol.asyncDispose]();
    await stranger[Symbol.asyncDispose]();
  });
  const account = { clientId: "service", username: "CORP\\waypost", password: { env: "WAYPOST_TEST_ADFS_STRANGE" } };
  const common = { database, keys: () => keys, log, now: () => new Date() };
  const named = (adfs: object) =>
    adfsCredentials({ name: "Sales", url: `${web.origin}/Sales`, adfs: { ...account, ...adfs }, authorities: null }, common).current();
  const failure = await failureOf(named({}));
  assert.deepEqual([failure?.code, failure?.scope, hears], ["sign-in elsewhere", "organization", []]);
  assert.match(failure?.remedy ?? "", /tokenEndpoint/);
  await assert.rejects(named({ tokenEndpoint: `${strange}/adfs/oauth2/token` }));
  assert.deepEqual(hears, ["/adfs/oauth2/token"]);
});
