import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HEADER_FIELDS } from "../mime/head.ts";
import type { DeliveryReport } from "../model/delivery-report.ts";
import type { MessageHead } from "../model/message.ts";
import { advise } from "./advice.ts";
import { automatonOf } from "./automaton.ts";
import { decideIn } from "./change.ts";
import { explain } from "./explain.ts";
import { ANN, address, because, context, decide, earlier, facts, head, user } from "./test-data.ts";
import { track } from "./track.ts";

type Marks = Partial<Pick<MessageHead, "headers" | "subject" | "from" | "inReplyTo">>;

const RULES_AGENT = ["x-ms-exchange-generated-message-source", "Mailbox Rules Agent"] as const;

const KINDS: readonly (readonly [title: string, marks: Marks, kind: string | null])[] = [
  ["a person's message", {}, null],
  ["an answer by RFC 3834", { headers: [["auto-submitted", "auto-replied (vacation)"]] }, "automatic reply"],
  ["a message that says that a person sent it", { headers: [["auto-submitted", "no"]] }, null],
  ["a program's own message by RFC 3834", { headers: [["auto-submitted", "auto-generated"]] }, "notification"],
  [
    "Exchange's answer for an absent person",
    {
      headers: [
        ["auto-submitted", "auto-generated"],
        ["x-auto-response-suppress", "All"],
      ],
      subject: "Automatic reply: Offer",
    },
    "automatic reply",
  ],
  ["a person who writes about being away", { subject: "Out of office next week?" }, null],
  ["a message that wants no automatic answer", { headers: [["x-auto-response-suppress", "OOF, AutoReply"]] }, "notification"],
  ["X-Auto-Response-Suppress: None", { headers: [["x-auto-response-suppress", "None"]] }, null],
  ["a message that wants no receipts", { headers: [["x-auto-response-suppress", "DR, RN, NRN"]] }, null],
  ["X-Auto-Response-Suppress: All", { headers: [["x-auto-response-suppress", "all"]] }, "notification"],
  [
    "an answer by RFC 3834 behind a comment",
    { headers: [["auto-submitted", "(on (long) leave) auto-replied; owner=a"]] },
    "automatic reply",
  ],
  ["a person's message by RFC 3834 behind a comment", { headers: [["auto-submitted", "(by hand) no"]] }, null],
  ["a comment that is not closed", { headers: [["auto-submitted", "auto-replied (on leave"]] }, "automatic reply"],
  ["X-Autoresponder", { headers: [["x-autoresponder", "yes"]] }, "automatic reply"],
  ["X-Autoresponder: no", { headers: [["x-autoresponder", "No"]] }, null],
  ["X-AutoReply-From", { headers: [["x-autoreply-from", "ann@x.test"]] }, "automatic reply"],
  ["X-Mail-Autoreply", { headers: [["x-mail-autoreply", "1"]] }, "automatic reply"],
  ["Delivered-To: Autoresponder", { headers: [["delivered-to", "Autoresponder"]] }, "automatic reply"],
  ["Delivered-To: a person", { headers: [["delivered-to", "autoresponder@x.test"]] }, null],
  ["a rule of a mailbox on Exchange", { headers: [RULES_AGENT] }, "notification"],
  ["the answer of such a rule for an absent person", { headers: [RULES_AGENT], subject: "Automatic reply: Offer" }, "automatic reply"],
  ["another agent of Exchange", { headers: [["x-ms-exchange-generated-message-source", "Transport Agent"]] }, null],
  ["X-FC-MachineGenerated", { headers: [["x-fc-machinegenerated", "true"]] }, "notification"],
  ["X-Autoreply", { headers: [["x-autoreply", "yes"]] }, "automatic reply"],
  ["X-Autoreply: no", { headers: [["x-autoreply", "no"]] }, null],
  ["X-Autorespond", { headers: [["x-autorespond", ""]] }, "automatic reply"],
  ["Precedence: auto_reply", { headers: [["precedence", "auto_reply"]] }, "automatic reply"],
  ["Precedence: bulk", { headers: [["precedence", "Bulk"]] }, "bulk mail"],
  ["Precedence: junk", { headers: [["precedence", "junk"]] }, "bulk mail"],
  ["Precedence: bulk, list", { headers: [["precedence", "bulk, list"]] }, "mailing list"],
  ["Precedence: bulk (newsletter)", { headers: [["precedence", "bulk (newsletter)"]] }, "bulk mail"],
  ["Precedence: junk auto_reply", { headers: [["precedence", "junk auto_reply"]] }, "automatic reply"],
  ["Precedence: first-class", { headers: [["precedence", "first-class"]] }, null],
  [
    "a mailing list",
    {
      headers: [
        ["precedence", "list"],
        ["list-id", "<mill.lists.test>"],
      ],
    },
    "mailing list",
  ],
  [
    "an answer of an absent person to a mailing list",
    {
      headers: [
        ["list-id", "<mill.lists.test>"],
        ["auto-submitted", "auto-replied"],
      ],
    },
    "automatic reply",
  ],
  ["a newsletter", { headers: [["list-unsubscribe", "<https://news.test/u>"]] }, "bulk mail"],
  ["List-Post", { headers: [["list-post", "<mailto:mill@lists.test>"]] }, "mailing list"],
  ["List-Unsubscribe-Post", { headers: [["list-unsubscribe-post", "List-Unsubscribe=One-Click"]] }, "bulk mail"],
  ["Feedback-ID", { headers: [["feedback-id", "1:2:news:Sender"]] }, "bulk mail"],
  [
    "a notification that a service delivers",
    {
      headers: [
        ["feedback-id", "1:2:shop:Sender"],
        ["auto-submitted", "auto-generated"],
      ],
    },
    "notification",
  ],
  ["X-Loop", { headers: [["x-loop", "help@x.test"]] }, "notification"],
  ["no return path", { headers: [["return-path", "< >"]] }, "notification"],
  ["an answer without a return path", { headers: [["return-path", "<>"]], inReplyTo: ["sent1@crm.example"] }, "automatic reply"],
  ["a bounce by its type", { headers: [["content-type", "multipart/report; report-type=delivery-status"]] }, "delivery report"],
  [
    "a bounce that says that it is an answer",
    {
      headers: [
        ["auto-submitted", "auto-replied"],
        ["content-type", "multipart/report; report-type=delivery-status"],
      ],
    },
    "delivery report",
  ],
  ["a complaint", { headers: [["content-type", "multipart/report; report-type=feedback-report"]] }, "complaint"],
  ["a receipt", { headers: [["content-type", "multipart/report; report-type=disposition-notification"]] }, "receipt"],
  ["Exim's bounce", { headers: [["x-failed-recipients", "bob@x.test"]] }, "delivery report"],
  ["a mail server", { from: [address("MAILER-DAEMON@mx.test")] }, "notification"],
  ["a sender that takes no answers", { from: [address("no-reply@shop.test")] }, "notification"],
  ["a person called Noreen", { from: [address("noreen@shop.test")] }, null],
];

describe("automaton", () => {
  for (const [title, marks, kind] of KINDS) {
    test(`${title}: ${kind ?? "no program"}`, () => {
      const found = automatonOf(head(marks));
      assert.equal(found?.kind ?? null, kind);
      if (found !== null) assert.doesNotMatch(found.evidence, /[.\n]$/);
    });
  }

  test("every field that tells of a program is fetched", () => {
    const told = KINDS.flatMap(([, { headers = [] }]) => headers.map(([name]) => name));
    assert.deepEqual(
      told.filter((name) => !HEADER_FIELDS.includes(name)),
      [],
    );
  });

  test("what the content says weighs more than the head", () => {
    assert.equal(automatonOf(head({ headers: [["auto-submitted", "auto-replied"]] }), REPORT)?.kind, "delivery report");
    assert.equal(automatonOf(head(), { ...REPORT, kind: "displayed" })?.kind, "receipt");
  });
});

const REPORT: DeliveryReport = {
  kind: "failed",
  recipients: [{ address: "bob@customer.example", originalAddress: null, kind: "failed", status: "5.1.1", diagnosis: "550 unknown" }],
  messageIds: ["sent1@crm.example"],
  emailMark: null,
};
const AWAY = { headers: [["auto-submitted", "auto-replied"]] as const, inReplyTo: ["sent1@crm.example"] };
const BOUNCE = {
  from: [address("MAILER-DAEMON@mx.customer.example")],
  messageId: "bounce1@mx.customer.example",
  subject: "Undelivered Mail Returned to Sender",
  headers: [["content-type", "multipart/report; report-type=delivery-status"]] as const,
};
const evidence = (about: readonly string[], report: DeliveryReport | null = REPORT, unread: string | null = null) => ({
  report: { report, about, unread },
});

describe("automatic mail", () => {
  test("by default an automatic reply is tracked like any other mail, and the decision says what it is", () => {
    const decision = decide({ head: AWAY, facts: { byMessageId: [earlier()] } });
    assert.equal(decision.outcome, "tracked");
    assert.match(because(decision, "automatic mail"), /automatic reply: its header has Auto-Submitted: auto-replied/);
  });

  test("SkipAutomaticReplies leaves it alone, says so and how to change that; other automatic mail stays", () => {
    const settings = { SkipAutomaticReplies: true };
    const situation = { head: head(AWAY), facts: facts({ byMessageId: [earlier()], settings }), context: context() };
    const decision = decideIn(situation);
    assert.equal(decision.outcome, "skipped");
    assert.match(
      explain(decision, { mailbox: ANN, advice: advise(situation) }).join("\n"),
      /To have it tracked, switch SkipAutomaticReplies off\./,
    );
    assert.equal(
      decide({ head: { ...AWAY, headers: [["list-id", "<a.b>"]] }, facts: { byMessageId: [earlier()], settings } }).outcome,
      "tracked",
    );
    const tracked = decide({ head: AWAY, facts: { byMessageId: [earlier()] } });
    assert.doesNotMatch(explain(tracked, { mailbox: ANN }).join("\n"), /SkipAutomaticReplies off/);
  });
});

describe("delivery report", () => {
  test("a filter that takes answers takes the bounce of our email, which inherits its regarding", () => {
    const decision = decide({ head: BOUNCE, facts: { byMessageId: [earlier()] }, context: evidence(["sent1@crm.example"]) });
    assert.equal(decision.outcome, "tracked");
    assert.equal(decision.placement?.reportedEmailId, "earlier-1");
    assert.deepEqual([decision.placement.correlatedEmailId, decision.placement.regarding?.name], ["earlier-1", "Mill"]);
  });

  test("a report about a message that we never sent is tied to nothing", () => {
    const decision = decide({ head: BOUNCE, facts: { byMessageId: [earlier()] }, context: evidence(["forged@crm.example"]) });
    assert.equal(decision.outcome, "skipped");
    assert.match(because(decision, "delivery report"), /No email of the CRM has the Message-ID forged@crm.example/);
  });

  test("an email that was received is none that can bounce, whoever names it", () => {
    const received = earlier({ direction: "incoming" });
    const decision = decide({ head: BOUNCE, facts: { byMessageId: [received] }, context: evidence(["sent1@crm.example"]) });
    assert.equal(decision.outcome, "skipped");
    assert.match(because(decision, "delivery report"), /it did not go out from here/);
  });

  test("it waits for the email that it names, which may be settled later than its bounce is read", () => {
    const decision = decide({ head: BOUNCE, context: evidence(["sent1@crm.example"]) });
    assert.deepEqual([decision.outcome, decision.waitingFor], ["skipped", ["sent1@crm.example"]]);
  });

  test("what could not be read is said, and decided by its head", () => {
    const decision = decide({ head: BOUNCE, context: evidence([], null, "It is larger than is read.") });
    assert.match(because(decision, "delivery report"), /It is larger than is read\./);
    assert.equal(decision.outcome, "skipped");
  });

  test("mail that looks like no report has no such rule, and a setting that ends correlation by headers ends this one", () => {
    assert.equal(because(decide({}), "delivery report"), "");
    const settings = { emailcorrelationenabled: false };
    const decision = track(
      head(BOUNCE),
      facts({ byMessageId: [earlier()], settings, voters: [user("Ann", ANN)] }),
      context(evidence(["sent1@crm.example"])),
    );
    assert.equal(decision.outcome, "skipped");
  });
});
