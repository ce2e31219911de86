import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { DEFAULT_BEHAVIOUR } from "../../src/crm/webapi/behaviour.ts";
import type { Database } from "../../src/database/database.ts";
import { onBothEngines } from "../databases.ts";
import { head, query, unique } from "./crm-fixtures.ts";
import { privileges, type Writer, writer } from "./web-api-rig.ts";

async function email(database: Database, id: string): Promise<Record<string, unknown>> {
  const { rows } = await database.query("select * from crm.email where activityid = $1", [id]);
  assert.ok(rows[0]);
  return rows[0];
}

async function parties(database: Database, id: string): Promise<unknown[]> {
  const { rows } = await database.query(
    `select participationtypemask as mask, partyobjecttypecode as type, partyid as id, partyidname as name, addressused as address, addressusedemailcolumnnumber as number
     from crm.activityparty where activityid = $1 order by ordinal`,
    [id],
  );
  return rows;
}

const from = (address: string) => ({ participationtypemask: 1, addressused: address });
const to = (address: string) => ({ participationtypemask: 2, addressused: address });

async function draft(api: Writer, sender: string, more: object = {}): Promise<string> {
  return api.make("emails", {
    subject: "Hello",
    description: "<p>Hello</p>",
    email_activity_parties: [from(sender), to("somebody@elsewhere.test")],
    ...more,
  });
}

async function sender(database: Database): Promise<string> {
  const address = unique("sender");
  await openEmbeddedCrm(database).putUsers([{ name: "Sender", address, letsOthersSend: true }]);
  return address;
}

onBothEngines("Web API: in another's name nobody sends by a status either who may not by SendEmail", async (database) => {
  const shy = unique("shy");
  await openEmbeddedCrm(database).putUsers([{ name: "Shy", address: shy }]);
  const [api, weak] = [await writer(database), await writer(database, { name: "Weak", may: privileges("global") })];
  const [open, closed] = [await draft(api, await sender(database)), await draft(api, shy)];
  const press = { statecode: 1, statuscode: 6 };
  await weak.refused(403, "0x8004480d", "PATCH", `emails(${open})`, press);
  await api.refused(403, "0x8004480d", "PATCH", `emails(${closed})`, press);
  assert.deepEqual([(await email(database, open)).statuscode, (await email(database, closed)).statuscode], [1, 1]);
  await api.done("PATCH", `emails(${open})`, press);
});

onBothEngines("Web API: an email made over it is the email that is made in process", async (database) => {
  const crm = openEmbeddedCrm(database);
  const api = await writer(database);
  const [known, address] = [unique("known"), await sender(database)];
  const [contact] = await crm.createRecords([{ type: "contact", lastname: "Known", addresses: [known] }]);
  assert.ok(contact);
  const file = Buffer.from("a file");
  const id = await api.make("emails", {
    subject: "Same",
    description: "<p>same</p>",
    prioritycode: 2,
    readreceiptrequested: true,
    "regardingobjectid_contact_email@odata.bind": `/contacts(${contact.id})`,
    "ownerid@odata.bind": `/systemusers(${[...(await crm.putUsers([{ name: "Sender", address }])).values()][0]})`,
    email_activity_parties: [
      from(address),
      to(known),
      to("somebody@elsewhere.test"),
      { participationtypemask: 3, "partyid_contact@odata.bind": `/contacts(${contact.id})` },
    ],
    email_activity_mime_attachment: [{ filename: "a.txt", mimetype: "text/plain", body: file.toString("base64") }],
  });
  const [other] = await crm.createEmails([
    {
      subject: "Same",
      html: "<p>same</p>",
      importance: 2,
      readReceiptRequested: true,
      from: { address: { name: "", address } },
      to: [{ address: { name: "", address: known } }, { address: { name: "", address: "somebody@elsewhere.test" } }],
      cc: [{ record: contact }],
      regarding: contact,
      attachments: [{ filename: "a.txt", mimetype: "text/plain", contentId: null, inline: false, body: file }],
    },
  ]);
  assert.ok(other);
  const [here, there] = [await crm.readEmail(id), await crm.readEmail(other)];
  const comparable = (whole: typeof here) =>
    JSON.parse(JSON.stringify(whole, (name, value) => (["id", "at", "createdon"].includes(name) ? undefined : value)));
  assert.deepEqual(comparable(here), comparable(there));
  assert.deepEqual(await parties(database, id), await parties(database, other));
  const columns = [
    "subject",
    "descriptionhash",
    "sender",
    "torecipients",
    "regardingobjectid",
    "regardingobjecttypecode",
    "regardingobjectidname",
    "attachmentcount",
    "ownerid",
    "owneridtype",
    "statuscode",
    "sendgeneration",
    "directioncode",
  ];
  const of = (row: Record<string, unknown>) => Object.fromEntries(columns.map((name) => [name, row[name]]));
  assert.deepEqual(of(await email(database, id)), of(await email(database, other)));
});

onBothEngines("Web API: an email that comes to Pending Send over it is pending, claimed and settled by the engine", async (database) => {
  const crm = openEmbeddedCrm(database);
  const api = await writer(database);
  const address = await sender(database);
  const id = await draft(api, address);
  assert.deepEqual(await crm.pending(address, 10, new Date()), []);
  await api.refused(400, "0x80048408", "POST", "emails", { subject: "x", statuscode: 6 });
  await api.refused(400, "0x8004022e", "PATCH", `emails(${id})`, { statecode: 1, statuscode: 7 });
  await api.done("PATCH", `emails(${id})`, { statecode: 1, statuscode: 6 });
  assert.deepEqual(await crm.pending(address, 10, new Date()), [{ id, generation: 1 }]);
  const claimed = await crm.claim(id, 1);
  assert.equal(claimed?.submitterId, api.caller.userId);
  assert.equal(claimed?.html, "<p>Hello</p>");
  assert.match(claimed?.subject ?? "", /^Hello CRM:\d+$/);
  assert.equal(await crm.claim(id, 1), null);
  assert.equal(await crm.settle(id, 1, { status: "failed", attempts: 10, note: "no" }), "settled");
  await api.done("PATCH", `emails(${id})`, { subject: "Hello again" });
  await api.done("PATCH", `emails(${id})`, { statecode: 1, statuscode: 6 });
  assert.deepEqual(await crm.pending(address, 10, new Date()), [{ id, generation: 2 }]);
});

onBothEngines(
  "Web API: whoever sends over it goes from Pending Send to Sending to Sent, or back, and one claimer of several wins",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    const api = await writer(database);
    const address = await sender(database);
    const id = await draft(api, address);
    await api.done("PATCH", `emails(${id})`, { statecode: 1, statuscode: 6 });
    const etag = `W/"${(await email(database, id)).versionnumber}"`;
    const claims = await Promise.all([1, 2, 3].map(() => api.send("PATCH", `emails(${id})`, { statuscode: 7 }, { "if-match": etag })));
    assert.deepEqual(claims.map(({ status }) => status).sort(), [204, 412, 412]);
    assert.equal((await email(database, id)).sender, address);
    assert.equal((await email(database, id)).torecipients, "somebody@elsewhere.test");
    await api.done("PATCH", `emails(${id})`, { statuscode: 6, deliveryattempts: 1 });
    assert.deepEqual(await crm.pending(address, 10, new Date()), [{ id, generation: 1 }]);
    await api.done("PATCH", `emails(${id})`, { statuscode: 7 });
    await api.done("PATCH", `emails(${id})`, { statuscode: 3, messageid: "<1@crm.test>" });
    const sent = await email(database, id);
    assert.equal(sent.messageid, "<1@crm.test>");
    assert.ok(sent.senton instanceof Date);
    assert.equal(sent.sendgeneration, 1);
    for (const status of [1, 2, 4, 6, 7])
      assert.equal((await api.send("PATCH", `emails(${id})`, { statecode: status === 1 ? 0 : 1, statuscode: status })).status, 400);
    const other = await draft(api, address);
    await api.done("PATCH", `emails(${other})`, { statecode: 1, statuscode: 6 });
    await api.done("PATCH", `emails(${other})`, { statuscode: 7 });
    await api.done("PATCH", `emails(${other})`, { statecode: 0, statuscode: 8 });
    assert.equal((await email(database, other)).statecode, 0);
  },
);

onBothEngines("Web API: where a completed email is read-only its status is too", async (database) => {
  const address = await sender(database);
  const api = await writer(database, { behaviour: { ...DEFAULT_BEHAVIOUR, changesCompletedStatus: false } });
  const id = await draft(api, address);
  await api.done("PATCH", `emails(${id})`, { statecode: 1, statuscode: 6 });
  await api.refused(400, "0x8004022e", "PATCH", `emails(${id})`, { statuscode: 7 });
  assert.equal((await email(database, id)).statuscode, 6);
});

onBothEngines("Web API: a closed email keeps subject, text and parties, and takes regarding, owner and Message-ID", async (database) => {
  const api = await writer(database);
  const account = await api.make("accounts", { name: "Contoso" });
  const id = await api.make("emails", {
    subject: "Received",
    directioncode: false,
    email_activity_parties: [from("a@elsewhere.test"), to("b@crm.test"), to("c@crm.test")],
  });
  await api.done("PATCH", `emails(${id})`, { statecode: 1, statuscode: 4, actualend: "2024-05-06T07:08:09Z" });
  const received = await email(database, id);
  assert.equal(received.torecipients, "b@crm.test;c@crm.test");
  assert.deepEqual(received.receivedon, new Date("2024-05-06T07:08:09Z"));
  for (const body of [{ subject: "x" }, { description: "x" }, { email_activity_parties: [] }, { directioncode: true }])
    await api.refused(400, "0x8004022e", "PATCH", `emails(${id})`, body);
  await api.refused(400, "0x8004022e", "PUT", `emails(${id})/email_activity_parties`, { value: [] });
  await api.refused(400, "0x8004022e", "POST", `emails(${id})/email_activity_mime_attachment`, { filename: "a.txt", body: "" });
  await api.done("PATCH", `emails(${id})`, { messageid: "<a@b>", "regardingobjectid_account_email@odata.bind": `/accounts(${account})` });
  const after = await email(database, id);
  assert.deepEqual([after.regardingobjectid, after.regardingobjecttypecode, after.regardingobjectidname], [account, "account", "Contoso"]);
  assert.deepEqual((await parties(database, id)).at(-1), {
    mask: 8,
    type: "account",
    id: account,
    name: "Contoso",
    address: null,
    number: null,
  });
});

onBothEngines("Web API: an email that arrived over it is found by the engine's questions", async (database) => {
  const crm = openEmbeddedCrm(database);
  const api = await writer(database);
  const id = await api.make("emails", {
    subject: "Question",
    directioncode: false,
    messageid: "q1@elsewhere.test",
    trackingtoken: "CRM:0001007",
    email_activity_parties: [from("a@elsewhere.test"), to("b@crm.test")],
  });
  await api.done("PATCH", `emails(${id})`, { statecode: 1, statuscode: 4 });
  const facts = await crm.facts(query([head({ from: ["b@crm.test"], inReplyTo: ["q1@elsewhere.test"] })]));
  assert.equal(facts.emailsByMessageId.size, 1);
});

onBothEngines("Web API: PUT replaces the parties of a draft, and keeps what it is about", async (database) => {
  const api = await writer(database);
  const address = await sender(database);
  const contact = await api.make("contacts", { lastname: "Known", emailaddress1: unique("known") });
  const id = await draft(api, address, { "regardingobjectid_contact_email@odata.bind": `/contacts(${contact})` });
  const before = await email(database, id);
  await api.done("PUT", `emails(${id})/email_activity_parties`, {
    value: [from(address), { "partyid_contact@odata.bind": `contacts(${contact})`, participationtypemask: 3 }],
  });
  const masks = (await parties(database, id)).map((party) => party && typeof party === "object" && Reflect.get(party, "mask"));
  assert.deepEqual(masks.sort(), [1, 3, 8]);
  const after = await email(database, id);
  assert.ok(Number(after.versionnumber) > Number(before.versionnumber));
  assert.equal(after.sender, address);
  await api.done("PATCH", `emails(${id})`, { email_activity_parties: [from(address)] });
  assert.equal((await parties(database, id)).length, 2);
  await api.refused(404, "0x80040217", "PUT", `emails(${id})/email_activity_parties`, {
    value: [{ participationtypemask: 2, "partyid_contact@odata.bind": `/contacts(${randomUUID()})` }],
  });
  assert.equal((await parties(database, id)).length, 2);
});

onBothEngines("Web API: parties without anybody, with line breaks or as rows of their own are refused", async (database) => {
  const api = await writer(database);
  const refuse = (code: string, party: object) =>
    api.refused(400, code, "POST", "emails", { subject: "x", email_activity_parties: [party] });
  await refuse("0x80043504", { participationtypemask: 2 });
  await refuse("0x80043518", { participationtypemask: 2, addressused: "a@b.test\r\nBcc: c@d.test" });
  await refuse("0x8004431a", { participationtypemask: 99, addressused: "a@b.test" });
  await refuse("0x80040200", { addressused: "a@b.test" });
  await refuse("0x80060888", {
    participationtypemask: 2,
    addressused: "a@b.test",
    "activityid_email@odata.bind": `/emails(${randomUUID()})`,
  });
  assert.equal((await api.send("POST", "activityparties", { participationtypemask: 2, addressused: "a@b.test" })).status, 400);
  assert.deepEqual((await database.query("select * from crm.email")).rows, []);
});

onBothEngines("Web API: attachments are counted, limited and stored once", async (database) => {
  const api = await writer(database);
  const id = await draft(api, await sender(database));
  const file = { filename: "a.txt", mimetype: "text/plain", body: Buffer.from("bytes\0").toString("base64") };
  const one = await api.make("activitymimeattachments", {
    ...file,
    objecttypecode: "email",
    "objectid_email@odata.bind": `/emails(${id})`,
  });
  await api.make(`emails(${id})/email_activity_mime_attachment`, { ...file, attachmentcontentid: "c1" });
  assert.equal((await email(database, id)).attachmentcount, 2);
  const { rows } = await database.query(
    "select attachmentnumber, filesize, isinline, hash from crm.activitymimeattachment order by attachmentnumber",
  );
  assert.equal(rows[0]?.hash, rows[1]?.hash);
  assert.deepEqual(
    rows.map(({ attachmentnumber, filesize, isinline }) => [attachmentnumber, Number(filesize), isinline]),
    [
      [1, 6, false],
      [2, 6, true],
    ],
  );
  await api.done("PATCH", `activitymimeattachments(${one})`, { body: "", filename: "b.txt" });
  await api.done("DELETE", `activitymimeattachments(${one})`);
  assert.equal((await email(database, id)).attachmentcount, 1);
  const post = { "objectid_email@odata.bind": `/emails(${id})` };
  await api.refused(400, "0x80043e09", "POST", "activitymimeattachments", { ...post, filename: "virus.EXE", body: "" });
  await api.refused(400, "0x80043e09", "POST", "activitymimeattachments", {
    ...post,
    filename: "a.txt",
    body: Buffer.alloc(5120 * 1024 + 1).toString("base64"),
  });
  await api.refused(400, "0x80048d19", "POST", "activitymimeattachments", { ...post, filename: "a.txt", body: "no base64" });
  assert.equal((await email(database, id)).attachmentcount, 1);
});

onBothEngines("Web API: a deleted email is known as deleted, and one made again is not", async (database) => {
  const crm = openEmbeddedCrm(database);
  const api = await writer(database);
  const id = await draft(api, await sender(database));
  await api.done("DELETE", `emails(${id})`);
  assert.deepEqual([...(await crm.deleted([id]))], [id]);
  await api.done("PATCH", `emails(${id})`, { subject: "again" });
  assert.deepEqual([...(await crm.deleted([id]))], []);
});

onBothEngines("Web API: columns that only the Deliver actions fill are ignored", async (database) => {
  const api = await writer(database);
  const id = await draft(api, await sender(database), {
    inreplyto: "x@y",
    conversationindex: "AQ==",
    correlationmethod: 3,
    senton: "2020-01-01T00:00:00Z",
  });
  const row = await email(database, id);
  assert.deepEqual([row.inreplyto, row.conversationindex, row.correlationmethod, row.senton], [null, null, 0, null]);
});

onBothEngines("Web API: header fields of a message are kept as the engine reads them, or refused", async (database) => {
  const api = await writer(database);
  const address = await sender(database);
  const id = await draft(api, address, { internetmessageheaders: '[["references","<a@b>"]]' });
  assert.deepEqual((await email(database, id)).internetmessageheaders, [["references", "<a@b>"]]);
  for (const headers of ['{"a":1}', "[[1,2]]", "no json"])
    await api.refused(400, "0x80040203", "PATCH", `emails(${id})`, { internetmessageheaders: headers });
});

onBothEngines(
  "Web API: parties of an incoming email stay as they are given, with it, later and in the place of others",
  async (database) => {
    const api = await writer(database);
    const known = "known@elsewhere.test";
    await openEmbeddedCrm(database).createRecords([{ type: "contact", lastname: "Known", addresses: [known] }]);
    const party = { participationtypemask: 1, addressused: known };
    const resolved = async (id: string) => {
      const { rows } = await database.query<{ resolved: boolean }>(
        "select partyid is not null as resolved from crm.activityparty where activityid = $1 order by ordinal",
        [id],
      );
      return rows.map((row) => row.resolved);
    };
    const incoming = await api.make("emails", { subject: "x", directioncode: false, email_activity_parties: [party] });
    assert.deepEqual(await resolved(incoming), [false]);
    await api.done("PUT", `emails(${incoming})/email_activity_parties`, { value: [party, { ...party, participationtypemask: 2 }] });
    assert.deepEqual(await resolved(incoming), [false, false]);
    const outgoing = await api.make("emails", { subject: "x", email_activity_parties: [{ ...party, participationtypemask: 2 }] });
    assert.deepEqual(await resolved(outgoing), [true]);
  },
);
