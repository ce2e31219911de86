import assert from "node:assert/strict";
import { test } from "node:test";
import { APPROVAL } from "../ledger/approvals.ts";
import { type MailboxRow, METHOD, type ProfileRow } from "../ledger/mailboxes.ts";
import type { Endpoint } from "../model/mailbox.ts";
import { whyNot, whyNotTested, whyWaiting } from "./why-not.ts";

const endpoint: Endpoint = {
  ...{ protocol: "imap", host: "mail.test", port: 993, security: "tls", authentication: "auto" },
  ...{ certificateAuthorities: null, verifyCertificate: true, timeout: 60_000 },
};
const profile: ProfileRow = {
  ...{ name: "mail", incoming: endpoint, outgoing: endpoint, folders: "inbox", filesSentCopy: false, maxConcurrentConnections: 1 },
  ...{ maximumMessageSize: 1, receiveFailures: 0, receiveNotBefore: null, sendFailures: 0, sendNotBefore: null },
};
const mailbox: MailboxRow = {
  ...{ id: "1", organization: "o", address: "ann@example.test", profile: "mail", owner: { type: "systemuser", id: "2" }, username: "ann" },
  ...{
    startDate: new Date(0),
    incomingMethod: METHOD.waypost,
    outgoingMethod: METHOD.waypost,
    approval: APPROVAL.approved,
    active: true,
    inFile: true,
    deleteSince: null,
    forwardTrust: null,
    unfinished: null,
    auditedAt: new Date(0),
  },
  ...{ receiveDueAt: new Date(0), receiveNotBefore: null, receiveFailures: 0, receivedAt: null, receiveError: null },
  ...{ sendFailures: 0, sendNotBefore: null, sentAt: null, sendError: null },
  ...{ approvalRequired: true, approvalSource: "file", requireTest: false, incomingStatus: 0, outgoingStatus: 0, actStatus: 0 },
  ...{ enabledForIncoming: false, enabledForOutgoing: false, testedAt: null },
};

test("a mailbox that is active, approved, switched on and has a server is worked on in both directions", () => {
  assert.deepEqual([whyNot("receive", mailbox, profile), whyNot("send", mailbox, profile)], [null, null]);
});

test("one that is not says why and what to do, in the words of the configuration", () => {
  assert.match(whyNot("receive", { ...mailbox, active: false }, profile) ?? "", /is inactive.*"active: true"/);
  const gone = whyNot("receive", { ...mailbox, active: false, inFile: false }, profile);
  assert.match(gone ?? "", /not in the configuration any more\. Put it back/);
  assert.match(whyNot("send", { ...mailbox, approval: APPROVAL.pending }, profile) ?? "", /is not approved.*"approved: ann@example\.test"/);
  assert.match(whyNot("receive", { ...mailbox, incomingMethod: METHOD.none }, profile) ?? "", /incoming delivery method.*"incoming: true"/);
  assert.match(
    whyNot("receive", { ...mailbox, incomingMethod: METHOD.forwardMailbox }, profile) ?? "",
    /Forward Mailbox: its mail is read where/,
  );
  assert.match(whyNot("send", { ...mailbox, outgoingMethod: METHOD.none }, profile) ?? "", /outgoing delivery method.*"outgoing: true"/);
  assert.match(whyNot("send", mailbox, { ...profile, outgoing: null }) ?? "", /"mail" has no outgoing server/);
});

test("a forward mailbox is never told to send", () => {
  const sink: MailboxRow = { ...mailbox, owner: { type: "forward" }, outgoingMethod: METHOD.none };
  assert.match(whyNot("send", sink, profile) ?? "", /nobody sends.*8005E213/);
});

test("one direction says nothing about the other", () => {
  const half = { ...mailbox, incomingMethod: METHOD.none };
  assert.equal(whyNot("send", half, { ...profile, incoming: null }), null);
  assert.notEqual(whyNot("receive", half, profile), null);
});

test("approval is asked for only where it is required, and each state says what to do", () => {
  const pending = { ...mailbox, approval: APPROVAL.pending, approvalSource: "change" } as const;
  assert.match(
    whyNot("receive", pending, profile) ?? "",
    /new to its user or queue, and pending approval.*waypost approve ann@example\.test/,
  );
  assert.match(
    whyNot("send", { ...mailbox, approval: APPROVAL.rejected }, profile) ?? "",
    /was rejected.*waypost approve ann@example\.test/,
  );
  for (const approval of Object.values(APPROVAL))
    assert.equal(whyNot("receive", { ...mailbox, approval, approvalRequired: false }, profile), null);
});

test("where a test is wanted first, each direction waits for its own; the test itself does not", () => {
  const waiting = { ...mailbox, requireTest: true, enabledForIncoming: true };
  assert.equal(whyNot("receive", waiting, profile), null);
  assert.match(whyNot("send", waiting, profile) ?? "", /no test for outgoing mail.*waypost check ann@example\.test/);
  assert.equal(whyNotTested("send", waiting, profile), null);
});

test("who waits is told what for and until when: the later of what its server profile and what its mail system want", () => {
  const now = new Date("2026-03-10T09:00:00Z");
  const [soon, later] = [new Date("2026-03-10T09:05:00Z"), new Date("2026-03-10T09:10:00Z")];
  assert.equal(whyWaiting("receive", { ...mailbox, receiveNotBefore: now }, { ...profile, receiveNotBefore: now }, now), null);
  const asked = whyWaiting("receive", { ...mailbox, receiveNotBefore: later }, { ...profile, receiveNotBefore: soon }, now);
  assert.match(asked?.because ?? "", /wants ann@example\.test to be left alone until 2026-03-10 09:10:00 UTC\./);
  assert.deepEqual([asked?.state, asked?.until], ["waits", later]);
  const sendError = { code: "c", message: "Nobody answers.", remedy: "Look." };
  const ofProfile = whyWaiting("send", { ...mailbox, sendNotBefore: soon, sendError }, { ...profile, sendNotBefore: later }, now);
  assert.match(
    ofProfile?.because ?? "",
    /outgoing server of the server profile "mail" is in trouble.*09:10:00.*What happened: Nobody answers\./,
  );
  assert.match(whyWaiting("send", { ...mailbox, sendNotBefore: soon }, profile, now)?.because ?? "", /Sending from ann.* failed.*09:05:00/);
});
