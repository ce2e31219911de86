import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { DIAGNOSIS_LENGTH, REPORTED_RECIPIENTS } from "../model/delivery-report.ts";
import { readDeliveryReport } from "./delivery-report.ts";

const corpus = path.resolve(import.meta.dirname, "../../../shared/corpus");
const skip = existsSync(corpus) ? false : `The sample messages are not there: ${corpus}`;

const filesIn = (folder: string): string[] =>
  readdirSync(path.join(corpus, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(corpus, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
const read = (file: string) => readDeliveryReport(readFileSync(path.join(corpus, file)));

/** How many messages of each folder are reports of real servers, and how many of them name the message that they are about. */
const FOLDERS: Readonly<Record<string, { readonly files: number; readonly recognized: number; readonly naming: number }>> = {
  "dsn/flanker/messages/bounce": { files: 9, recognized: 9, naming: 5 },
  "dsn/flanker/messages/complaints": { files: 2, recognized: 2, naming: 2 },
  "dsn/ruby-mail/multipart_report_emails": { files: 4, recognized: 4, naming: 4 },
  "dsn/sisimai/bsd": { files: 74, recognized: 72, naming: 67 },
  "dsn/sisimai/err": { files: 5, recognized: 5, naming: 5 },
};

/** Reports that are not recognized, and why. One that is recognized must leave the list. */
const NOT_RECOGNIZED: Readonly<Record<string, string>> = {
  "dsn/sisimai/bsd/lhost-amazonses-11.eml":
    "is a notification of a queue at Amazon, JSON in an ordinary message of an address that answers nobody",
  "dsn/sisimai/bsd/lhost-ezweb-05.eml":
    "gives nothing back of the message, so it could belong to none; a postmaster may write such words himself",
};

/** The message that it is about was a report itself. */
const GIVES_A_REPORT_BACK: Readonly<Record<string, true>> = { "dsn/sisimai/bsd/lhost-sendmail-41.eml": true };

/** Messages of the other folders that are reports of real servers. Nothing else there may be taken for one. */
const REPORTS_ELSEWHERE = [
  "mime/mime4j/mimetools-testmsgs/badbound.msg",
  "mime/mox/message/message-rfc822-multipart2.eml",
  "mime/nodemailer-mailparser/delivery-status.eml",
  "mime/python-email/msg_16.txt",
  "mime/python-email/msg_25.txt",
  "mime/python-email/msg_43.txt",
];

for (const [folder, expected] of Object.entries(FOLDERS)) {
  test(`the reports in ${folder} are recognized, but for those that are known not to be`, { skip }, () => {
    const files = filesIn(folder);
    const reports = files.map((file) => ({ file, report: read(file) }));
    const missed = reports.filter(({ report }) => report === null).map(({ file }) => file);
    assert.deepEqual(
      missed,
      Object.keys(NOT_RECOGNIZED).filter((file) => file.startsWith(`${folder}/`)),
    );
    const naming = reports.filter(({ report }) => report !== null && report.messageIds.length > 0).length;
    assert.deepEqual({ files: files.length, recognized: files.length - missed.length, naming }, expected);
  });
}

test("each recipient that a standard report of the corpus lists is read, with its status where it has one", { skip }, () => {
  let compared = 0;
  for (const file of filesIn("dsn")) {
    const text = readFileSync(path.join(corpus, file), "latin1");
    const listed = text.match(/^final-recipient:/gim)?.length ?? 0;
    const report = read(file);
    if (listed === 0 || report === null || file in GIVES_A_REPORT_BACK) continue;
    compared += 1;
    assert.equal(report.recipients.length, listed, file);
    for (const { address } of report.recipients) assert.match(address, /^\S.*\S$/, file);
    if (/^status:\s*[245]\.\d/im.test(text)) assert.notEqual(report.recipients[0]?.status, null, file);
  }
  assert.ok(compared > 50, `only ${compared} reports were compared`);
});

test("no other message of the corpus is taken for a report", { skip }, () => {
  const taken = filesIn("mime").filter((file) => read(file) !== null);
  assert.deepEqual(taken, REPORTS_ELSEWHERE);
});

test("complaints are told from bounces, and name who complains and about what", { skip }, () => {
  const complaint = read("dsn/flanker/messages/complaints/yahoo.eml");
  assert.equal(complaint?.kind, "complaint");
  assert.deepEqual(
    complaint.recipients.map(({ address }) => address),
    ["user@yahoo.com"],
  );
  assert.deepEqual(complaint.messageIds, ["20120711015015.4A8BE2E088E@www.example.com"]);
});

const report = (
  parts: readonly (readonly [type: string, body: string])[],
  head = "From: MAILER-DAEMON@mx.test",
  type = "delivery-status",
) =>
  Buffer.from(
    `${head}\r\nContent-Type: multipart/report; report-type=${type}; boundary=b\r\n\r\n${parts
      .map(([partType, body]) => `--b\r\nContent-Type: ${partType}\r\n\r\n${body}\r\n`)
      .join("")}--b--\r\n`,
  );
const RETURNED = [
  "text/rfc822-headers",
  "Message-ID: <m1@crm.test>\r\nX-Waypost-Email: 0198a6a2-6f0e-7c11-9d1f-111111111111\r\nTo: bob@x.test\r\n",
] as const;

test("a delivery status is read field by field: recipients, actions, status, and the message it is about", () => {
  const status =
    "Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; bob@inside.test\r\nOriginal-Recipient: rfc822;bob@x.test\r\nAction: failed\r\nStatus: 5.1.1 (bad mailbox)\r\n" +
    "Diagnostic-Code: smtp; 550 5.1.1 <bob@x.test>\r\n    User unknown\r\n\r\nFinal-Recipient: rfc822; eve@x.test\r\nAction: delayed\r\nStatus: 4.4.1\r\n";
  assert.deepEqual(readDeliveryReport(report([["text/plain", "words"], ["message/delivery-status", status], RETURNED])), {
    kind: "failed",
    recipients: [
      {
        address: "bob@inside.test",
        originalAddress: "bob@x.test",
        kind: "failed",
        status: "5.1.1",
        diagnosis: "550 5.1.1 <bob@x.test> User unknown",
      },
      { address: "eve@x.test", originalAddress: null, kind: "delayed", status: "4.4.1", diagnosis: null },
    ],
    messageIds: ["m1@crm.test"],
    emailMark: "0198a6a2-6f0e-7c11-9d1f-111111111111",
  });
});

for (const action of ["failed", "delayed", "delivered", "relayed", "expanded"] as const) {
  test(`the action "${action}" is the kind of the report`, () => {
    const status = `Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; bob@x.test\r\nAction: ${action} (to be sure)\r\n`;
    assert.equal(readDeliveryReport(report([["message/delivery-status", status], RETURNED]))?.kind, action);
  });
}

for (const [disposition, kind] of [
  ["manual-action/MDN-sent-manually; displayed", "displayed"],
  ["automatic-action/MDN-sent-automatically; deleted/error", "deleted"],
  ["automatic-action/MDN-sent-automatically; dispatched", "processed"],
] as const) {
  test(`a receipt that says "${disposition}" is no bounce: ${kind}`, () => {
    const fields = `Final-Recipient: rfc822;bob@x.test\r\nOriginal-Message-ID: <m1@crm.test>\r\nDisposition: ${disposition}\r\n`;
    const read = readDeliveryReport(report([["message/disposition-notification", fields]], "From: bob@x.test", "disposition-notification"));
    assert.equal(read?.kind, kind);
    assert.deepEqual(read.messageIds, ["m1@crm.test"]);
  });
}

test("feedback that is no complaint is no report about a recipient", () => {
  for (const type of ["not-spam", "auth-failure"]) {
    const fields = `Feedback-Type: ${type}\r\nUser-Agent: x\r\nVersion: 1\r\n`;
    assert.equal(
      readDeliveryReport(report([["message/feedback-report", fields], RETURNED], "From: a@x.test", "feedback-report")),
      null,
      type,
    );
  }
});

test("a status that names nobody is about the one whom the message was for", () => {
  const read = readDeliveryReport(
    report([["message/delivery-status", "Reporting-MTA: dns; mx.test\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"], RETURNED]),
  );
  assert.deepEqual(
    read?.recipients.map(({ address, status }) => [address, status]),
    [["bob@x.test", "5.1.1"]],
  );
});

test("what a person writes is no report: forwarded as an attachment, quoted, or about mail that failed", () => {
  const bounce = report([
    ["message/delivery-status", "\r\nFinal-Recipient: rfc822; bob@x.test\r\nAction: failed\r\n"],
    RETURNED,
  ]).toString();
  const person = "From: ann@x.test\r\nReturn-Path: <ann@x.test>\r\nTo: bob@x.test\r\n";
  const forwarded = `${person}Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nLook.\r\n--c\r\nContent-Type: message/rfc822\r\n\r\n${bounce}\r\n--c--\r\n`;
  assert.equal(readDeliveryReport(Buffer.from(forwarded)), null);
  const words =
    "I'm afraid I wasn't able to deliver your message.\r\n\r\n<bob@y.test>:\r\n550 5.1.1 unknown\r\n\r\nFrom: ann@x.test\r\nTo: bob@y.test\r\nMessage-ID: <m1@crm.test>\r\n";
  assert.equal(readDeliveryReport(Buffer.from(`${person}Subject: failure notice\r\n\r\n${words}`)), null);
  assert.notEqual(
    readDeliveryReport(Buffer.from(`From: MAILER-DAEMON@y.test\r\nTo: ann@x.test\r\nSubject: failure notice\r\n\r\n${words}`)),
    null,
  );
  const postmaster =
    "From: postmaster@y.test\r\nTo: ann@x.test\r\nSubject: Our new server\r\n\r\nPlease tell bob@y.test that mail moves on Monday.\r\n";
  assert.equal(readDeliveryReport(Buffer.from(postmaster)), null);
});

test("an answer of an absent person is no report, though it has no return path and gives the message back", () => {
  const away =
    "Return-Path: <>\r\nFrom: bob@x.test\r\nTo: ann@crm.test\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nI am away; write to eve@x.test.\r\n\r\nFrom: ann@crm.test\r\nTo: bob@x.test\r\nSubject: Offer\r\n\r\n";
  assert.equal(readDeliveryReport(Buffer.from(away)), null);
});

test("limits hold: recipients, and the length of what a server said", () => {
  const groups = Array.from(
    { length: 500 },
    (_, index) => `Final-Recipient: rfc822; u${index}@x.test\r\nAction: failed\r\nDiagnostic-Code: smtp; ${"x".repeat(5000)}\r\n`,
  );
  const read = readDeliveryReport(report([["message/delivery-status", groups.join("\r\n")]]));
  assert.ok((read?.recipients.length ?? 0) <= REPORTED_RECIPIENTS);
  assert.equal(read?.recipients[0]?.diagnosis?.length, DIAGNOSIS_LENGTH);
});

test("no bytes make it throw, and what it keeps is bounded", () => {
  const fragments = [
    "\r\n",
    "\r\n\r\n",
    "--b",
    "--",
    "Final-Recipient: rfc822;",
    "Action: ",
    "Status: 5.1.1",
    "<a@b.test>:",
    "550 5.1.1 ",
    "From: a@b.test",
    "To: c@d.test",
    "Message-ID: <",
    ">",
    "could not be delivered",
    "Content-Type: message/delivery-status",
    "Content-Type: message/rfc822",
    "=?utf-8?q?=C3?=",
    "\0",
    "\xff",
    " ",
  ];
  fc.assert(
    fc.property(
      fc.constantFrom("multipart/report; boundary=b", "text/plain", "multipart/mixed; boundary=b"),
      fc.array(fc.constantFrom(...fragments), { maxLength: 80 }),
      (type, body) => {
        const read = readDeliveryReport(
          Buffer.from(`From: MAILER-DAEMON@x.test\r\nContent-Type: ${type}\r\n\r\n${body.join("")}`, "latin1"),
        );
        for (const one of read?.recipients ?? []) assert.ok(one.address.length <= 320 && (one.diagnosis?.length ?? 0) <= DIAGNOSIS_LENGTH);
      },
    ),
    { numRuns: 500 },
  );
});
