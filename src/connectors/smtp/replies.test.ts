import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Command, meaningOf } from "./replies.ts";
import { type Reply, ReplyReader } from "./reply.ts";

function said(line: string): Reply {
  const [reply] = [...new ReplyReader().push(Buffer.from(`${line}\r\n`))];
  assert.ok(reply);
  return reply;
}

/** `done`, `for now`, `for good`, `out of place`, `not implemented`, or the trouble's name. */
function meaning(command: Command, line: string): string {
  const found = meaningOf(said(line), command);
  return found.kind === "refused" ? (found.permanent ? "for good" : "for now") : found.kind === "trouble" ? found.trouble : found.kind;
}

test("each command has its own yes (RFC 5321 4.2.2)", () => {
  for (const [command, line] of [
    ["connect", "220 ready"],
    ["EHLO", "250 hello"],
    ["HELO", "250 hello"],
    ["STARTTLS", "220 go"],
    ["AUTH", "235 2.7.0 welcome"],
    ["RSET", "250 ok"],
    ["MAIL", "250 ok"],
    ["RCPT", "251 will forward"],
    ["DATA", "354 go"],
    ["content", "250 queued"],
  ] as const) {
    assert.equal(meaning(command, line), "done", `${command} ${line}`);
  }
});

test("a yes of another command is out of place", () => {
  for (const [command, line] of [
    ["connect", "250 hello"],
    ["DATA", "250 ok"],
    ["content", "354 go"],
    ["MAIL", "354 go"],
    ["RCPT", "334 "],
    ["STARTTLS", "250 ok"],
    ["AUTH", "334 VXNlcm5hbWU6"],
  ] as const) {
    assert.equal(meaning(command, line), "out of place", `${command} ${line}`);
  }
});

test("replies that real servers give mean what their makers say", () => {
  for (const [command, line, expected] of [
    // Postfix
    ["connect", "421 4.7.0 mx Error: too many connections from 192.0.2.1", "too many connections"],
    ["MAIL", "450 4.7.1 Error: too much mail from 192.0.2.1", "throttled"],
    ["MAIL", "452 4.3.1 Insufficient system storage", "server busy"],
    ["MAIL", "552 5.3.4 Message size exceeds fixed limit", "for good"],
    ["MAIL", "553 5.7.1 <a@x.test>: Sender address rejected: not owned by user b", "sender not permitted"],
    ["RCPT", "553 5.7.1 <a@x.test>: Sender address rejected: not owned by user b", "sender not permitted"],
    ["RCPT", "550 5.1.8 <a@x.test>: Sender address rejected: Domain not found", "for good"],
    ["MAIL", "530 5.7.0 Must issue a STARTTLS command first", "encryption required"],
    ["RCPT", "450 4.2.0 <b@x.test>: Recipient address rejected: Greylisted", "for now"],
    ["RCPT", "554 5.7.1 <b@x.test>: Relay access denied", "for good"],
    ["RCPT", "550 5.1.1 <b@x.test>: Recipient address rejected: User unknown", "for good"],
    ["RCPT", "452 4.5.3 Error: too many recipients", "for now"],
    ["content", "451 4.3.0 Error: queue file write error", "for now"],
    ["RSET", "421 4.4.2 mx Error: timeout exceeded", "server closing"],
    // Exchange
    ["AUTH", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant", "sign-in disabled"],
    ["AUTH", "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect", "sign-in refused"],
    ["AUTH", "535 5.7.3 Authentication unsuccessful", "sign-in refused"],
    ["MAIL", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "sender not permitted"],
    ["content", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "for good"],
    ["MAIL", "530 5.7.57 Client not authenticated to send mail", "sign-in required"],
    ["MAIL", "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "throttled"],
    ["content", "554 5.2.252 SendAsDenied; a not allowed to send as b", "for good"],
    ["content", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "for now"],
    // Gmail
    ["AUTH", "534 5.7.9 Application-specific password required", "sign-in refused"],
    ["AUTH", "454 4.7.0 Too many login attempts, please try again later", "sign-in not available"],
    ["connect", "421 4.7.0 Try again later, closing connection", "server closing"],
    ["RCPT", "450 4.2.1 The user you are trying to contact is receiving mail at a rate limit", "for now"],
    ["RCPT", "550 5.4.5 Daily user sending limit exceeded", "throttled"],
    ["content", "550 5.4.5 Daily user sending limit exceeded", "for now"],
    // Others
    ["AUTH", "535 5.7.8 Error: authentication failed: Account_disabled", "account disabled"],
    ["AUTH", "535 5.7.8 Error: authentication failed: Password expired", "password expired"],
    ["AUTH", "504 5.5.4 Unrecognized authentication type", "no common sign-in method"],
    ["AUTH", "538 5.7.11 Encryption required", "encryption required"],
    ["MAIL", "503 5.5.1 Authenticate first", "sign-in required"],
    ["STARTTLS", "454 4.7.0 TLS not available due to local problem", "TLS not available"],
    ["STARTTLS", "500 5.5.1 unrecognized command", "STARTTLS not offered"],
    ["EHLO", "500 what?", "not implemented"],
    ["EHLO", "550 5.7.1 go away", "service refused"],
    ["connect", "554 no SMTP service here", "service refused"],
  ] as const) {
    assert.equal(meaning(command, line), expected, `${command}: ${line}`);
  }
});

const anyReply = fc.record({
  code: fc.integer({ min: 200, max: 599 }),
  enhanced: fc.constantFrom("", "4.7.1", "5.7.1", "4.3.2", "5.4.5", "4.4.5", "4.2.1", "5.1.1"),
  lines: fc.array(fc.constantFrom("too many connections", "rate limit", "STARTTLS first", "sorry", ""), { minLength: 1, maxLength: 2 }),
});

test("the final reply is a yes, a no, or out of place: never trouble, and only a 2yz is a yes", () => {
  fc.assert(
    fc.property(anyReply, (reply) => {
      const { kind } = meaningOf(reply, "content");
      assert.equal(kind, { 2: "done", 3: "out of place", 4: "refused", 5: "refused" }[String(reply.code).charAt(0)]);
    }),
  );
});

test("a 4yz never refuses anything for good", () => {
  const commands = fc.constantFrom<Command>("MAIL", "RCPT", "DATA", "content");
  fc.assert(
    fc.property(anyReply, commands, (reply, command) => {
      const found = meaningOf({ ...reply, code: 400 + (reply.code % 100) }, command);
      assert.ok(found.kind === "trouble" || (found.kind === "refused" && !found.permanent));
    }),
  );
});

test("421 before the content is never an answer to the message", () => {
  const commands = fc.constantFrom<Command>("connect", "EHLO", "HELO", "STARTTLS", "AUTH", "RSET", "MAIL", "RCPT", "DATA");
  fc.assert(
    fc.property(anyReply, commands, (reply, command) => {
      assert.equal(meaningOf({ ...reply, code: 421 }, command).kind, "trouble");
    }),
  );
});
