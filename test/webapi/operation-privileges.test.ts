import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Depth } from "../../src/crm/webapi/caller.ts";
import { OPERATIONS } from "../../src/crm/webapi/operations.ts";
import { TABLES } from "../../src/crm/webapi/tables.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { caller, functionUrl, messagesRig, quoted } from "./messages-rig.ts";

const ANN = "ann@crm.test";

/** Operations that tell everybody what they tell. */
const FOR_ALL: readonly string[] = ["RetrieveVersion", "WhoAmI"];

async function world(database: TestDatabase) {
  const crm = openEmbeddedCrm(database);
  const ann = (await crm.putUsers([{ name: "Ann", address: ANN }])).get(ANN) ?? "";
  const queues = await crm.putQueues(["one", "two"].map((name) => ({ name, address: `${name}@crm.test`, owner: ANN })));
  const [one = "", two = ""] = [...queues.values()];
  const from = { address: { name: "", address: ANN } };
  const to = [{ address: { name: "", address: "somebody@elsewhere.test" } }];
  const [email = "", pending = ""] = await crm.createEmails([
    { subject: "Draft", from, to },
    { subject: "Waits", from, to },
  ]);
  const rig = messagesRig(database, caller(ann));
  await crm.sendEmail(pending, ann);
  const added = await rig.call("POST", `queues(${one})/Microsoft.Dynamics.CRM.AddToQueue`, { Target: { "@odata.id": `emails(${email})` } });
  const item = String(added.body.QueueItemId);
  const [template, mailbox, contact] = [randomUUID(), randomUUID(), randomUUID()];
  await database.query(
    "insert into crm.template (templateid, title, subject, body, ownerid, templatetypecode) values ($1, 'x', 'x', 'x', $2, 'contact')",
    [template, ann],
  );
  await database.query("insert into crm.mailbox (mailboxid, name, ownerid) values ($1, 'x', $2)", [mailbox, ann]);
  await database.query("insert into crm.contact (contactid, lastname, emailaddress1, ownerid) values ($1, 'x', 'x@crm.test', $2)", [
    contact,
    ann,
  ]);
  const user = { "@odata.type": "Microsoft.Dynamics.CRM.systemuser", systemuserid: ann };
  const regarding = { "@odata.type": "Microsoft.Dynamics.CRM.contact", contactid: contact };
  const file = { activitymimeattachmentid: randomUUID(), filename: "a.pdf", "objectid_email@odata.bind": `/emails(${email})` };
  const message = {
    MessageId: "<a@elsewhere.test>",
    Subject: "x",
    From: "a@elsewhere.test",
    To: ANN,
    Cc: "",
    Bcc: "",
  };
  const delivered = {
    ...message,
    ReceivedOn: "2024-05-06T07:08:09Z",
    SubmittedBy: "a@elsewhere.test",
    Importance: "1",
    Body: "x",
    Attachments: [],
  };
  const asFunction = (name: string, parameters: Readonly<Record<string, string>>) => ({ path: functionUrl(name, parameters), body: null });
  const checked = Object.fromEntries(Object.entries(message).map(([name, value]) => [name, quoted(value)]));
  const calls: Readonly<Record<string, { readonly path: string; readonly body: object | null }>> = {
    AddToQueue: { path: `queues(${two})/Microsoft.Dynamics.CRM.AddToQueue`, body: { Target: { "@odata.id": `emails(${email})` } } },
    BackgroundSendEmail: {
      path: "BackgroundSendEmail",
      body: { Query: { "@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", EntityName: "systemuser" } },
    },
    CheckIncomingEmail: asFunction("CheckIncomingEmail", checked),
    CheckPromoteEmail: asFunction("CheckPromoteEmail", { MessageId: quoted("<a@elsewhere.test>"), Subject: quoted("x") }),
    CommitAttachmentBlocksUpload: {
      path: "CommitAttachmentBlocksUpload",
      body: { Target: file, BlockList: ["AAAA"], FileContinuationToken: randomUUID() },
    },
    DeliverImmediatePromoteEmail: { path: `emails(${email})/Microsoft.Dynamics.CRM.DeliverImmediatePromoteEmail`, body: delivered },
    DeliverIncomingEmail: { path: "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", body: delivered },
    DeliverPromoteEmail: { path: `emails(${email})/Microsoft.Dynamics.CRM.DeliverPromoteEmail`, body: delivered },
    GetTrackingTokenEmail: { path: "GetTrackingTokenEmail", body: { Subject: "x" } },
    InitializeAttachmentBlocksUpload: { path: "InitializeAttachmentBlocksUpload", body: { Target: file } },
    InstantiateTemplate: { path: "InstantiateTemplate", body: { TemplateId: template, ObjectType: "contact", ObjectId: contact } },
    PickFromQueue: { path: `queueitems(${item})/Microsoft.Dynamics.CRM.PickFromQueue`, body: { SystemUser: user, RemoveQueueItem: true } },
    ProcessInboundEmail: { path: `emails(${email})/Microsoft.Dynamics.CRM.ProcessInboundEmail`, body: {} },
    ReleaseToQueue: { path: `queueitems(${item})/Microsoft.Dynamics.CRM.ReleaseToQueue`, body: {} },
    RemoveFromQueue: { path: `queueitems(${item})/Microsoft.Dynamics.CRM.RemoveFromQueue`, body: {} },
    RetrieveMailboxTrackingFolders: asFunction("RetrieveMailboxTrackingFolders", { MailboxId: quoted(mailbox) }),
    RetrievePrincipalAccess: asFunction(`systemusers(${ann})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess`, {
      Target: JSON.stringify({ "@odata.id": `contacts(${contact})` }),
    }),
    RetrieveUserQueues: asFunction(`systemusers(${ann})/Microsoft.Dynamics.CRM.RetrieveUserQueues`, { IncludePublic: "true" }),
    RetrieveVersion: { path: "RetrieveVersion()", body: null },
    RouteTo: {
      path: "RouteTo",
      body: { Target: { "@odata.id": `queues(${two})` }, QueueItem: { queueitemid: item } },
    },
    SendEmail: { path: `emails(${email})/Microsoft.Dynamics.CRM.SendEmail`, body: { IssueSend: true } },
    SendEmailFromTemplate: {
      path: "SendEmailFromTemplate",
      body: { TemplateId: template, Regarding: regarding, Target: { "@odata.type": "Microsoft.Dynamics.CRM.email", subject: "x" } },
    },
    SendTemplate: {
      path: "SendTemplate",
      body: { TemplateId: template, Sender: user, Recipients: [regarding], Regarding: regarding },
    },
    UploadBlock: { path: "UploadBlock", body: { BlockId: "AAAA", BlockData: "AAAA", FileContinuationToken: randomUUID() } },
    WhoAmI: { path: "WhoAmI()", body: null },
  };
  return { ann, rig, calls, two };
}

/** What every table holds: how many rows, and how often they were written. */
async function state(database: TestDatabase): Promise<unknown> {
  const counts = TABLES.filter(({ name }) => name !== "usersettings").map(
    ({ name, from }) => `select '${name}' as name, count(*)::int as rows, max(versionnumber)::text as version from ${from}`,
  );
  return (await database.query(counts.join(" union all "))).rows;
}

const reading: ReadonlyMap<string, Depth> = new Map(TABLES.map(({ privilege }) => [`prvRead${privilege}`, "global"]));

onBothEngines(
  "whoever holds no privilege is refused every function and action with 403, but what it may know of itself",
  async (database) => {
    const { ann, rig, calls } = await world(database);
    const before = await state(database);
    for (const { name, kind } of OPERATIONS) {
      const call = calls[name];
      assert.ok(call, `there is no call of ${name}`);
      const as = caller(ann, { privileges: new Map() });
      const answer = await rig.call(kind === "function" ? "GET" : "POST", call.path, call.body ?? undefined, { as });
      assert.equal(answer.status, FOR_ALL.includes(name) ? 200 : 403, `${name}: ${answer.status} ${answer.message}`);
    }
    assert.deepEqual(await state(database), before);
  },
);

onBothEngines("whoever may only read writes nothing by any function or action, and is refused those that write", async (database) => {
  const { ann, rig, calls } = await world(database);
  const before = await state(database);
  const answered: string[] = [];
  for (const { name, kind } of OPERATIONS) {
    const call = calls[name];
    assert.ok(call, `there is no call of ${name}`);
    const as = caller(ann, { privileges: reading });
    const answer = await rig.call(kind === "function" ? "GET" : "POST", call.path, call.body ?? undefined, { as });
    if (answer.status === 403) continue;
    assert.equal(answer.status, 200, `${name}: ${answer.status} ${answer.message}`);
    answered.push(name);
  }
  assert.deepEqual(answered.sort(), [
    "CheckIncomingEmail",
    "CheckPromoteEmail",
    "GetTrackingTokenEmail",
    "InstantiateTemplate",
    "RetrieveMailboxTrackingFolders",
    "RetrievePrincipalAccess",
    "RetrieveUserQueues",
    "RetrieveVersion",
    "WhoAmI",
  ]);
  assert.deepEqual(await state(database), before);
});

onBothEngines("RouteTo and AddToQueue put nothing into a queue to which the caller may not append", async (database) => {
  const { ann, rig, calls, two } = await world(database);
  await openEmbeddedCrm(database).putUsers([{ name: "Ben", address: "ben@crm.test" }]);
  await database.query(
    "update crm.queue set ownerid = (select systemuserid from crm.systemuser where internalemailaddress = 'ben@crm.test') where queueid = $1",
    [two],
  );
  const as = caller(ann, {
    privileges: new Map<string, Depth>([...reading, ["prvAppendActivity", "global"], ["prvAppendToQueue", "basic"]]),
  });
  const before = await state(database);
  for (const name of ["RouteTo", "AddToQueue"]) {
    const answer = await rig.call("POST", calls[name]?.path ?? "", calls[name]?.body ?? {}, { as });
    assert.equal(answer.status, 403, `${name}: ${answer.message}`);
  }
  assert.deepEqual(await state(database), before);
});
