import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../model/failure.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import type { Sql } from "../model/sql.ts";
import { readSettings } from "./settings.ts";

function organizationWith(settings: unknown): Sql {
  return {
    async query<Row>() {
      return { rows: [{ settings }] as Row[], rowCount: 1, command: "SELECT" };
    },
  };
}

test("an organization without settings has Dynamics' defaults", async () => {
  assert.deepEqual(await readSettings(organizationWith({})), { settings: DEFAULT_SETTINGS, unknown: [] });
});

test("what the organization sets stands over the defaults, whatever else stands beside it", async () => {
  const { settings, unknown } = await readSettings(
    organizationWith({ trackingprefix: "", SSSForceFilteringMethodForUserMailboxes: 4, FutureSetting: [1] }),
  );
  assert.deepEqual(settings, { ...DEFAULT_SETTINGS, trackingprefix: "", SSSForceFilteringMethodForUserMailboxes: 4 });
  assert.deepEqual(unknown, ["FutureSetting"]);
});

test("a value out of the documented range is refused by name, for the whole organization", async () => {
  for (const wrong of [
    { trackingprefix: "x".repeat(21) },
    { trackingprefix: "CRM\r\n" },
    { maximumtrackingnumber: 0 },
    { MaximumSubjectLengthOnMailServer: 401 },
    { BackgroundSendBatchSize: 1.5 },
    { ignoreinternalemail: null },
    [],
    "text",
  ]) {
    await assert.rejects(
      readSettings(organizationWith(wrong)),
      (error) =>
        error instanceof Failure &&
        error.scope === "organization" &&
        error.code === "settings invalid" &&
        Object.keys(wrong).every((name) => typeof wrong !== "object" || error.message.includes(name)),
    );
  }
});
