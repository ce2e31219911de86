import assert from "node:assert/strict";
import { test } from "node:test";
import { storable } from "../../mime/storable.ts";
import type { Attachment, MessageHead, ParsedContent } from "../../model/message.ts";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { context, facts, head } from "../../tracking/test-data.ts";
import { track } from "../../tracking/track.ts";
import { incomingEmail } from "./incoming-email.ts";
import type { TrackedCandidate } from "./reading.ts";

const ID = "44444444-4444-8444-8444-444444444444";
const LIMITS = { ...DEFAULT_SETTINGS, maximumBodyLength: 1_048_576 };
const NOTHING: ParsedContent = { html: null, text: null, attachments: [], remarks: [] };

/** The candidate that a message to Ann, who takes all mail, becomes. */
function candidate(change: Partial<MessageHead> = {}): TrackedCandidate {
  const its = head(change);
  const all = facts({ settings: { SSSForceFilteringMethodForUserMailboxes: 0 } });
  const decision = track(its, all, context());
  assert.equal(decision.outcome, "tracked");
  return { head: its, decision } as TrackedCandidate;
}

function emailOf(change: Partial<MessageHead> = {}, content: Partial<ParsedContent> = {}) {
  return incomingEmail(ID, candidate(change), "ann@crm.example", storable({ ...NOTHING, ...content }, LIMITS), null);
}

function attachment(filename: string, size: number): Attachment {
  return { filename, mimetype: "application/octet-stream", contentId: null, inline: false, body: Buffer.alloc(size) };
}

test("an email says what the message's head says: the server's date as received, the author's as sent", () => {
  const email = emailOf(
    { inReplyTo: ["a@x", "b@x"], references: ["r1@x", "r2@x"], headers: [["importance", "normal"]] },
    { text: "Hello", html: "<p>Hello" },
  );
  const its = head();
  assert.deepEqual(
    [email.id, email.messageId, email.inReplyTo, email.subject, email.received, email.sent, email.submittedBy],
    [ID, its.messageId, "a@x", its.subject, its.received, its.date, "ann@crm.example"],
  );
  assert.deepEqual([email.text, email.html, email.notifications, email.placement.parties.length > 0], ["Hello", "<p>Hello", 0, true]);
  assert.deepEqual(email.headers, [
    ["importance", "normal"],
    ["references", "<r1@x> <r2@x>"],
  ]);
  assert.deepEqual([emailOf().inReplyTo, emailOf().headers], [null, []]);
});

test("importance comes from Importance or the older X-Priority, however they are written", () => {
  const of = (...headers: (readonly [string, string])[]) => emailOf({ headers }).importance;
  assert.deepEqual(
    [
      of(),
      of(["importance", " HIGH "]),
      of(["importance", "low"]),
      of(["x-priority", "1 (Highest)"]),
      of(["x-priority", "5"]),
      of(["x-priority", "3"]),
      of(["x-priority", "10"]),
    ],
    [1, 2, 0, 2, 0, 1, 1],
  );
});

test("what the CRM does not take is left out, and the email says so", () => {
  const blocked = emailOf({}, { attachments: [attachment("run.exe", 10), attachment("fits.pdf", 10)] });
  assert.deepEqual([blocked.attachments.map((one) => one.filename), blocked.notifications], [["fits.pdf"], 1]);
  const large = emailOf({}, { attachments: [attachment("large.pdf", DEFAULT_SETTINGS.maxuploadfilesize * 1024 + 1)] });
  assert.deepEqual([large.attachments.length, large.notifications], [0, 1]);
  const long = emailOf({}, { text: "x".repeat(1_048_577) });
  assert.deepEqual([long.text?.length, long.notifications], [1_048_576, 2]);
});

test("a message that is not tracked becomes no email", () => {
  const skipped = { ...candidate(), decision: { ...candidate().decision, placement: null } };
  assert.throws(
    () => incomingEmail(ID, skipped as TrackedCandidate, "ann@crm.example", storable(NOTHING, LIMITS), null),
    /only tracked messages/,
  );
});
