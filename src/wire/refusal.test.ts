import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalOf } from "./refusal.ts";

const ANN = "ann@example.test";

/** Replies of Postfix, Exim, Exchange, Microsoft 365, Gmail, Domino and qmail, and what each is about. */
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
  "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1":
    "listed in a blocklist",
  "550 rejected because 192.0.2.1 is in a black list at zen.spamhaus.org": "listed in a blocklist",
  "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus.": "listed in a blocklist",
  "550 5.7.606 Access denied, banned sending IP [192.0.2.1]": "listed in a blocklist",
  "550 5.7.23 The message was rejected because of Sender Policy Framework violation": "SPF failed",
  "550 5.7.1 <ann@example.test>: Recipient address rejected: Message rejected due to: SPF fail - not authorized": "SPF failed",
  "550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.":
    "DMARC failed",
  "550 5.7.26 Unauthenticated email from example.test is not accepted due to domain's DMARC policy.": "DMARC failed",
  "550 5.7.509 Access denied, sending domain example.test does not pass DMARC verification": "DMARC failed",
  "550 5.7.20 No passing DKIM signature found": "DKIM failed",
  "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname": "HELO refused",
  "450 4.7.1 <host>: Helo command rejected: Host not found": "HELO refused",
  "450 4.7.25 Client host rejected: cannot find your hostname, [127.0.0.1]": "reverse name missing",
  "450 4.7.1 Client host rejected: cannot find your reverse hostname, [127.0.0.1]": "reverse name missing",
  "550-5.7.25 The IP address sending this message does not have a PTR record setup": "reverse name missing",
  "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied": "client refused",
  "550 5.1.0 <ann@example.test>: Sender address rejected: User unknown in virtual mailbox table": "address unknown",
  '450 4.1.7 <ann@example.test>: Sender address rejected: unverified address: unknown user: "ann"': "address unknown",
  '550 5.1.1 <ann@example.test>: Recipient address rejected: undeliverable address: unknown user: "ann"': "address unknown",
  "450 4.1.7 <ann@example.test>: Sender address rejected: unverified address: connect to 192.0.2.1[192.0.2.1]:25: Connection refused":
    "address not verified",
  "550 Sender verify failed": "address not verified",
  "450 4.1.1 <ann@example.test>: Recipient address rejected: unverified address: Address verification in progress": "put off",
  "553 5.7.1 <ann@example.test>: Sender address rejected: not logged in": "sign-in required",
  "530 5.7.57 Client not authenticated to send mail": "sign-in required",
  "554 5.7.1 <ann@example.test>: Sender address rejected: Access denied": "sender refused",
  "554 5.2.252 SendAsDenied; bob@example.test not allowed to send as ann@example.test": "sender not permitted",
  "550 5.1.8 Access denied, bad outbound sender": "sender blocked",
  "554 Relay rejected for policy reasons.": "relaying denied",
  "550 relay not permitted": "relaying denied",
  "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)": "relaying denied",
  "550 Unrouteable address": "address unknown",
  "550 5.4.1 Recipient address rejected: Access denied": "address unknown",
  "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ann@example.test not found by SMTP address lookup": "address unknown",
  "550 5.4.5 Daily user sending limit exceeded.": "throttled",
  "550 5.7.1 Message content rejected": "content refused",
  "550 5.7.1 This message contains a virus": "virus found",
  "554 5.7.1 <ann@example.test>: Recipient address rejected: Access denied": "policy refused",
  "451 Local error in processing": "not now",
  "554 Transaction failed": "message refused",
};

test("what servers say when they refuse a message has one word for each cause", () => {
  assert.equal(refusalOf("550 5.1.1 <ann+crm@example.test>: User unknown", "ann+crm@example.test", true).code, "detail address unknown");
  for (const [response, code] of Object.entries(words)) {
    const refusal = refusalOf(response, ANN, true);
    assert.equal(refusal.code, code, response);
    assert.ok(refusal.message.length > 20 && refusal.remedy.length > 20, response);
  }
});

test("different causes have different sentences, whoever signed in", () => {
  for (const signedIn of [true, false])
    for (const part of ["message", "remedy"] as const) {
      const codes = new Map<string, string>();
      for (const response of Object.keys(words)) {
        const refusal = refusalOf(response, ANN, signedIn);
        assert.equal(codes.get(refusal[part]) ?? refusal.code, refusal.code, refusal[part]);
        codes.set(refusal[part], refusal.code);
      }
    }
});

test("a user is named only where one signed in", () => {
  for (const response of Object.keys(words)) {
    const { message, remedy } = refusalOf(response, ANN, false);
    assert.doesNotMatch(`${message} ${remedy}`, /the user that signed in|that user/, response);
  }
  assert.match(refusalOf("553 5.7.1 <ann@example.test>: Sender address rejected: not owned by user bob", ANN, true).message, /signed in/);
});

test("an address that is called like a cause is none", () => {
  const response = "554 5.7.1 <spam@spf.test>: Recipient address rejected: Access denied";
  assert.equal(refusalOf(response, "spam@spf.test", true).code, "policy refused");
});
