import assert from "node:assert/strict";
import { onBothEngines } from "../../../test/databases.ts";
import { bodyOf, get, idOf, turnOf } from "../../../test/webapi/web-api.ts";
import type { Sql } from "../../model/sql.ts";

onBothEngines("a party is found by its key, and those of an address, without going through all of them", async (database) => {
  await database.query(`insert into crm.email (activityid, subject) values ('${idOf(1)}', 'To many')`);
  await database.query(
    `insert into crm.activityparty (activityid, ordinal, participationtypemask, addressused)
     select '${idOf(1)}', n, 2, 'Person' || n || '@x.test' from generate_series(1, 20000) n`,
  );
  await database.query("analyze crm.activityparty");
  const plans: string[] = [];
  const explaining: Sql = {
    query: async (text, values, options) => {
      if (text.includes("crm.activityparty")) {
        const { rows } = await database.query<Record<"QUERY PLAN", string>>(`explain ${text}`, values);
        plans.push(rows.map((row) => row["QUERY PLAN"]).join("\n"));
      }
      return database.query(text, values, options);
    },
  };
  const turn = { ...turnOf(database), sql: explaining };
  const [party] = bodyOf(await get(turn, "activityparties?$select=addressused&$filter=addressused eq 'person777@X.test'")).value;
  assert.equal(party?.addressused, "Person777@x.test");
  assert.equal(bodyOf(await get(turn, `activityparties(${party?.activitypartyid})?$select=addressused`)).addressused, "Person777@x.test");
  const several = `activityparties?$select=addressused&$filter=addressused eq 'person1@x.test' or addressused eq 'person2@x.test'`;
  assert.equal(bodyOf(await get(turn, several)).value.length, 2);
  assert.ok(plans.length >= 3);
  for (const plan of plans) assert.doesNotMatch(plan, /Seq Scan on activityparty/);
});
