import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ApiFault } from "./exchange.ts";
import { includesAnnotation, readPreferences } from "./preferences.ts";
import { readQueryOptions } from "./query-options.ts";
import { metadataLevel } from "./reading.ts";
import { checkPosition, readSkipToken, writeSkipToken } from "./skip-token.ts";

const refused = (error: unknown) => error instanceof ApiFault && error.status === 400;

test("query options are read as the documentation writes them: encoded, nested, with a comma too many, over aliases", () => {
  const read = readQueryOptions(
    "$select=name,revenue,&$orderby=@p2%20asc,%20revenue+desc&$top=5&$count=true&@p2=fullname&tag=x&$format=json",
  );
  assert.deepEqual(read.select, ["name", "revenue"]);
  assert.deepEqual(read.orderBy, [
    { path: ["fullname"], descending: false },
    { path: ["revenue"], descending: true },
  ]);
  assert.deepEqual([read.top, read.count, read.filter], [5, true, null]);
  const { expand } = readQueryOptions(
    "$expand=primarycontactid/$ref,Account_Tasks($select%20=%20subject,%20scheduledstart;$filter=contains(subject,'a;b)');$top=1;$expand=x($select=y))",
  );
  assert.deepEqual(
    expand.map((one) => [
      one.navigation,
      one.references,
      one.select,
      one.top,
      one.filter?.kind,
      one.expand.map((inner) => inner.navigation),
    ]),
    [
      ["primarycontactid", true, null, null, undefined, []],
      ["Account_Tasks", false, ["subject", "scheduledstart"], 1, "text", ["x"]],
    ],
  );
  assert.equal(readQueryOptions("$select=*").select, null);
});

test("options that Dynamics does not know are refused, as are those given twice, and more than fits", () => {
  for (const query of [
    "$skip=1",
    "$search=x",
    "$levels=1",
    "$select=a&$select=b",
    "$select=a b",
    "$select=,",
    "$top=1.5",
    "$top=-1",
    "$count=1",
    "$orderby=a down",
    "$orderby=",
    "$expand=a(",
    "$expand=a(b)",
    "$expand=a($none=1)",
    "$expand=a($select=b;$select=c)",
    "$expand=*",
    "fetchXml=x",
    "savedQuery=x",
    "userQuery=x",
    "$select=%ff",
    "@a=1&@a=2",
    "$filter=",
    "$format=xml",
    `$expand=${Array.from({ length: 11 }, (_, at) => `n${at}`)}`,
    "$expand=a($expand=b($expand=c($expand=d)))",
    `x=${"y".repeat(32_768)}`,
    "a&".repeat(201),
    `$orderby=${Array.from({ length: 11 }, () => "a")}`,
  ]) {
    assert.throws(() => readQueryOptions(query), refused, query.slice(0, 60));
  }
});

test("any query string is read or refused", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "$select=",
      "$filter=",
      "$expand=",
      "$orderby=",
      "$apply=",
      "&",
      "(",
      ")",
      ";",
      ",",
      "a",
      "/",
      "'",
      "groupby((a),aggregate($count as b))",
      "filter(",
      "%27",
      "@p=",
      "@p",
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        readQueryOptions(pieces.join(""));
      } catch (error) {
        assert.ok(refused(error), String(error));
      }
    }),
  );
});

test("preferences are read whatever stands around them", () => {
  const none = { maximumPageSize: null, annotations: null, trackChanges: false };
  const expected: [header: string | undefined, preferences: typeof none | object][] = [
    [undefined, none],
    ["odata.maxpagesize=3", { ...none, maximumPageSize: 3 }],
    [
      'odata.maxpagesize=10, odata.include-annotations="OData.Community.Display.V1.FormattedValue"',
      { ...none, maximumPageSize: 10, annotations: "OData.Community.Display.V1.FormattedValue" },
    ],
    ["odata.include-annotations=*;odata.track-changes", { ...none, annotations: "*", trackChanges: true }],
    ['return=representation, odata.include-annotations="a,b.*"', { ...none, annotations: "a,b.*" }],
    ["odata.maxpagesize=0,odata.maxpagesize=5", none],
    ["odata.maxpagesize=many", none],
    ['"', none],
  ];
  assert.deepEqual(
    expected.map(([header]) => [header, readPreferences(header)]),
    expected,
  );
  const asked: [list: string | null, included: boolean][] = [
    [null, false],
    ["*", true],
    ["a.b.c", true],
    ["a.*", true],
    ["a.b", false],
    ["b.*", false],
    ["*,-a.*", false],
    ["-a.*,a.b.c", true],
  ];
  assert.deepEqual(
    asked.map(([list]) => [list, includesAnnotation(list, "a.b.c")]),
    asked,
  );
  assert.deepEqual(
    ["application/json;odata.metadata=none", "application/json; odata.metadata=full; charset=utf-8", "*/*", undefined].map(metadataLevel),
    ["none", "full", "minimal", "minimal"],
  );
});

test("a position comes back from its token; what no link holds is refused", () => {
  const terms = [
    { sql: "row.a", type: "text", descending: false },
    { sql: "row.b", type: "timestamptz", descending: true },
    { sql: "row.c", type: "uuid", descending: false },
  ];
  const values = ['It\'s <"x">', "2026-03-14T10:00:00.500000Z", "00000000-0000-0000-0000-000000000001"];
  const token = writeSkipToken({ page: 2, values, left: null });
  assert.deepEqual(checkPosition(readSkipToken(token), terms), values);
  assert.deepEqual(checkPosition(readSkipToken(writeSkipToken({ page: 3, values: [null, null, values[2] ?? ""], left: 4 })), terms), [
    null,
    null,
    values[2],
  ]);
  for (const wrong of [
    [],
    [...values, "x"],
    ["a", "yesterday", values[2] ?? ""],
    ["a\0", values[1] ?? "", values[2] ?? ""],
    ["a", values[1] ?? "", "x"],
  ]) {
    assert.throws(() => checkPosition(readSkipToken(writeSkipToken({ page: 2, values: wrong, left: null })), terms), refused);
  }
  fc.assert(
    fc.property(fc.string(), fc.base64String(), (text, inside) => {
      for (const one of [text, token.replace(/pagingcookie="[^"]*"/, `pagingcookie="${inside.replace(/[+/=]/g, "")}"`)])
        assert.throws(() => readSkipToken(one), refused);
    }),
  );
});
