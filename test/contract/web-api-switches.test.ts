/** One short story over HTTP under every setting of every switch, and under every fault: what is uncertain of Dynamics may change its turns, never its end. */
import assert from "node:assert/strict";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { type Behaviour, DEFAULT_BEHAVIOUR } from "../../src/crm/webapi/behaviour.ts";
import { STATUS } from "../../src/model/email.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { type FaultKind, Faults } from "../webapi/faults.ts";
import { serveOrganization } from "../webapi/served-organization.ts";
import { tokenOf } from "./dynamics-web-api-rig.ts";

const ANN = "ann@crm.test";
const BOB = "bob@customer.test";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly code: string | null;
  readonly body: Record<string, unknown>;
}

type Ask = (method: string, url: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

/** Ann takes all mail; Bob is her contact. */
async function people(database: TestDatabase): Promise<{ ann: string; bob: string }> {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([{ name: "Ann", address: ANN, filter: 0, letsOthersSend: true }]);
  const ann = users.get(ANN) ?? "";
  const [bob] = await crm.createRecords([{ type: "contact", lastname: "Bob", addresses: [BOB], ownerId: ann }]);
  return { ann, bob: bob?.id ?? "" };
}

async function asking(organization: Awaited<ReturnType<typeof serveOrganization>>): Promise<Ask> {
  const token = await tokenOf(organization);
  return async (method, url, body, headers = {}) => {
    const answer = await fetch(`${organization.url}/api/data/v9.2/${url}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const read: Record<string, unknown> = text === "" ? {} : JSON.parse(text);
    const { error } = read;
    const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : null;
    return { status: answer.status, headers: answer.headers, code: typeof code === "string" ? code : null, body: read };
  };
}

const MESSAGE = { MessageId: "<story@customer.test>", Subject: "Question", From: BOB, To: ANN, Cc: "", Bcc: "" };

/** The CRM keeps it without brackets. */
const STORED = "story@customer.test";

/** Incoming: asked for, delivered once; what a switch takes away is refused as what is not there. */
async function receive(ask: Ask, { deliversIncoming }: Behaviour): Promise<void> {
  const names = Object.keys(MESSAGE);
  const aliases = Object.values(MESSAGE).map((value, index) => `@p${index}=${encodeURIComponent(`'${value}'`)}`);
  const check = await ask("GET", `CheckIncomingEmail(${names.map((name, index) => `${name}=@p${index}`).join(",")})?${aliases.join("&")}`);
  const deliver = () =>
    ask("POST", "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", {
      ...MESSAGE,
      ReceivedOn: "2026-03-10T09:00:00Z",
      SubmittedBy: ANN,
      Importance: "1",
      Body: "<p>Hello</p>",
      Attachments: [],
    });
  if (!deliversIncoming) {
    assert.deepEqual([check.status, check.code, (await deliver()).status], [404, "0x8006088a", 404]);
    return;
  }
  assert.deepEqual([check.status, check.body.ShouldDeliver], [200, true]);
  const delivered = await deliver();
  assert.equal(delivered.status, 200, JSON.stringify(delivered.body));
  const read = await ask("GET", `emails(${String(delivered.body.activityid)})?$select=messageid,statuscode`);
  assert.deepEqual([read.body.messageid, read.body.statuscode], [STORED, STATUS.received]);
  await deliver();
  const found = await ask("GET", `emails?$select=subject&$filter=${encodeURIComponent(`messageid eq '${STORED}'`)}`);
  assert.equal(Array.isArray(found.body.value) && found.body.value.length, 1, "a message is one email, however often it is delivered");
}

async function draft(ask: Ask, { ann, bob }: { ann: string; bob: string }): Promise<string> {
  const made = await ask("POST", "emails", {
    subject: "Offer",
    email_activity_parties: [
      { "partyid_systemuser@odata.bind": `/systemusers(${ann})`, participationtypemask: 1 },
      { "partyid_contact@odata.bind": `/contacts(${bob})`, participationtypemask: 2 },
    ],
  });
  assert.equal(made.status, 204, JSON.stringify(made.body));
  return /\(([0-9a-f-]{36})\)$/.exec(made.headers.get("odata-entityid") ?? "")?.[1] ?? assert.fail("no id");
}

const statusOf = async (ask: Ask, id: string) => (await ask("GET", `emails(${id})?$select=statuscode`)).body.statuscode;

/** Outgoing: sent, claimed by whichever way is open, settled: sent once in the end. */
async function transmit(
  ask: Ask,
  { ann, bob }: { ann: string; bob: string },
  { changesCompletedStatus, sendsWithMethodNone, honoursBackgroundSend, allotsTokenOnSend }: Behaviour,
): Promise<void> {
  const id = await draft(ask, { ann, bob });
  const send = () => ask("POST", `emails(${id})/Microsoft.Dynamics.CRM.SendEmail`, { IssueSend: true, TrackingToken: "" });
  const route = async (method: number) =>
    assert.equal((await ask("PATCH", `systemusers(${ann})`, { outgoingemaildeliverymethod: method })).status, 204);
  if (!sendsWithMethodNone) {
    const { status, code } = await send();
    assert.deepEqual([status, code], [400, "0x8005e226"], "without a way out nothing is sent");
    await route(2);
  }
  const sent = await send();
  if (!sendsWithMethodNone) await route(0);
  assert.equal(sent.status, 200, JSON.stringify(sent.body));
  assert.equal(/^Offer CRM:\d+$/.test(String(sent.body.Subject)), allotsTokenOnSend);
  assert.equal(await statusOf(ask, id), STATUS.pendingSend);
  const background = await ask("POST", "BackgroundSendEmail", {
    Query: { "@odata.type": "Microsoft.Dynamics.CRM.QueryExpression", EntityName: "systemuser" },
  });
  const { EntityCollection } = background.body;
  assert.equal(background.status, 200, JSON.stringify(background.body));
  assert.equal(Array.isArray(EntityCollection) && EntityCollection.length, honoursBackgroundSend ? 1 : 0);
  if (!honoursBackgroundSend) {
    const { headers } = await ask("GET", `emails(${id})?$select=statuscode`);
    const claim = (etag: string | null) => ask("PATCH", `emails(${id})`, { statuscode: STATUS.sending }, { "If-Match": etag ?? "" });
    const claimed = await claim(headers.get("etag"));
    assert.equal(claimed.status, changesCompletedStatus ? 204 : 400);
    if (changesCompletedStatus) assert.deepEqual([(await claim(headers.get("etag"))).status], [412], "it is claimed once");
  }
  const settled = await ask("PATCH", `emails(${id})`, { statuscode: STATUS.sent });
  assert.equal(settled.status, changesCompletedStatus ? 204 : 400, JSON.stringify(settled.body));
  if (!changesCompletedStatus)
    assert.equal(
      (await ask("POST", `emails(${id})/Microsoft.Dynamics.CRM.SendEmail`, { IssueSend: false, TrackingToken: "" })).status,
      200,
    );
  assert.equal(await statusOf(ask, id), STATUS.sent);
}

const NAMES = [
  "changesCompletedStatus",
  "sendsWithMethodNone",
  "honoursBackgroundSend",
  "deliversIncoming",
  "readsExtraProperties",
] as const;
const MORE = ["validatesUnlessTold", "messageIdTellsDuplicates", "allotsTokenOnSend"] as const;

onBothEngines("the story comes to its end under every setting of every switch", async (database) => {
  assert.deepEqual([...NAMES, ...MORE].sort(), Object.keys(DEFAULT_BEHAVIOUR).sort(), "no switch is left out");
  const who = await people(database);
  const settings: Partial<Behaviour>[] = [
    {},
    ...[...NAMES, ...MORE].map((name) => ({ [name]: !DEFAULT_BEHAVIOUR[name] })),
    { honoursBackgroundSend: false, changesCompletedStatus: false },
  ];
  for (const behaviour of settings) {
    await using organization = await serveOrganization(database, { behaviour });
    const ask = await asking(organization);
    const all = { ...DEFAULT_BEHAVIOUR, ...behaviour };
    try {
      await receive(ask, all);
      await transmit(ask, who, all);
      assert.deepEqual(organization.faults, []);
    } catch (error) {
      throw new Error(`with ${JSON.stringify(behaviour)}`, { cause: error });
    }
    const found = await ask("GET", `emails?$select=activityid&$filter=messageid ne null`);
    const rows: unknown = found.body.value;
    assert.ok(Array.isArray(rows));
    for (const row of rows) assert.equal((await ask("DELETE", `emails(${Reflect.get(Object(row), "activityid")})`)).status, 204);
  }
});

/** Each fault as a client meets it. */
const FAULTS: readonly (readonly [fault: FaultKind, status: number | null, code: string | null, retryAfter: string | null])[] = [
  [{ kind: "requests", retryAfter: "2" }, 429, "0x80072322", "2"],
  [{ kind: "execution time", retryAfter: "0.5" }, 429, "0x80072321", "0.5"],
  [{ kind: "concurrent", retryAfter: "1" }, 429, "0x80072326", "1"],
  [{ kind: "precondition" }, 412, "0x80060882", null],
  [{ kind: "unavailable" }, 503, "0x80044150", null],
  [{ kind: "unavailable", retryAfter: "3" }, 503, "0x80044150", "3"],
  [{ kind: "slow", milliseconds: 300 }, 200, null, null],
  [{ kind: "expired delta token" }, 400, "0x80044352", null],
  [{ kind: "unexpected" }, 500, "0x80040216", null],
  [{ kind: "cut before" }, null, null, null],
  [{ kind: "cut after" }, null, null, null],
];

onBothEngines("each fault comes as Dynamics tells it, and afterwards the work can be done", async (database) => {
  const who = await people(database);
  const faults = new Faults();
  await using organization = await serveOrganization(database, { hook: faults });
  const ask = await asking(organization);
  for (const [fault, status, code, retryAfter] of FAULTS) {
    faults.plan({ fault });
    const began = performance.now();
    const answer = await ask("GET", "WhoAmI").catch(() => null);
    assert.deepEqual(
      [answer?.status ?? null, answer?.code ?? null, answer?.headers.get("retry-after") ?? null],
      [status, code, retryAfter],
      fault.kind,
    );
    if (fault.kind === "slow") assert.ok(performance.now() - began >= 290, "the answer takes its time");
    if (answer) assert.equal(answer.headers.get("odata-version"), "4.0");
    assert.equal((await ask("GET", "WhoAmI")).body.UserId, organization.userId, `after ${fault.kind}`);
  }
  assert.equal(faults.befell.length, FAULTS.length);
  await receive(ask, DEFAULT_BEHAVIOUR);
  await transmit(ask, who, DEFAULT_BEHAVIOUR);
  assert.deepEqual(organization.faults, []);
});

onBothEngines("a write whose answer is lost is done; one that was cut off before is not", async (database) => {
  const faults = new Faults();
  await using organization = await serveOrganization(database, { hook: faults });
  const ask = await asking(organization);
  for (const [kind, count] of [
    ["cut before", 0],
    ["cut after", 1],
  ] as const) {
    faults.plan({ fault: { kind }, of: ({ method }) => method === "POST" });
    await assert.rejects(ask("POST", "contacts", { lastname: kind }));
    const found = await ask("GET", `contacts?$select=lastname&$filter=${encodeURIComponent(`lastname eq '${kind}'`)}`);
    assert.equal(Array.isArray(found.body.value) && found.body.value.length, count);
  }
});
