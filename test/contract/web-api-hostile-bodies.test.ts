import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { BODY_LIMITS } from "../../src/crm/webapi/body.ts";
import { TABLES } from "../../src/crm/webapi/tables.ts";
import type { Database } from "../../src/database/database.ts";
import { onBothEngines } from "../databases.ts";
import { ROOT, writer } from "./web-api-rig.ts";

const WRITABLE = TABLES.filter(({ allows }) => allows.includes("create"));

/** Values of every kind that a column may be given, fitting and not. */
const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    "\u0000",
    "\ud800",
    "x".repeat(5_000),
    "2024-02-30T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01",
    "AAAA",
    "[[1]]",
    "{}",
    "",
  ),
  fc.date({ noInvalidDate: true, min: new Date("1500-01-01"), max: new Date("9998-01-01") }).map((at) => at.toISOString()),
  fc.uuid(),
  fc.integer(),
  fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, -1, 32_768, 2_147_483_648, 1e15, 1e300, 0.1, -0),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom([], {}, [[]], { "@odata.id": "x" }),
);

function body(name: string, depth: number): fc.Arbitrary<unknown> {
  const table = TABLES.find((one) => one.name === name);
  if (!table) return fc.constant({});
  const columns = table.columns.map(({ name: column, type }) => (type === "Lookup" ? `_${column}_value` : column));
  const binds = table.columns.flatMap(({ targets = [] }) => targets.map(({ navigation }) => `${navigation}@odata.bind`));
  const collections = table.collections.filter(({ deepInsert }) => deepInsert);
  const required = table.columns.filter((column) => column.required && column.type !== "Lookup").map((column) => column.name);
  const property = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...columns), value) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constantFrom(...binds, "nobody@odata.bind"),
        fc.oneof(
          value,
          fc.uuid().map((id) => `/accounts(${id})`),
          fc.constantFrom(`${ROOT}contacts(lastname='x')`, "/x(1)", "/accounts(%)"),
        ),
      ),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("x", "@odata.type", "__proto__", "name@x", "@", "constructor"), value) },
    ...(depth > 0 && collections.length > 0
      ? [
          {
            weight: 2,
            arbitrary: fc
              .constantFrom(...collections)
              .chain((one) => fc.tuple(fc.constant(one.navigation), fc.array(body(one.table, depth - 1), { maxLength: 3 }))),
          },
        ]
      : []),
  );
  return fc
    .tuple(fc.array(property, { maxLength: 8 }), fc.constantFrom(true, false))
    .map(([properties, whole]) => Object.fromEntries([...(whole ? required.map((one) => [one, "AAAA"] as const) : []), ...properties]));
}

async function rows(database: Database): Promise<number> {
  const counts = WRITABLE.map(({ name }) => `(select count(*) from crm.${name})`).join(" + ");
  const { rows: found } = await database.query<{ n: number }>(`select (${counts})::int as n`);
  return found[0]?.n ?? 0;
}

onBothEngines(
  "Web API: whatever JSON is sent is written or refused as Dynamics refuses, and a refusal leaves nothing",
  async (database) => {
    const api = await writer(database);
    let written = 0;
    const request = fc.constantFrom(...WRITABLE).chain((table) =>
      fc.record({
        table: fc.constant(table),
        sent: fc.oneof({ weight: 9, arbitrary: body(table.name, 2) }, { weight: 1, arbitrary: fc.jsonValue() }),
        change: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(request, async ({ table, sent, change }) => {
        const before = await rows(database);
        const path = change ? `${table.set}(${randomUUID()})` : table.set;
        const answer = await api.send(change ? "PATCH" : "POST", path, sent);
        assert.ok(answer.status === 204 || (answer.status >= 400 && answer.status < 500), `${answer.status} ${answer.message}`);
        assert.equal((await rows(database)) > before, answer.status === 204);
        if (answer.status === 204) written += 1;
      }),
      { numRuns: 150 },
    );
    assert.ok(written > 10, `only ${written} of all were bodies of rows`);
  },
);

onBothEngines("Web API: whatever is changed of a row that stands is changed or refused", async (database) => {
  const api = await writer(database);
  const made = new Map<string, string>();
  const ready = ["account", "contact", "lead", "task", "appointment", "email", "phonecall", "queue"];
  for (const name of ready) {
    const table = TABLES.find((one) => one.name === name);
    assert.ok(table);
    const title = table.columns.find((column) => column.name === (name === "contact" || name === "lead" ? "lastname" : table.title));
    made.set(name, await api.make(table.set, { [title?.name ?? "name"]: "x" }));
  }
  const request = fc.constantFrom(...ready).chain((name) => fc.record({ name: fc.constant(name), sent: body(name, 1) }));
  await fc.assert(
    fc.asyncProperty(request, async ({ name, sent }) => {
      const set = TABLES.find((one) => one.name === name)?.set ?? "";
      const answer = await api.send("PATCH", `${set}(${made.get(name)})`, sent, { "if-match": "*" });
      assert.ok(answer.status === 204 || (answer.status >= 400 && answer.status < 500), `${answer.status} ${answer.message}`);
    }),
    { numRuns: 150 },
  );
});

onBothEngines("Web API: bodies are limited in depth, rows and properties", async (database) => {
  const api = await writer(database);
  let deep: object = { subject: "x" };
  for (let depth = 0; depth < 8; depth++) deep = { name: "x", Account_Tasks: [], account_parent_account: [deep] };
  assert.match(await api.refused(400, "0x80048d19", "POST", "accounts", deep), /deep/);
  const parties = Array.from({ length: BODY_LIMITS.rows }, (_, n) => ({ participationtypemask: 2, addressused: `a${n}@b.test` }));
  assert.match(await api.refused(400, "0x80048d19", "POST", "emails", { subject: "x", email_activity_parties: parties }), /20000/);
  const before = await rows(database);
  const properties = Object.fromEntries(Array.from({ length: 2_001 }, (_, n) => [`name@x${n}`, 1]));
  assert.match(await api.refused(400, "0x80048d19", "POST", "accounts", properties), /2000/);
  assert.equal(await rows(database), before);
});
