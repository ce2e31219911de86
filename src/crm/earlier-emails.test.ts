import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageHead } from "../model/message.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { correlationKeys } from "./earlier-emails.ts";

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

test("a page asks for each key once, however many heads share it", () => {
  const conversationIndex = Buffer.alloc(27, 7).toString("base64");
  const one = { ...HEAD, messageId: "a", inReplyTo: ["b"], references: ["c", "b"], subject: "Re: offer CRM:0001002", conversationIndex };
  assert.deepEqual(correlationKeys([one, { ...one, messageId: "b" }], DEFAULT_SETTINGS), {
    messageIds: ["a", "b", "c"],
    tokens: ["CRM:0001002"],
    conversations: [Buffer.alloc(22, 7).toString("base64")],
    sent: [],
  });
});

test("heads that tell nothing ask for nothing", () => {
  assert.deepEqual(correlationKeys([HEAD, { ...HEAD, conversationIndex: "AAAA" }], DEFAULT_SETTINGS), {
    messageIds: [],
    tokens: [],
    conversations: [],
    sent: [],
  });
});

test("a Message-ID that a report names is asked for too, once, with the email that went out under it where one is known", () => {
  const reported = [
    { messageId: "a", emailId: "e1" },
    { messageId: "z", emailId: null },
  ];
  const { messageIds, sent } = correlationKeys([{ ...HEAD, messageId: "a" }], DEFAULT_SETTINGS, reported);
  assert.deepEqual([messageIds, sent], [["a", "z"], [{ messageId: "a", emailId: "e1" }]]);
});
