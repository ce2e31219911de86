import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { creation, deletion, literal, pathOf, update } from "./rows.ts";

const ID = "7b3d1f6e-0000-4000-8000-0123456789ab";
const ROW = { set: "emails", id: ID };

describe("a change to a row", () => {
  test("says which version it changes, or that any will do: it never makes a row by accident", () => {
    assert.deepEqual(update(ROW, { etag: 'W/"12"' }, { subject: "x" }), {
      method: "PATCH",
      path: `emails(${ID})`,
      body: { subject: "x" },
      repeatable: false,
      headers: { "If-Match": 'W/"12"' },
    });
    assert.deepEqual(update(ROW, "any", {}).headers, { "If-Match": "*" });
    assert.deepEqual(deletion(ROW, { etag: 'W/"12"' }).headers, { "If-Match": 'W/"12"' });
  });

  test("is sent again without asking only where any version will do", () => {
    assert.equal(update(ROW, "any", {}).repeatable, true);
    assert.equal(update(ROW, { etag: 'W/"12"' }, {}).repeatable, false);
    assert.equal(creation("emails", {}).repeatable, undefined);
  });

  test("tells what it became where that is asked for, beside what the caller prefers", () => {
    const request = creation("emails", { subject: "x" }, { returning: ["activityid"], headers: { prefer: "odata.include-annotations=*" } });
    assert.deepEqual(request.query, { $select: "activityid" });
    assert.deepEqual(request.headers, { Prefer: "odata.include-annotations=*,return=representation" });
  });
});

test("a row is named by its id or by a key, and by nothing that could be something else", () => {
  assert.equal(
    pathOf({ set: "accounts", id: { accountnumber: "O'Neil/2", version: 3 } }),
    "accounts(accountnumber='O''Neil%2F2',version=3)",
  );
  assert.throws(() => pathOf({ set: "accounts", id: "1)/x" }), TypeError);
  assert.throws(() => pathOf({ set: "a/b", id: ID }), TypeError);
  assert.throws(() => pathOf({ set: "accounts", id: { "a=b": 1 } }), TypeError);
  assert.throws(() => pathOf({ set: "accounts", id: {} }), TypeError);
  assert.equal(literal("it's"), "'it''s'");
});
