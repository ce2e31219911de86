import assert from "node:assert/strict";
import { test } from "node:test";
import { receivedOf } from "./received.ts";

const NOW = new Date("2026-11-25T12:00:00Z");
const of = (header: string) => {
  const { received, receivedFrom } = receivedOf(Buffer.from(`${header.replaceAll("\n", "\r\n")}\r\n\r\n`), NOW);
  return [received.toISOString(), receivedFrom];
};

const OWN = "Received: from relay (relay [192.0.2.1]; weird)\n\tby mail.example.test with ESMTP id 1;\n\tTue, 24 Nov 2026 10:00:00 +0100";

test("the topmost Received line counts, wherever it stands, and not the sender's date", () => {
  assert.deepEqual(
    of(`Return-Path: <a@b>\n${OWN}\nReceived: by old; Mon, 1 Jan 2001 00:00:00 +0000\nDate: Mon, 1 Jan 2001 00:00:00 +0000`),
    ["2026-11-24T09:00:00.000Z", "trace"],
  );
});

test("a forged line further down never hides a message from the start date", () => {
  assert.deepEqual(of("Received: by mail.example.test without a date\nReceived: by x; Mon, 1 Jan 2001 00:00:00 +0000"), [
    NOW.toISOString(),
    "reading",
  ]);
});

test("without a line the sender's date counts, and says so; without that the moment of reading", () => {
  assert.deepEqual(of("Date: Mon, 23 Nov 2026 10:00:00 +0000"), ["2026-11-23T10:00:00.000Z", "sender"]);
  assert.deepEqual(of("Subject: nothing"), [NOW.toISOString(), "reading"]);
  assert.deepEqual(of("Date: Thu, 1 Jan 1942 00:00:00 +0000"), [NOW.toISOString(), "reading"]);
});

test("what lies in the future counts as now", () => {
  assert.deepEqual(of("Received: by x; Fri, 25 Dec 2099 00:00:00 +0000"), [NOW.toISOString(), "trace"]);
  assert.deepEqual(of("Date: Fri, 25 Dec 2099 00:00:00 +0000"), [NOW.toISOString(), "sender"]);
});
