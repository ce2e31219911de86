import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDate } from "./dates.ts";

const TABLE: readonly (readonly [raw: string, iso: string | null])[] = [
  ["Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06.000Z"],
  ["21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06.000Z"],
  ["Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T15:55:06.000Z"],
  ["Thu, 13 Feb 1969 23:32 -0330", "1969-02-14T03:02:00.000Z"],
  ["Mon, 1 Jan 2024 10:00:00 +0200 (CEST (nested))", "2024-01-01T08:00:00.000Z"],
  ["Mon, 1 Jan 2024 10:00:00 EST", "2024-01-01T15:00:00.000Z"],
  ["Mon, 1 Jan 2024 10:00:00 PDT", "2024-01-01T17:00:00.000Z"],
  ["Mon, 1 Jan 2024 10:00:00 GMT+0200", "2024-01-01T08:00:00.000Z"],
  ["Mon, 1 Jan 2024 10:00:00 Z", "2024-01-01T10:00:00.000Z"],
  ["Mon, 1 Jan 2024 10:00:00 A", "2024-01-01T10:00:00.000Z"],
  ["Mon, 1 Jan 2024 10:00:00", "2024-01-01T10:00:00.000Z"],
  ["Mon, 1 Jan 103 10:00:00 GMT", "2003-01-01T10:00:00.000Z"],
  ["1 Jan 49 10:00 GMT", "2049-01-01T10:00:00.000Z"],
  ["Tuesday, 02-Jan-2024 03.04.05 +0000", "2024-01-02T03:04:05.000Z"],
  ["Tue Jan  2 03:04:05 2024", "2024-01-02T03:04:05.000Z"],
  ["Tue Jan  2 03:04:05 EST 2024", "2024-01-02T08:04:05.000Z"],
  ["2024-01-02T03:04:05+01:00", "2024-01-02T02:04:05.000Z"],
  ["Wed, 31 Dec 2008 23:59:60 +0000", "2008-12-31T23:59:59.000Z"],
  ["Mon, 30 Feb 2024 10:00:00 GMT", null],
  ["Mon, 1 Jan 2024 25:00:00 GMT", null],
  ["Mon, 1 Foo 2024 10:00:00 GMT", null],
  ["Mon, 1 Jan 0050 10:00:00 GMT", null],
  ["2024-13-45T99:99:99Z", null],
  ["yesterday", null],
  ["", null],
];

for (const [raw, iso] of TABLE) {
  test(`date: ${JSON.stringify(raw)} is ${iso ?? "none"}`, () => assert.equal(parseDate(raw)?.toISOString() ?? null, iso));
}

test("date: every second from 1900 to 9999 written by RFC 5322 is read back", () => {
  const range = { min: new Date("1900-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true };
  fc.assert(
    fc.property(fc.date(range), (date) => {
      const second = new Date(Math.floor(date.getTime() / 1000) * 1000);
      assert.deepEqual(parseDate(second.toUTCString()), second);
    }),
  );
});

test("date: no text makes it throw or answer with an invalid date", () => {
  fc.assert(fc.property(fc.string(), (text) => assert.ok(!Number.isNaN(parseDate(text)?.getTime() ?? 0))));
});
