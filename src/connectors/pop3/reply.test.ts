import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { capabilitiesOf } from "./capabilities.ts";
import { troubleOf } from "./refusals.ts";
import { parseChallenge, parseReply } from "./reply.ts";

const reply = (line: string) => parseReply(Buffer.from(line, "latin1"));

test("a status line is read in any letters, with its code, and shown without control characters", () => {
  assert.deepEqual(reply("+OK"), { ok: true, code: null, text: "" });
  assert.deepEqual(reply("+ok ready"), { ok: true, code: null, text: "ready" });
  assert.deepEqual(reply("-ERR [in-use] Mailbox is locked"), { ok: false, code: "IN-USE", text: "[in-use] Mailbox is locked" });
  assert.deepEqual(reply("-ERR [SYS/TEMP] later"), { ok: false, code: "SYS/TEMP", text: "[SYS/TEMP] later" });
  assert.equal(reply("-ERR not [AUTH] here")?.code, null, "a code stands first");
  assert.equal(reply("-ERR a\u001b[31mb\u0007")?.text, "a [31mb");
  for (const line of ["", "OK", "+OKAY", "* OK IMAP4", "220 smtp", "+", "-ERROR"]) assert.equal(reply(line), null, line);
});

test("any bytes are a reply or none, and never an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const parsed = parseReply(Buffer.from(bytes));
      assert.ok(parsed === null || typeof parsed.ok === "boolean");
    }),
  );
});

test("a challenge is the rest of a line that begins with a plus and a blank", () => {
  assert.equal(parseChallenge(Buffer.from("+ ")), "");
  assert.equal(parseChallenge(Buffer.from("+")), "");
  assert.equal(parseChallenge(Buffer.from("+ eyJ9")), "eyJ9");
  assert.equal(parseChallenge(Buffer.from("+OK")), null);
  assert.equal(parseChallenge(Buffer.from("-ERR")), null);
});

test("each refusal has its cause: codes first, then the server's words, then the moment", () => {
  const trouble = (line: string, moment: "greeting" | "sign in" | "later", tellsAuth = false) => {
    const parsed = reply(line);
    assert.ok(parsed);
    return troubleOf(parsed, moment, { tellsAuth });
  };
  const cases: readonly (readonly [line: string, moment: "greeting" | "sign in" | "later", expected: string])[] = [
    ["-ERR [IN-USE] Unable to lock maildrop", "sign in", "mailbox in use"],
    ["-ERR maildrop already locked", "sign in", "mailbox in use"],
    ["-ERR [LOGIN-DELAY] minimum time between mail checks violation", "sign in", "sign-in too soon"],
    ["-ERR [AUTH] Authentication failed.", "sign in", "sign-in refused"],
    ["-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", "sign in", "encryption required"],
    ["-ERR [SYS/TEMP] Temporary system problem", "sign in", "sign-in not available"],
    ["-ERR [SYS/TEMP] Temporary system problem", "greeting", "server busy"],
    ["-ERR [SYS/PERM] Your account is not enabled for POP access.", "sign in", "POP3 not enabled"],
    ["-ERR [SYS/PERM] mailbox corrupt", "sign in", "mailbox damaged"],
    ["-ERR [AUTH] Account_disabled", "sign in", "account disabled"],
    ["-ERR [AUTH] Account disabled", "sign in", "account disabled"],
    ["-ERR Logon failure: account currently disabled", "sign in", "account disabled"],
    ["-ERR Your account has been locked after too many failed logins", "sign in", "account disabled"],
    ["-ERR [SYS/PERM] Account suspended", "sign in", "account disabled"],
    ["-ERR Account is locked by another session", "sign in", "mailbox in use"],
    ["-ERR mailbox is busy, connection closed", "sign in", "mailbox in use"],
    ["-ERR [IN-USE] Account locked", "sign in", "mailbox in use"],
    ["-ERR [SYS/TEMP] Account is temporarily locked", "sign in", "sign-in not available"],
    ["-ERR [AUTH] Password expired", "sign in", "password expired"],
    ["-ERR Your password must be changed", "sign in", "password expired"],
    ["-ERR [AUTH] POP3 access is disabled for your account", "sign in", "POP3 not enabled"],
    ["-ERR [AUTH] Application-specific password required", "sign in", "sign-in refused"],
    ["-ERR [AUTH] Web login required", "sign in", "sign-in refused"],
    ["-ERR Login failed.", "sign in", "sign-in refused"],
    ["-ERR [AUTH] Invalid login", "sign in", "sign-in refused"],
    ["-ERR [AUTH] Username and password not accepted.", "sign in", "sign-in refused"],
    ["-ERR [IN-USE] Unable to lock maildrop: Mailbox is locked by POP server", "sign in", "mailbox in use"],
    ["-ERR [IN-USE] /var/spool/pop/.ann.pop lock busy! Is another session active? (11)", "sign in", "mailbox in use"],
    ["-ERR Too many connections from your host", "greeting", "too many connections"],
    ["-ERR Logon failure: unknown user name or bad password.", "sign in", "sign-in refused"],
    ["-ERR", "later", "mailbox unavailable"],
  ];
  for (const [line, moment, expected] of cases) assert.equal(trouble(line, moment), expected, line);
  // RFC 3206 4: who tells [AUTH] means something else by a refusal without it.
  assert.equal(trouble("-ERR sorry", "sign in", true), "sign-in not available");
});

test("capabilities are read in any letters; what is unknown or out of reason is passed over", () => {
  const listing = Buffer.from("top\r\nUIDL\r\nSASL PLAIN xoauth2\r\nPipelining\r\nLOGIN-DELAY 900 USER\r\nEXPIRE NEVER\r\nX-NEW thing\r\n");
  const { mechanisms, ...rest } = capabilitiesOf(listing);
  assert.deepEqual([...mechanisms], ["PLAIN", "XOAUTH2"]);
  assert.deepEqual(rest, { top: true, uidl: true, user: false, startTls: false, pipelining: true, tellsAuth: false, loginDelay: 900 });
  assert.equal(capabilitiesOf(Buffer.from("LOGIN-DELAY soon\r\n")).loginDelay, null);
});
