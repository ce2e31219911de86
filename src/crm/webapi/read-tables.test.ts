import assert from "node:assert/strict";
import { onBothEngines } from "../../../test/databases.ts";
import { bodyOf, get, idOf, turnOf } from "../../../test/webapi/web-api.ts";
import { classOf } from "./comparison-sql.ts";
import { propertyName, readableColumns } from "./names.ts";
import type { Turn } from "./service.ts";
import type { Table } from "./table.ts";
import { TABLES } from "./tables.ts";

const LITERALS = {
  text: "'x'",
  guid: idOf(1),
  number: "1",
  boolean: "true",
  instant: "2026-01-01T00:00:00Z",
  date: "2026-01-01",
} as const;

onBothEngines("every table is read, filtered and put in order by every column, and expanded by every navigation", async (database) => {
  const turn = turnOf(database);
  for (const table of TABLES) {
    await reads(table, "");
    const columns = readableColumns(table).filter((one) => one.filter !== false && one.type !== "Binary");
    await reads(table, `$filter=${columns.map((one) => `${propertyName(one)} eq ${LITERALS[classOf(one)]}`).join(" or ")}`);
    await reads(table, `$filter=not (${columns.map((one) => `${propertyName(one)} ge ${LITERALS[classOf(one)]}`).join(" and ")})`);
    for (const some of tens(columns))
      await reads(table, `$orderby=${some.map((one, at) => `${propertyName(one)} ${at % 2 ? "asc" : "desc"}`).join(",")}`);
    const single = new Set(
      table.columns.flatMap(
        (one) => one.targets?.filter((target) => turn.service.tables.named(target.table)).map((target) => target.navigation) ?? [],
      ),
    );
    for (const some of tens([...single]))
      await reads(table, `$select=${table.key}&$expand=${some.map((one) => `${one}($select=${keyOf(table, one)})`).join(",")}`);
    const many = [...new Set(table.collections.map((one) => one.navigation))];
    for (const some of tens(many))
      await reads(table, `$select=${table.key}&$expand=${some.join(",")}&$filter=${some.map((one) => `${one}/any()`).join(" or ")}`);
  }

  async function reads(table: Table, query: string): Promise<void> {
    const answer = await get(turn, `${table.set}?${query}`, { prefer: 'odata.include-annotations="*"' }).catch((error: unknown) => {
      throw new Error(`${table.set}?${query.slice(0, 2_000)}`, { cause: error });
    });
    assert.equal(answer.status, 200);
    assert.ok(Array.isArray(bodyOf(answer).value));
  }

  function keyOf(table: Table, navigation: string): string {
    const target = table.columns
      .flatMap((one) => one.targets ?? [])
      .find((one) => one.navigation === navigation && turn.service.tables.named(one.table));
    return (target && turn.service.tables.named(target.table)?.key) ?? "";
  }
});

onBothEngines("a row with a value in every column of text, number and time comes back whole", async (database) => {
  const turn = turnOf(database);
  await database.query(`insert into crm.account (accountid, name, createdon) values ('${idOf(1)}', 'Contoso', '2026-03-14 10:00:00.5Z')`);
  await database.query(`insert into crm.email (activityid, subject, statuscode, regardingobjectid, regardingobjecttypecode, regardingobjectidname, createdon)
    values ('${idOf(2)}', 'Hello', 4, '${idOf(1)}', 'account', 'Contoso', '2026-03-14 11:00:00Z')`);
  const [row] = bodyOf(await get(turn, "emails", { prefer: 'odata.include-annotations="*"' })).value;
  assert.ok(row);
  const expected = {
    activityid: idOf(2),
    subject: "Hello",
    statecode: 1,
    "statecode@OData.Community.Display.V1.FormattedValue": "Completed",
    statuscode: 4,
    "statuscode@OData.Community.Display.V1.FormattedValue": "Received",
    createdon: "2026-03-14T11:00:00Z",
    "createdon@OData.Community.Display.V1.FormattedValue": "3/14/2026 11:00 AM",
    _regardingobjectid_value: idOf(1),
    "_regardingobjectid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
    "_regardingobjectid_value@Microsoft.Dynamics.CRM.associatednavigationproperty": "regardingobjectid_account_email",
    "_regardingobjectid_value@OData.Community.Display.V1.FormattedValue": "Contoso",
    directioncode: true,
    "directioncode@OData.Community.Display.V1.FormattedValue": "Outgoing",
    description: null,
    _correlatedactivityid_value: null,
  };
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, row[name]])), expected);
  assert.equal(row["@odata.etag"], `W/"${row.versionnumber}"`);
});

onBothEngines("an email is found by its message id, in any case, over an index", async (database) => {
  await database.query(`insert into crm.email (activityid, subject, messageid) values ('${idOf(1)}', 'Hello', '<A.b@Host>')`);
  const asked: [text: string, values: readonly unknown[]][] = [];
  const turn = turnOf(database);
  const url = "emails?$select=subject&$filter=messageid eq '%3Ca.B@host%3E'";
  const sql: Turn["sql"] = {
    query: (text, values = []) => {
      asked.push([text, values]);
      return database.query(text, values);
    },
  };
  assert.equal(bodyOf(await get({ ...turn, sql }, url)).value.length, 1);
  const [[text, values] = ["", []]] = asked;
  await database.transaction(async (within) => {
    await within.query("set local enable_seqscan = off");
    const { rows } = await within.query(`explain ${text}`, values);
    assert.match(JSON.stringify(rows), /email_messageid_folded/);
  }, "explain");
});

function* tens<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += 10) yield all.slice(at, at + 10);
}
