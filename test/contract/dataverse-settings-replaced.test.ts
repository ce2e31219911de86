import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { DEFAULT_SETTINGS } from "../../src/model/settings.ts";
import type { Step } from "../../src/ports.ts";
import { head, incoming, query, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

/** An organization that has these columns set, as Dynamics lets it. */
function organizationWith(columns: Readonly<Record<string, unknown>>) {
  const answered = (request: Request, answer: Answer | undefined): Answer => {
    assert.ok(answer !== undefined);
    if (answer.kind !== "answered" || request.path !== "organizations") return answer;
    const wanted = (request.query?.$select ?? "").split(",");
    const set = Object.fromEntries(Object.entries(columns).filter(([name]) => wanted.includes(name)));
    const { body } = answer;
    assert.ok(typeof body === "object" && body !== null && "value" in body && Array.isArray(body.value));
    return { ...answer, body: { ...body, value: body.value.map((row: object) => ({ ...row, ...set })) } };
  };
  const around = (client: DataverseClient): DataverseClient => ({
    ...client,
    batch: async (requests, options) => {
      const answers = await client.batch(requests, options);
      return requests.map((request, at) => answered(request, answers[at]));
    },
  });
  return dataverseUnderTest("pglite", { around });
}

async function settingsStep({ crm }: DataverseUnderTest): Promise<Step | undefined> {
  const steps: Step[] = [];
  for await (const step of crm.check?.(new AbortController().signal) ?? []) steps.push(step);
  assert.deepEqual(
    steps.filter(({ result }) => result === "failed"),
    [],
  );
  return steps.find(({ name }) => name === "settings");
}

const switches = (given: Readonly<Record<string, unknown>>) =>
  `<OrgSettings>${Object.entries(given)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join("")}</OrgSettings>`;

test("settings of Dynamics: what only Dynamics works with may be whatever Dynamics allows, and nobody is told", async () => {
  await using here = await organizationWith({
    hashmaxcount: 60,
    hashminaddresscount: 0,
    hashdeltasubjectcount: 2_147_483_647,
    hashfilterkeywords: "^(?<a>re|fw)(?=:)",
    trackingtokeniddigits: 12,
    maximumtrackingnumber: 0,
  });
  const { hashfilterkeywords, trackingprefix } = await here.crm.organizationSettings();
  assert.deepEqual([hashfilterkeywords, trackingprefix], [DEFAULT_SETTINGS.hashfilterkeywords, "CRM:"]);
  const step = await settingsStep(here);
  assert.deepEqual([step?.result, step?.message], ["ok", "Emails are correlated. Tracking tokens begin with CRM:."]);
});

test("settings of Dynamics: a value beyond what Waypost works with is brought into it or takes its default; mail goes on, and check tells each", async () => {
  await using here = await organizationWith({
    maxuploadfilesize: 2_147_483_647,
    trackingprefix: "CRM\u0007",
    orgdborgsettings: switches({
      MaximumSubjectLengthOnMailServer: 500,
      BackgroundSendBatchSize: 300,
      AutoTrackSentFolderItems: "yes",
      SSSForceFilteringMethodForUserMailboxes: 7,
      DoNotAutoTrackEmail: "True",
      SomethingElse: "whatever",
    }),
  });
  assert.deepEqual(await here.crm.organizationSettings(), {
    ...DEFAULT_SETTINGS,
    maxuploadfilesize: 131_072,
    MaximumSubjectLengthOnMailServer: 400,
    BackgroundSendBatchSize: 255,
    DoNotAutoTrackEmail: true,
  });

  const facts = await here.crm.facts(query([head({ messageId: unique("m") })]));
  assert.equal(facts.settings.BackgroundSendBatchSize, 255);
  const email = incoming({});
  await here.crm.deliver([email]);
  assert.ok(await here.read(email.id));

  const step = await settingsStep(here);
  assert.deepEqual([step?.result, step?.code], ["warning", "settings replaced"]);
  for (const told of [
    "maxuploadfilesize is 2147483647, and Waypost takes 134217728.",
    "trackingprefix is CRM\u0007, and Waypost takes the default, CRM:.",
    "MaximumSubjectLengthOnMailServer is 500, and Waypost takes 400.",
    "BackgroundSendBatchSize is 300, and Waypost takes 255.",
    "AutoTrackSentFolderItems is yes, and Waypost takes the default, false.",
    "SSSForceFilteringMethodForUserMailboxes is 7, and Waypost takes the default, -1.",
  ])
    assert.ok(step?.message.includes(told), `${told}\n${step?.message}`);
  assert.doesNotMatch(step?.message ?? "", /DoNotAutoTrackEmail|SomethingElse/);
  assert.match(step?.remedy ?? "", /change .*AutoTrackSentFolderItems.* in Dynamics/);
});

test("settings of Dynamics: check tells of replaced ones and of smart matching in one step", async () => {
  await using here = await organizationWith({
    enablesmartmatching: true,
    orgdborgsettings: switches({ BackgroundSendBatchSize: 0 }),
  });
  const step = await settingsStep(here);
  assert.match(step?.message ?? "", /BackgroundSendBatchSize is 0, and Waypost takes 1\..*finds no email by it/);
  assert.match(step?.remedy ?? "", /BackgroundSendBatchSize.*tracking tokens/);
});
