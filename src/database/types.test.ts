import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { onBothEngines } from "../../test/databases.ts";
import { decoderOf, encode } from "./types.ts";

const TEXT_ARRAY = 1009;
const text = fc.string({ unit: "grapheme" }).map((one) => one.replaceAll("\0", ""));

test("no text in an array can change the array's structure", () => {
  fc.assert(
    fc.property(fc.array(fc.option(text), { minLength: 1 }), (texts) => {
      const encoded = encode(texts);
      assert.ok(typeof encoded === "string");
      assert.deepEqual(decoderOf(TEXT_ARRAY)(encoded), texts);
    }),
  );
});

onBothEngines("any text, number, instant, bytes and JSON come back as they went in", async (database) => {
  const instant = fc.date({ min: new Date("1000-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
  const values = fc.tuple(
    text,
    fc.maxSafeInteger(),
    instant,
    fc.uint8Array(),
    fc.array(fc.option(text)),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  await fc.assert(
    fc.asyncProperty(values, async ([words, whole, when, bytes, list, real]) => {
      const { rows } = await database.query(
        "select $1::text as words, $2::int8 as whole, $3::timestamptz as when, $4::bytea as bytes, $5::text[] as list, $6::float8 as real, $7::jsonb as json",
        [words, whole, when, Buffer.from(bytes), list, real, JSON.stringify({ words, whole })],
      );
      const expected = {
        words,
        whole,
        when,
        bytes: Buffer.from(bytes),
        list,
        real: real === 0 ? rows[0]?.real : real,
        json: { words, whole },
      };
      assert.deepEqual(rows, [expected]);
    }),
    { numRuns: 60 },
  );
});
