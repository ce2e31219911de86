import assert from "node:assert/strict";
import { test } from "node:test";
import type { MailboxHistory } from "../engine/operations/history.ts";
import type { Json } from "./json.ts";
import { historyLines } from "./privacy-commands.ts";

const HISTORY: Json<MailboxHistory> = {
  mailbox: "ann@example.test",
  from: "2026-01-01T00:00:00.000Z",
  until: "2026-03-01T12:00:00.000Z",
  messages: 9,
  outcomes: { tracked: 6, skipped: 2, duplicate: 1, quarantined: 0 },
  known: 0,
  doubtful: 1,
  folders: [
    { folder: "INBOX", messages: 9 },
    { folder: "INBOX/Empty", messages: 0 },
  ],
  failed: [{ folder: "INBOX/Odd", because: "The server refuses it." }],
};

test("a preview of history names folders with messages, what would become of them, and what could not be counted", () => {
  const text = historyLines(HISTORY).join("\n");
  assert.match(text, /and before its start, .*: 9 messages\./);
  assert.match(text, /^ {2}INBOX: 9$/m);
  assert.doesNotMatch(text, /Empty/);
  assert.match(text, /INBOX\/Odd: not counted\. The server refuses it\./);
  assert.match(text, /6 would become emails, 2 would be left alone/);
  assert.match(text, /1 is an email already, from other mailboxes/);
  assert.match(text, /1 have no Message-ID or no date/);
  assert.doesNotMatch(text, /quarantine/);
});
