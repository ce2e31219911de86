import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { PRESET_NAMES, presetOf, withPreset, withPresets } from "./presets.ts";

describe("a preset", () => {
  it("gives both directions where it knows the hosts", () => {
    assert.deepEqual(withPreset({ name: "google", preset: "gmail" }), {
      name: "google",
      preset: "gmail",
      incoming: { host: "imap.gmail.com", port: 993, security: "tls" },
      outgoing: { host: "smtp.gmail.com", port: 465, security: "tls" },
      filesSentCopy: true,
      maximumMessageMegabytes: 50,
    });
  });

  it("fills only the directions that the file names where each installation has its own hosts", () => {
    assert.deepEqual(withPreset({ preset: "exchange", outgoing: { host: "mail.example.com" } }), {
      preset: "exchange",
      outgoing: { host: "mail.example.com", port: 587, security: "starttls" },
    });
  });

  it("leaves port and protection together: one named in the file goes with its own usual partner", () => {
    const outgoing = { host: "mail.example.com", security: "tls" };
    assert.deepEqual(withPreset({ preset: "zimbra", outgoing }), { preset: "zimbra", outgoing });
  });

  it("says nothing about another protocol than its own", () => {
    const profile = { preset: "gmail", incoming: { protocol: "pop3", host: "pop.gmail.com" } };
    const filled = withPreset(profile);
    assert.ok(typeof filled === "object" && filled !== null && "incoming" in filled);
    assert.deepEqual(filled.incoming, profile.incoming);
  });

  it("never changes what the file says, whatever that is, and changes nothing without its name", () => {
    const file = fc.record(
      {
        preset: fc.oneof(fc.constantFrom(...PRESET_NAMES), fc.anything()),
        incoming: fc.oneof(fc.dictionary(fc.constantFrom("host", "port", "security", "protocol"), fc.anything()), fc.anything()),
        outgoing: fc.anything(),
        filesSentCopy: fc.anything(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(file, (given) => {
        const filled = withPreset(given);
        const known = typeof given.preset === "string" && (PRESET_NAMES as readonly string[]).includes(given.preset);
        if (!known) assert.equal(filled, given);
        assert.ok(contains(filled, given));
      }),
    );
    fc.assert(
      fc.property(fc.anything(), (given) => {
        withPresets(given);
      }),
    );
  });

  it("never weakens a connection", () => {
    for (const name of PRESET_NAMES)
      for (const { security } of [presetOf(name).incoming, presetOf(name).outgoing]) assert.match(security, /^(tls|starttls)$/);
  });
});

/** Whether all that `part` says stands in `whole`. */
function contains(whole: unknown, part: unknown): boolean {
  if (part === undefined || Object.is(whole, part)) return true;
  if (typeof whole !== "object" || typeof part !== "object" || whole === null || part === null) return false;
  return Object.entries(part).every(([key, value]) => contains(Object.entries(whole).find(([name]) => name === key)?.[1], value));
}
