import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, DataverseClient } from "../../src/connectors/dataverse/client/client.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Step } from "../../src/ports.ts";
import { type DataverseOptions, dataverseUnderTest } from "./dataverse-under-test.ts";

async function checked(options: DataverseOptions = {}): Promise<{ steps: Step[]; emails: number }> {
  await using here = await dataverseUnderTest("pglite", options);
  const steps: Step[] = [];
  for await (const step of here.crm.check?.(new AbortController().signal) ?? []) steps.push(step);
  const { rows } = await here.database.query<{ emails: number }>("select count(*)::int as emails from crm.email");
  return { steps, emails: rows[0]?.emails ?? -1 };
}

function incomingOf(steps: readonly Step[]): string {
  return steps.find(({ name }) => name === "incoming mail")?.message ?? "";
}

test("check of Dynamics: says what it works as and how, and leaves no email behind", async () => {
  const { steps, emails } = await checked();
  assert.deepEqual(
    steps.map(({ name, result }) => `${name}: ${result}`),
    [
      "sign in: ok",
      "tables and columns: ok",
      "settings: ok",
      "other programs: ok",
      "addresses: ok",
      "incoming mail: ok",
      "outgoing mail: ok",
    ],
  );
  assert.match(steps[0]?.message ?? "", /signed in as Waypost\. The organization is of version \d/);
  assert.match(
    incomingOf(steps),
    /^Path C: .* rows.* Dynamics decides .*CheckIncomingEmail.* would also allow path B, .*DeliverIncomingEmail.* not taken: .* claim/,
  );
  assert.equal(emails, 0);
});

test("check of Dynamics: where the status of a completed email is read-only, it says so in Dynamics' words, how Waypost works then, and that one router only may run", async () => {
  const { steps, emails } = await checked({ behaviour: { changesCompletedStatus: false } });
  const last = steps.at(-1);
  assert.deepEqual([last?.name, last?.result, last?.code, last?.remedy === ""], ["outgoing mail", "warning", "one router only", false]);
  assert.match(last?.message ?? "", /status 6 to 7.*own ledger.*recorded as sent by SendEmail.*Only one router may run/s);
  assert.match(last?.serverSaid ?? "", /closed|read/i);
  assert.equal(emails, 0);
});

test("check of Dynamics: where nothing at all of a completed email can be written, it says what follows for answers and for what has left", async () => {
  const failure = new Failure({
    scope: "item",
    code: "request refused",
    message: "refused",
    serverSaid: "read-only",
    remedy: "",
    waitingHelps: false,
  });
  const refused: Answer = { kind: "refused", status: 400, code: "0x8004022e", failure };
  const around = (client: DataverseClient): DataverseClient => {
    let isPending = false;
    return {
      ...client,
      send: (request, options) => {
        const changes = request.method === "PATCH" || request.path.endsWith("SendEmail");
        if (changes && isPending) return Promise.resolve(refused);
        isPending ||= request.method === "PATCH";
        return client.send(request, options);
      },
    };
  };
  const { steps, emails } = await checked({ around });
  const last = steps.at(-1);
  assert.equal(last?.result, "warning");
  assert.match(last?.message ?? "", /Nor does SendEmail.*stays in Pending Send.*tracking token alone.*Only one router may run/s);
  assert.equal(emails, 0);
});

test("check of Dynamics: an organization that has no messages for incoming mail is served all the same, and it is said why", async () => {
  const { steps } = await checked({ behaviour: { deliversIncoming: false } });
  assert.match(incomingOf(steps), /^Path C: .* Waypost decides .* no CheckIncomingEmail\. The organization allows neither path A nor B/);
});

test("check of Dynamics: an organization that is set to the Email Router would allow path A too; Dynamics' verdict is asked where there is no more than that", async () => {
  await using here = await dataverseUnderTest("pglite");
  await here.database.query("update crm.organization set settings = settings || jsonb_build_object('emailconnectionchannel', 1)");
  const { decides, allowed, reason } = await here.crm.path();
  assert.deepEqual([decides, allowed], ["dynamics", ["A", "B"]]);
  assert.match(reason, /would also allow paths A and B, .* They are not taken/);
  const judging = here.another((client) => ({
    ...client,
    metadata: async (options) => {
      const known = await client.metadata(options);
      return { ...known, operations: new Map([...known.operations].filter(([name]) => name !== "DeliverIncomingEmail")) };
    },
  }));
  const other = await judging.path();
  assert.deepEqual([other.decides, other.allowed], ["dynamics", []]);
  assert.match(other.reason, /Dynamics decides .* allows neither path A nor B: it has no DeliverIncomingEmail\./);
});

test("check of Dynamics: a column that cannot be written together with a status is found out, too", async () => {
  const around = (client: DataverseClient): DataverseClient => ({
    ...client,
    send: async (request, options) => {
      const body = typeof request.body === "object" && request.body !== null ? request.body : {};
      if (request.method !== "PATCH" || !("trackingtoken" in body)) return client.send(request, options);
      const failure = { scope: "item", code: "request refused", message: "Read-only.", remedy: "None.", waitingHelps: false } as const;
      return { kind: "refused", status: 400, code: "0x80048408", failure: new Failure(failure) };
    },
  });
  const { steps, emails } = await checked({ around });
  assert.equal(steps.find(({ name }) => name === "outgoing mail")?.result, "warning");
  assert.equal(emails, 0);
});

test("check of Dynamics: the email of a check that was killed is taken away by the next; whose email was taken away meanwhile has been refused nothing", async () => {
  let onChange: () => Promise<void> = () => Promise.reject(new Error("killed"));
  const around = (client: DataverseClient): DataverseClient => ({
    ...client,
    send: async (request, options) => {
      if (["PATCH", "DELETE"].includes(request.method)) await onChange();
      return client.send(request, options);
    },
  });
  await using here = await dataverseUnderTest("pglite", { around });
  const outgoing = async () => {
    for await (const step of here.crm.check?.(new AbortController().signal) ?? []) if (step.name === "outgoing mail") return step;
    return undefined;
  };
  const emails = async () => (await here.database.query("select from crm.email")).rowCount;
  await assert.rejects(outgoing(), /killed/);
  assert.equal(await emails(), 1);
  onChange = async () => {};
  assert.equal((await outgoing())?.result, "ok");
  assert.equal(await emails(), 0);
  onChange = async () => {
    onChange = async () => {};
    await here.database.query("delete from crm.email");
  };
  const overtaken = await outgoing();
  assert.deepEqual([overtaken?.result, overtaken?.code], ["failed", "statuses tried elsewhere"]);
  assert.equal(await emails(), 0);
  assert.equal((await outgoing())?.result, "ok");
});
