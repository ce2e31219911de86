import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Status } from "../engine/operations/status.ts";
import type { Json } from "./json.ts";
import {
  authorizedLines,
  checkEventLines,
  explanationLines,
  folded,
  nothingKnownLines,
  plural,
  printable,
  quarantineLines,
  receivedLines,
  sentLines,
  statusLines,
} from "./print.ts";

const AT = "2026-03-10T09:00:00.250Z";

const works = { state: "works", because: null, lastSuccess: AT, next: null, error: null } as const;
const failing = {
  state: "failing",
  because: "The server mail.test refused the sign-in.",
  lastSuccess: null,
  next: AT,
  error: {
    code: "sign-in refused",
    message: "The server mail.test refused the sign-in.",
    serverSaid: "NO no",
    remedy: "Correct the password.",
  },
} as const;

const tested = {
  ...({ incomingemailstatus: 2, outgoingemailstatus: 0, actstatus: 0, mailboxstatus: 2, enabledforincomingemail: false } as const),
  ...{ enabledforoutgoingemail: false, testmailboxaccesscompletedon: AT, because: "Run it again." },
};

const status: Json<Status> = {
  mailboxes: [
    {
      address: "ann@example.test",
      organization: "contoso",
      profile: "mail",
      receiving: failing,
      sending: works,
      emailrouteraccessapproval: 1,
      test: tested,
      startDate: AT,
      folders: [
        { name: "INBOX", messages: 1, read: true, because: null, remark: "It has no lasting numbers." },
        { name: "Junk", messages: null, read: false, because: "It holds junk mail.", remark: null },
      ],
      messages: { tracked: 1, skipped: 2, duplicate: 3, quarantined: 4 },
      deleting: { since: AT, deleted: 5, lastAt: AT, kept: 1 },
      notWatchedBecause: null,
      opened: {
        receiving: { access: "masterUser", user: "ann", serviceAccount: "router", words: "by the service account router" },
        sending: { access: "password", user: "ann", serviceAccount: null, words: "as ann, with its own password" },
      },
      weaknesses: ["incoming: passwords and mail travel in plain text"],
      token: null,
    },
  ],
  pendingEmails: 1,
  unknownEmails: [{ emailId: "e1", messageId: "m1@example.test", since: AT, note: "The connection broke." }],
  quarantined: 4,
  limits: [
    { host: "imap.example.test", account: "", profile: "mail", connections: 3, until: AT },
    { host: "imap.example.test", account: "ann", profile: "mail", connections: 1, until: AT },
  ],
  alerts: [
    {
      ...{ id: 1, scope: "mailbox", subject: "x", code: "receiving: sign-in refused", times: 3, closedAt: null },
      ...{ message: "Refused.", serverSaid: "NO \u001b[2Jgone", remedy: "Correct it.", openedAt: AT, seenAt: AT },
    },
  ],
};

describe("what people read", () => {
  test("status says of each mailbox how it stands, why, what to do, and when in plain words", () => {
    assert.deepEqual(statusLines(status), [
      "ann@example.test  (mail)",
      "  receiving: FAILING. The server mail.test refused the sign-in.",
      "    the server said: NO no",
      "    what to do: Correct the password.",
      "    next try 2026-03-10 09:00:00 UTC; last success never",
      "  sending:   works, last 2026-03-10 09:00:00 UTC",
      "  opened:    to receive by the service account router",
      "  opened:    to send as ann, with its own password",
      "  test:      incoming Failure, outgoing Not Run, last run 2026-03-10 09:00:00 UTC",
      "    Run it again.",
      "  messages:  1 tracked, 2 skipped, 3 duplicate, 4 in quarantine",
      "  deleting:  5 processed messages deleted, last 2026-03-10 09:00:00 UTC; 1 message kept, not proven to be in the CRM (`waypost explain <Message-ID>` says why)",
      "  start:     mail received since 2026-03-10 09:00:00 UTC is looked at",
      "  folder:    INBOX (1 message) is read. It has no lasting numbers.",
      "  folder:    Junk (unknown number of messages) is not read. It holds junk mail.",
      "  weakness:  incoming: passwords and mail travel in plain text",
      "",
      "1 email pending, 1 email with unknown outcome, 4 messages in quarantine, 1 open alert",
      "UNKNOWN since 2026-03-10 09:00:00 UTC: whether the email e1 left",
      "  Message-ID: <m1@example.test>",
      "  what is known: The connection broke.",
      "LIMIT of imap.example.test, learned: 3 connections at a time; one more is tried after 2026-03-10 09:00:00 UTC",
      "LIMIT of imap.example.test for ann, learned: 1 connection at a time; one more is tried after 2026-03-10 09:00:00 UTC",
      "ALERT since 2026-03-10 09:00:00 UTC, seen 3 times, last 2026-03-10 09:00:00 UTC",
      "  Refused.",
      "  the server said: NO \ufffd[2Jgone",
      "  what to do: Correct it.",
    ]);
  });

  test("a mailbox that is opened alike in both directions says so once", () => {
    const [one] = status.mailboxes;
    assert.ok(one);
    const { sending } = one.opened;
    const lines = (opened: typeof one.opened) =>
      statusLines({ ...status, mailboxes: [{ ...one, opened }] }).filter((line) => line.startsWith("  opened:"));
    assert.deepEqual(lines({ receiving: sending, sending }), ["  opened:    as ann, with its own password"]);
    assert.deepEqual(lines({ receiving: sending, sending: null }), ["  opened:    to receive as ann, with its own password"]);
  });

  test("a mailbox that is off says why, and a new one that nothing was done yet", () => {
    const [one] = status.mailboxes;
    assert.ok(one);
    const off = { ...works, state: "off", because: "It is inactive." } as const;
    const lines = statusLines({ ...status, mailboxes: [{ ...one, receiving: off, sending: { ...works, state: "new" } }] });
    assert.deepEqual(lines.slice(1, 3), ["  receiving: off. It is inactive.", "  sending:   nothing done yet"]);
  });

  test("explanations name the message, where it lies and the email that it became", () => {
    const incoming = {
      ...{ decisionId: 7, mailbox: "ann@example.test", messageId: null, received: AT, from: null, outcome: "tracked", reason: 6 },
      ...{ emailId: "e1", folders: ["INBOX", "INBOX/Old"], decidedAt: AT, wish: null, advice: null, sentences: ["It is tracked."] },
    };
    const outgoing = {
      ...{ emailId: "e2", generation: 2, messageId: "m2@example.test", stage: "accepted", attempts: 1, sentCopy: "filed", changedAt: AT },
      ...{ returned: [], sentences: ["The mail server accepted it."] },
    };
    assert.deepEqual(explanationLines({ incoming: [incoming], outgoing: [outgoing], mailboxes: [], pending: null, notRead: [] }), [
      "Message number 7",
      "  Received 2026-03-10 09:00:00 UTC in ann@example.test, now in INBOX and INBOX/Old.",
      "  It is tracked.",
      "  Email in the CRM: e1",
      "Email e2 sent as <m2@example.test>",
      "  Send was pressed 2 times; 1 attempt; last change 2026-03-10 09:00:00 UTC.",
      "  The mail server accepted it.",
    ]);
  });

  test("explanations of mailboxes and of waiting emails say why nothing is done; of what is unknown, where it could lie unseen", () => {
    const nothing = { incoming: [], outgoing: [], mailboxes: [], pending: null, notRead: [] };
    const mailboxes = [{ mailbox: "ann@example.test", sentences: ["It is not read."] }];
    const pending = { emailId: "e3", sender: "ann@example.test", because: "Its mailbox is inactive." };
    assert.deepEqual(explanationLines({ ...nothing, mailboxes, pending }), [
      "Mailbox ann@example.test",
      "  It is not read.",
      "Email e3 has not left. Its mailbox is inactive.",
    ]);
    const lines = nothingKnownLines("m\u0007@x", { ...nothing, notRead: [{ mailbox: "ben@example.test", because: "Ben is inactive." }] });
    assert.match(lines[0] ?? "", /^Nothing is known of m\uFFFD@x\./);
    assert.deepEqual(lines.slice(1), ["Not read at all: Ben is inactive."]);
  });

  test("quarantine, check, receive and send say what failed, in the server's words, and what to do", () => {
    const row = {
      ...{ id: 17, mailbox: "ann@example.test", mailboxId: "x", messageId: "m@x", sender: "carl@x", received: AT, step: "read" as const },
      ...{
        code: "too large",
        message: "It has 60 MB.",
        serverSaid: "NO",
        remedy: "Raise the limit.",
        attempts: 2,
        openedAt: AT,
        triedAt: AT,
        retry: true,
        isPrivate: false,
      },
    };
    assert.deepEqual(quarantineLines([row]), [
      "17  ann@example.test: message <m@x> from carl@x, received 2026-03-10 09:00:00 UTC",
      "    It has 60 MB.",
      "    the server said: NO",
      "    failed to read 2 times, last 2026-03-10 09:00:00 UTC; will be tried again",
      "    what to do: Raise the limit.",
    ]);
    assert.deepEqual(quarantineLines([]), ["Nothing is in quarantine."]);
    const step = {
      direction: "receive",
      name: "sign-in",
      result: "failed",
      message: "Refused.",
      serverSaid: "NO",
      remedy: "Correct it.",
    } as const;
    const untouched = [{ direction: "send" as const, because: "It is off." }];
    assert.deepEqual(checkEventLines({ mailbox: "ann@example.test", begun: true }), ["ann@example.test"]);
    assert.deepEqual(checkEventLines({ mailbox: "ann@example.test", step }), [
      "  FAILED  incoming, sign-in: Refused.",
      "          the server said: NO",
      "          what to do: Correct it.",
    ]);
    const done = { mailbox: "ann@example.test", steps: [step], untouched, test: tested, folders: [] };
    assert.deepEqual(checkEventLines({ mailbox: "ann@example.test", done }), [
      "  not tried outgoing: It is off.",
      "  test:      incoming Failure, outgoing Not Run, last run 2026-03-10 09:00:00 UTC",
      "",
    ]);
    const failures = [{ mailbox: "ann@example.test", code: "c", message: "Refused.", serverSaid: null, remedy: "Correct it." }];
    const counts = { received: 1, tracked: 1, skipped: 0, duplicate: 0, quarantined: 0, moved: 0 };
    const left = [
      { mailbox: "ben@example.test", named: true, state: "waits" as const, because: "It is busy.", until: null },
      { mailbox: "cem@example.test", named: true, state: "off" as const, because: "It is inactive.", until: null },
    ];
    assert.deepEqual(receivedLines({ mailboxes: 4, busy: 1, counts, failures, left }), [
      "1 mailbox read: 1 message, 1 tracked, 0 skipped, 0 duplicate, 0 quarantined, 0 moved",
      "WAITS  ben@example.test: It is busy.",
      "off    cem@example.test: It is inactive.",
      "FAILED Refused.",
      "  what to do: Correct it.",
    ]);
    assert.deepEqual(sentLines({ mailboxes: 2, busy: 0, counts: { sent: 0, failed: 0, waiting: 1, unknown: 0 }, failures: [], left }), [
      "0 emails sent, 0 failed, 1 to be tried again, 0 unknown",
      "WAITS  ben@example.test: It is busy.",
      "off    cem@example.test: It is inactive.",
    ]);
  });

  test("a new access token is told with the mailboxes that were tried and those that were not; one that no server took leads to a check", () => {
    const tried = (...results: ("ok" | "failed" | "not tried")[]) => {
      const mailboxes = results.map((result, index) => ({ mailbox: `m${index}@example.test`, result, message: `It is ${result}.` }));
      return authorizedLines({ target: "mail", expiresAt: null, renewable: true, mailboxes });
    };
    assert.deepEqual(tried("ok", "not tried"), [
      "Authorized: mail.",
      "  m0@example.test: It is ok.",
      "  m1@example.test: It is not tried.",
      "A running service goes on by itself; without one, `waypost check` and `waypost receive` are next.",
    ]);
    assert.match(tried().at(-1) ?? "", /^A running service/);
    for (const results of [["ok", "failed"], ["not tried"]] as const) assert.match(tried(...results).at(-1) ?? "", /`waypost check` shows/);
  });

  test("plural", () => {
    assert.deepEqual([plural(0, "email"), plural(1, "mailbox"), plural(2, "mailbox")], ["0 emails", "1 mailbox", "2 mailboxes"]);
  });
});

describe("what strangers wrote", () => {
  test("cannot move the cursor, break the line or turn the text around", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(printable(text), /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
      }),
    );
    assert.equal(printable("Grüße, 你好 👋"), "Grüße, 你好 👋");
  });
});

describe("lines on a screen", () => {
  const line = fc.tuple(
    fc.nat(6),
    fc.array(fc.string({ minLength: 1, maxLength: 30, unit: fc.constantFrom("a", "b", ".") }), { minLength: 1 }),
  );

  test("are not wider than it, except for a word that is, and keep every word in its order", () => {
    fc.assert(
      fc.property(line, fc.integer({ min: 40, max: 120 }), ([indent, words], width) => {
        const text = `${" ".repeat(indent)}${words.join(" ")}`;
        const lines = folded(text, width);
        assert.deepEqual(lines.join(" ").split(/ +/).filter(Boolean), words);
        for (const one of lines) assert.ok(one.length <= width || !one.trim().includes(" "), one);
      }),
    );
  });

  test("go on below their beginning, two further in", () => {
    assert.deepEqual(folded("  rule: one two three", 12), ["  rule: one", "    two", "    three"]);
    assert.deepEqual(folded("short", 12), ["short"]);
    assert.deepEqual(folded("  a-word-that-is-too-long and more", 12), ["  a-word-that-is-too-long", "    and more"]);
  });
});
