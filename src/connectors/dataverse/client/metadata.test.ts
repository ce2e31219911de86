import assert from "node:assert/strict";
import { test } from "node:test";
import { type Entity, type Navigation, navigationName } from "./metadata.ts";

const single = (name: string, target: string, property: string | null = null): Navigation => ({
  ...{ name, target, property },
  collection: false,
});

const email: Entity = {
  name: "email",
  set: "emails",
  key: ["activityid"],
  alternateKeys: [],
  properties: new Map(),
  navigation: new Map(
    [
      single("regardingobjectid_account_email", "account"),
      single("regardingobjectid_account", "account"),
      single("regardingobjectid_New_Thing_email", "new_thing"),
      single("EmailTemplate", "template", "_templateid_value"),
      { name: "email_activity_parties", target: "activityparty", collection: true, property: null },
    ].map((one) => [one.name, one]),
  ),
  changeTracking: null,
};

test("a lookup is bound by the name that the organization's metadata has for it", () => {
  assert.equal(navigationName(email, "templateid", "template"), "EmailTemplate");
  assert.equal(navigationName(email, "regardingobjectid", "account"), "regardingobjectid_account_email");
  assert.equal(navigationName(email, "regardingobjectid", "new_thing"), "regardingobjectid_New_Thing_email");
});

test("a lookup that the organization does not know has no name", () => {
  assert.equal(navigationName(email, "regardingobjectid", "contact"), null);
  assert.equal(navigationName(email, "email_activity_parties", "activityparty"), null);
});
