import assert from "node:assert/strict";
import { onBothEngines } from "../../../test/databases.ts";
import { type Body, bodyOf, get, idOf, ROOT, readingOf, turnOf } from "../../../test/webapi/web-api.ts";
import { ApiFault } from "./exchange.ts";
import { indexTables } from "./table-index.ts";
import { TABLES } from "./tables.ts";

const TRACK = { prefer: "odata.track-changes" };

/** Ids told in an answer, deletions with a minus. */
function told({ value }: Body): number[] {
  return value.map((one) => Number(String(one.accountid ?? one.id).slice(-4)) * (one.reason === "deleted" ? -1 : 1));
}

onBothEngines("changes are told from where the last reading began: rows as they are now, and what was deleted", async (database) => {
  const turn = turnOf(database);
  await database.query(
    `insert into crm.account (accountid, name) values ('${idOf(1)}', 'One'), ('${idOf(2)}', 'Two'), ('${idOf(3)}', 'Three')`,
  );
  const first = await get(turn, "accounts?$select=name", TRACK);
  assert.equal(first.headers["Preference-Applied"], "odata.track-changes");
  assert.deepEqual(told(bodyOf(first)), [1, 2, 3]);
  const link = String(bodyOf(first)["@odata.deltaLink"]);
  assert.match(link, /^https:\/\/crm\.example\/api\/data\/v9\.2\/accounts\?\$select=name&\$deltatoken=/);
  await database.query(`update crm.account set name = 'Second' where accountid = '${idOf(2)}'`);
  await database.query(`delete from crm.account where accountid = '${idOf(1)}'`);
  await database.query(`insert into crm.account (accountid, name) values ('${idOf(4)}', 'Four')`);
  const changes = bodyOf(await get(turn, link));
  assert.equal(changes["@odata.context"], `${ROOT}$metadata#accounts/$delta`);
  assert.deepEqual(told(changes).slice(-1), [-1]);
  assert.ok([2, 4].every((one) => told(changes).includes(one)));
  assert.deepEqual(changes.value.at(-1), { "@odata.context": `${ROOT}$metadata#accounts/$deletedEntity`, id: idOf(1), reason: "deleted" });
  assert.equal((await get(turn, link.replace("accounts?$select=name&", "accounts/$count?"))).body, String(changes.value.length));
  await database.query(`update crm.account set name = 'Fourth' where accountid = '${idOf(4)}'`);
  assert.ok(told(bodyOf(await get(turn, String(changes["@odata.deltaLink"])))).includes(4));
});

onBothEngines("what changes between the pages of a first reading is told by its link", async (database) => {
  const turn = turnOf(database);
  await database.query(
    `insert into crm.account (accountid, name) values ('${idOf(1)}', 'One'), ('${idOf(2)}', 'Two'), ('${idOf(3)}', 'Three')`,
  );
  const first = bodyOf(await get(turn, "accounts?$select=name", { prefer: "odata.track-changes,odata.maxpagesize=2" }));
  assert.equal(first["@odata.deltaLink"], undefined);
  await database.query(`update crm.account set name = 'First' where accountid = '${idOf(1)}'`);
  const second = bodyOf(await get(turn, String(first["@odata.nextLink"]), { prefer: "odata.track-changes,odata.maxpagesize=2" }));
  assert.deepEqual([told(first), told(second)], [[1, 2], [3]]);
  const changes = bodyOf(await get(turn, String(second["@odata.deltaLink"])));
  assert.equal(changes.value.find((one) => one.accountid === idOf(1))?.name, "First");
});

onBothEngines("change tracking refuses other options, other tables, stale tokens, and who may not read all rows", async (database) => {
  const turn = turnOf(database);
  const refused = (url: string, status: number, code: string, asked = turn) =>
    assert.rejects(get(asked, url, TRACK), (error) => error instanceof ApiFault && error.status === status && error.code === code, url);
  for (const query of ["$filter=name eq 'x'", "$orderby=name", "$top=1", "$expand=primarycontactid", "$apply=groupby((name))"])
    await refused(`accounts?${query}`, 400, "0x80060888");
  const untracked = TABLES.find((one) => !one.tracksChanges);
  await refused(`${untracked?.set}`, 400, "0x80072491");
  await refused("accounts?$deltatoken=nonsense", 400, "0x80040203");
  const link = String(bodyOf(await get(turn, "accounts", TRACK))["@odata.deltaLink"]);
  await refused(link.replace(/(deltatoken=\d+\.)\d+/, "$11"), 410, "0x80044352");
  await refused(
    "accounts",
    403,
    "0x80040220",
    turnOf(database, indexTables(TABLES), { privileges: readingOf(indexTables(TABLES), "basic") }),
  );
});
