import assert from "node:assert/strict";
import { describe, test } from "node:test";
import ntlm from "@ewsjs/ntlm-client";
import { makeCertificates } from "../../../../test/servers/certificates.ts";
import { failureOf, told } from "../../../../test/servers/dataverse-rig.ts";
import { type NtlmServerOptions, startNtlmServer } from "../../../../test/servers/ntlm-server.ts";
import type { HeardRequest, WebAct } from "../../../../test/servers/scripted-web.ts";
import type { DataverseClient, Request } from "./client.ts";
import { openClient } from "./open-client.ts";

const READ: Request = { method: "GET", path: "accounts" };
const WRITE: Request = { method: "POST", path: "emails", body: { subject: "x" } };
const ACCOUNTS = { "corp\\käthe": "Geheim-ß-1", "ann@corp.example": "Secret-1" };

interface Setting extends Partial<NtlmServerOptions> {
  readonly username?: string;
  readonly password?: string;
  readonly inClearText?: boolean;
  readonly authority?: string;
}

async function setting(
  context: { after(work: () => Promise<void>): void },
  { username = "CORP\\Käthe", password = "Geheim-ß-1", inClearText = true, authority, ...server }: Setting = {},
  handle: (request: HeardRequest, user: string) => WebAct | Promise<WebAct> = () => ({ body: { value: [] } }),
) {
  const web = await startNtlmServer({ accounts: ACCOUNTS, ...server }, handle);
  const secret = { kind: "password", username, password } as const;
  const credentials = { current: async () => secret, refresh: async () => secret };
  const client: DataverseClient = openClient({
    address: `${web.origin}/Sales/api/data/v9.1/`,
    signIn: { kind: "windows", credentials, inClearText },
    limits: { concurrent: 4, budget: null, batch: 100 },
    certificateAuthorities: authority ?? null,
  });
  context.after(async () => {
    await client.close();
    await web[Symbol.asyncDispose]();
  });
  return { web, client };
}

const changes = (heard: readonly HeardRequest[]) => heard.filter(({ method }) => method === "POST");

describe("a Windows account", () => {
  test("signs in once on a connection, whatever letters its name has, and all requests follow on it", async (context) => {
    const { web, client } = await setting(context);
    for (let count = 0; count < 5; count++) assert.equal(told(await client.send(WRITE)), "answered 200");
    assert.deepEqual(web.signedIn, ["CORP\\Käthe"]);
    assert.equal(web.connections(), 1);
    assert.equal(changes(web.heard).length, 5);
  });

  test("may be named with its domain behind it, and at a server that tells no time", async (context) => {
    const { web, client } = await setting(context, { username: "ann@corp.example", password: "Secret-1", withTime: false });
    assert.equal(told(await client.send(READ)), "answered 200");
    assert.deepEqual(web.signedIn, ["ann@corp.example"]);
  });

  test("signs in where the server calls it Negotiate", async (context) => {
    const { web, client } = await setting(context, { scheme: "Negotiate" });
    assert.equal(told(await client.send(READ)), "answered 200");
    assert.equal(web.signedIn.length, 1);
  });

  test("over TLS binds its sign-in to the server's certificate", async (context) => {
    const certificates = makeCertificates();
    const { web, client } = await setting(context, {
      certificate: certificates.server,
      authority: certificates.authority,
      inClearText: false,
    });
    assert.equal(told(await client.send(READ)), "answered 200");
    assert.deepEqual([web.signedIn.length, web.refusals], [1, []]);
  });

  test("does not sign in at a server whose certificate nobody vouches for", async (context) => {
    const { web, client } = await setting(context, { certificate: makeCertificates().server });
    assert.match((await failureOf(client.send(READ)))?.code ?? "", /^certificate /);
    assert.equal(web.heard.length, 0);
  });

  test("does not sign in on a connection in clear unless that is allowed, and says nothing there", async (context) => {
    const { web, client } = await setting(context, { inClearText: false });
    assert.equal((await failureOf(client.send(READ)))?.code, "sign-in not safe");
    assert.equal(web.connections(), 0);
  });

  test("does not answer a server that speaks only what is weaker than NTLMv2", async (context) => {
    const { web, client } = await setting(context, { old: true });
    assert.equal((await failureOf(client.send(READ)))?.code, "sign-in not safe");
    assert.deepEqual([web.heard.length, web.refusals], [1, []]);
  });

  test("signs in anew when its connection was lost", async (context) => {
    const { web, client } = await setting(context);
    await client.send(READ);
    web.cutNow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(told(await client.send(WRITE)), "answered 200");
    assert.deepEqual([web.signedIn.length, changes(web.heard).length], [2, 1]);
  });

  test("signs in anew when the server has forgotten it: what was refused was not done, and is sent again", async (context) => {
    const { web, client } = await setting(context, { requestsPerSignIn: 2 });
    for (let count = 0; count < 4; count++) assert.equal(told(await client.send(READ)), "answered 200");
    assert.equal(web.connections(), 1);
    assert.ok(web.signedIn.length >= 2);
  });

  test("is not sent with a change that breaks off: its outcome is unknown, and it goes out once", async (context) => {
    let cut = true;
    const { web, client } = await setting(context, {}, ({ method }) => {
      const act: WebAct = method === "POST" && cut ? { cutAfter: 10, body: "x".repeat(100) } : { body: { value: [] } };
      if (method === "POST") cut = false;
      return act;
    });
    assert.equal((await client.send(WRITE)).kind, "unknown");
    assert.equal(changes(web.heard).length, 1);
    assert.equal(told(await client.send(WRITE)), "answered 200");
  });

  test("with a wrong password is tried once, however many ask at the same time, lest the account be locked", async (context) => {
    const { web, client } = await setting(context, { password: "wrong" });
    const failures = await Promise.all(Array.from({ length: 8 }, () => failureOf(client.send(READ))));
    for (const failure of failures)
      assert.deepEqual([failure?.code, failure?.scope, failure?.waitingHelps], ["sign-in refused", "organization", false]);
    assert.deepEqual(web.refusals, ["the password is wrong"]);
  });

  test("works on several connections at the same time, each signed in for itself", async (context) => {
    const { web, client } = await setting(context, {}, async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { body: { value: [] } };
    });
    await Promise.all(Array.from({ length: 12 }, () => client.send(READ)));
    assert.ok(web.connections() > 1 && web.connections() <= 4, String(web.connections()));
    assert.equal(web.signedIn.length, web.connections());
  });
});

test("the tests' server takes the sign-in of another client too", async (context) => {
  const { web } = await setting(context, { withTime: false });
  const { Client } = await import("undici");
  const other = new Client(web.origin);
  context.after(() => other.destroy());
  const asked = await other.request({ path: "/", method: "GET", headers: { authorization: ntlm.createType1Message("", "") } });
  await asked.body.dump();
  const question = ntlm.decodeType2Message(String([asked.headers["www-authenticate"]].flat()[0]));
  // That client binds its sign-in to nothing and says so by leaving it out: the server refuses it for that alone, so the password was right.
  const answer = await other.request({
    path: "/",
    method: "GET",
    headers: { authorization: ntlm.createType3Message(question, "ann@corp.example", "Secret-1", "", "") },
  });
  await answer.body.dump();
  assert.deepEqual(web.refusals, ["it is bound to another connection"]);
});
