import assert from "node:assert/strict";
import { test } from "node:test";
import { asJson } from "./json.ts";
import { ownDoor } from "./service-door.ts";

test("a result has the same shape from this process as over HTTP: dates are text, what is undefined is left out", () => {
  const at = new Date("2026-03-10T09:00:00.250Z");
  assert.deepEqual(asJson({ at, list: [at, null], missing: undefined }), { at: at.toISOString(), list: [at.toISOString(), null] });
});

test("the door of this process calls the operation with everything it was given", async () => {
  const given: unknown[] = [];
  const operations = { explain: async (...args: unknown[]) => given.push(...args) && { at: new Date(0) } };
  const door = ownDoor(operations as never);
  assert.deepEqual(await door.call("explain", "key", 1), { at: "1970-01-01T00:00:00.000Z" });
  assert.deepEqual(given, ["key", 1]);
});
