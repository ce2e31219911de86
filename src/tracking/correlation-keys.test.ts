import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageHead } from "../model/message.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { answeredIds, MAXIMUM_ANSWERED } from "./answered.ts";
import { correlationKeys } from "./correlation-keys.ts";

const HEAD: MessageHead = {
  ref: { stream: "INBOX", id: "1.1" },
  folders: ["INBOX"],
  received: new Date(0),
  size: 0,
  flags: [],
  providerId: null,
  messageId: null,
  inReplyTo: [],
  references: [],
  subject: "",
  from: [],
  sender: null,
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  date: null,
  conversationIndex: null,
  headers: [],
  truncated: false,
};

function keysOf(heads: readonly MessageHead[]) {
  return correlationKeys({ heads, mailbox: { address: "ann@crm.example" } }, DEFAULT_SETTINGS, () => false);
}

test("a page asks for each key once, however many heads share it", () => {
  const conversationIndex = Buffer.alloc(27, 7).toString("base64");
  const one = { ...HEAD, messageId: "a", inReplyTo: ["b"], references: ["c", "b"], subject: "Re: offer CRM:0001002", conversationIndex };
  assert.deepEqual(keysOf([one, { ...one, messageId: "b" }]), {
    messageIds: ["a", "b", "c"],
    tokens: ["CRM:0001002"],
    conversations: [Buffer.alloc(22, 7).toString("base64")],
    hashes: [],
    sent: [],
  });
});

test("heads that tell nothing ask for nothing", () => {
  assert.deepEqual(keysOf([HEAD, { ...HEAD, conversationIndex: "AAAA" }]), {
    messageIds: [],
    tokens: [],
    conversations: [],
    hashes: [],
    sent: [],
  });
});

test("of a head that names thousands of messages those are asked for that the rules look at", () => {
  const named = (of: string) => Array.from({ length: 12_000 }, (_, index) => `${of}${index}`);
  const heads = [
    { ...HEAD, messageId: "a", inReplyTo: named("x") },
    { ...HEAD, messageId: "b", inReplyTo: ["x1"], references: named("y") },
  ];
  const { messageIds } = keysOf(heads);
  assert.deepEqual(new Set(messageIds), new Set(["a", "b", ...heads.flatMap(answeredIds)]));
  assert.equal(messageIds.length, 2 + 2 * MAXIMUM_ANSWERED - 1);
});

test("a Message-ID that a report names is asked for too, once, with the email that went out under it where one is known", () => {
  const reported = [
    { messageId: "a", emailId: "e1" },
    { messageId: "z", emailId: null },
  ];
  const { messageIds, sent } = correlationKeys(
    { heads: [{ ...HEAD, messageId: "a" }], mailbox: { address: "ann@crm.example" }, reported },
    DEFAULT_SETTINGS,
    () => false,
  );
  assert.deepEqual([messageIds, sent], [["a", "z"], [{ messageId: "a", emailId: "e1" }]]);
});
