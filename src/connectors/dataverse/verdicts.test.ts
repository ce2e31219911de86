import assert from "node:assert/strict";
import { test } from "node:test";
import { REASON } from "../../model/decision.ts";
import { Failure } from "../../model/failure.ts";
import { head } from "../../tracking/test-data.ts";
import type { Answer, DataverseClient, Request } from "./client/client.ts";
import type { Entity, Metadata, Operation } from "./client/metadata.ts";
import { Organization } from "./organization.ts";
import { readVerdicts } from "./verdicts.ts";

const OPERATION = { name: "CheckIncomingEmail", kind: "function", bound: null, parameters: [], returns: null } as const;

function organization(answers: readonly Answer[], { decides = true, has = true } = {}) {
  const asked: Request[][] = [];
  const metadata: Metadata = {
    entities: new Map<string, Entity>(),
    sets: new Map(),
    complexTypes: new Map(),
    operations: new Map<string, readonly Operation[]>(has ? [[OPERATION.name, [OPERATION]]] : []),
  };
  const unused = () => Promise.reject(new Error("not asked"));
  const client: DataverseClient = {
    root: "https://crm.test/api/data/v9.2/",
    send: unused,
    batch: async (requests) => {
      asked.push([...requests]);
      return answers.slice(0, requests.length);
    },
    changeSets: unused,
    metadata: async () => metadata,
    version: unused,
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return { asked, organization: new Organization({ client, decides }) };
}

const says = (ShouldDeliver: boolean, ReasonCode: number): Answer => ({
  kind: "answered",
  status: 200,
  headers: {},
  body: { ShouldDeliver, ReasonCode },
});
const MAILBOX = { address: "Ann@crm.example" };

test("all messages of a page are one batch, in their order; codes that nobody published are told as unknown", async () => {
  const { asked, organization: crm } = organization([says(true, 5), says(false, 1), says(false, 42)]);
  const heads = ["one", "two", "three"].map((subject) => head({ subject }));
  assert.deepEqual(await readVerdicts(crm, { mailbox: MAILBOX, heads }), [
    { delivers: true, reason: REASON.senderMatch },
    { delivers: false, reason: REASON.noCorrelationMatch },
    { delivers: false, reason: REASON.unknown },
  ]);
  assert.deepEqual(
    asked.map((some) => some.map((one) => one.query?.["@p2"])),
    [["'one'", "'two'", "'three'"]],
  );
});

test("quotes are doubled, addresses stand between semicolons and none can smuggle in another, and the mailbox is told where nothing names it", async () => {
  const { asked, organization: crm } = organization([says(true, 6), says(true, 6)]);
  const address = (text: string) => ({ name: "", address: text });
  const heads = [
    head({ subject: "It's", to: [address("o'neil@x.test"), address("a;b@x.test")], cc: [address("c@x.test")], bcc: [] }),
    head({ to: [address("ann@CRM.example")] }),
  ];
  await readVerdicts(crm, { mailbox: MAILBOX, heads });
  const [first, second] = asked[0] ?? [];
  assert.deepEqual(
    ["@p2", "@p4", "@p5", "@p6"].map((name) => first?.query?.[name]),
    ["'It''s'", "'o''neil@x.test'", "'c@x.test'", "'Ann@crm.example'"],
  );
  assert.equal(second?.query?.["@p6"], "''");
});

test("a message too long for an address, or one at which Dynamics takes offence, has no word; an answer that is none is a failure", async () => {
  const failure = new Failure({ scope: "item", code: "bad", message: "Bad.", remedy: "Mend it.", waitingHelps: false });
  const refused: Answer = { kind: "refused", status: 400, code: "0x80060888", failure };
  const { asked, organization: crm } = organization([refused, says(true, 6)]);
  const heads = [head({ subject: "odd" }), head({ subject: "x".repeat(20_000) }), head({ subject: "plain" })];
  assert.deepEqual(await readVerdicts(crm, { mailbox: MAILBOX, heads }), [null, null, { delivers: true, reason: REASON.acceptAll }]);
  assert.equal(asked[0]?.length, 2);
  const { organization: odd } = organization([{ kind: "answered", status: 200, headers: {}, body: "<html>" }]);
  await assert.rejects(readVerdicts(odd, { mailbox: MAILBOX, heads: [head()] }), Failure);
});

test("where the function cannot be asked, no message is decided: neither by what the rules here say, nor as one message's trouble", async () => {
  const refusal = (status: number, scope: "item" | "organization"): Answer => {
    const failure = new Failure({
      scope,
      code: "no",
      message: "No.",
      remedy: "Mend it.",
      waitingHelps: true,
      serverSaid: `status ${status}`,
    });
    return { kind: "refused", status, code: "0x80044151", failure };
  };
  for (const answer of [refusal(500, "organization"), refusal(403, "organization"), refusal(403, "item"), refusal(404, "item")]) {
    const { organization: crm } = organization([says(true, 6), answer]);
    await assert.rejects(
      readVerdicts(crm, { mailbox: MAILBOX, heads: [head(), head({ subject: "other" })] }),
      (error) => error instanceof Failure && error.scope === "organization" && /^status/.test(error.serverSaid ?? ""),
    );
  }
});

test("an organization without the function, or that is not to decide, is asked nothing", async () => {
  for (const which of [{ has: false }, { decides: false }]) {
    const { asked, organization: crm } = organization([], which);
    assert.equal(await readVerdicts(crm, { mailbox: MAILBOX, heads: [head()] }), null);
    assert.deepEqual(asked, []);
  }
});
