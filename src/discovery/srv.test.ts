import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAIL_SERVICES, type SrvRecord, srvAnswer } from "./srv.ts";

const [IMAPS] = MAIL_SERVICES;
assert.ok(IMAPS);
const answerOf = (...records: SrvRecord[]) => srvAnswer("example.com", IMAPS, records);
const record = (name: string, priority = 0, weight = 0, port = 993): SrvRecord => ({ name, port, priority, weight });

describe("SRV records", () => {
  it("are taken by priority, then by weight", () => {
    const { settings } = answerOf(record("b.example.com", 10, 5), record("c.example.com", 10, 50), record("a.example.com", 0, 0));
    assert.deepEqual(
      settings.map(({ settings: { host } }) => host),
      ["a.example.com", "c.example.com", "b.example.com"],
    );
  });

  it("of the target `.` say that the service is not offered", () => {
    for (const name of [".", ""]) {
      const { settings, notes } = answerOf(record(name, 0, 0, 0));
      assert.deepEqual(settings, []);
      assert.match(notes[0]?.message ?? "", /does not offer IMAP over TLS/);
    }
  });

  it("that point out of the domain are to be confirmed", () => {
    const { settings } = answerOf(record("imap.example.com"), record("imap.hoster.test", 1), record("badexample.com", 2));
    assert.deepEqual(
      settings.map(({ evidence: { trust } }) => trust),
      ["published", "to be confirmed", "to be confirmed"],
    );
    assert.match(settings[1]?.evidence.doubts[0] ?? "", /imap\.hoster\.test, outside of example\.com/);
  });

  it("that name no host or port are no settings", () => {
    const { settings, notes } = answerOf(record("not a host"), record("imap.example.com", 0, 0, 0));
    assert.deepEqual(settings, []);
    assert.equal(notes[0]?.outcome, "failed");
  });
});
