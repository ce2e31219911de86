import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { onBothEngines, type TestDatabase } from "../../../test/databases.ts";
import { BARE_CONTACT } from "../../../test/webapi/tables.ts";
import { putUsers } from "../directory.ts";
import { actingCaller, readCaller } from "./callers.ts";
import type { ApiFault } from "./exchange.ts";
import { putBuiltInRoles, putRole, putUserRoles } from "./roles.ts";
import { indexTables } from "./table-index.ts";
import { TABLES } from "./tables.ts";

const tables = indexTables([BARE_CONTACT]);
const OBJECT = "11111111-2222-3333-4444-555555555555";

async function user(database: TestDatabase, address: string): Promise<string> {
  const ids = await database.transaction((tx) => putUsers(tx, [{ name: address, address }]));
  const [id] = ids.values();
  assert.ok(id);
  return id;
}

const refusal = (status: number, code: string) => (error: ApiFault) => error.status === status && error.code === code;

onBothEngines("a user without a role holds no privilege but sending as others, where the directory gives it", async (database) => {
  const plain = await user(database, "plain@example.test");
  const sender = await database.transaction((tx) => putUsers(tx, [{ name: "s", address: "s@example.test", maySendAsOthers: true }]));
  assert.deepEqual((await readCaller(database, tables, { by: "systemuserid", id: plain }))?.privileges, new Map());
  const caller = await readCaller(database, tables, { by: "systemuserid", id: [...sender.values()][0] ?? "" });
  assert.deepEqual(caller?.privileges, new Map([["prvSendAsUser", "global"]]));
});

onBothEngines("an administrator holds every privilege that anything here asks for", async (database) => {
  const id = await user(database, "admin@example.test");
  await database.transaction(async (tx) => {
    await putBuiltInRoles(tx);
    await putUserRoles(tx, new Map([[id, ["System Administrator"]]]));
  });
  const held = (await readCaller(database, indexTables(TABLES), { by: "systemuserid", id }))?.privileges ?? new Map();
  const sources = globSync("**/*.ts", { cwd: import.meta.dirname }).filter((file) => !file.endsWith(".test.ts"));
  const asked = sources.flatMap((file) =>
    [...readFileSync(path.join(import.meta.dirname, file), "utf8").matchAll(/"(prv[A-Za-z]+)"/g)].map(([, name]) => name ?? ""),
  );
  assert.ok(asked.length > 5);
  assert.deepEqual(
    asked.filter((name) => !held.has(name)),
    [],
  );
});

onBothEngines("roles add up, those of teams too; an administrator may do everything with every table", async (database) => {
  const id = await user(database, "u@example.test");
  const team = randomUUID();
  const far = randomUUID();
  await database.transaction(async (tx) => {
    await putBuiltInRoles(tx);
    await putRole(tx, { templateId: null, name: "own", privileges: { prvReadContact: "basic", prvWriteContact: "basic" } });
    const shared = await putRole(tx, {
      templateId: null,
      name: "shared",
      privileges: { prvReadContact: "deep", prvDeleteContact: "global" },
    });
    await tx.query(
      "insert into crm.businessunit (businessunitid, name, parentbusinessunitid) values ($1, 'far', crm.root_businessunit())",
      [far],
    );
    await tx.query("insert into crm.team (teamid, name, businessunitid) values ($1, 't', $2)", [team, far]);
    await tx.query("insert into crm.teammembership (teamid, systemuserid) values ($1, $2)", [team, id]);
    await tx.query("insert into crm.teamroles values ($1, $2)", [team, shared]);
    await putUserRoles(tx, new Map([[id, ["own"]]]));
  });
  const read = () => readCaller(database, tables, { by: "systemuserid", id });
  const caller = await read();
  assert.deepEqual(caller?.teamIds, [team]);
  // The team is of another unit: what its role says of units is not this user's unit.
  assert.deepEqual(
    caller?.privileges,
    new Map([
      ["prvReadContact", "basic"],
      ["prvWriteContact", "basic"],
      ["prvDeleteContact", "global"],
    ]),
  );
  await database.query("update crm.team set businessunitid = crm.root_businessunit()");
  assert.equal((await read())?.privileges.get("prvReadContact"), "deep");
  await database.transaction((tx) => putUserRoles(tx, new Map([[id, ["System Administrator"]]])));
  const everything = (await read())?.privileges;
  assert.equal(everything?.get("prvAssignContact"), "global");
  assert.equal(everything?.get("prvActOnBehalfOfAnotherUser"), "global");
});

onBothEngines("built-in roles are put twice and stay the same rows", async (database) => {
  await database.transaction((tx) => putBuiltInRoles(tx));
  const ids = async () => (await database.query("select roleid, name from crm.role order by name")).rows;
  const before = await ids();
  await database.transaction((tx) => putBuiltInRoles(tx));
  assert.deepEqual(await ids(), before);
  assert.equal(before.length, 2);
});

onBothEngines("whoever acts for another has the rights that both have, and needs a privilege for it", async (database) => {
  const [service, person, stranger] = [
    await user(database, "service@example.test"),
    await user(database, "person@example.test"),
    await user(database, "stranger@example.test"),
  ];
  await database.transaction(async (tx) => {
    const act = { prvActOnBehalfOfAnotherUser: "global", prvReadContact: "local" } as const;
    await putRole(tx, { templateId: null, name: "service", privileges: act });
    await putRole(tx, { templateId: null, name: "person", privileges: { prvReadContact: "global", prvWriteContact: "global" } });
    await putUserRoles(
      tx,
      new Map([
        [service, ["service"]],
        [person, ["person"]],
      ]),
    );
    await tx.query("update crm.systemuser set azureactivedirectoryobjectid = $2 where systemuserid = $1", [person, OBJECT]);
  });
  const caller = async (id: string) => {
    const found = await readCaller(database, tables, { by: "systemuserid", id });
    assert.ok(found);
    return found;
  };
  for (const [name, value] of [
    ["mscrmcallerid", person],
    ["callerobjectid", OBJECT],
  ] as const) {
    const acting = await actingCaller(database, tables, await caller(service), new Map([[name, value]]));
    assert.equal(acting.userId, person);
    assert.deepEqual(acting.privileges, new Map([["prvReadContact", "local"]]));
  }
  const acts = (from: string, header: string) => async () =>
    actingCaller(database, tables, await caller(from), new Map([["mscrmcallerid", header]]));
  await assert.rejects(acts(person, stranger), refusal(403, "0x80040220"));
  await assert.rejects(acts(service, randomUUID()), refusal(404, "0x80040217"));
  await assert.rejects(acts(service, "nobody"), refusal(400, "0x80040203"));
  await database.query("update crm.systemuser set isdisabled = true where systemuserid = $1", [person]);
  await assert.rejects(acts(service, person), refusal(403, "0x80040225"));
  assert.equal((await actingCaller(database, tables, await caller(service), new Map())).userId, service);
});
