import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalOf } from "./refusal.ts";

const ANN = "ann@example.test";

test("what servers say when they refuse a message has one word for each cause", () => {
  const words: Readonly<Record<string, string>> = {
    "553 5.7.1 <ann@example.test>: Sender address rejected: not owned by user bob": "sender not permitted",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender": "sender not permitted",
    "554 5.7.1 <ann@example.test>: Relay access denied": "relaying denied",
    "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain": "relaying denied",
    "550 5.1.8 <ann@example.test>: Sender address rejected: Domain not found": "sender domain unknown",
    "450 4.2.0 <ann@example.test>: Recipient address rejected: Greylisted": "put off",
    "451 4.7.1 Please try again later": "put off",
    "552 5.2.2 Over quota": "mailbox full",
    "452 4.2.2 The email account that you tried to reach is over quota": "mailbox full",
    "552 5.3.4 Message size exceeds fixed limit": "message too large",
    "The message has 700 bytes and mail.example.test:25 takes at most 200.": "message too large",
    "550 5.1.1 <ann@example.test>: User unknown": "address unknown",
    "550 No such user here": "address unknown",
    "550 5.2.1 Mailbox disabled": "mailbox disabled",
    "550 5.7.1 Message contains spam": "content refused",
    "554 5.6.0 Message refused": "content refused",
    "451 Local error in processing": "not now",
    "554 Transaction failed": "message refused",
  };
  assert.equal(refusalOf("550 5.1.1 <ann+crm@example.test>: User unknown", "ann+crm@example.test").code, "detail address unknown");
  for (const [response, code] of Object.entries(words)) {
    const refusal = refusalOf(response, ANN);
    assert.equal(refusal.code, code, response);
    assert.ok(refusal.message.length > 20 && refusal.remedy.length > 20, response);
  }
});
