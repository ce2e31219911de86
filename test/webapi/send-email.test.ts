import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DraftParty } from "../../src/crm/create-email.ts";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Caller } from "../../src/crm/webapi/caller.ts";
import { STATUS } from "../../src/model/email.ts";
import type { OrganizationSettings } from "../../src/model/settings.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { type CallOptions, caller, messagesRig } from "./messages-rig.ts";

const ANN = "ann@crm.test";
const BEN = "ben@crm.test";
const BOB = "bob@customer.test";

function at(address: string): DraftParty {
  return { address: { name: "", address } };
}

async function world(database: TestDatabase, settings: Partial<OrganizationSettings> = {}) {
  const crm = openEmbeddedCrm(database);
  await crm.putSettings(settings);
  const users = await crm.putUsers([
    { name: "Ann", address: ANN },
    { name: "Ben", address: BEN, letsOthersSend: true },
  ]);
  await crm.createRecords([{ type: "contact", lastname: "Bob", addresses: [BOB] }]);
  const ann = users.get(ANN) ?? "";
  const rig = messagesRig(database, caller(ann));
  const draft = async (subject = "Offer", from = ANN, to: readonly string[] = [BOB]) => {
    const [id = ""] = await crm.createEmails([{ subject, from: at(from), to: to.map(at) }]);
    return id;
  };
  const send = (id: string, parameters: Record<string, unknown> = { IssueSend: true, TrackingToken: "" }, options?: CallOptions) =>
    rig.call("POST", `emails(${id})/Microsoft.Dynamics.CRM.SendEmail`, parameters, options);
  return { crm, rig, draft, send, ann, ben: users.get(BEN) ?? "" };
}

onBothEngines("SendEmail makes a draft wait in Pending Send, with a token, addresses and who pressed Send", async (database) => {
  const { crm, draft, send, ann } = await world(database);
  const id = await draft();
  const answer = await send(id);
  assert.deepEqual([answer.status, answer.body.Subject], [200, "Offer CRM:0001001"]);
  assert.equal(answer.body["@odata.context"], "https://crm.test/api/data/v9.2/$metadata#Microsoft.Dynamics.CRM.SendEmailResponse");
  const email = await crm.readEmail(id);
  assert.deepEqual([email?.status, email?.subject, email?.trackingToken], [STATUS.pendingSend, "Offer CRM:0001001", "CRM:0001001"]);
  const { rows } = await database.query("select sender, torecipients, submitterid from crm.email where activityid = $1", [id]);
  assert.deepEqual(rows, [{ sender: ANN, torecipients: BOB, submitterid: ann }]);
  assert.deepEqual(
    email?.parties.map(({ address }) => address),
    [ANN, BOB],
  );
  const claimed = await crm.claim(id, 1);
  assert.deepEqual(
    [claimed?.subject, claimed?.trackingToken],
    ["Offer CRM:0001001", "CRM:0001001"],
    "who sends it gives it no second token",
  );
});

onBothEngines(
  "SendEmail takes the token that the caller got before, and gives one only where the organization does so",
  async (database) => {
    const { rig, crm, draft, send } = await world(database);
    const { body } = await rig.call("POST", "GetTrackingTokenEmail", { Subject: "Offer" });
    assert.deepEqual(body.TrackingToken, "CRM:0001001");
    assert.equal((await send(await draft(), { IssueSend: true, TrackingToken: "CRM:0001001" })).body.Subject, "Offer CRM:0001001");
    assert.equal((await send(await draft(), undefined, { behaviour: { allotsTokenOnSend: false } })).body.Subject, "Offer");
    assert.equal((await send(await draft(), { IssueSend: true })).body.Subject, "Offer CRM:0001002");
    assert.equal((await send(await draft(), { IssueSend: true, TrackingToken: "x".repeat(51) })).code, "0x80040203");
    await crm.putSettings({ trackingtokensenabled: false });
    assert.equal((await send(await draft())).body.Subject, "Offer");
    assert.equal((await rig.call("POST", "GetTrackingTokenEmail", {})).body.TrackingToken, "");
  },
);

onBothEngines("A subject is cut for its token, and two calls at once get two tokens", async (database) => {
  const { rig, draft, send } = await world(database, { MaximumSubjectLengthOnMailServer: 255 });
  const long = await send(await draft("x".repeat(400)));
  assert.equal(String(long.body.Subject).length, 255);
  assert.match(String(long.body.Subject), /x CRM:0001001$/);
  const tokens = await Promise.all([1, 2, 3].map(async () => (await rig.call("POST", "GetTrackingTokenEmail", {})).body.TrackingToken));
  assert.equal(new Set(tokens).size, 3);
});

onBothEngines(
  "IssueSend false records as sent what somebody else transmitted: a draft, and what waits or is being sent",
  async (database) => {
    const { crm, draft, send } = await world(database);
    const [plain, pending, sending] = [await draft(), await draft(), await draft()];
    for (const id of [pending, sending]) await send(id);
    await crm.claim(sending, 1);
    const before = await crm.readEmail(sending);
    for (const id of [plain, pending, sending]) {
      assert.equal((await send(id, { IssueSend: false })).status, 200);
      assert.equal((await crm.readEmail(id))?.status, STATUS.sent);
    }
    assert.equal((await crm.readEmail(plain))?.subject, "Offer", "what has left gets no token afterwards");
    assert.equal((await crm.readEmail(sending))?.subject, before?.subject);
    assert.equal((await send(plain, { IssueSend: false })).code, "0x8004023b");
  },
);

onBothEngines("SendEmail refuses what cannot be sent, in Dynamics' words", async (database) => {
  const { crm, draft, send } = await world(database);
  const sent = await draft();
  await send(sent);
  assert.equal((await send(sent)).code, "0x8004023b");
  assert.equal((await send(await draft("Offer", ANN, []))).code, "0x80040b04");
  assert.equal((await send(await draft("Offer", "nobody@crm.test"))).code, "0x80040b02");
  assert.equal((await send(await draft("Offer", ANN, ["stranger@elsewhere.test"]))).code, "0x80040203");
  await crm.createRecords([{ type: "lead", lastname: "No", addresses: ["no@customer.test"], doNotEmail: true }]);
  assert.equal((await send(await draft("Offer", ANN, ["no@customer.test"]))).code, "0x80040203");
  assert.deepEqual([(await send(randomUUID())).status, (await send(randomUUID())).code], [404, "0x80040217"]);
  assert.equal((await send(await draft(), {})).code, "0x80040200");
  await crm.putSettings({ allowunresolvedpartiesonemailsend: true });
  assert.equal((await send(await draft("Offer", ANN, ["stranger@elsewhere.test"]))).code, null);
});

onBothEngines("In another user's name sends who holds prvSendAsUser, where that user lets others", async (database) => {
  const { draft, send, ann, ben } = await world(database);
  assert.equal((await send(await draft("Offer", BEN))).code, "0x8004480d");
  const all = caller(ann);
  const may: Caller = { ...all, privileges: new Map([...all.privileges, ["prvSendAsUser", "global"]]) };
  assert.equal((await send(await draft("Offer", BEN), undefined, { as: may })).code, null);
  const asBen: Caller = { ...may, userId: ben };
  assert.equal((await send(await draft("Offer", ANN), undefined, { as: asBen })).code, "0x8004480d", "Ann lets nobody");
  const reads: Caller = { ...all, privileges: new Map([["prvReadActivity", "global"]]) };
  assert.deepEqual((await send(await draft(), undefined, { as: reads })).code, "0x80040220");
});

onBothEngines("Where SendEmail asks for a way out, the sender's mailbox, user or queue has one", async (database) => {
  const { draft, send, ann } = await world(database);
  const strict = { behaviour: { sendsWithMethodNone: false } };
  const id = await draft();
  assert.equal((await send(id, undefined, strict)).code, "0x8005e226");
  await database.query("update crm.systemuser set outgoingemaildeliverymethod = 2 where systemuserid = $1", [ann]);
  await database.query(
    "insert into crm.mailbox (regardingobjectid, regardingobjecttypecode, outgoingemaildeliverymethod) values ($1, 'systemuser', 0)",
    [ann],
  );
  assert.equal((await send(id, undefined, strict)).code, "0x8005e226");
  await database.query("update crm.mailbox set outgoingemaildeliverymethod = 2");
  assert.equal((await send(id, undefined, strict)).code, null);
  const { rows } = await database.query(
    "select sendermailboxid = mailboxid as bears from crm.email, crm.mailbox where activityid = $1 and mailbox.regardingobjectid = $2",
    [id, ann],
  );
  assert.deepEqual(rows, [{ bears: true }], "it bears its sender's mailbox");
  await database.query("update crm.mailbox set outgoingemaildeliverymethod = 0");
  assert.equal((await send(await draft())).code, null);
});

const QUERY = { "@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", EntityName: "systemuser" };

onBothEngines("BackgroundSendEmail hands out each pending email to one caller and marks it Sending", async (database) => {
  const { crm, rig, draft, send } = await world(database, { BackgroundSendBatchSize: 2 });
  const ids = [await draft("One"), await draft("Two"), await draft("Three")];
  for (const id of ids) await send(id);
  const take = (options?: CallOptions) => rig.call("POST", "BackgroundSendEmail", { Query: QUERY }, options);
  assert.deepEqual((await take({ behaviour: { honoursBackgroundSend: false } })).body.EntityCollection, []);
  const answers = await Promise.all([take(), take()]);
  const handedOut = answers.flatMap(({ body }) => body.EntityCollection as { activityid: string; subject: string; statuscode: number }[]);
  assert.equal(new Set(handedOut.map(({ activityid }) => activityid)).size, handedOut.length);
  for (const { statuscode, subject } of handedOut)
    assert.deepEqual([statuscode, /^(One|Two|Three) CRM:\d+$/.test(subject)], [STATUS.sending, true]);
  const rest = (await take()).body.EntityCollection as { activityid: string }[];
  assert.deepEqual([...handedOut, ...rest].map(({ activityid }) => activityid).sort(), [...ids].sort());
  assert.deepEqual((await take()).body.EntityCollection, []);
  for (const id of ids) assert.equal((await crm.readEmail(id))?.status, STATUS.sending);
});

onBothEngines(
  "BackgroundSendEmail looks at the senders that its query names, and refuses queries that name anything else",
  async (database) => {
    const { rig, draft, send, ann, ben } = await world(database);
    await send(await draft());
    const take = async (Query: Record<string, unknown>) => {
      const { code, body } = await rig.call("POST", "BackgroundSendEmail", { Query: { ...QUERY, ...Query } });
      return code ?? (body.EntityCollection as unknown[]).length;
    };
    const condition = (...ids: readonly string[]) => ({
      AttributeName: "systemuserid",
      Operator: "In",
      Values: ids.map((Value) => ({ Value, Type: "System.Guid" })),
    });
    assert.equal(await take({ EntityName: "queue" }), 0);
    assert.equal(await take({ Criteria: { FilterOperator: "And", Conditions: [condition(ben)] } }), 0);
    assert.equal(await take({ Criteria: { FilterOperator: "And", Conditions: [condition(ann, ben), condition(ben)] } }), 0);
    assert.equal(await take({ EntityName: "contact" }), "0x80040203");
    assert.equal(await take({ "@odata.type": "Microsoft.Dynamics.CRM.FetchExpression", Query: "<fetch/>" }), "0x80040203");
    assert.equal(
      await take({ Criteria: { Conditions: [{ AttributeName: "fullname", Operator: "Equal", Values: ["Ann"] }] } }),
      "0x80040203",
    );
    assert.equal(
      await take({ Criteria: { FilterOperator: "Or", Filters: [{ FilterOperator: "Or", Conditions: [condition(ann), condition(ben)] }] } }),
      1,
    );
  },
);
