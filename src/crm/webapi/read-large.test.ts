import assert from "node:assert/strict";
import { onBothEngines } from "../../../test/databases.ts";
import { bodyOf, get, idOf, turnOf } from "../../../test/webapi/web-api.ts";

const MEGABYTE = 1024 * 1024;

onBothEngines("files make a page short: no more than fits, each row once, the rest behind the link", async (database) => {
  const turn = turnOf(database);
  await database.query(`insert into crm.email (activityid, subject) values ('${idOf(1)}', 'Heavy')`);
  // What counts is the size that the database keeps of each content.
  await database.query(`insert into crm.content (hash, size, body) values (repeat('a', 64), $1, 'abc')`, [5 * MEGABYTE]);
  await database.query(
    `insert into crm.activitymimeattachment (activitymimeattachmentid, objectid, objecttypecode, attachmentnumber, filename, mimetype, filesize, hash)
     select ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, '${idOf(1)}', 'email', n, n || '.bin', 'application/octet-stream', $1, repeat('a', 64)
     from generate_series(1, 6) n`,
    [5 * MEGABYTE],
  );
  const seen: string[] = [];
  let pages = 0;
  for (let url: unknown = "activitymimeattachments?$select=filename,body"; typeof url === "string"; pages++) {
    const { value, "@odata.nextLink": next } = bodyOf(await get(turn, url));
    assert.ok(value.length <= 3, "more than 16 MB and one row");
    assert.ok(value.every((one) => one.body === "YWJj"));
    seen.push(...value.map((one) => String(one.filename)));
    url = next;
  }
  assert.deepEqual([pages, seen], [2, [1, 2, 3, 4, 5, 6].map((one) => `${one}.bin`)]);
  assert.equal(bodyOf(await get(turn, "activitymimeattachments?$select=filename")).value.length, 6);
  const expanded = bodyOf(
    await get(turn, `emails(${idOf(1)})?$select=subject&$expand=email_activity_mime_attachment($select=filename,body)`),
  );
  const link = String(expanded["email_activity_mime_attachment@odata.nextLink"]);
  const inside = JSON.stringify(expanded.email_activity_mime_attachment).match(/\d\.bin/g) ?? [];
  assert.deepEqual([...inside, ...bodyOf(await get(turn, link)).value.map((one) => one.filename)], seen);
});

onBothEngines("a caller sees own rows only where the privilege reaches no further, in expansions and paths too", async (database) => {
  const [mine, other] = [idOf(900), idOf(800)];
  await database.query(`insert into crm.systemuser (systemuserid, fullname) values ('${mine}', 'Anna'), ('${other}', 'Ben')`);
  await database.query(
    `insert into crm.account (accountid, name, ownerid) values ('${idOf(1)}', 'Mine', '${mine}'), ('${idOf(2)}', 'Other', '${other}')`,
  );
  await database.query(`insert into crm.contact (contactid, lastname, parentcustomerid, parentcustomeridtype, ownerid) values
    ('${idOf(11)}', 'A', '${idOf(1)}', 'account', '${mine}'), ('${idOf(12)}', 'B', '${idOf(2)}', 'account', '${mine}'), ('${idOf(13)}', 'C', '${idOf(1)}', 'account', '${other}')`);
  const turn = turnOf(database, undefined, {
    privileges: new Map([
      ["prvReadAccount", "basic"],
      ["prvReadContact", "basic"],
    ]),
  });
  const names = async (url: string) => bodyOf(await get(turn, url)).value.map((one) => one.lastname ?? one.name);
  assert.deepEqual(await names("contacts?$select=lastname"), ["A", "B"]);
  assert.deepEqual(await names("contacts?$select=lastname&$filter=parentcustomerid_account/name ne null"), ["A"]);
  assert.deepEqual(await names("contacts?$select=lastname&$filter=parentcustomerid_account/name eq null"), ["B"]);
  assert.deepEqual(await names("accounts?$select=name&$filter=contact_customer_accounts/any(c:c/lastname eq 'C')"), []);
  assert.equal((await get(turn, "contacts/$count")).body, "2");
  const expanded = bodyOf(
    await get(turn, "contacts?$select=lastname&$expand=parentcustomerid_account($select=name)", {
      prefer: 'odata.include-annotations="*"',
    }),
  ).value;
  assert.deepEqual(
    expanded.map((one) => one.parentcustomerid_account === null),
    [false, true],
  );
  assert.deepEqual(
    expanded.map((one) => one["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"]),
    [undefined, undefined],
  );
  const shown = bodyOf(await get(turn, "contacts?$select=_parentcustomerid_value", { prefer: 'odata.include-annotations="*"' })).value;
  assert.deepEqual(
    shown.map((one) => one["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"]),
    ["Mine", undefined],
  );
  assert.deepEqual(
    JSON.stringify(bodyOf(await get(turn, `accounts(${idOf(1)})?$select=name&$expand=contact_customer_accounts($select=lastname)`))).match(
      /"lastname":"."/g,
    ),
    ['"lastname":"A"'],
  );
});
