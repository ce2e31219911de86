import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DEFAULT_SETTINGS, type OrganizationSettings } from "../model/settings.ts";
import { nextToken, tokensIn, withToken } from "./token.ts";

function settings(change: Partial<OrganizationSettings> = {}): OrganizationSettings {
  return { ...DEFAULT_SETTINGS, ...change };
}

describe("nextToken", () => {
  const table: [string, Partial<OrganizationSettings>, number, number, string | null][] = [
    ["has the documented form by default", {}, 1, 2, "CRM:0001002"],
    ["adds the base to the user number", { trackingtokenidbase: 500 }, 1, 0, "CRM:0501000"],
    ["wraps the counter after the maximum", {}, 1, 1000, "CRM:0001000"],
    ["takes the counter's digits from the maximum", { maximumtrackingnumber: 99_999 }, 7, 42, "CRM:000700042"],
    ["never cuts a user number that outgrew its digits", { trackingtokeniddigits: 1 }, 123, 4, "CRM:0123004"],
    ["is null without a prefix", { trackingprefix: "" }, 1, 1, null],
    ["is null when tokens are off", { trackingtokensenabled: false }, 1, 1, null],
  ];
  for (const [promise, change, number, counter, token] of table) {
    it(promise, () => assert.equal(nextToken(settings(change), number, counter), token));
  }
});

describe("tokensIn", () => {
  const table: [string, string, Partial<OrganizationSettings>, string[]][] = [
    ["finds the token at the end", "Re: Offer CRM:0001002", {}, ["CRM:0001002"]],
    ["finds it in the middle and in brackets", "Re: [CRM:0001002] Offer", {}, ["CRM:0001002"]],
    ["gives the prefix as configured, however it is written", "re: offer crm:0001002", {}, ["CRM:0001002"]],
    ["names the last one first, each once", "CRM:0001001 x CRM:0001002 y CRM:0001001", {}, ["CRM:0001001", "CRM:0001002"]],
    ["still knows prefixes of earlier times", "Re: Offer Ref#0001002", { trackingprefixhistory: ["Ref#", ""] }, ["Ref#0001002"]],
    ["takes numbers of other lengths: settings change, tokens stay", "Offer CRM:00001000002", {}, ["CRM:00001000002"]],
    ["takes a prefix literally", "Offer C.M*0001002 CRMM0001002", { trackingprefix: "C.M*" }, ["C.M*0001002"]],
    ["does not find it inside another word", "XCRM:0001002 CRM:0001002x", {}, []],
    ["does not take the beginning of a longer number", `CRM:${"1".repeat(21)}`, {}, []],
    ["finds nothing when tokens are off", "CRM:0001002", { trackingtokensenabled: false }, []],
    ["finds nothing without a prefix", "0001002", { trackingprefix: "" }, []],
  ];
  for (const [promise, subject, change, found] of table) {
    it(promise, () => assert.deepEqual(tokensIn(subject, settings(change)), found));
  }

  it("looks up at most ten, whatever the subject holds", () => {
    const subject = Array.from({ length: 300 }, (_, index) => `CRM:${1000 + index}`).join(" ");
    assert.deepEqual(tokensIn(subject, settings()).slice(0, 2), ["CRM:1299", "CRM:1298"]);
    assert.equal(tokensIn(subject, settings()).length, 10);
  });

  it("finds every token that nextToken makes, in the subject that withToken makes, behind any answer mark", () => {
    const prefix = fc
      .string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 })
      .filter((text) => text.trim() === text && !/\d$/.test(text));
    fc.assert(
      fc.property(prefix, fc.nat(999), fc.nat(2000), fc.string({ maxLength: 300 }), (trackingprefix, number, counter, subject) => {
        const own = settings({ trackingprefix });
        const token = nextToken(own, number, counter);
        assert.ok(token !== null);
        assert.ok(tokensIn(`AW: ${withToken(subject, token, 255)}`, own).includes(token));
      }),
    );
  });
});

describe("withToken", () => {
  const table: [string, string, string | null, number, string][] = [
    ["puts the token at the end", "Offer", "CRM:0001002", 255, "Offer CRM:0001002"],
    ["cuts the subject, never the token", "A long subject", "CRM:0001002", 18, "A long CRM:0001002"],
    ["leaves off a token that does not fit by itself", "A long subject", "CRM:0001002", 10, "A long sub"],
    ["leaves the token alone when nothing else fits", "Offer", "CRM:0001002", 11, "CRM:0001002"],
    ["does not repeat a token that is there", "Re: Offer CRM:0001002", "CRM:0001002", 255, "Re: Offer CRM:0001002"],
    ["keeps a token that is there when it cuts", "Offer CRM:0001002 with much more behind it", "CRM:0001002", 20, "Offer wi CRM:0001002"],
    ["keeps a longer number that only begins like the token", "CRM:00010023", "CRM:0001002", 255, "CRM:00010023 CRM:0001002"],
    ["cuts a subject without a token too", "A long subject", null, 6, "A long"],
    ["does not cut through a surrogate pair", "ab😀cd", null, 3, "ab"],
  ];
  for (const [promise, subject, token, maximum, whole] of table) {
    it(promise, () => assert.equal(withToken(subject, token, maximum), whole));
  }

  it("never exceeds the maximum, and adding the same token again changes nothing", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.nat(400), (subject, maximum) => {
        const once = withToken(subject, "CRM:0001002", maximum);
        assert.ok(once.length <= maximum);
        assert.equal(withToken(once, "CRM:0001002", maximum), once);
      }),
    );
  });
});
