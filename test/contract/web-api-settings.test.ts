import assert from "node:assert/strict";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Database } from "../../src/database/database.ts";
import { onBothEngines } from "../databases.ts";
import { type Writer, writer } from "./web-api-rig.ts";

async function organization(database: Database, api: Writer) {
  const { rows } = await database.query<{ organizationid: string }>("select organizationid from crm.organization");
  const path = `organizations(${rows[0]?.organizationid})`;
  return {
    set: (body: object) => api.done("PATCH", path, body, { "if-match": "*" }),
    refused: (code: string, body: object) => api.refused(400, code, "PATCH", path, body),
  };
}

onBothEngines(
  "Web API: the organization's columns and OrgDbOrgSettings are its settings, and names that mean nothing here are kept",
  async (database) => {
    const crm = openEmbeddedCrm(database);
    const { set } = await organization(database, await writer(database));
    await set({ trackingprefix: "NEW:", ignoreinternalemail: true });
    await set({
      orgdborgsettings:
        "<OrgSettings><DoNotAutoTrackEmail>1</DoNotAutoTrackEmail><BackgroundSendBatchSize>20</BackgroundSendBatchSize><HideTrackAllOption>a &lt; b</HideTrackAllOption></OrgSettings>",
    });
    const { settings, unknown } = await crm.settings();
    assert.equal(settings.trackingprefix, "NEW:");
    assert.deepEqual(settings.trackingprefixhistory, ["CRM:"]);
    assert.equal(settings.ignoreinternalemail, true);
    assert.equal(settings.DoNotAutoTrackEmail, true);
    assert.equal(settings.BackgroundSendBatchSize, 20);
    assert.deepEqual(unknown, ["HideTrackAllOption"]);
    await set({
      orgdborgsettings: "<OrgSettings><BackgroundSendBatchSize>30</BackgroundSendBatchSize></OrgSettings>",
      ignoreinternalemail: null,
    });
    const after = await crm.settings();
    assert.equal(after.settings.DoNotAutoTrackEmail, false);
    assert.equal(after.settings.BackgroundSendBatchSize, 30);
    assert.equal(after.settings.ignoreinternalemail, false);
    assert.equal(after.settings.trackingprefix, "NEW:");
    assert.deepEqual(after.unknown, []);
  },
);

onBothEngines("Web API: a setting that is none is refused by its name, and none of its request is kept", async (database) => {
  const crm = openEmbeddedCrm(database);
  const { refused } = await organization(database, await writer(database));
  assert.match(await refused("0x80040203", { ignoreinternalemail: true, trackingprefix: "x".repeat(30) }), /trackingprefix/);
  assert.match(
    await refused("0x80040203", { orgdborgsettings: "<OrgSettings><BackgroundSendBatchSize>9999</BackgroundSendBatchSize></OrgSettings>" }),
    /BackgroundSendBatchSize/,
  );
  assert.match(
    await refused("0x80040203", { orgdborgsettings: "<OrgSettings><DoNotAutoTrackEmail>maybe</DoNotAutoTrackEmail></OrgSettings>" }),
    /DoNotAutoTrackEmail/,
  );
  for (const xml of [
    "<OrgSettings>",
    "no xml",
    "<Other/>",
    "<OrgSettings><a>1</a></OrgSettings>",
    "<OrgSettings><A><B/></A></OrgSettings>",
    '<!DOCTYPE x [<!ENTITY e "x">]><OrgSettings><A>&e;</A></OrgSettings>',
  ])
    await refused("0x80040201", { orgdborgsettings: xml });
  const { settings } = await crm.settings();
  assert.equal(settings.ignoreinternalemail, false);
  assert.equal(settings.trackingprefix, "CRM:");
});

onBothEngines("Web API: two that change different settings at once both succeed", async (database) => {
  const crm = openEmbeddedCrm(database);
  const { set } = await organization(database, await writer(database));
  await Promise.all([
    set({ ignoreinternalemail: true }),
    set({ trackingprefix: "A:" }),
    set({ hashmaxcount: 7 }),
    set({ enablesmartmatching: true }),
  ]);
  const { settings } = await crm.settings();
  assert.deepEqual(
    [settings.ignoreinternalemail, settings.trackingprefix, settings.hashmaxcount, settings.enablesmartmatching],
    [true, "A:", 7, true],
  );
});

onBothEngines("Web API: a user's settings are what the engine reads", async (database) => {
  const api = await writer(database);
  await api.done("PATCH", `usersettingscollection(${api.caller.userId})`, {
    incomingemailfilteringmethod: 3,
    autocreatecontactonpromote: 0,
  });
  await api.refused(400, "0x8004431a", "PATCH", `usersettingscollection(${api.caller.userId})`, { incomingemailfilteringmethod: 9 });
  const { rows } = await database.query("select incomingemailfilteringmethod from crm.usersettings where systemuserid = $1", [
    api.caller.userId,
  ]);
  assert.deepEqual(rows, [{ incomingemailfilteringmethod: 3 }]);
});

onBothEngines("Web API: a user's full name follows from first and last name", async (database) => {
  const api = await writer(database);
  const id = await api.make("systemusers", { firstname: "Ann", lastname: "Adams", internalemailaddress: "ann@crm.test" });
  async function fullName(): Promise<unknown> {
    return (await database.query("select fullname from crm.systemuser where systemuserid = $1", [id])).rows[0]?.fullname;
  }
  assert.equal(await fullName(), "Ann Adams");
  await api.done("PATCH", `systemusers(${id})`, { lastname: "Baker" });
  assert.equal(await fullName(), "Ann Baker");
});
