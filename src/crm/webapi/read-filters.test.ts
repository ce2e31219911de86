import assert from "node:assert/strict";
import { onBothEngines } from "../../../test/databases.ts";
import { fill, found, tables } from "../../../test/webapi/sample-crm.ts";
import { bodyOf, get, idOf, turnOf } from "../../../test/webapi/web-api.ts";
import { ApiFault } from "./exchange.ts";

onBothEngines("filters choose the rows that Dynamics would", async (database) => {
  await fill(database);
  const turn = turnOf(database, tables);
  const expected: [filter: string, rows: number[]][] = [
    ["lastname eq 'YoUnG'", [12, 14]],
    ["lastname ne 'young'", [11, 13, 15]],
    ["not lastname eq 'young'", [11, 13, 15]],
    ["not (lastname ne 'young')", [12, 14]],
    ["lastname eq null", [15]],
    ["lastname ne null", [11, 12, 13, 14]],
    ["lastname gt 'Y'", [11, 12, 14]],
    ["not (lastname gt 'Y')", [13, 15]],
    ["'Y' lt lastname", [11, 12, 14]],
    ["contains(lastname,'OUN')", [12, 14]],
    ["not contains(lastname,'OUN')", [11, 13, 15]],
    ["startswith(lastname,'x')", [13]],
    ["endswith(lastname,'e')", [11]],
    ["donotemail", [12]],
    ["not donotemail", [11, 13, 14, 15]],
    ["donotemail eq true or lastname eq 'xu'", [12, 13]],
    ["true and donotemail", [12]],
    [`contactid eq ${idOf(13)}`, [13]],
    [`_parentcustomerid_value eq ${idOf(1)}`, [11, 12]],
    ["_parentcustomerid_value eq null", [15]],
    ["parentcustomerid_account eq null", [15]],
    ["parentcustomerid_account/name eq 'contoso'", [11, 12]],
    ["parentcustomerid_account/name ne 'contoso'", [13, 14, 15]],
    ["not (parentcustomerid_account/name eq 'contoso')", [13, 14, 15]],
    ["not (parentcustomerid_account/name ne 'contoso')", [11, 12]],
    ["parentcustomerid_account/name eq null", [15]],
    ["parentcustomerid_account/name ne null", [11, 12, 13, 14]],
    ["parentcustomerid_account/emailaddress1 eq null", [13, 14, 15]],
    [`parentcustomerid_account/accountid eq ${idOf(3)}`, [14]],
    [`parentcustomerid_account/accountid ne ${idOf(3)}`, [11, 12, 13, 15]],
    ["contains(parentcustomerid_account/name,'CO')", [11, 12, 14]],
    ["not contains(parentcustomerid_account/name,'CO')", [13, 15]],
    ["parentcustomerid_account/statecode eq 1", [13]],
    ["parentcustomerid_account/contact_customer_accounts/any(c:c/donotemail eq true)", [11, 12]],
    ["createdon ge 2026-01-03 and createdon lt 2026-01-05T00:00:00Z", [13, 14]],
    ["Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['YOUNG','xu'])", [12, 13, 14]],
    ["Microsoft.Dynamics.CRM.NotIn(PropertyName='lastname',PropertyValues=['YOUNG','xu'])", [11, 15]],
    ["not Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['YOUNG','xu'])", [11, 15]],
    ["Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=[])", []],
    [`Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=['${idOf(11)}','${idOf(15)}'])`, [11, 15]],
    ["Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='2026-01-03')", [13]],
    ["Microsoft.Dynamics.CRM.OnOrBefore(PropertyName='createdon',PropertyValue='2026-01-02')", [11, 12]],
    ["Microsoft.Dynamics.CRM.OnOrAfter(PropertyName='createdon',PropertyValue='2026-01-04')", [14, 15]],
    ["Microsoft.Dynamics.CRM.Between(PropertyName='createdon',PropertyValues=['2026-01-02','2026-01-03'])", [12, 13]],
    ["Microsoft.Dynamics.CRM.NotBetween(PropertyName='createdon',PropertyValues=['2026-01-02','2026-01-03'])", [11, 14, 15]],
    ["Microsoft.Dynamics.CRM.LastXMonths(PropertyName='createdon',PropertyValue=2)", []],
    ["Microsoft.Dynamics.CRM.OlderThanXMonths(PropertyName='createdon',PropertyValue=2)", [11, 12, 13, 14, 15]],
    ["Microsoft.Dynamics.CRM.ThisYear(PropertyName='createdon')", [11, 12, 13, 14, 15]],
    [`Microsoft.Dynamics.CRM.EqualUserId(PropertyName='parentcustomerid')`, []],
    [`Microsoft.Dynamics.CRM.NotEqualUserId(PropertyName='parentcustomerid')`, [11, 12, 13, 14, 15]],
    ["fullname eq lastname", []],
    ["firstname eq 'x'".replace("firstname", "fullname"), []],
  ];
  const actual: [string, number[]][] = [];
  for (const [filter] of expected)
    actual.push([filter, await found(turn, `contacts?$select=contactid&$filter=${encodeURIComponent(filter)}`)]);
  assert.deepEqual(actual, expected);
});

onBothEngines("collections are asked with any and all, dates to the second", async (database) => {
  await fill(database);
  const turn = turnOf(database, tables);
  const expected: [filter: string, rows: number[]][] = [
    ["contact_customer_accounts/any(c:c/lastname eq 'young')", [1, 3]],
    ["not contact_customer_accounts/any(c:c/lastname eq 'young')", [2]],
    ["contact_customer_accounts/all(c:c/lastname eq 'young')", [3]],
    ["not contact_customer_accounts/all(c:c/lastname eq 'young')", [1, 2]],
    ["contact_customer_accounts/any()", [1, 2, 3]],
    ["contact_customer_accounts/any(c:c/parentcustomerid_account/statecode eq 1)", [2]],
    ["contains(name,'%')", [2]],
    ["contains(name,'_')", [3]],
    ["createdon eq 2026-03-14T10:00:00Z", [1]],
    ["createdon ne 2026-03-14T10:00:00Z", [2, 3]],
    ["createdon gt 2026-03-14T10:00:00Z", [2]],
    ["createdon ge 2026-03-14T10:00:00Z", [1, 2]],
    ["createdon le 2026-03-14T12:00:00+02:00", [1, 3]],
    ["createdon lt 2026-03-14T10:00:00Z", [3]],
    ["createdon eq 2026-03-14T10:00:00.5Z", []],
    ["Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon',PropertyValue=1)", [2]],
    ["Microsoft.Dynamics.CRM.Yesterday(PropertyName='createdon')", [1]],
    ["Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", [2]],
    ["Microsoft.Dynamics.CRM.LastWeek(PropertyName='createdon')", [1]],
    ["Microsoft.Dynamics.CRM.ThisWeek(PropertyName='createdon')", [2]],
    ["Microsoft.Dynamics.CRM.LastYear(PropertyName='createdon')", [3]],
    ["statecode eq 0", [1, 3]],
    ["statecode lt 0.5", [1, 3]],
    ["statecode ge 99999999999", []],
    ["Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['1','2'])", [2]],
  ];
  const actual: [string, number[]][] = [];
  for (const [filter] of expected)
    actual.push([filter, await found(turn, `accounts?$select=accountid&$filter=${encodeURIComponent(filter)}`)]);
  assert.deepEqual(actual, expected);
});

onBothEngines("what a filter or order cannot ask is 400", async (database) => {
  const turn = turnOf(database, tables);
  const wrong = [
    "nothing eq 1",
    "lastname eq 1",
    "donotemail eq 'x'",
    `lastname eq ${idOf(1)}`,
    "createdon eq 'x'",
    "contactid eq 'x'",
    "contains(donotemail,'x')",
    "parentcustomerid_account/none eq 1",
    "none/name eq 'x'",
    "parentcustomerid eq null",
    "contact_customer_accounts/any()",
    "1 eq 1",
    "lastname eq donotemail",
    "lastname",
    "'x'",
    "Microsoft.Dynamics.CRM.Today(PropertyName='lastname')",
    "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue='x')",
    "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=0)",
    "Microsoft.Dynamics.CRM.Between(PropertyName='createdon',PropertyValues=['2026-01-01'])",
    "Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='soon')",
    "Microsoft.Dynamics.CRM.Nonsense(PropertyName='createdon')",
    "Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=['x'])",
  ];
  const queries = [
    ...wrong.map((filter) => `$filter=${encodeURIComponent(filter)}`),
    "$orderby=none",
    "$orderby=lastname up",
    "$select=none",
    "$expand=none",
    "$expand=parentcustomerid_account($filter=name eq 'x')",
    "$skip=1",
    "$search=x",
    "$skiptoken=x",
    "$top=-1",
    "$top=x",
    "$count=maybe",
    "fetchXml=%3Cfetch/%3E",
    "savedQuery=1",
    "$select=a&$select=b",
    "$deltatoken=1",
    "$apply=nothing",
  ];
  for (const query of queries)
    await assert.rejects(get(turn, `contacts?${query}`), (error) => error instanceof ApiFault && error.status === 400, query);
});

onBothEngines("pages follow one another in the order asked for, whatever comes and goes between them", async (database) => {
  await fill(database);
  const turn = turnOf(database, tables);
  for (const order of [
    "lastname asc",
    "lastname desc",
    "lastname,fullname desc",
    "createdon desc",
    "donotemail",
    "parentcustomerid_account/name desc",
    "_parentcustomerid_value",
  ]) {
    const whole = await found(turn, `contacts?$select=fullname&$orderby=${encodeURIComponent(order)}`);
    const seen: number[] = [];
    let url: unknown = `contacts?$select=fullname&$orderby=${encodeURIComponent(order)}`;
    while (typeof url === "string") {
      const answer = bodyOf(await get(turn, url, { prefer: "odata.maxpagesize=2" }));
      assert.ok(answer.value.length <= 2);
      seen.push(...answer.value.map((row) => Number(String(row.contactid).slice(-4))));
      url = answer["@odata.nextLink"];
    }
    assert.deepEqual(seen, whole, order);
  }
  assert.deepEqual(await found(turn, "contacts?$orderby=lastname"), [15, 13, 12, 14, 11]);
  assert.deepEqual(await found(turn, "contacts?$orderby=lastname desc"), [11, 12, 14, 13, 15]);
  const first = bodyOf(await get(turn, "contacts?$select=fullname", { prefer: "odata.maxpagesize=2" }));
  await database.query(`insert into crm.contact (contactid, firstname) values ('${idOf(10)}', 'New'), ('${idOf(16)}', 'Newer')`);
  await database.query("delete from crm.contact where contactid = $1", [idOf(12)]);
  assert.deepEqual(await found(turn, String(first["@odata.nextLink"])), [13, 14, 15, 16]);
});
