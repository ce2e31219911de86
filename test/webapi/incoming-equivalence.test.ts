import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { deliverEmails } from "../../src/crm/deliver.ts";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { readFacts } from "../../src/crm/facts.ts";
import { readEmail } from "../../src/crm/read.ts";
import { readSettings } from "../../src/crm/settings.ts";
import { ApiFault } from "../../src/crm/webapi/exchange.ts";
import type { Decision } from "../../src/model/decision.ts";
import type { MessageHead } from "../../src/model/message.ts";
import type { Sql } from "../../src/model/sql.ts";
import { track } from "../../src/tracking/track.ts";
import { head as headOf } from "../contract/crm-fixtures.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { caller, functionUrl, messagesRig, quoted, type Rig } from "./messages-rig.ts";

const ANN = "ann@crm.test";
const BEN = "ben@crm.test";
const SUPPORT = "support@crm.test";
const SALES = "sales@crm.test";
const BOB = "bob@customer.test";
const STRANGER = "carl@stranger.test";
const PEOPLE = [ANN, BEN, SUPPORT, SALES, BOB, STRANGER, "ann+offers@crm.test"];
const INDEX = Buffer.from(Array.from({ length: 22 }, (_, index) => index + 1)).toString("base64");
const LATER_INDEX = Buffer.from([...Buffer.from(INDEX, "base64"), 1, 2, 3, 4, 5]).toString("base64");
const RECEIVED = new Date("2026-03-10T09:00:00Z");
const SENT = new Date("2026-03-10T08:59:00Z");

const flag = fc.boolean();
const settings = fc.record(
  {
    emailcorrelationenabled: flag,
    trackingtokensenabled: flag,
    enablesmartmatching: flag,
    ignoreinternalemail: flag,
    unresolveemailaddressifmultiplematch: flag,
    DoNotAutoTrackEmail: fc.constantFrom(false, false, false, true),
    DoNotCorrelateForwardedEmailsAsReplies: flag,
    IgnoreConversationIndexAndInReplyToForCorrelation: flag,
    UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: flag,
    OverrideV5SenderConflictResolution: flag,
    UnresolveSenderInCaseOfMultipleMatch: flag,
    IgnoreInternalEmailDetectionEnhancement: flag,
    DoNotIgnoreInternalEmailToQueues: flag,
    IgnoreInternalEmailFromQueues: flag,
    CreateQueueItemsForAcceptingQueueRecipients: flag,
    CreateQueueItemForSynchronizingMailbox: flag,
    AutoRouteToOwnerQueue: flag,
    SSSForceFilteringMethodForUserMailboxes: fc.constantFrom(-1, 0, 1, 2),
    SkipAutomaticReplies: flag,
  },
  { requiredKeys: [] },
);
const method = fc.constantFrom(0, 1, 2, 3, 4) as fc.Arbitrary<0 | 1 | 2 | 3 | 4>;
const queueMethod = fc.constantFrom(0, 1, 2, 3) as fc.Arbitrary<0 | 1 | 2 | 3>;
const some = fc.uniqueArray(fc.constantFrom(...PEOPLE), { maxLength: 3 });
const message = fc.record({
  from: fc.constantFrom(...PEOPLE),
  to: some,
  cc: some,
  bcc: some,
  subject: fc.constantFrom(
    "Offer for the mill",
    "RE: Offer for the mill",
    "FW: Offer for the mill",
    "RE: Offer for the mill CRM:0001002",
    "Lunch",
  ),
  messageId: fc.constantFrom("new@customer.test", "new@customer.test", "sent1@crm.test", "known@customer.test"),
  inReplyTo: fc.constantFrom(null, null, "sent1@crm.test", "known@customer.test", "gone@crm.test"),
  references: fc.constantFrom([], ["sent1@crm.test"], ["gone@crm.test", "known@customer.test"]),
  conversationIndex: fc.constantFrom(null, null, INDEX, LATER_INDEX),
  headers: fc.constantFrom([], [["auto-submitted", "auto-replied"] as [string, string]]),
});
const situation = fc.record({
  settings,
  ann: method,
  ben: method,
  support: queueMethod,
  message,
  mailbox: fc.constantFrom(ANN, BEN, SUPPORT),
});
type Situation = typeof situation extends fc.Arbitrary<infer One> ? One : never;

class Undo extends Error {}

/** Runs the work and takes back whatever it wrote. */
async function undone<T>(database: TestDatabase, work: (sql: Sql) => Promise<T>): Promise<T> {
  const kept: { result?: T } = {};
  await database
    .transaction(async (tx) => {
      kept.result = await work(tx);
      throw new Undo();
    }, "undone")
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error;
    });
  assert.ok("result" in kept);
  return kept.result as T;
}

async function prepare(
  sql: Sql,
  of: Situation,
  ids: { users: ReadonlyMap<string, string>; queues: ReadonlyMap<string, string> },
): Promise<void> {
  await sql.query("update crm.organization set settings = $1::jsonb", [JSON.stringify(of.settings)]);
  for (const [address, filter] of [
    [ANN, of.ann],
    [BEN, of.ben],
  ] as const)
    await sql.query("update crm.usersettings set incomingemailfilteringmethod = $2 where systemuserid = $1", [
      ids.users.get(address),
      filter,
    ]);
  await sql.query("update crm.queue set incomingemailfilteringmethod = $2 where queueid = $1", [ids.queues.get(SUPPORT), of.support]);
}

function headOfMessage({ message: { from, to, cc, bcc, inReplyTo, ...rest } }: Situation): MessageHead {
  const list = (addresses: readonly string[]) => addresses.map((address) => ({ name: "", address }));
  return {
    ...headOf({ ...rest, from: [from], to, cc, received: RECEIVED, date: SENT, inReplyTo: inReplyTo === null ? [] : [inReplyTo] }),
    bcc: list(bcc),
  };
}

/** As the engine does it in process: facts of the head, the rules, the delivery of what they placed. */
async function inProcess(sql: Sql, of: Situation, owner: { readonly type: "systemuser" | "queue"; readonly id: string }) {
  const head = headOfMessage(of);
  const mailbox = { address: of.mailbox, owner };
  const facts = await readFacts(sql, { mailbox, heads: [head] });
  const decision = track(head, facts, { mailbox: { ...mailbox, startDate: new Date(0) }, known: { emailId: null, how: null } });
  if (decision.placement === null) return { decision, row: null };
  const id = randomUUID();
  const references = head.references.length === 0 ? [] : [["references", head.references.map((one) => `<${one}>`).join(" ")] as const];
  await deliverEmails(sql, [
    {
      id,
      messageId: head.messageId,
      inReplyTo: head.inReplyTo[0] ?? null,
      conversationIndex: head.conversationIndex,
      subject: head.subject,
      received: RECEIVED,
      sent: SENT,
      html: "<p>Hello</p>",
      text: null,
      reply: null,
      attachments: [],
      notifications: 0,
      importance: 1,
      submittedBy: of.mailbox,
      headers: [...head.headers, ...references],
      placement: decision.placement,
    },
  ]);
  return { decision, row: await wholeRow(sql, id) };
}

/** Over the Web API: what of the head there are parameters for, the rest in ExtraProperties. */
async function overWebApi(sql: Sql, rig: Rig, of: Situation) {
  const { from, to, cc, bcc, subject, messageId, inReplyTo, references, conversationIndex, headers } = of.message;
  const all = references.length === 0 ? headers : [...headers, ["References", references.map((one) => `<${one}>`).join(" ")]];
  const parameters = { MessageId: `<${messageId}>`, Subject: subject, From: from, To: to.join(";"), Cc: cc.join(";"), Bcc: bcc.join(";") };
  const ExtraProperties = {
    "@odata.type": "Microsoft.Dynamics.CRM.email",
    inreplyto: inReplyTo,
    conversationindex: conversationIndex,
    senton: SENT.toISOString(),
    internetmessageheaders: JSON.stringify(all),
  };
  const rest = { ReceivedOn: RECEIVED.toISOString(), SubmittedBy: of.mailbox, Importance: "1", Body: "<p>Hello</p>", Attachments: [] };
  const behaviour = { messageIdTellsDuplicates: false };
  const answer = await rig
    .within(sql, "POST", "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", { ...parameters, ...rest, ExtraProperties }, { behaviour })
    .catch((error: unknown) => {
      if (error instanceof ApiFault && error.code === "0x8005e20b") return error;
      throw error;
    });
  if (answer instanceof ApiFault) return { reason: Number(/Reason Code: (-?\d+)/.exec(answer.message)?.[1]), row: null, url: null };
  const { activityid } = answer.body as { activityid: string };
  return { reason: null, row: await wholeRow(sql, activityid), url: null };
}

async function wholeRow(sql: Sql, id: string) {
  const email = await readEmail(sql, id);
  assert.ok(email);
  const { id: _, createdon: __, ...rest } = email;
  return rest;
}

function reasonOf(decision: Decision): number | null {
  return decision.outcome === "tracked" ? null : decision.reason;
}

onBothEngines("A message delivered over the Web API comes to the same reason and the same email as in process", async (database) => {
  const crm = openEmbeddedCrm(database);
  await crm.putSettings({ enablesmartmatching: true });
  const users = await crm.putUsers([
    { name: "Ann", address: ANN },
    { name: "Ben", address: BEN, aliases: [SALES] },
  ]);
  const queues = await crm.putQueues([
    { name: "Support", address: SUPPORT, owner: ANN },
    { name: "Sales", address: SALES, owner: BEN },
  ]);
  const [bob] = await crm.createRecords([
    { type: "contact", lastname: "Bob", addresses: [BOB], ownerId: users.get(BEN) ?? "" },
    { type: "lead", lastname: "Bob", addresses: [BOB] },
  ]);
  const [sent = ""] = await crm.createEmails([
    {
      subject: "Offer for the mill",
      from: { address: { name: "", address: ANN } },
      to: [{ address: { name: "", address: BOB } }],
      regarding: bob ?? null,
    },
  ]);
  await crm.sendEmail(sent, null, { issueSend: false });
  await database.query(
    "update crm.email set messageid = 'sent1@crm.test', trackingtoken = 'CRM:0001002', conversationindex = $2, baseconversationindex = $2, senton = '2026-03-09T12:00:00Z' where activityid = $1",
    [sent, INDEX],
  );
  const rig = messagesRig(database, caller(users.get(ANN) ?? ""));
  await rig.call("POST", "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", {
    MessageId: "<known@customer.test>",
    Subject: "Lunch",
    From: BOB,
    To: ANN,
    Cc: "",
    Bcc: "",
    ReceivedOn: "2026-03-09T13:00:00Z",
    SubmittedBy: ANN,
    Importance: "1",
    Body: "x",
    Attachments: [],
    ValidateBeforeCreate: false,
    ExtraProperties: { senton: "2026-03-09T12:59:00Z" },
  });
  const owners = new Map([
    [ANN, { type: "systemuser" as const, id: users.get(ANN) ?? "" }],
    [BEN, { type: "systemuser" as const, id: users.get(BEN) ?? "" }],
    [SUPPORT, { type: "queue" as const, id: queues.get(SUPPORT) ?? "" }],
  ]);
  let tracked = 0;
  await fc.assert(
    fc.asyncProperty(situation, async (of) => {
      const owner = owners.get(of.mailbox);
      assert.ok(owner);
      const there = await undone(database, async (sql) => {
        await prepare(sql, of, { users, queues });
        return inProcess(sql, of, owner);
      });
      const here = await undone(database, async (sql) => {
        await prepare(sql, of, { users, queues });
        return overWebApi(sql, rig, of);
      });
      assert.equal(here.reason, reasonOf(there.decision), JSON.stringify(there.decision.rules.map((one) => one.because)));
      assert.deepEqual(here.row, there.row);
      if (there.row) tracked++;
    }),
    { numRuns: 80 },
  );
  assert.ok(tracked > 10, `only ${tracked} of the messages were tracked`);
});

onBothEngines("Check and Deliver give the same reason where recipients decide", async (database) => {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([{ name: "Ann", address: ANN }]);
  await crm.createRecords([{ type: "contact", lastname: "Bob", addresses: [BOB] }]);
  const rig = messagesRig(database, caller(users.get(ANN) ?? ""));
  await fc.assert(
    fc.asyncProperty(method, fc.constantFrom(BOB, STRANGER, ANN), fc.constantFrom(ANN, STRANGER), async (filter, from, to) => {
      const [checked, delivered] = await undone(database, async (sql) => {
        await sql.query("update crm.usersettings set incomingemailfilteringmethod = $1", [filter]);
        const parameters = { MessageId: "<x@customer.test>", Subject: "Offer", From: from, To: to, Cc: "", Bcc: "" };
        const url = functionUrl(
          "CheckIncomingEmail",
          Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, quoted(value)])),
        );
        const check = await rig.within(sql, "GET", url);
        const rest = { ReceivedOn: RECEIVED.toISOString(), SubmittedBy: "", Importance: "1", Body: "", Attachments: [] };
        const answer = await rig
          .within(sql, "POST", "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", { ...parameters, ...rest })
          .catch((error: unknown) => error);
        return [check.body as { ShouldDeliver: boolean; ReasonCode: number }, answer];
      });
      if (delivered instanceof ApiFault) {
        assert.equal(checked.ShouldDeliver, false);
        assert.ok(delivered.message.endsWith(`Reason Code: ${checked.ReasonCode}.`), delivered.message);
      } else assert.equal(checked.ShouldDeliver, true);
    }),
    { numRuns: 40 },
  );
  assert.equal((await readSettings(database)).settings.DoNotAutoTrackEmail, false);
});
