import assert from "node:assert/strict";
import { onBothEngines } from "../../../test/databases.ts";
import { fill, found, tables } from "../../../test/webapi/sample-crm.ts";
import { bodyOf, get, idOf, ROOT, turnOf } from "../../../test/webapi/web-api.ts";
import { ApiFault } from "./exchange.ts";
import type { Turn } from "./service.ts";

onBothEngines("a set says what it is: context, versions, annotations, numbers of rows, at every level of metadata", async (database) => {
  await fill(database);
  const turn = turnOf(database, tables);
  const query = "contacts?$select=fullname,_parentcustomerid_value,donotemail&$filter=lastname eq 'zoe'";
  assert.deepEqual(bodyOf(await get(turn, query)), {
    "@odata.context": `${ROOT}$metadata#contacts(fullname,_parentcustomerid_value,donotemail)`,
    value: [{ "@odata.etag": 'W/"7"', contactid: idOf(11), fullname: "Ann Zoe", donotemail: false, _parentcustomerid_value: idOf(1) }],
  });
  const annotated = await get(turn, `${query}&$count=true`, { prefer: 'odata.maxpagesize=3, odata.include-annotations="*"' });
  assert.deepEqual(annotated.headers["Preference-Applied"], 'odata.maxpagesize=3,odata.include-annotations="*"');
  assert.deepEqual(bodyOf(annotated), {
    "@odata.context": `${ROOT}$metadata#contacts(fullname,_parentcustomerid_value,donotemail)`,
    "@odata.count": 1,
    "@Microsoft.Dynamics.CRM.totalrecordcount": 1,
    "@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded": false,
    value: [
      {
        "@odata.etag": 'W/"7"',
        contactid: idOf(11),
        fullname: "Ann Zoe",
        "donotemail@OData.Community.Display.V1.FormattedValue": "Allow",
        donotemail: false,
        "_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty": "parentcustomerid_account",
        "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        "_parentcustomerid_value@OData.Community.Display.V1.FormattedValue": "Contoso",
        _parentcustomerid_value: idOf(1),
      },
    ],
  });
  const none = bodyOf(await get(turn, query, { accept: "application/json;odata.metadata=none" }));
  assert.deepEqual(Object.keys(none), ["value"]);
  assert.deepEqual(Object.keys(none.value[0] ?? {}), ["contactid", "fullname", "donotemail", "_parentcustomerid_value"]);
  const full = bodyOf(await get(turn, query, { accept: "application/json; odata.metadata=full" })).value[0];
  assert.equal(full?.["@odata.id"], `${ROOT}contacts(${idOf(11)})`);
  assert.equal(full?.["_parentcustomerid_value@odata.type"], "#Guid");
  assert.deepEqual(await get(turn, "contacts/$count?$filter=lastname eq 'young'"), {
    status: 200,
    headers: { "Content-Type": "text/plain" },
    body: "2",
  });
  assert.equal((await get(turn, `accounts(${idOf(1)})/contact_customer_accounts/$count`)).body, "2");
});

onBothEngines(
  "a row is read by either key, with its version against caching; its parts, references and collections by their paths",
  async (database) => {
    await fill(database);
    const turn = turnOf(database, tables);
    const row = await get(turn, `accounts(${idOf(1)})?$select=name`);
    assert.equal(row.headers.ETag, 'W/"7"');
    assert.deepEqual(bodyOf(row), {
      "@odata.context": `${ROOT}$metadata#accounts(name)/$entity`,
      "@odata.etag": 'W/"7"',
      accountid: idOf(1),
      name: "Contoso",
    });
    assert.equal(bodyOf(await get(turn, "accounts(emailaddress1='info@CONTOSO.example')")).name, "Contoso");
    assert.equal((await get(turn, `accounts(${idOf(1)})`, { ifNoneMatch: 'W/"7"' })).status, 304);
    assert.equal((await get(turn, `accounts(${idOf(1)})`, { ifNoneMatch: 'W/"6"' })).status, 200);
    assert.equal((await get(turn, `accounts(${idOf(1)})`, { ifNoneMatch: "null" })).status, 200);
    assert.deepEqual(bodyOf(await get(turn, `accounts(${idOf(1)})/name`)), {
      "@odata.context": `${ROOT}$metadata#accounts(${idOf(1)})/name`,
      value: "Contoso",
    });
    assert.equal((await get(turn, `accounts(${idOf(1)})/name/$value`)).body, "Contoso");
    assert.deepEqual(await get(turn, `accounts(${idOf(2)})/emailaddress1`), { status: 204, headers: {} });
    assert.equal(bodyOf(await get(turn, `contacts(${idOf(11)})/parentcustomerid_account?$select=name`)).name, "Contoso");
    assert.equal((await get(turn, `contacts(${idOf(15)})/parentcustomerid_account`)).status, 204);
    assert.equal(
      bodyOf(await get(turn, `contacts(${idOf(11)})/parentcustomerid_account/$ref`))["@odata.id"],
      `${ROOT}accounts(${idOf(1)})`,
    );
    assert.deepEqual(await found(turn, `accounts(${idOf(1)})/contact_customer_accounts?$filter=donotemail`), [12]);
    assert.deepEqual(
      bodyOf(await get(turn, `accounts(${idOf(1)})/contact_customer_accounts/$ref`)).value,
      [11, 12].map((at) => ({ "@odata.id": `${ROOT}contacts(${idOf(at)})` })),
    );
    assert.equal(
      bodyOf(await get(turn, `accounts(${idOf(1)})/contact_customer_accounts(${idOf(12)})?$select=fullname`)).fullname,
      "Bob young",
    );
    const missing: [url: string, code: string][] = [
      [`accounts(${idOf(8)})`, "0x80040217"],
      ["accounts(emailaddress1='none')", "0x80060891"],
      [`accounts(${idOf(8)})/name`, "0x80040217"],
      [`accounts(${idOf(8)})/contact_customer_accounts`, "0x80040217"],
      [`accounts(${idOf(1)})/contact_customer_accounts(${idOf(13)})`, "0x80040217"],
    ];
    for (const [url, code] of missing)
      await assert.rejects(get(turn, url), (error) => error instanceof ApiFault && error.status === 404 && error.code === code, url);
  },
);

onBothEngines(
  "expansions come with one statement each, whatever the number of rows, and are cut with a link to the rest",
  async (database) => {
    await fill(database);
    const turn = turnOf(database, tables);
    let statements = 0;
    const counted: Turn = {
      ...turn,
      sql: {
        query: (text, values) => {
          statements++;
          return database.query(text, values);
        },
      },
    };
    const contacts = bodyOf(
      await get(
        counted,
        "contacts?$select=lastname&$expand=parentcustomerid_account($select=name;$expand=contact_customer_accounts($select=lastname;$orderby=lastname desc))",
      ),
    );
    assert.equal(statements, 3);
    assert.equal(
      contacts["@odata.context"],
      `${ROOT}$metadata#contacts(lastname,parentcustomerid_account(name,contact_customer_accounts(lastname)))`,
    );
    const told = contacts.value.map((row) =>
      row.parentcustomerid_account === null ? null : JSON.stringify(row.parentcustomerid_account).match(/"(name|lastname)":"[^"]*"/g),
    );
    assert.deepEqual(told.at(-1), null);
    assert.deepEqual(told[0], ['"name":"Contoso"', '"lastname":"Zoe"', '"lastname":"young"']);
    const top = bodyOf(
      await get(turn, "accounts?$select=name&$expand=contact_customer_accounts($select=fullname;$top=1;$filter=contains(fullname,'o'))"),
    );
    assert.deepEqual(
      top.value.map((row) => [row.contact_customer_accounts, row["contact_customer_accounts@odata.nextLink"]]),
      [[11, "Ann Zoe"], null, [14, "Di YOUNG"]].map((one) => [
        one ? [{ "@odata.etag": 'W/"7"', contactid: idOf(Number(one[0])), fullname: one[1] }] : [],
        undefined,
      ]),
    );
    const references = bodyOf(await get(turn, `contacts(${idOf(11)})?$select=lastname&$expand=parentcustomerid_account/$ref`));
    assert.deepEqual(references.parentcustomerid_account, { "@odata.id": `${ROOT}accounts(${idOf(1)})` });
    await database.query(
      `insert into crm.contact (contactid, firstname, lastname, parentcustomerid) select ('00000000-0000-0000-0001-' || lpad(n::text, 12, '0'))::uuid, 'Many', n::text, '${idOf(3)}' from generate_series(1, 5002) n`,
    );
    const many = bodyOf(await get(turn, "accounts?$select=name&$expand=contact_customer_accounts($select=fullname)"));
    const last = many.value.at(-1);
    assert.deepEqual(
      [
        many.value.length,
        JSON.stringify(last?.contact_customer_accounts).match(/contactid/g)?.length,
        many.value[0]?.["contact_customer_accounts@odata.nextLink"],
      ],
      [3, 5000, undefined],
    );
    const rest = bodyOf(await get(turn, String(last?.["contact_customer_accounts@odata.nextLink"])));
    assert.equal(rest.value.length, 3);
    const capped = bodyOf(
      await get(turn, "contacts?$select=fullname&$count=true&$top=1", { prefer: 'odata.include-annotations="Microsoft.Dynamics.CRM.*"' }),
    );
    assert.deepEqual(
      [capped["@odata.count"], capped["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"], capped["@odata.nextLink"]],
      [5000, true, undefined],
    );
  },
);

onBothEngines("aggregates group, count and sum", async (database) => {
  await fill(database);
  const turn = turnOf(database, tables);
  const expected: [apply: string, value: unknown[]][] = [
    ["groupby((statecode))", [{ statecode: 0 }, { statecode: 1 }]],
    [
      "groupby((statecode),aggregate($count as number))&$orderby=number desc",
      [
        { statecode: 0, number: 2 },
        { statecode: 1, number: 1 },
      ],
    ],
    [
      "aggregate(statecode with sum as total,createdon with max as last,statecode with average as mean)",
      [{ total: 1, last: "2026-03-15T11:30:00Z", mean: 1 / 3 }],
    ],
    ["filter(contains(name,'o'))/aggregate($count as number)", [{ number: 2 }]],
    ["filter(name eq 'none')/aggregate(statecode with sum as total)", [{ total: null }]],
  ];
  for (const [apply, value] of expected) assert.deepEqual(bodyOf(await get(turn, `accounts?$apply=${apply}`)).value, value, apply);
  const grouped = bodyOf(
    await get(
      turn,
      "contacts?$apply=groupby((parentcustomerid_account/name),aggregate(contactid with countdistinct as number))&$orderby=number desc&$top=1",
    ),
  );
  assert.deepEqual(grouped.value, [{ parentcustomerid_account_name: "Contoso", number: 2 }]);
  for (const apply of [
    "aggregate(name with sum as x)",
    "groupby((none))",
    "groupby(statecode)",
    "aggregate(statecode with sum)",
    "groupby((statecode))/filter(statecode eq 1)",
    "groupby((statecode))&$select=name",
    "groupby((statecode))&$orderby=name",
  ]) {
    await assert.rejects(get(turn, `accounts?$apply=${apply}`), (error) => error instanceof ApiFault && error.status === 400, apply);
  }
});

onBothEngines("rows that the caller may not read are nowhere seen: in sets, expansions, filters, names and counts", async (database) => {
  await fill(database);
  const turn = turnOf(database, tables, { privileges: new Map([["prvReadContact", "global"]]) });
  const denied = (error: unknown) => error instanceof ApiFault && error.status === 403 && error.code === "0x80040220";
  for (const url of [
    "accounts",
    "accounts/$count",
    `accounts(${idOf(1)})`,
    "contacts?$expand=parentcustomerid_account",
    "contacts?$filter=parentcustomerid_account/name eq 'x'",
    "contacts?$orderby=parentcustomerid_account/name",
    "contacts?$apply=groupby((parentcustomerid_account/name))",
    `contacts(${idOf(11)})/parentcustomerid_account`,
  ]) {
    await assert.rejects(get(turn, url), denied, url);
  }
  const [row] = bodyOf(await get(turn, "contacts?$top=1", { prefer: 'odata.include-annotations="*"' })).value;
  assert.equal(row?._parentcustomerid_value, idOf(1));
  assert.equal(row?.["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"], undefined);
});
