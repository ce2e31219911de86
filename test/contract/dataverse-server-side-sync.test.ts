/** What Dynamics' server-side synchronization does, read with the least role over HTTP from the embedded CRM's Web API. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import Fastify from "fastify";
import { parseConfiguration } from "../../src/config.ts";
import { ONLINE } from "../../src/connectors/dataverse/client/limits.ts";
import { openClient } from "../../src/connectors/dataverse/client/open-client.ts";
import { openDataverse } from "../../src/connectors/dataverse/dataverse.ts";
import { putQueues, putUsers } from "../../src/crm/directory.ts";
import { issueToken } from "../../src/crm/webapi/access-tokens.ts";
import { openWebApi } from "../../src/crm/webapi/open.ts";
import { putBuiltInRoles, putRole, putUserRoles } from "../../src/crm/webapi/roles.ts";
import { takeOver } from "../../src/migrate/server-side-sync/take-over.ts";
import { addedTo } from "../../src/migrate/server-side-sync/yaml.ts";
import type { Takeover } from "../../src/model/server-side-sync.ts";
import type { Crm } from "../../src/ports.ts";
import { addWebApi } from "../../src/server/web-api.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { tokens } from "../servers/dataverse-rig.ts";

const ORGANIZATION =
  'organizations: [{ name: Contoso, kind: dataverse, url: "https://contoso.crm4.dynamics.com", windows: { username: waypost, password: { env: CRM } } }]\n';
const PROFILE = "33333333-0000-0000-0000-000000000001";

interface Served {
  readonly crm: Crm;
  readonly ann: string;
  readonly support: string;
}

/** The Web API over the database, as a user with that role sees it. */
async function serve(database: TestDatabase, context: TestContext, role = "Waypost Service"): Promise<Served> {
  const now = new Date();
  const made = await database.transaction(async (tx) => {
    await putBuiltInRoles(tx);
    await putRole(tx, { templateId: null, name: "contacts only", privileges: { prvReadContact: "global" } });
    const users = await putUsers(
      tx,
      ["waypost", "ann"].map((name) => ({ name, address: `${name}@contoso.com` })),
    );
    const queues = await putQueues(tx, [{ name: "Support", address: "support@contoso.com" }]);
    const userId = users.get("waypost@contoso.com") ?? "";
    await putUserRoles(tx, new Map([[userId, [role]]]));
    const expiresOn = new Date(now.getTime() + 3_600_000);
    const token = await issueToken(tx, { userId, name: "test", by: "test", now, expiresOn });
    return { token, ann: users.get("ann@contoso.com") ?? "", support: queues.get("support@contoso.com") ?? "" };
  });
  const app = Fastify({ logger: false, forceCloseConnections: true });
  await app.register(
    (scope, _options, done) => {
      const answering = openWebApi(database, { now: () => new Date(), report: (error) => context.diagnostic(String(error)) });
      addWebApi(scope, { answering, authority: null, names: [] });
      done();
    },
    { prefix: "/api/data" },
  );
  await new Promise<void>((resolve, reject) => app.listen({ host: "127.0.0.1", port: 0 }, (error) => (error ? reject(error) : resolve())));
  const { port } = app.server.address() as AddressInfo;
  const client = openClient({
    address: `http://127.0.0.1:${port}/api/data/v9.2/`,
    signIn: { kind: "token", credentials: tokens(made.token) },
    limits: ONLINE,
    certificateAuthorities: null,
  });
  context.after(async () => {
    await client.close();
    await app.close();
  });
  return { crm: openDataverse({ client }), ann: made.ann, support: made.support };
}

/** An organization with a profile of IMAP, a user's and a queue's mailbox, both enabled. */
async function fill(database: TestDatabase, { ann, support }: Served): Promise<void> {
  await database.query(
    `insert into crm.emailserverprofile (emailserverprofileid, name, servertype, statecode, incomingserverlocation, incomingportnumber, incomingusessl, incomingcredentialretrieval,
       outgoingserverlocation, outgoingportnumber, outgoingusessl, outgoingcredentialretrieval, useautodiscover)
     values ($1, 'Company mail', 4, 0, 'imap.contoso.com', 993, true, 0, 'smtp.contoso.com', 587, true, 0, false)`,
    [PROFILE],
  );
  await database.query(
    `insert into crm.mailbox (name, emailaddress, statecode, regardingobjectid, regardingobjecttypecode, emailserverprofile, incomingemaildeliverymethod, outgoingemaildeliverymethod,
       enabledforincomingemail, enabledforoutgoingemail, emailrouteraccessapproval, isforwardmailbox, processanddeleteemails, processemailreceivedafter)
     values ('Ann', 'ann@contoso.com', 0, $1, 'systemuser', $3, 2, 2, true, true, 1, false, false, '2026-11-20T08:00:00Z'),
            ('Support', 'support@contoso.com', 0, $2, 'queue', $3, 2, 0, true, false, 1, false, true, null)`,
    [ann, support, PROFILE],
  );
}

onBothEngines("server-side synchronization over the Web API: what it does becomes configuration", async (database, context) => {
  const served = await serve(database, context);
  await fill(database, served);
  const sync = await served.crm.serverSideSync?.(AbortSignal.timeout(30_000));
  assert.ok(sync);
  const { yaml, notes, mailboxes } = takeOver(sync, {
    organization: "Contoso",
    configuration: parseConfiguration(ORGANIZATION, "waypost.yaml"),
  });
  const taken = parseConfiguration(`${ORGANIZATION}${yaml}`, "waypost.yaml").mailboxes;
  assert.deepEqual(
    taken.map(({ address, user, queue, readFrom, outgoing, deleteAfterProcessing }) => [
      address,
      user ?? queue,
      readFrom,
      outgoing,
      deleteAfterProcessing,
    ]),
    [
      ["ann@contoso.com", "ann@contoso.com", "2026-11-20T08:00:00.000Z", undefined, false],
      ["support@contoso.com", "support@contoso.com", undefined, false, true],
    ],
  );
  assert.deepEqual(
    mailboxes.map(({ stillSynchronized }) => stillSynchronized),
    [["incoming", "outgoing"], ["incoming"]],
  );
  assert.deepEqual(
    notes.filter(({ kind }) => kind === "left out").map(({ about, name }) => `${about} ${name}`),
    ["user waypost"],
  );
});

/** What is in the file after an import beside `before`, with what was told. */
async function imported({ crm }: Served, before: string): Promise<{ readonly text: string; readonly takeover: Takeover }> {
  const sync = await crm.serverSideSync?.(AbortSignal.timeout(120_000));
  assert.ok(sync);
  const takeover = takeOver(sync, { organization: "Contoso", configuration: parseConfiguration(before, "waypost.yaml") });
  const text = takeover.yaml === "" ? before : addedTo(before, takeover.yaml);
  parseConfiguration(text, "waypost.yaml");
  return { text, takeover };
}

onBothEngines(
  "server-side synchronization over the Web API: odd rows are taken or left out, each with its reason",
  async (database, context) => {
    const served = await serve(database, context);
    await fill(database, served);
    await database.query("update crm.usersettings set incomingemailfilteringmethod = 3 where systemuserid = $1", [served.ann]);
    await database.query(
      `insert into crm.mailbox (name, emailaddress, statecode, regardingobjectid, regardingobjecttypecode, emailserverprofile, incomingemaildeliverymethod,
       outgoingemaildeliverymethod, enabledforincomingemail, emailrouteraccessapproval, isforwardmailbox, lastsyncstartedon, lastsuccessfulsynccompletedon)
     values ('O''Neill "the \u202e boss"', 'o''neill@contoso.com', 0, $1, 'systemuser', $3, 2, 0, true, 1, true, '2026-11-21T10:00:00Z', '2026-11-21T10:05:00Z'),
            ('A second Ann', 'ANN@contoso.com', 1, $1, 'systemuser', $3, 2, 2, true, 1, false, null, null),
            ('No profile', 'lost@contoso.com', 0, $2, 'queue', null, 2, 2, true, 1, false, null, null),
            ('Asleep', 'asleep@contoso.com', 1, $2, 'queue', $3, 2, 2, true, 1, false, null, null),
            ('Unapproved', 'unapproved@contoso.com', 0, $2, 'queue', $3, 2, 2, false, 2, false, null, null),
            ('Outlook', 'outlook@contoso.com', 0, $1, 'systemuser', $3, 1, 1, false, 1, false, null, null),
            ('Sink', 'sink@contoso.com', 0, null, null, $3, 2, 0, true, 1, null, null, null)`,
      [served.ann, served.support, PROFILE],
    );
    const { text, takeover } = await imported(served, ORGANIZATION);
    assert.deepEqual(
      parseConfiguration(text, "waypost.yaml").mailboxes.map(({ address, active, approved, forward, readFrom }) => [
        address,
        active,
        approved,
        forward,
        readFrom,
      ]),
      [
        ["ann@contoso.com", true, true, false, "2026-11-20T08:00:00.000Z"],
        ["asleep@contoso.com", false, true, false, undefined],
        ["o'neill@contoso.com", true, true, false, "2026-11-21T09:00:00.000Z"],
        ["sink@contoso.com", false, true, true, undefined],
        ["support@contoso.com", true, true, false, undefined],
        ["unapproved@contoso.com", true, false, false, undefined],
      ],
    );
    assert.deepEqual(
      takeover.mailboxes.slice(0, 2).map(({ filter }) => filter),
      ["email from email-enabled records", "all email messages"],
    );
    const told = takeover.notes.filter(({ kind }) => kind === "left out").map(({ about, name, because }) => `${about} ${name}: ${because}`);
    for (const expected of [
      /^mailbox A second Ann: Another mailbox with the same address/,
      /^mailbox No profile: It has no email server profile/,
      /^mailbox Outlook: Nothing of it is processed on a server/,
      /^user waypost: It has an address, but no mailbox/,
    ])
      assert.equal(told.filter((one) => expected.test(one)).length, 1, `${expected}\n${told.join("\n")}`);
    const again = await imported(served, text);
    assert.deepEqual([again.takeover.yaml, again.takeover.secrets, again.takeover.mailboxes], ["", [], []]);
    const mailboxes = await database.query<{ name: string }>("select name from crm.mailbox");
    const listed = new Set([...takeover.mailboxes.map(({ inDynamics }) => inDynamics), ...takeover.notes.map(({ name }) => name)]);
    assert.deepEqual(
      mailboxes.rows.filter(({ name }) => !listed.has(name)),
      [],
      "every mailbox is told of",
    );
  },
);

onBothEngines("server-side synchronization over the Web API: 5,001 mailboxes come in pages, each once", async (database, context) => {
  const served = await serve(database, context);
  await fill(database, served);
  await database.query(
    `insert into crm.mailbox (name, emailaddress, statecode, regardingobjectid, regardingobjecttypecode, emailserverprofile, incomingemaildeliverymethod, outgoingemaildeliverymethod,
       emailrouteraccessapproval, isforwardmailbox)
     select 'Mailbox ' || n, 'm' || n || '@contoso.com', 0, $1, 'queue', $2, 2, 2, 1, false from generate_series(1, 4999) n`,
    [served.support, PROFILE],
  );
  const { text, takeover } = await imported(served, ORGANIZATION);
  assert.equal(new Set(takeover.mailboxes.map(({ address }) => address)).size, 5_001);
  assert.equal((await imported(served, text)).takeover.yaml, "");
});

onBothEngines(
  "server-side synchronization over the Web API: mailboxes that it works on are told until it lets go",
  async (database, context) => {
    const served = await serve(database, context);
    await fill(database, served);
    const told = async () =>
      Object.fromEntries(
        [...((await served.crm.synchronizedElsewhere?.()) ?? [])].map(([address, one]) => [address, Object.keys(one)]).sort(),
      );
    assert.deepEqual(await told(), { "ann@contoso.com": ["receive", "send"], "support@contoso.com": ["receive"] });
    await database.query("update crm.mailbox set incomingemaildeliverymethod = 0 where name = 'Ann'");
    assert.deepEqual(await told(), { "ann@contoso.com": ["send"], "support@contoso.com": ["receive"] });
    await database.query("update crm.emailserverprofile set statecode = 1");
    assert.deepEqual(await told(), {});
  },
);

onBothEngines("server-side synchronization over the Web API: who may not read mailboxes works on none", async (database, context) => {
  const { crm } = await serve(database, context, "contacts only");
  await assert.rejects(async () => crm.synchronizedElsewhere?.(), { scope: "organization", code: "mailboxes not readable" });
});
