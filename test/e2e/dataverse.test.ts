import assert from "node:assert/strict";
import { createPublicKey, randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { type AuthorizationServer, startAuthorizationServer } from "../servers/authorization-server.ts";
import { ANN, type ConfigurationInput, doorOf, type Office, openOffice } from "./office.ts";

const PAGE = readFileSync(path.resolve(import.meta.dirname, "../../docs/crm/dynamics-365-online.md"), "utf8");
const CLIENT = randomUUID();
const SECRET = "an-application's-secret";

/** The organization of an office served as a Dynamics organization would be: by its Web API, to an application with the least role. */
function asDynamics({ configuration, folder }: Office, authority: AuthorizationServer): ConfigurationInput {
  const keys = { keys: [{ ...createPublicKey(authority.publicKey).export({ format: "jwk" }), kid: "1", use: "sig", alg: "RS256" }] };
  const keysFile = "keys.json";
  writeFileSync(path.join(folder, keysFile), JSON.stringify(keys));
  return {
    ...configuration,
    organizations: [
      { name: "contoso", kind: "embedded", webApi: { authority: { issuer: authority.url, audience: authority.audience, keysFile } } },
    ],
    users: [
      ...(configuration.users ?? []),
      { name: "Waypost", email: "waypost@office.test", roles: ["Waypost Service"], applicationId: CLIENT },
    ],
    mailboxes: [],
  };
}

/** Another installation of Waypost, for which that organization is one of Dynamics. */
function forDynamics({ configuration }: Office, url: string, authority: AuthorizationServer): ConfigurationInput {
  const application = {
    tenant: "contoso.test",
    clientId: CLIENT,
    clientSecret: { file: "secret" },
    tokenEndpoint: `${authority.url}/token`,
  };
  const mailboxes = configuration.mailboxes?.filter(({ address }) => address === ANN);
  const { users: _, ...rest } = configuration;
  return { ...rest, organizations: [{ name: "contoso", kind: "dataverse", url, application }], mailboxes };
}

describe("an installation whose CRM is Dynamics", () => {
  test("waypost check says of the organization what docs/crm/dynamics-365-online.md quotes, and of the mailbox that it is good", async () => {
    await using crm = await openOffice("pglite");
    await using here = await openOffice("pglite");
    const scopes: string[] = [];
    await using authority = await startAuthorizationServer({
      clients: [{ id: CLIENT, secret: SECRET, grants: ["client_credentials"] }],
      scopes,
    });
    crm.write(asDynamics(crm, authority));
    const serving = crm.start(["serve"]);
    await serving.until("open this link once");
    const { origin } = new URL(doorOf(crm).url);
    scopes.push(`${origin}/.default`);
    here.write(forDynamics(here, origin, authority));
    writeFileSync(path.join(here.folder, "secret"), SECRET, { mode: 0o600 });
    const checked = await here.run("check", ANN);
    serving.kill("SIGTERM");
    await serving.ended;
    assert.equal(checked.code, 0, checked.out + checked.error);
    const quoted = [...PAGE.matchAll(/^ {2}ok {6}CRM, .*$/gm)].map(([line]) => line);
    assert.ok(quoted.length > 5);
    assert.deepEqual(
      [...checked.out.matchAll(/^ {2}\S+ +CRM, .*$/gm)].map(([line]) => line),
      quoted,
    );
  });
});
