import assert from "node:assert/strict";
import { test } from "node:test";
import { readOrgDbSettings } from "./org-db-settings.ts";

test("switches are read by name, as text or as an attribute, and what is deeper belongs to nobody", () => {
  const xml =
    "<OrgSettings><DoNotAutoTrackEmail>true</DoNotAutoTrackEmail><BackgroundSendBatchSize> 25 </BackgroundSendBatchSize>" +
    '<TrackCategorizedItems value="false"/><Deep><Inner>1</Inner></Deep><Empty/></OrgSettings>';
  assert.deepEqual(
    [...(readOrgDbSettings(xml) ?? [])],
    [
      ["DoNotAutoTrackEmail", "true"],
      ["BackgroundSendBatchSize", "25"],
      ["TrackCategorizedItems", "false"],
    ],
  );
});

test("nothing set is no fault, and what is no XML is told", () => {
  assert.equal(readOrgDbSettings(null)?.size, 0);
  assert.equal(readOrgDbSettings(" ")?.size, 0);
  assert.equal(readOrgDbSettings("<OrgSettings><A>1</OrgSettings>"), null);
  assert.equal(readOrgDbSettings("not XML"), null);
  assert.equal(readOrgDbSettings(`<a>${"x".repeat(1_000_001)}</a>`), null);
});

test("entities of a document type are not expanded", () => {
  const bomb = '<!DOCTYPE o [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><OrgSettings><A>&b;</A></OrgSettings>';
  assert.equal(readOrgDbSettings(bomb), null);
});
