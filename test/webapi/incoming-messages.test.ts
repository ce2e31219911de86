import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Caller } from "../../src/crm/webapi/caller.ts";
import { REASON } from "../../src/model/decision.ts";
import { STATUS } from "../../src/model/email.ts";
import type { OrganizationSettings } from "../../src/model/settings.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { type CallOptions, caller, functionUrl, messagesRig, quoted } from "./messages-rig.ts";

const ANN = "ann@crm.test";
const SUPPORT = "support@crm.test";
const BOB = "bob@customer.test";
const DELIVER = "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail";

interface Message {
  readonly messageId?: string;
  readonly subject?: string | null;
  readonly from?: string;
  readonly to?: string;
  readonly cc?: string;
  readonly bcc?: string;
  readonly extra?: Record<string, unknown>;
  readonly body?: Record<string, unknown>;
}

/** Ann is a user who takes answers only, Support a queue that takes all, Bob a contact. */
async function world(database: TestDatabase, settings: Partial<OrganizationSettings> = {}, filter: 0 | 1 | 2 | 3 | 4 = 1) {
  const crm = openEmbeddedCrm(database);
  await crm.putSettings(settings);
  const users = await crm.putUsers([{ name: "Ann", address: ANN, filter }]);
  const ann = users.get(ANN) ?? "";
  const queues = await crm.putQueues([{ name: "Support", address: SUPPORT, filter: 0, owner: ANN }]);
  const [bob] = await crm.createRecords([{ type: "contact", lastname: "Bob", addresses: [BOB], ownerId: ann }]);
  const rig = messagesRig(database, caller(ann));
  const check = async (message: Message, options?: CallOptions) => {
    const { body, ...answer } = await rig.call("GET", checkUrl(message), undefined, options);
    return answer.code === null ? [body.ShouldDeliver, body.ReasonCode] : [answer.status, answer.code, answer.message];
  };
  const deliver = (message: Message, options?: CallOptions) => rig.call("POST", DELIVER, parametersOf(message), options);
  const sent = async (subject: string, messageId: string) => {
    const [id] = await crm.createEmails([
      { from: { address: { name: "", address: ANN } }, to: [{ address: { name: "", address: BOB } }], subject, regarding: bob ?? null },
    ]);
    assert.ok(id);
    await crm.sendEmail(id, null, { issueSend: false });
    await database.query(
      "update crm.email set messageid = $2, trackingtoken = 'CRM:0001002', conversationindex = $3, baseconversationindex = $4, senton = '2026-03-09T12:00:00Z' where activityid = $1",
      [id, messageId, INDEX, Buffer.from(INDEX, "base64").subarray(0, 22).toString("base64")],
    );
    return id;
  };
  return { crm, rig, ann, queue: queues.get(SUPPORT) ?? "", bob, check, deliver, sent };
}

const INDEX = Buffer.from(Array.from({ length: 22 }, (_, index) => index + 1)).toString("base64");
const LATER_INDEX = Buffer.from([...Buffer.from(INDEX, "base64"), 1, 2, 3, 4, 5]).toString("base64");

function parametersOf(message: Message): Record<string, unknown> {
  return {
    MessageId: message.messageId ?? `<${randomUUID()}@customer.test>`,
    Subject: message.subject === undefined ? "Offer" : message.subject,
    From: message.from ?? BOB,
    To: message.to ?? ANN,
    Cc: message.cc ?? "",
    Bcc: message.bcc ?? "",
    ReceivedOn: "2026-03-10T09:00:00Z",
    SubmittedBy: ANN,
    Importance: "1",
    Body: "<p>Hello</p>",
    Attachments: [],
    ...(message.extra && { ExtraProperties: { "@odata.type": "Microsoft.Dynamics.CRM.email", ...message.extra } }),
    ...message.body,
  };
}

function checkUrl(message: Message): string {
  const { MessageId, Subject, From, To, Cc, Bcc, ExtraProperties } = parametersOf(message);
  const texts = Object.entries({ MessageId, Subject, From, To, Cc, Bcc }).map(([name, value]) => [
    name,
    typeof value === "string" ? quoted(value) : "null",
  ]);
  return functionUrl("CheckIncomingEmail", {
    ...Object.fromEntries(texts),
    ...(ExtraProperties !== undefined && { ExtraProperties: JSON.stringify(ExtraProperties) }),
  });
}

onBothEngines("CheckIncomingEmail tells the reason codes of wire 7.1", async (database) => {
  const { check, deliver, sent, crm } = await world(database);
  await sent("Offer", "sent1@crm.test");
  assert.deepEqual(await check({}), [false, REASON.noCorrelationMatch]);
  assert.deepEqual(await check({ to: "stranger@elsewhere.test" }), [false, REASON.noRecipientMatch]);
  assert.deepEqual(await check({ cc: SUPPORT }), [true, REASON.acceptAll]);
  assert.deepEqual(await check({ subject: "RE: Offer CRM:0001002" }), [true, REASON.correlationMatch]);
  assert.deepEqual(await check({ from: "" }), [false, REASON.invalidSender]);
  await crm.putUsers([{ name: "Ann", address: ANN, filter: 2 }]);
  assert.deepEqual(await check({}), [true, REASON.senderMatch]);
  await crm.putSettings({ DoNotAutoTrackEmail: true });
  assert.deepEqual(await check({}), [false, REASON.unknown]);
  await crm.putSettings({ ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement: false });
  assert.deepEqual(await check({ from: ANN }), [false, REASON.internalEmailRejected]);
  await crm.putSettings({});
  assert.equal((await deliver({ messageId: "<m1@customer.test>" })).code, null);
  assert.deepEqual(await check({ messageId: "<m1@customer.test>" }), [false, REASON.duplicate]);
});

onBothEngines(
  "In-Reply-To and the conversation index count only through ExtraProperties, and only where they are looked at",
  async (database) => {
    const { check, sent } = await world(database);
    await sent("Offer", "sent1@crm.test");
    const answers: Message[] = [
      { extra: { inreplyto: "<sent1@crm.test>" }, subject: "RE: Offer" },
      { extra: { conversationindex: LATER_INDEX }, subject: "RE: Offer" },
      { extra: { internetmessageheaders: JSON.stringify([["References", "<x@y.test> <sent1@crm.test>"]]) }, subject: "RE: Offer" },
    ];
    for (const message of answers) {
      assert.deepEqual(await check(message), [true, REASON.correlationMatch], JSON.stringify(message.extra));
      assert.deepEqual(await check(message, { behaviour: { readsExtraProperties: false } }), [false, REASON.noCorrelationMatch]);
      assert.deepEqual(await check({ ...message, extra: {} }), [false, REASON.noCorrelationMatch]);
    }
  },
);

onBothEngines("ExtraProperties with a property that emails do not have is refused", async (database) => {
  const { check, deliver } = await world(database);
  const [status, code] = await check({ extra: { references: "<a@b>" } });
  assert.deepEqual([status, code], [400, "0x80048d19"]);
  assert.equal((await deliver({ extra: { inreplyto: "x".repeat(321) } })).code, "0x80048d19");
  assert.equal((await deliver({ extra: { "regardingobjectid_account_email@odata.bind": "/accounts(x)" }, cc: SUPPORT })).code, null);
});

onBothEngines("DeliverIncomingEmail makes the whole email: correlation, parties, owner, queue items, status Received", async (database) => {
  const { deliver, sent, crm, ann, queue, bob } = await world(database);
  const earlier = await sent("Offer", "sent1@crm.test");
  const answer = await deliver({
    subject: "RE: Offer",
    cc: `${SUPPORT}; "Carl, C." <carl@stranger.test>`,
    extra: { inreplyto: "<sent1@crm.test>", conversationindex: LATER_INDEX, senton: "2026-03-10T08:59:00Z" },
    body: {
      Importance: "2",
      Attachments: [
        { "@odata.type": "Microsoft.Dynamics.CRM.attachment", filename: "offer.pdf", mimetype: "application/pdf", body: "SGVsbG8=" },
      ],
    },
  });
  assert.equal(answer.status, 200, answer.message);
  assert.equal(answer.body["@odata.context"], "https://crm.test/api/data/v9.2/$metadata#emails/$entity");
  const email = await crm.readEmail(String(answer.body.activityid));
  assert.ok(email);
  assert.equal(email.status, STATUS.received);
  assert.equal(email.outgoing, false);
  assert.equal(email.correlationMethod, 3);
  assert.equal(email.parentEmailId, earlier);
  assert.equal(email.correlatedEmailId, earlier);
  assert.deepEqual(email.regarding, bob);
  assert.equal(email.owner?.id, ann);
  assert.equal(email.inReplyTo, "sent1@crm.test");
  assert.deepEqual(
    email.queues.map(({ id }) => id),
    [queue],
  );
  assert.equal(email.html, "<p>Hello</p>");
  assert.equal(email.senton?.toISOString(), "2026-03-10T08:59:00.000Z");
  assert.equal(email.receivedon?.toISOString(), "2026-03-10T09:00:00.000Z");
  assert.deepEqual(
    email.attachments.map(({ filename, size }) => [filename, size]),
    [["offer.pdf", 5]],
  );
  const people = email.parties.map(({ participation, address, name, record }) => [participation, address, name, record?.type ?? null]);
  assert.deepEqual(
    people.filter(([participation]) => Number(participation) <= 4),
    [
      [1, BOB, "Bob", "contact"],
      [2, ANN, "Ann", "systemuser"],
      [3, SUPPORT, "Support", "queue"],
      [3, "carl@stranger.test", "Carl, C.", null],
    ],
  );
  const { rows } = await database.query<{ conversationindex: string; prioritycode: number; submittedby: string }>(
    "select conversationindex, prioritycode, submittedby from crm.email where activityid = $1",
    [email.id],
  );
  assert.deepEqual(rows, [{ conversationindex: LATER_INDEX, prioritycode: 2, submittedby: ANN }]);
});

onBothEngines(
  "DeliverIncomingEmail refuses with the reason code of the check, unless the caller says that it need not be asked",
  async (database) => {
    const { deliver, crm } = await world(database);
    const refused = await deliver({});
    assert.equal(refused.code, "0x8005e20b");
    assert.match(refused.message, /Reason Code: 1\.$/);
    assert.equal(
      (await deliver({ body: { ValidateBeforeCreate: true } }, { behaviour: { validatesUnlessTold: false } })).code,
      "0x8005e20b",
    );
    assert.equal((await deliver({ body: { ValidateBeforeCreate: false } })).code, null);
    assert.equal((await deliver({}, { behaviour: { validatesUnlessTold: false } })).code, null);
    assert.equal((await crm.listEmails({ limit: 10 })).emails.length, 2);
  },
);

onBothEngines("A message delivered twice, also at once, is one email and a duplicate", async (database) => {
  const { deliver, crm } = await world(database);
  const message = { messageId: "<twice@customer.test>", cc: SUPPORT };
  const answers = await Promise.all([deliver(message), deliver(message)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
  const other = await deliver({ ...message, subject: "Something else" });
  assert.match(other.message, /Reason Code: 0\.$/);
  assert.equal((await crm.listEmails({ limit: 10 })).emails.length, 1);
  const byEvidence = { behaviour: { messageIdTellsDuplicates: false } };
  assert.match((await deliver(message, byEvidence)).message, /Reason Code: 0\.$/);
  assert.equal((await deliver({ ...message, subject: "Something else" }, byEvidence)).code, null);
});

onBothEngines("Where the organization has no Deliver, no caller and no metadata knows it", async (database) => {
  const { deliver, check } = await world(database);
  const without = { behaviour: { deliversIncoming: false } };
  assert.deepEqual((await check({}, without)).slice(0, 1), [404]);
  assert.equal((await deliver({}, without)).status, 404);
});

onBothEngines("Blocked and too large attachments are left out, and the email says so", async (database) => {
  const { deliver, crm } = await world(database, { maxuploadfilesize: 1 });
  const attachment = (filename: string, bytes: number) => ({ filename, body: Buffer.alloc(bytes).toString("base64") });
  const answer = await deliver({
    cc: SUPPORT,
    body: { Attachments: [attachment("run.exe", 1), attachment("large.pdf", 1025), attachment("fits.pdf", 1024)] },
  });
  const email = await crm.readEmail(String(answer.body.activityid));
  assert.deepEqual(
    email?.attachments.map(({ filename }) => filename),
    ["fits.pdf"],
  );
  assert.equal(email?.notifications, 1);
  assert.equal((await deliver({ cc: SUPPORT, body: { Attachments: [{ filename: "x", body: "no base64!" }] } })).code, "0x80048d19");
  assert.equal(
    (await deliver({ cc: SUPPORT, body: { Attachments: [{ "@odata.type": "Microsoft.Dynamics.CRM.contact" }] } })).code,
    "0x80048d19",
  );
});

onBothEngines("Parameters that are missing, unknown or of another type are refused before anything is done", async (database) => {
  const { rig, deliver } = await world(database);
  const { Body: _, ...rest } = parametersOf({ cc: SUPPORT });
  const missing = await rig.call("POST", DELIVER, rest);
  assert.deepEqual([missing.status, missing.code], [400, "0x80040200"]);
  assert.match(missing.message, /'Body'/);
  assert.equal((await deliver({ body: { Subjekt: "x" } })).code, "0x80048d19");
  assert.equal((await deliver({ body: { ReceivedOn: "yesterday" } })).code, "0x80048d19");
  assert.equal((await deliver({ body: { Attachments: null } })).code, "0x80040200");
  assert.equal((await rig.call("GET", DELIVER)).status, 404);
  assert.equal((await rig.call("GET", "CheckIncomingEmail(MessageId='x')")).status, 400);
  assert.equal((await rig.call("GET", "CheckIncomingEmail(Nothing='x')")).status, 404);
  assert.equal((await rig.call("POST", "DeliverIncomingEmail", parametersOf({}))).status, 404);
});

onBothEngines(
  "DeliverPromoteEmail asks no filter, takes the caller's id, and makes sent mail of what the submitter wrote",
  async (database) => {
    const { rig, crm } = await world(database);
    const promote = (id: string, message: Message) =>
      rig.call("POST", `emails(${id})/Microsoft.Dynamics.CRM.DeliverPromoteEmail`, parametersOf(message));
    const [received, sent] = [randomUUID(), randomUUID()];
    assert.equal((await promote(received, { messageId: "<p1@customer.test>", body: { Importance: "high" } })).body.activityid, received);
    assert.equal((await crm.readEmail(received))?.status, STATUS.received);
    assert.equal((await promote(sent, { from: ANN, to: BOB })).body.activityid, sent);
    const email = await crm.readEmail(sent);
    assert.deepEqual([email?.status, email?.outgoing], [STATUS.sent, true]);
    assert.match((await promote(randomUUID(), { messageId: "<p1@customer.test>" })).message, /Reason Code: 0\.$/);
    assert.equal((await promote(received, { messageId: "<other@customer.test>" })).code, "0x80040237");
  },
);

onBothEngines("A promoted row that stood there at once is completed by a second call", async (database) => {
  const { rig, crm } = await world(database);
  const id = randomUUID();
  const promote = (body: Record<string, unknown>) =>
    rig.call(
      "POST",
      `emails(${id})/Microsoft.Dynamics.CRM.DeliverImmediatePromoteEmail`,
      parametersOf({ messageId: "<i1@customer.test>", body }),
    );
  assert.equal((await promote({ Body: "" })).status, 200);
  assert.equal((await crm.readEmail(id))?.html, null);
  assert.equal((await promote({ Body: "<p>whole</p>", Attachments: [{ filename: "a.txt", body: "YQ==" }] })).status, 200);
  const email = await crm.readEmail(id);
  assert.equal(email?.html, "<p>whole</p>");
  assert.equal(email?.attachments.length, 1);
});

onBothEngines("CheckPromoteEmail tells whether the message is an email already, in which direction", async (database) => {
  const { rig, sent, deliver } = await world(database);
  await sent("Offer", "sent1@crm.test");
  await deliver({ messageId: "<m1@customer.test>", cc: SUPPORT });
  const check = async (parameters: Record<string, string>) => {
    const { body, code } = await rig.call("GET", functionUrl("CheckPromoteEmail", parameters));
    return code ?? [body.ShouldPromote, body.ReasonCode];
  };
  assert.deepEqual(await check({ MessageId: "'<m1@customer.test>'" }), [false, REASON.duplicate]);
  assert.deepEqual(await check({ MessageId: "'<m1@customer.test>'", DirectionCode: "1" }), [true, REASON.unknown]);
  assert.deepEqual(await check({ MessageId: "'sent1@crm.test'", DirectionCode: "1", Subject: "'Offer'" }), [false, REASON.duplicate]);
  assert.deepEqual(await check({ MessageId: "'sent1@crm.test'", DirectionCode: "0" }), [true, REASON.unknown]);
  assert.equal(await check({ MessageId: "'x'", DirectionCode: "2" }), "0x80040203");
});

onBothEngines("Check needs prvReadActivity, Deliver prvCreateActivity, for the rows that they make", async (database) => {
  const { check, deliver, ann } = await world(database);
  const without = (...names: string[]): Caller => {
    const all = caller(ann);
    return { ...all, privileges: new Map([...all.privileges].filter(([name]) => !names.includes(name))) };
  };
  assert.deepEqual((await check({}, { as: without("prvReadActivity") })).slice(0, 2), [403, "0x80040220"]);
  assert.equal((await deliver({ cc: SUPPORT }, { as: without("prvCreateActivity") })).code, "0x80040220");
  const stranger = caller(randomUUID());
  const onlyOwn: Caller = { ...stranger, privileges: new Map([...stranger.privileges, ["prvCreateActivity", "basic"]]) };
  assert.equal((await deliver({ messageId: "<r1@customer.test>", cc: SUPPORT }, { as: onlyOwn })).code, "0x80040220");
  assert.equal((await deliver({ messageId: "<r1@customer.test>", cc: SUPPORT })).code, null);
});
