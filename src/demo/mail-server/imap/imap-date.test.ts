import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dayOfHeader, formatDateTime, parseDateTime, parseDay } from "./imap-date.ts";

describe("IMAP dates", () => {
  it("come back as they were written, to the second", () => {
    const whole = fc.date({ min: new Date("1970-01-01T00:00:00Z"), max: new Date("2999-12-31T23:59:59Z"), noInvalidDate: true });
    fc.assert(
      fc.property(whole, (date) => {
        date.setUTCMilliseconds(0);
        assert.deepEqual(parseDateTime(formatDateTime(date)), date);
      }),
    );
  });

  it("honour the zone of a date and time", () => {
    assert.deepEqual(parseDateTime("17-Jul-1996 02:44:25 -0700"), new Date("1996-07-17T09:44:25Z"));
    for (const wrong of ["17-Jul-1996", "31-Feb-2026 00:00:00 +0000", "1-Jan-2026 25:00:00 +0000", "x"]) {
      assert.equal(parseDateTime(wrong), null, wrong);
    }
  });

  it("take the day that a Date header names, not the day in UTC", () => {
    assert.equal(dayOfHeader("Mon, 2 Feb 2026 23:30:00 -0800"), Date.UTC(2026, 1, 2));
    assert.equal(dayOfHeader("2 Feb 2026 00:10 +0900"), Date.UTC(2026, 1, 2));
    assert.equal(dayOfHeader("yesterday"), null);
    assert.equal(parseDay("29-Feb-2026"), null);
    assert.equal(parseDay("29-Feb-2028"), Date.UTC(2028, 1, 29));
  });
});
