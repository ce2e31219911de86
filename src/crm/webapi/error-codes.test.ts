import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { ERROR_CODES, fault } from "./error-codes.ts";

const TABLE = path.resolve(import.meta.dirname, "../../../../shared/schemas/dataverse/error-codes-v9.0.json");

test("names, codes and messages of refusals are those of Microsoft's table", async () => {
  const table = z
    .array(z.object({ name: z.string(), hex: z.string(), message: z.string() }))
    .parse(JSON.parse(await readFile(TABLE, "utf8")));
  const known = new Map(table.map((one) => [one.name, one]));
  for (const [name, { code, message }] of Object.entries(ERROR_CODES))
    assert.deepEqual({ name, hex: code, message }, pick(known.get(name)), name);
});

function pick(one: { name: string; hex: string; message: string } | undefined) {
  return one && { name: one.name, hex: one.hex, message: one.message };
}

test("a refusal fills the places of its message", () => {
  assert.equal(
    fault("RecordNotFoundByEntityKey", null, ["account"]).message,
    "A record with the specified key values does not exist in account entity",
  );
});
