import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textInTurns, textOf } from "./answering.ts";

const answer = (body: unknown) => ({ status: 200, headers: {}, body });

test("a page is written in turns as it is written at once", async () => {
  const row = fc.dictionary(fc.string(), fc.jsonValue());
  const page = fc.record({
    "@odata.context": fc.string(),
    count: fc.constantFrom(undefined, 1),
    value: fc.oneof(fc.array(row, { minLength: 51, maxLength: 160 }), fc.array(row, { maxLength: 50 }), fc.string()),
    "@odata.nextLink": fc.constantFrom(undefined, "x"),
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(page, fc.jsonValue()), async (body) => assert.equal(await textInTurns(answer(body)), textOf(answer(body)))),
  );
});

test("while a page is written, others have their turn", async () => {
  let turns = 0;
  const clock = setInterval(() => void turns++, 0);
  const tick = () => {
    turns += 1;
    if (!isWritten) setImmediate(tick);
  };
  let isWritten = false;
  setImmediate(tick);
  await textInTurns(answer({ value: Array.from({ length: 5_000 }, (_, n) => ({ n })) }));
  isWritten = true;
  clearInterval(clock);
  assert.ok(turns >= 50, `${turns} turns`);
});
