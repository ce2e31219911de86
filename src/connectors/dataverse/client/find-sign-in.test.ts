import assert from "node:assert/strict";
import { test } from "node:test";
import { failureOf } from "../../../../test/servers/dataverse-rig.ts";
import { startScriptedWeb } from "../../../../test/servers/scripted-web.ts";
import { findSignIn } from "./find-sign-in.ts";

const CLAIMS = "Bearer authorization_uri=https://adfs.corp.example/adfs/oauth2/authorize, resource_id=https://sales.corp.example/";

test("an organization says where to sign in, if need be only to who comes with an empty token, and is sent no secret", async () => {
  await using web = await startScriptedWeb(({ headers }) => ({
    status: 401,
    headers: { "WWW-Authenticate": headers.authorization === "Bearer" ? CLAIMS : "Bearer" },
  }));
  const found = await findSignIn(`${web.origin}/api/data/v9.1/`, null);
  assert.deepEqual(found.kind === "oauth" && [found.tokenEndpoint, found.resource], [
    "https://adfs.corp.example/adfs/oauth2/token",
    "https://sales.corp.example/",
  ]);
  assert.deepEqual(
    web.heard.map(({ headers }) => headers.authorization),
    [undefined, "Bearer"],
  );
});

test("an organization that signs in Windows accounts says so", async () => {
  await using web = await startScriptedWeb(() => ({ status: 401, headers: { "WWW-Authenticate": ["Negotiate", "NTLM"] } }));
  assert.deepEqual(await findSignIn(`${web.origin}/Sales/api/data/v9.1/`, null), { kind: "windows", schemes: ["ntlm", "negotiate"] });
});

test("an organization that is not there cannot be asked", async () => {
  const web = await startScriptedWeb(() => ({}));
  await web[Symbol.asyncDispose]();
  assert.equal((await failureOf(findSignIn(`${web.origin}/api/data/v9.1/`, null)))?.code, "connection refused");
});
