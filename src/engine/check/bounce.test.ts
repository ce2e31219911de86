import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageHead } from "../../model/message.ts";
import { bounceOf, lookedLikeBounce } from "./bounce.ts";

const ID = "abc.test.waypost@example.test";
const report = (diagnosis: string) =>
  Buffer.from(
    `Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n${diagnosis}--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <${ID}>\r\n--b--\r\n`,
  );

test("a report about the message gives its diagnosis on one line; one about another message gives nothing", () => {
  assert.equal(
    bounceOf(report("Diagnostic-Code: smtp; 550 5.1.1 <bob@example.test>\r\n    User unknown\r\nX-Other: x\r\n"), ID),
    "550 5.1.1 <bob@example.test> User unknown",
  );
  assert.equal(bounceOf(report(""), ID), "(no diagnosis)");
  assert.equal(bounceOf(report("Diagnostic-Code: smtp; 550\r\n"), "other@example.test"), null);
});

test("a bounce is known by its type, its sender, or the recipients it names", () => {
  const head = (headers: MessageHead["headers"], from = "carl@x.test") =>
    lookedLikeBounce({ headers, from: [{ name: "", address: from }] } as unknown as MessageHead);
  assert.equal(head([["content-type", "multipart/report; report-type=delivery-status"]]), true);
  assert.equal(head([["x-failed-recipients", "bob@x.test"]]), true);
  assert.equal(head([], "MAILER-DAEMON@mx.test"), true);
  assert.equal(head([["content-type", "text/plain"]]), false);
});
