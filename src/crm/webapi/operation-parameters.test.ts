import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ApiFault, type ApiRequest } from "./exchange.ts";
import type { Operation, OperationParameter } from "./operation.ts";
import { plainType, readParameters } from "./operation-parameters.ts";
import { readRelaxedJson } from "./relaxed-json.ts";

function operation(kind: Operation["kind"], ...parameters: readonly OperationParameter[]): Operation {
  return { name: "Do", kind, binding: null, parameters, returns: null, run: async () => ({ status: 204, headers: {} }) };
}

function parameter(name: string, type: string, required = false): OperationParameter {
  return { name, type, required };
}

function request(query: string, body?: unknown): ApiRequest {
  return { method: "GET", path: "", query, headers: new Map(), body, root: "https://crm.test/api/data/v9.2/" };
}

function refused(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ApiFault && error.code === code;
}

const TEXT = operation("function", parameter("LocalizedStandardName", "Edm.String", true), parameter("LocaleId", "Edm.Int32", true));
const TARGET = operation("function", parameter("Target", "mscrm.crmbaseentity", true));

describe("parameters of a function", () => {
  test("stand in the parentheses or as aliases in the query, as the documentation's examples write them", () => {
    const given = [
      ["LocalizedStandardName", "Pacific Standard Time"],
      ["LocaleId", 1033],
    ];
    const aliases = "LocalizedStandardName=@p1,LocaleId=@p2";
    assert.deepEqual([...readParameters(TEXT, aliases, request("@p1='Pacific Standard Time'&@p2=1033"))], given);
    assert.deepEqual([...readParameters(TEXT, aliases, request("%40p1=%27Pacific%20Standard+Time%27&@p2=1033&$top=1"))], given);
    assert.deepEqual([...readParameters(TEXT, "LocalizedStandardName='Pacific Standard Time', LocaleId=1033", request(""))], given);
  });

  test("are entities in JSON with quotes of either kind", () => {
    const contact = "contacts(9f3162f6-804a-e611-80d1-00155d4333fa)";
    for (const text of [`{'@odata.id':'${contact}'}`, `{"@odata.id": "${contact}"}`, `{%22@odata.id%22:%22${contact}%22}`])
      assert.deepEqual(readParameters(TARGET, "Target=@tid", request(`@tid=${text}`)).get("Target"), { "@odata.id": contact });
  });

  test("keep quotes that are doubled, and what looks like syntax inside quotes", () => {
    const only = operation("function", parameter("Subject", "Edm.String"));
    const subject = "It's (a, b) & c=d";
    const written = `'${subject.replaceAll("'", "''")}'`;
    assert.equal(readParameters(only, "Subject=@s", request(`@s=${encodeURIComponent(written)}`)).get("Subject"), subject);
    assert.equal(readParameters(only, `Subject=${written}`, request("")).get("Subject"), subject);
    assert.equal(readParameters(only, "Subject=@s", request("@s=null")).has("Subject"), false);
    assert.equal(readParameters(only, "Subject=@s", request("")).has("Subject"), false);
  });

  test("that nobody declared make it another function, which is not there", () => {
    assert.throws(() => readParameters(TEXT, "Nothing=1", request("")), refused("0x8006088a"));
    assert.throws(() => readParameters(TEXT, "LocaleId=1033", request("")), refused("0x80040200"));
    assert.throws(() => readParameters(TEXT, "LocaleId=1,LocaleId=2", request("")), refused("0x80060888"));
    assert.throws(() => readParameters(TEXT, "LocaleId='1033',LocalizedStandardName='x'", request("")), refused("0x80048d19"));
    assert.throws(() => readParameters(TEXT, "LocaleId", request("")), refused("0x80060888"));
    assert.throws(() => readParameters(TEXT, "LocaleId=@a", request("@a=1&@a=2")), refused("0x80060888"));
    assert.throws(() => readParameters(TEXT, "LocaleId=@a", request("@a=%E0%A4%A")), refused("0x80060888"));
  });

  test("are read, or refused in words of the Web API, whatever they hold", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (between, query) => {
        try {
          readParameters(TARGET, between, request(query));
        } catch (error) {
          assert.ok(error instanceof ApiFault);
        }
      }),
    );
  });
});

describe("parameters of an action", () => {
  const cases: readonly (readonly [string, readonly unknown[], readonly unknown[]])[] = [
    ["Edm.String", ["", "x"], [1, {}, []]],
    ["Edm.Boolean", [true, false], ["true", 1]],
    ["Edm.Int32", [0, -1, 2_147_483_647], [1.5, "1", 2_147_483_648]],
    ["Edm.Guid", ["9f3162f6-804a-e611-80d1-00155d4333fa"], ["9f3162f6", 1]],
    ["Edm.DateTimeOffset", ["2026-03-10T09:00:00Z", "2026-03-10T09:00:00.123+01:00"], ["2026-03-10", "2026-13-10T09:00:00Z", 1]],
    ["Edm.Binary", ["SGVsbG8="], ["no base64!", 1]],
    [
      "mscrm.queue",
      [{ queueid: "x" }, { "@odata.type": "Microsoft.Dynamics.CRM.queue" }],
      [{ "@odata.type": "Microsoft.Dynamics.CRM.email" }, "x", []],
    ],
    ["mscrm.crmbaseentity", [{ "@odata.type": "#Microsoft.Dynamics.CRM.email" }, { "@odata.id": "emails(x)" }], [{}, { "@odata.type": 1 }]],
    ["Collection(Edm.String)", [[], ["a", "b"]], ["a", [1], Array.from({ length: 5_001 }, () => "a")]],
    ["Collection(mscrm.attachment)", [[{}], [{ "@odata.type": "Microsoft.Dynamics.CRM.attachment" }]], [[null], {}]],
  ];
  for (const [type, good, bad] of cases) {
    test(`of type ${type} are checked`, () => {
      const one = operation("action", parameter("Value", type));
      for (const value of good) assert.ok(readParameters(one, null, request("", { Value: value })).has("Value"));
      for (const value of bad)
        assert.throws(() => readParameters(one, null, request("", { Value: value })), ApiFault, JSON.stringify(value)?.slice(0, 80));
    });
  }

  test("that are null count as left out, annotations as nothing", () => {
    const one = operation("action", parameter("Value", "Edm.String", true));
    assert.throws(() => readParameters(one, null, request("", { Value: null })), refused("0x80040200"));
    assert.equal(readParameters(one, null, request("", { "@odata.type": "x", Value: "" })).get("Value"), "");
    assert.throws(() => readParameters(one, null, request("", { Value: "", Other: 1 })), refused("0x80048d19"));
    assert.throws(() => readParameters(one, null, request("", [1])), refused("0x80048d19"));
    assert.throws(() => readParameters(one, null, request("", { Value: "x".repeat(16 * 1024 * 1024 + 1) })), refused("0x80044331"));
  });
});

describe("JSON of a URL", () => {
  test("is read as JSON where it is JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        // Numbers with more digits than a URL needs are refused.
        fc.pre(!/\d{20}|\.\d{21}|\.\d*e/i.test(text) && !text.includes("__proto__"));
        assert.deepEqual(readRelaxedJson(text), JSON.parse(text));
      }),
    );
  });

  test("takes single quotes, and refuses what is neither, or nested without end", () => {
    assert.deepEqual(readRelaxedJson(`{'a':[1,'it\\'s',"b"],'c':{}}`), { a: [1, "it's", "b"], c: {} });
    for (const text of ["{", "{a:1}", "[1,]", "'", "1 2", "tru", `"\\x"`, "[".repeat(100), '"\n"', ""])
      assert.throws(() => readRelaxedJson(text), ApiFault, text.slice(0, 20));
  });
});

test("type names may bear either namespace, with or without a sign before it", () => {
  for (const name of ["#Microsoft.Dynamics.CRM.email", "Microsoft.Dynamics.CRM.email", "mscrm.email", "email"])
    assert.equal(plainType(name), "email");
});
