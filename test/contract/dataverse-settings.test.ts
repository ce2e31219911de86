/** Each setting of an organization that decides about email is read over HTTP as it stands there, and has Dynamics' default where nothing stands. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DEFAULT_SETTINGS, type OrganizationSettings } from "../../src/model/settings.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

/** Something else than the default of each; switches are the other way round. */
const OTHERWISE: Partial<OrganizationSettings> = {
  trackingprefix: "ABC:",
  trackingprefixhistory: ["OLD:", "CRM:"],
  trackingtokenidbase: 500,
  trackingtokeniddigits: 5,
  maximumtrackingnumber: 99_999,
  hashfilterkeywords: String.raw`^(re|aw):\s*`,
  hashmaxcount: 10,
  hashdeltasubjectcount: 1,
  hashminaddresscount: 3,
  maxfolderbasedtrackingmappings: 25,
  maxuploadfilesize: 10_240,
  blockedattachments: "exe;zip",
  CategoryKeyword: "InTheCrm",
  SSSForceFilteringMethodForUserMailboxes: 2,
  PlusAddressSeparator: "-",
  BackgroundSendBatchSize: 255,
  MaximumSubjectLengthOnMailServer: 400,
};

describe("settings of an organization of Dynamics", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite");
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  const isSetting = (name: string): name is keyof OrganizationSettings => name in DEFAULT_SETTINGS;
  const names = Object.keys(DEFAULT_SETTINGS).filter(isSetting);

  for (const name of names)
    test(`${name} is what it is there`, async () => {
      const value = DEFAULT_SETTINGS[name];
      const other = typeof value === "boolean" ? !value : OTHERWISE[name];
      assert.notEqual(other, undefined, "a new setting: say what else it can be");
      // An empty prefix is what switches tokens off in Dynamics.
      await here.settings(name === "trackingtokensenabled" ? { trackingprefix: "" } : { [name]: other });
      const settings = await here.crm.organizationSettings();
      assert.deepEqual(settings[name], other);
      const others = names.filter((one) => one !== name && !(name.startsWith("tracking") && one.startsWith("tracking")));
      for (const one of others) assert.deepEqual(settings[one], DEFAULT_SETTINGS[one], one);
    });

  test("a value that the rules cannot work with stops no mail: the default counts, and check tells it", async () => {
    await here.settings({});
    await here.database.query(`update crm.organization set settings = '{"SSSForceFilteringMethodForUserMailboxes": 7}'`);
    assert.deepEqual(await here.crm.organizationSettings(), DEFAULT_SETTINGS);
    const told: string[] = [];
    for await (const { result, message } of here.crm.check?.(new AbortController().signal) ?? [])
      if (result === "warning") told.push(message);
    assert.match(told.join(), /SSSForceFilteringMethodForUserMailboxes is 7, and Waypost takes the default, -1\./);
  });
});
