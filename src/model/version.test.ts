import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { VERSION } from "./version.ts";

test("the version that people and servers are told is that of the package", () => {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  assert.equal(VERSION, z.object({ version: z.string() }).parse(JSON.parse(file)).version);
});
