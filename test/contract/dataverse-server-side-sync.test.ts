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
    notes.filter(({ kind }) => kind === "left out").map(({ name }) => name),
    [],
  );
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
