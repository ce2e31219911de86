import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "../../src/ports.ts";
import { type DataverseOptions, dataverseUnderTest } from "./dataverse-under-test.ts";

async function checked(options: DataverseOptions = {}): Promise<{ steps: Step[]; emails: number }> {
  await using here = await dataverseUnderTest("pglite", options);
  const steps: Step[] = [];
  for await (const step of here.crm.check?.(new AbortController().signal) ?? []) steps.push(step);
  const { rows } = await here.database.query<{ emails: number }>("select count(*)::int as emails from crm.email");
  return { steps, emails: rows[0]?.emails ?? -1 };
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
  assert.match(steps.find(({ name }) => name === "incoming mail")?.message ?? "", /writes emails as rows under ids that it has claimed/);
  assert.equal(emails, 0);
});

test("check of Dynamics: where the status of a completed email is read-only, it says so in Dynamics' words, and leaves no email behind", async () => {
  const { steps, emails } = await checked({ behaviour: { changesCompletedStatus: false } });
  const last = steps.at(-1);
  assert.deepEqual([last?.name, last?.result, last?.code, last?.remedy === ""], ["outgoing mail", "failed", "status refused", false]);
  assert.match(last?.serverSaid ?? "", /closed|read/i);
  assert.equal(emails, 0);
});

test("check of Dynamics: an organization that has no messages for incoming mail is served all the same, and it is said why", async () => {
  const { steps } = await checked({ behaviour: { deliversIncoming: false } });
  assert.match(steps.find(({ name }) => name === "incoming mail")?.message ?? "", /no CheckIncomingEmail/);
});
