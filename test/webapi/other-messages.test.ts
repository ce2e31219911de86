import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { caller, functionUrl, messagesRig } from "./messages-rig.ts";

const ANN = "ann@crm.test";

async function world(database: TestDatabase) {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([
    { name: "Ann", address: ANN },
    { name: "Ben", address: "ben@crm.test" },
  ]);
  const [ann = "", ben = ""] = [...users.values()];
  const me = caller(ann);
  return { crm, me, ann, ben, rig: messagesRig(database, me) };
}

onBothEngines("WhoAmI and RetrieveVersion answer as the documentation's examples do, with and without parentheses", async (database) => {
  const { rig, me } = await world(database);
  const { rows } = await database.query<{ id: string }>("select organizationid as id from crm.organization");
  for (const url of ["WhoAmI()", "WhoAmI"]) {
    const { body } = await rig.call("GET", url);
    assert.deepEqual(body, {
      "@odata.context": "https://crm.test/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
      BusinessUnitId: me.businessUnitId,
      UserId: me.userId,
      OrganizationId: rows[0]?.id,
    });
  }
  assert.match(String((await rig.call("GET", "RetrieveVersion()")).body.Version), /^9\.2\.\d+\.\d+$/);
});

onBothEngines("RetrieveUserQueues lists a user's own queues, and the public ones for whoever asks", async (database) => {
  const { crm, rig, ann, ben } = await world(database);
  await crm.putQueues([{ name: "Own", address: "own@crm.test", owner: ANN }]);
  const [member = "", open = "", hidden = ""] = [
    ...(await crm.putQueues(["Member", "Open", "Secret"].map((name) => ({ name, address: `${name}@crm.test` })))).values(),
  ];
  await database.query("insert into crm.queuemembership (queueid, systemuserid) values ($1, $2)", [member, ann]);
  await database.query("update crm.queue set queueviewtype = 1 where queueid = any($1::uuid[])", [[member, hidden]]);
  const names = async (user: string, all: boolean) => {
    const { body } = await rig.call("GET", `systemusers(${user})/Microsoft.Dynamics.CRM.RetrieveUserQueues(IncludePublic=${all})`);
    return (body.value as { name: string }[]).map(({ name }) => name);
  };
  assert.deepEqual(await names(ann, false), ["Member", "Own"]);
  assert.deepEqual(await names(ann, true), ["Member", "Open", "Own"]);
  assert.deepEqual(await names(ben, false), []);
  await database.query("update crm.systemuser set queueid = $1 where systemuserid = $2", [open, ben]);
  assert.deepEqual(await names(ben, false), ["Open"]);
});

onBothEngines("RetrieveMailboxTrackingFolders lists the folders of a mailbox with what they are about", async (database) => {
  const { crm, rig } = await world(database);
  const [bob] = await crm.createRecords([{ type: "contact", lastname: "Bob" }]);
  const mailbox = randomUUID();
  await database.query("insert into crm.mailbox (mailboxid, name) values ($1, 'Ann')", [mailbox]);
  await database.query(
    "insert into crm.mailboxtrackingfolder (mailboxid, exchangefolderid, exchangefoldername, regardingobjectid, regardingobjecttypecode, folderonboardingstatus) values ($1, 'F1', 'Offers', $2, 'contact', 1), ($1, 'F2', 'Others', null, null, 0)",
    [mailbox, bob?.id],
  );
  const ask = (id: string) => rig.call("GET", functionUrl("RetrieveMailboxTrackingFolders", { MailboxId: `'${id}'` }));
  assert.deepEqual((await ask(mailbox)).body.MailboxTrackingFolderMappings, [
    {
      ExchangeFolderId: "F1",
      ExchangeFolderName: "Offers",
      RegardingObjectId: bob?.id,
      RegardingObjectName: "Bob",
      RegardingObjectTypeCode: 2,
      IsFolderOnboarded: true,
    },
    {
      ExchangeFolderId: "F2",
      ExchangeFolderName: "Others",
      RegardingObjectId: null,
      RegardingObjectName: null,
      RegardingObjectTypeCode: null,
      IsFolderOnboarded: false,
    },
  ]);
  assert.equal((await ask(randomUUID())).status, 404);
  assert.equal((await ask("nonsense")).code, "0x80040203");
});

onBothEngines("RetrievePrincipalAccess tells what another user may do with a row", async (database) => {
  const { crm, rig, ann, ben } = await world(database);
  const [bob] = await crm.createRecords([{ type: "contact", lastname: "Bob", ownerId: ben }]);
  await database.query("delete from crm.systemuserroles where systemuserid = $1", [ben]);
  const { rows } = await database.query<{ roleid: string }>("insert into crm.role (name) values ('Reader') returning roleid");
  const roleId = rows[0]?.roleid;
  await database.query(
    "insert into crm.roleprivileges values ($1, 'prvReadContact', 8), ($1, 'prvWriteContact', 1), ($1, 'prvCreateLead', 8)",
    [roleId],
  );
  await database.query("insert into crm.systemuserroles values ($1, $2)", [ben, roleId]);
  const url = `systemusers(${ben})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@tid)?@tid={'@odata.id':'contacts(${bob?.id})'}`;
  assert.equal((await rig.call("GET", url)).body.AccessRights, "ReadAccess, WriteAccess");
  await database.query("update crm.contact set ownerid = $1", [ann]);
  assert.equal((await rig.call("GET", url)).body.AccessRights, "ReadAccess");
  await database.query("delete from crm.systemuserroles where systemuserid = $1", [ben]);
  assert.equal((await rig.call("GET", url)).body.AccessRights, "None");
});

onBothEngines("ProcessInboundEmail takes received emails only", async (database) => {
  const { crm, rig } = await world(database);
  const deliver = await rig.call("POST", "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", {
    MessageId: "<m1@customer.test>",
    Subject: "Offer",
    From: "bob@customer.test",
    To: ANN,
    Cc: "",
    Bcc: "",
    ReceivedOn: "2026-03-10T09:00:00Z",
    SubmittedBy: ANN,
    Importance: "1",
    Body: "x",
    Attachments: [],
    ValidateBeforeCreate: false,
  });
  const [sent] = await crm.createEmails([{ subject: "Offer", from: { address: { name: "", address: ANN } } }]);
  const process = (id: unknown) => rig.call("POST", `emails(${id})/Microsoft.Dynamics.CRM.ProcessInboundEmail`, {});
  assert.equal((await process(deliver.body.activityid)).status, 204);
  assert.equal((await process(sent)).code, "0x8004023b");
  assert.equal((await process(randomUUID())).status, 404);
});
