import assert from "node:assert/strict";
import { createPublicKey, randomUUID } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { type AuthorizationServer, startAuthorizationServer } from "../servers/authorization-server.ts";
import { ANN, BEN, type ConfigurationInput, doorOf, type Office, openOffice } from "./office.ts";

const PAGE = readFileSync(path.resolve(import.meta.dirname, "../../docs/crm/dynamics-365-online.md"), "utf8");
const CLIENT = randomUUID();
const PROFILE = randomUUID();
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
function forDynamics({ configuration }: Office, url: string, authority: AuthorizationServer, settings = {}): ConfigurationInput {
  const application = {
    tenant: "contoso.test",
    clientId: CLIENT,
    clientSecret: { file: "secret" },
    tokenEndpoint: `${authority.url}/token`,
  };
  const mailboxes = configuration.mailboxes?.filter(({ address }) => address === ANN);
  const { users: _, ...rest } = configuration;
  return { ...rest, organizations: [{ name: "contoso", kind: "dataverse", url, application, settings }], mailboxes };
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
    here.write(forDynamics(here, origin, authority, { SkipAutomaticReplies: true, PlusAddressSeparator: "-" }));
    const checkedAnew = await here.run("check", ANN);
    serving.kill("SIGTERM");
    await serving.ended;
    assert.equal(checked.code, 0, checked.out + checked.error);
    const quoted = [...PAGE.matchAll(/^ {2}ok {6}CRM, .*$/gm)].map(([line]) => line);
    assert.ok(quoted.length > 5);
    assert.deepEqual(
      [...checked.out.matchAll(/^ {2}\S+ +CRM, .*$/gm)].map(([line]) => line),
      quoted,
    );
    assert.match(
      checkedAnew.out,
      /^ {2}ok {6}CRM, settings: .* Set in the configuration: SkipAutomaticReplies true, PlusAddressSeparator "-"\.$/m,
      "the settings that are Waypost's own reach the organization",
    );
  });

  test("waypost import takes over what its server-side synchronization does: told first, then written, and nothing the second time", async () => {
    await using crm = await openOffice("pglite");
    await using here = await openOffice("pglite");
    const scopes: string[] = [];
    await using authority = await startAuthorizationServer({
      clients: [{ id: CLIENT, secret: SECRET, grants: ["client_credentials"] }],
      scopes,
    });
    crm.write(asDynamics(crm, authority));
    assert.equal((await crm.run("status")).code, 0);
    await crm.inDatabase(async (database) => {
      await database.query(
        `insert into crm.emailserverprofile (emailserverprofileid, name, servertype, incomingserverlocation, incomingportnumber, incomingcredentialretrieval,
           outgoingserverlocation, outgoingportnumber, outgoingcredentialretrieval, useautodiscover)
         values ($1, 'Company''s "mail"', 4, 'imap.office.test', 993, 0, 'smtp.office.test', 587, 0, false)`,
        [PROFILE],
      );
      await database.query(
        `insert into crm.mailbox (name, emailaddress, regardingobjectid, regardingobjecttypecode, emailserverprofile, incomingemaildeliverymethod, outgoingemaildeliverymethod,
           enabledforincomingemail, enabledforoutgoingemail, emailrouteraccessapproval, isforwardmailbox, processemailreceivedafter)
         select 'Ann "A." O''Lee', $2, systemuserid, 'systemuser', $1::uuid, 2, 2, true, true, 1, false, '2026-11-20T08:00:00Z'::timestamptz
           from crm.systemuser where internalemailaddress = $2
         union all select 'Ben', $3, systemuserid, 'systemuser', null, 2, 2, false, false, 1, false, null
           from crm.systemuser where internalemailaddress = $3`,
        [PROFILE, ANN, BEN],
      );
    });
    const serving = crm.start(["serve"]);
    await serving.until("open this link once");
    const { origin } = new URL(doorOf(crm).url);
    scopes.push(`${origin}/.default`);
    const { serverProfiles: _, mailboxes: __, ...organization } = forDynamics(here, origin, authority);
    here.write(organization);
    writeFileSync(path.join(here.folder, "secret"), SECRET, { mode: 0o600 });
    const file = (name: string) => path.join(here.folder, name);
    const imported = (...more: string[]) => here.run("import", "server-side-synchronization", ...more);

    const before = readFileSync(file("waypost.yaml"), "utf8");
    const told = await imported("--dry-run");
    assert.equal(told.code, 3, told.out + told.error);
    assert.match(told.out, /1 server profile and 1 mailbox can be taken over/);
    assert.match(told.out, new RegExp(`${ANN} .*read from .*, takes .*, sends; Dynamics still works on it \\(incoming, outgoing\\)`));
    assert.match(told.out, /mailbox Ben: It has no email server profile/);
    assert.equal(readFileSync(file("waypost.yaml"), "utf8"), before);

    const written = await imported("--to", "waypost-new.yaml");
    assert.equal(written.code, 3, written.out + written.error);
    copyFileSync(file("waypost-new.yaml"), file("waypost.yaml"));
    const after = readFileSync(file("waypost.yaml"), "utf8");
    assert.match(after, /readFrom: 2026-11-20T08:00:00\.000Z/);

    const again = await imported("--to", "waypost-again.yaml");
    assert.match(again.out, /0 server profiles and 0 mailboxes can be taken over/);
    assert.match(again.out, /It is in the configuration already, and stays there as it is/);
    assert.deepEqual([existsSync(file("waypost-again.yaml")), readFileSync(file("waypost.yaml"), "utf8")], [false, after]);
    serving.kill("SIGTERM");
    await serving.ended;
  });
});
