import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILT_IN_ROLES } from "./roles.ts";
import { TABLES } from "./tables.ts";

test("roles that come with the program name only privileges that a table asks for", () => {
  const known = new Set(
    TABLES.flatMap(({ privilege }) =>
      ["Read", "Write", "Create", "Delete", "Append", "AppendTo", "Assign", "Share"].map((action) => `prv${action}${privilege}`),
    ),
  );
  const named = BUILT_IN_ROLES.flatMap(({ privileges }) => (privileges === "everything" ? [] : Object.keys(privileges)));
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((one) => !known.has(one)),
    [],
  );
});
