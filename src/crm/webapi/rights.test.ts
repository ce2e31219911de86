import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { onBothEngines, type TestDatabase } from "../../../test/databases.ts";
import { BARE_CONTACT, bareTable } from "../../../test/webapi/tables.ts";
import { putUsers } from "../directory.ts";
import type { Caller, Depth } from "./caller.ts";
import { readCaller } from "./callers.ts";
import { ApiFault } from "./exchange.ts";
import { Parameters } from "./parameters.ts";
import { type Action, rowsThatMay } from "./rights.ts";
import { putRole, putUserRoles } from "./roles.ts";
import type { Table } from "./table.ts";
import { indexTables } from "./table-index.ts";

const EMAIL = bareTable({ name: "email", set: "emails", key: "activityid", from: "crm.email", ownership: "owned", privilege: "Activity" });
const PARTY = bareTable({
  name: "activityparty",
  set: "activityparties",
  key: "activitypartyid",
  from: "crm.activityparty",
  ownership: "organization",
  privilege: "Activity",
});
const ATTACHMENT = bareTable({
  ...PARTY,
  name: "activitymimeattachment",
  set: "activitymimeattachments",
  key: "activitymimeattachmentid",
  from: "crm.activitymimeattachment",
});
const QUEUE_ITEM = bareTable({
  ...PARTY,
  name: "queueitem",
  set: "queueitems",
  key: "queueitemid",
  from: "crm.queueitem",
  privilege: "Queue",
});
const TEMPLATE = bareTable({
  ...EMAIL,
  name: "template",
  set: "templates",
  key: "templateid",
  from: "crm.template",
  privilege: "EmailTemplate",
});
const USER = bareTable({
  name: "systemuser",
  set: "systemusers",
  key: "systemuserid",
  from: "crm.systemuser",
  ownership: "organization",
  privilege: "User",
});
const SETTINGS = bareTable({
  ...USER,
  name: "usersettings",
  set: "usersettingscollection",
  from: "crm.usersettings",
  privilege: "UserSettings",
});
const ACCOUNT_KIND = bareTable({
  ...USER,
  name: "organization",
  set: "organizations",
  key: "organizationid",
  from: "crm.organization",
  privilege: "Organization",
});
const tables = indexTables([BARE_CONTACT, EMAIL, PARTY, ATTACHMENT, QUEUE_ITEM, TEMPLATE, USER, SETTINGS, ACCOUNT_KIND]);

/** Owners as they stand to the caller. */
const OWNERS = ["me", "my team", "colleague", "team of my unit", "user of a unit below", "user of another unit", "nobody"] as const;
type OwnerName = (typeof OWNERS)[number];

interface Scene {
  readonly ids: Readonly<Record<OwnerName, string | null>>;
  callerWith(privileges: Readonly<Record<string, Depth>>): Promise<Caller>;
}

/** Unit A of the caller, B below it, C beside it, all below the root. */
async function makeScene(database: TestDatabase): Promise<Scene> {
  const [a, b, c, mine, other] = Array.from({ length: 5 }, () => randomUUID());
  const names = ["me", "colleague", "below", "beside"];
  const users = await database.transaction((tx) =>
    putUsers(
      tx,
      names.map((name) => ({ name, address: `${name}@example.test` })),
    ),
  );
  const id = (name: string) => users.get(`${name}@example.test`) ?? "";
  await database.query(
    `insert into crm.businessunit (businessunitid, name, parentbusinessunitid)
     values ($1, 'A', crm.root_businessunit()), ($2, 'B', $1), ($3, 'C', crm.root_businessunit())`,
    [a, b, c],
  );
  await database.query(
    "update crm.systemuser set businessunitid = case fullname when 'below' then $2::uuid when 'beside' then $3::uuid else $1::uuid end",
    [a, b, c],
  );
  await database.query("insert into crm.team (teamid, name, businessunitid) values ($1, 'mine', $3), ($2, 'other', $3)", [mine, other, a]);
  await database.query("insert into crm.teammembership (teamid, systemuserid) values ($1, $2)", [mine, id("me")]);
  return {
    ids: {
      me: id("me"),
      "my team": mine ?? "",
      colleague: id("colleague"),
      "team of my unit": other ?? "",
      "user of a unit below": id("below"),
      "user of another unit": id("beside"),
      nobody: null,
    },
    async callerWith(privileges) {
      await database.transaction(async (tx) => {
        await putRole(tx, { templateId: null, name: "role", privileges });
        await putUserRoles(tx, new Map([[id("me"), ["role"]]]));
      });
      const caller = await readCaller(database, tables, { by: "systemuserid", id: id("me") });
      assert.ok(caller);
      return caller;
    },
  };
}

/** `column` of the rows that the caller may do that with, in the order of the table's rows. */
async function rows(database: TestDatabase, caller: Caller, table: Table, action: Action, column: string): Promise<string[]> {
  const parameters = new Parameters();
  const condition = rowsThatMay(caller, table, action, parameters);
  const { rows: found } = await database.query<{ value: string }>(
    `select ${column} as value from ${table.from} row where ${condition} order by 1`,
    parameters.values,
  );
  return found.map(({ value }) => value);
}

const MATRIX: Readonly<Record<Depth, readonly OwnerName[]>> = {
  basic: ["me", "my team"],
  local: ["me", "my team", "colleague", "team of my unit"],
  deep: ["me", "my team", "colleague", "team of my unit", "user of a unit below"],
  global: OWNERS,
};

onBothEngines("each depth of a privilege reaches the rows of just those owners, for every action", async (database) => {
  const scene = await makeScene(database);
  for (const name of OWNERS)
    await database.query("insert into crm.contact (contactid, lastname, ownerid) values ($1, $2, $3)", [
      randomUUID(),
      name,
      scene.ids[name],
    ]);
  for (const [depth, reached] of Object.entries(MATRIX) as [Depth, readonly OwnerName[]][])
    for (const action of ["Read", "Write", "Create", "Delete", "Append", "AppendTo", "Assign", "Share"] as const) {
      const caller = await scene.callerWith({ [`prv${action}Contact`]: depth });
      assert.deepEqual(await rows(database, caller, BARE_CONTACT, action, "row.lastname"), [...reached].sort(), `${action} ${depth}`);
    }
});

onBothEngines("a privilege that is not held refuses the whole table in Dynamics' words", async (database) => {
  const { callerWith } = await makeScene(database);
  const caller = await callerWith({ prvReadContact: "global" });
  assert.throws(
    () => rowsThatMay(caller, BARE_CONTACT, "Write", new Parameters()),
    (error) =>
      error instanceof ApiFault &&
      error.status === 403 &&
      error.code === "0x80040220" &&
      /is missing prvWriteContact privilege/.test(error.message),
  );
});

onBothEngines(
  "emails are also read by the users on them, unless the organization says otherwise; parties and attachments follow",
  async (database) => {
    const scene = await makeScene(database);
    const { me, colleague } = scene.ids;
    const add = async (subject: string, owner: string | null, party: string | null) => {
      const id = randomUUID();
      await database.query("insert into crm.email (activityid, subject, ownerid, owneridtype) values ($1, $2, $3, 'systemuser')", [
        id,
        subject,
        owner,
      ]);
      await database.query(
        "insert into crm.activityparty (activityid, ordinal, participationtypemask, partyid, partyobjecttypecode, addressused) values ($1, 1, 2, $2, 'systemuser', $3)",
        [id, party, subject],
      );
      const hash = id.replaceAll("-", "").repeat(2);
      await database.query("insert into crm.content (hash, size, body) values ($1, 1, 'x')", [hash]);
      await database.query(
        "insert into crm.activitymimeattachment (activitymimeattachmentid, objectid, attachmentnumber, filename, mimetype, filesize, hash) values ($1, $2, 1, $3, 'text/plain', 1, $4)",
        [randomUUID(), id, subject, hash],
      );
    };
    await add("mine", me, null);
    await add("to me", colleague, me);
    await add("not mine", colleague, colleague);
    const caller = await scene.callerWith({ prvReadActivity: "basic", prvWriteActivity: "basic" });
    const all = async (action: Action) => [
      await rows(database, caller, EMAIL, action, "row.subject"),
      await rows(database, caller, PARTY, action, "row.addressused"),
      await rows(database, caller, ATTACHMENT, action, "row.filename"),
    ];
    const three = (names: string[]) => [names, names, names];
    assert.deepEqual(await all("Read"), three(["mine", "to me"]));
    assert.deepEqual(await all("Write"), three(["mine"]));
    // To take a file off an email is to change the email.
    assert.deepEqual(await rows(database, caller, ATTACHMENT, "Delete", "row.filename"), ["mine"]);
    assert.throws(() => rowsThatMay(caller, EMAIL, "Delete", new Parameters()), ApiFault);
    await database.query(`update crm.organization set settings = settings || '{"DisableImplicitSharingOfCommunicationActivities": true}'`);
    assert.deepEqual(await all("Read"), three(["mine"]));
  },
);

onBothEngines("users and their settings are reached by business unit; what belongs to nobody by any depth", async (database) => {
  const { callerWith } = await makeScene(database);
  const basic = await callerWith({ prvReadUser: "basic", prvReadUserSettings: "basic", prvReadOrganization: "basic" });
  assert.deepEqual(await rows(database, basic, USER, "Read", "row.fullname"), ["me"]);
  assert.equal((await rows(database, basic, SETTINGS, "Read", "row.systemuserid")).length, 1);
  assert.equal((await rows(database, basic, ACCOUNT_KIND, "Read", "row.name")).length, 1);
  const local = await callerWith({ prvReadUser: "local" });
  assert.deepEqual(await rows(database, local, USER, "Read", "row.fullname"), ["colleague", "me"]);
});

onBothEngines(
  "parties and files of every activity follow it, files of templates those who may do that with the template",
  async (database) => {
    const scene = await makeScene(database);
    const { me, colleague } = scene.ids;
    const hash = "ab".repeat(32);
    await database.query("insert into crm.content (hash, size, body) values ($1, 1, 'x')", [hash]);
    const attach = (object: string, type: string, name: string) =>
      database.query(
        `insert into crm.activitymimeattachment (activitymimeattachmentid, objectid, objecttypecode, attachmentnumber, filename, mimetype, filesize, hash)
       values (gen_random_uuid(), $1, $2, 1, $3, 'text/plain', 1, $4)`,
        [object, type, name, hash],
      );
    for (const [name, owner] of [
      ["mine", me],
      ["not mine", colleague],
    ] as const) {
      const [letter, template] = [randomUUID(), randomUUID()];
      await database.query("insert into crm.letter (activityid, subject, ownerid) values ($1, $2, $3)", [letter, name, owner]);
      await database.query("insert into crm.template (templateid, title, ownerid) values ($1, $2, $3)", [template, name, owner]);
      await database.query(
        "insert into crm.activityparty (activityid, activitytypecode, ordinal, participationtypemask, addressused) values ($1, 'letter', 1, 2, $2)",
        [letter, name],
      );
      await attach(letter, "letter", `${name}, letter`);
      await attach(template, "template", `${name}, template`);
    }
    const held = { prvReadActivity: "basic", prvWriteActivity: "basic" } as const;
    const activities = await scene.callerWith(held);
    assert.deepEqual(await rows(database, activities, PARTY, "Write", "row.addressused"), ["mine"]);
    assert.deepEqual(await rows(database, activities, ATTACHMENT, "Read", "row.filename"), ["mine, letter"]);
    const templates = await scene.callerWith({ ...held, prvReadEmailTemplate: "basic" });
    assert.deepEqual(await rows(database, templates, ATTACHMENT, "Read", "row.filename"), ["mine, letter", "mine, template"]);
    assert.deepEqual(await rows(database, templates, ATTACHMENT, "Delete", "row.filename"), ["mine, letter"]);
  },
);

onBothEngines("who may read a queue reads its items, who may append to it makes, changes and deletes them", async (database) => {
  const scene = await makeScene(database);
  for (const [name, owner] of [
    ["mine", scene.ids.me],
    ["not mine", scene.ids.colleague],
  ] as const) {
    const queue = randomUUID();
    await database.query("insert into crm.queue (queueid, name, ownerid) values ($1, $2, $3)", [queue, name, owner]);
    await database.query("insert into crm.queueitem (queueitemid, queueid, objectid, title) values ($1, $2, $1, $3)", [
      randomUUID(),
      queue,
      name,
    ]);
  }
  const reader = await scene.callerWith({
    prvReadQueue: "basic",
    prvWriteQueue: "global",
    prvCreateQueue: "global",
    prvDeleteQueue: "global",
  });
  assert.deepEqual(await rows(database, reader, QUEUE_ITEM, "Read", "row.title"), ["mine"]);
  for (const action of ["Create", "Write", "Delete"] as const) {
    assert.throws(() => rowsThatMay(reader, QUEUE_ITEM, action, new Parameters()), /is missing prvAppendToQueue privilege/, action);
    const appender = await scene.callerWith({ prvAppendToQueue: "basic" });
    assert.deepEqual(await rows(database, appender, QUEUE_ITEM, action, "row.title"), ["mine"], action);
  }
});
