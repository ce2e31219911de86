/** How connections are opened, protected, shared and given up, against a scripted server and a real Postfix. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type SmtpSystem, smtpSystem } from "../../src/connectors/smtp/system.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Endpoint } from "../../src/model/mailbox.ts";
import type { MailboxAccess, Step } from "../../src/ports.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { startDovecot } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { freePort } from "../servers/ports.ts";
import { startPostfix } from "../servers/postfix.ts";
import { type ScriptedSmtpOptions, startScriptedSmtp } from "../servers/scripted-smtp.ts";
import { counted } from "./mail-sender.contract.ts";
import { mailboxOf, profileOf, tokenMailboxOf } from "./smtp-setting.ts";

const MESSAGE = Buffer.from("Subject: test\r\n\r\nHello\r\n");
const ALICE = mailboxOf("alice@example.test", "alice", "secret");
const CERTIFICATES = makeCertificates();

const submit = (system: SmtpSystem, mailbox: MailboxAccess = ALICE, to = "bob@example.test") =>
  system.sender(mailbox).submit({ from: mailbox.address, recipients: [to], needsSmtpUtf8: false }, MESSAGE, counted());

async function failureOf(port: number, changed: Partial<Endpoint>, mailbox: MailboxAccess = ALICE): Promise<Failure> {
  await using system = smtpSystem({ profile: profileOf(port, { timeout: 500, ...changed }) });
  try {
    const submission = await submit(system, mailbox);
    assert.fail(`no failure but ${JSON.stringify(submission)}`);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

async function stepsOf(port: number, changed: Partial<Endpoint>, mailbox: MailboxAccess = ALICE): Promise<readonly Step[]> {
  await using system = smtpSystem({ profile: profileOf(port, changed) });
  return await collected(system.check(mailbox));
}

async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const withUsers = (options: ScriptedSmtpOptions = {}) => startScriptedSmtp({ users: { alice: "secret", bob: "other" }, ...options });

describe("connections are shared", () => {
  test("messages one after the other use one connection, with RSET between", async () => {
    await using server = await withUsers();
    await using system = smtpSystem({ profile: profileOf(server.port) });
    for (let i = 0; i < 3; i++) assert.equal((await submit(system)).kind, "accepted");
    assert.equal(server.heard.length, 1);
    assert.deepEqual(
      server.heard[0]?.map((line) => line.split(" ")[0]),
      ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"],
    );
  });

  test("a refused message leaves the connection fit for the next", async () => {
    let refuse = true;
    await using server = await withUsers({
      script: ({ step }) => (step === "MAIL" && refuse ? { say: "550 5.7.1 no\r\n" } : undefined),
    });
    await using system = smtpSystem({ profile: profileOf(server.port) });
    assert.equal((await submit(system)).kind, "refused");
    refuse = false;
    assert.equal((await submit(system)).kind, "accepted");
    assert.equal(server.heard.length, 1);
  });

  test("two users never share one, and the profile's limit holds for both together", async () => {
    await using server = await withUsers();
    await using system = smtpSystem({ profile: profileOf(server.port, {}, 1) });
    const bob = mailboxOf("bob@example.test", "bob", "other");
    for (const mailbox of [ALICE, bob, ALICE]) assert.equal((await submit(system, mailbox)).kind, "accepted");
    assert.equal(server.heard.length, 3);
    assert.equal(server.mostConnections(), 1);
  });

  test("after a hundred messages a connection is changed", async () => {
    await using server = await withUsers();
    await using system = smtpSystem({ profile: profileOf(server.port) });
    for (let i = 0; i < 101; i++) await submit(system);
    assert.equal(server.received.length, 101);
    assert.equal(server.heard.length, 2);
  });

  for (const [name, act] of [
    ["hangs up", { cut: true }],
    ["says 421", { say: "421 4.4.2 idle too long\r\n", cut: true }],
  ] as const) {
    test(`a connection that ${name} at the next message is replaced without a word`, async () => {
      await using server = await withUsers({ script: ({ step }) => (step === "RSET" ? act : undefined) });
      await using system = smtpSystem({ profile: profileOf(server.port) });
      assert.equal((await submit(system)).kind, "accepted");
      assert.equal((await submit(system)).kind, "accepted");
      assert.equal(server.heard.length, 2);
      assert.equal(server.received.length, 2);
    });
  }

  test("a connection that the server closed while it was idle is not used again", async () => {
    await using server = await withUsers({
      script: ({ step, connection }) =>
        step === "content" && connection === 1 ? { say: "250 2.0.0 ok\r\n421 4.4.2 going away\r\n", cut: true } : undefined,
    });
    await using system = smtpSystem({ profile: profileOf(server.port) });
    assert.equal((await submit(system)).kind, "accepted");
    await sleep(20);
    assert.equal((await submit(system)).kind, "accepted");
    assert.ok(!server.heard[0]?.includes("RSET"));
  });

  test("a server that breaks each time is tried once more and no oftener", async () => {
    await using server = await withUsers({
      script: ({ step, connection }) => (step === "MAIL" && connection > 1 ? { cut: true } : step === "RSET" ? { cut: true } : undefined),
    });
    await using system = smtpSystem({ profile: profileOf(server.port) });
    assert.equal((await submit(system)).kind, "accepted");
    await assert.rejects(submit(system), { code: "connection lost" });
    assert.equal(server.heard.length, 2);
  });

  test("leave to transmit is asked once: a connection that breaks then is not replaced", async () => {
    await using server = await withUsers({
      script: ({ step, connection }) => (step === "DATA" && second && connection === 1 ? { say: "354 go\r\n", cut: true } : undefined),
    });
    let second = false;
    await using system = smtpSystem({ profile: profileOf(server.port) });
    assert.equal((await submit(system)).kind, "accepted");
    second = true;
    let calls = 0;
    const transmitting = async () => {
      calls++;
      await sleep(50);
    };
    const envelope = { from: ALICE.address, recipients: ["bob@example.test"], needsSmtpUtf8: false };
    const submission = system.sender(ALICE).submit(envelope, MESSAGE, { transmitting });
    await assert.rejects(submission, { code: "connection lost" });
    assert.equal(calls, 1);
    assert.equal(server.heard.length, 1);
    assert.equal(server.received.length, 1);
  });

  test("disposal lets a submission under way finish and turns new ones away", async () => {
    await using server = await withUsers({
      script: ({ step }) => (step === "content" ? { afterMs: 100, say: "250 2.0.0 ok\r\n" } : undefined),
    });
    const system = smtpSystem({ profile: profileOf(server.port, {}, 1) });
    const underWay = submit(system);
    const waiting = submit(system);
    const turnedAway = assert.rejects(waiting, { code: "shutting down", waitingHelps: true });
    await sleep(50);
    await system[Symbol.asyncDispose]();
    assert.equal((await underWay).kind, "accepted");
    await turnedAway;
    await assert.rejects(submit(system), { code: "shutting down" });
  });
});

describe("signing in", () => {
  for (const authentication of ["auto", "plain", "login"] as const) {
    test(`with ${authentication}`, async () => {
      await using server = await withUsers();
      await using system = smtpSystem({ profile: profileOf(server.port, { authentication }) });
      assert.equal((await submit(system)).kind, "accepted");
      assert.match(server.heard[0]?.[1] ?? "", authentication === "login" ? /^AUTH LOGIN$/ : /^AUTH PLAIN \S+$/);
    });
  }

  for (const [authentication, expected] of [
    ["oauth", "OAUTHBEARER"],
    ["oauthbearer", "OAUTHBEARER"],
    ["xoauth2", "XOAUTH2"],
  ] as const) {
    test(`with ${authentication}, a token is told by ${expected}, and the explanation of a refusal is dismissed`, async () => {
      await using server = await startScriptedSmtp({ users: { alice: "a-token-of-twenty-signs" } });
      await using system = smtpSystem({ profile: profileOf(server.port, { authentication }) });
      await assert.rejects(submit(system, tokenMailboxOf("alice@example.test", "alice", "another-token")), {
        serverSaid: "535 5.7.8 authentication failed",
      });
      assert.equal((await submit(system, tokenMailboxOf("alice@example.test", "alice", "a-token-of-twenty-signs"))).kind, "accepted");
      assert.match(server.heard[0]?.[1] ?? "", new RegExp(`^AUTH ${expected} \\S+$`));
    });
  }

  test("with none, the secret is not asked for", async () => {
    await using server = await startScriptedSmtp();
    await using system = smtpSystem({ profile: profileOf(server.port, { authentication: "none" }) });
    const never = () => Promise.reject(new Error("asked for a secret"));
    assert.equal((await submit(system, { address: "a@example.test", credentials: { current: never, refresh: never } })).kind, "accepted");
  });

  test("a password that was changed meanwhile is read again, once", async () => {
    await using server = await withUsers();
    await using system = smtpSystem({ profile: profileOf(server.port) });
    assert.equal((await submit(system, mailboxOf("alice@example.test", "alice", "old", "secret"))).kind, "accepted");
    assert.equal(server.heard.length, 2);
    const failure = await failureOf(server.port, {}, mailboxOf("alice@example.test", "alice", "wrong"));
    assert.equal(failure.code, "sign-in refused");
    assert.equal(failure.scope, "mailbox");
    assert.equal(failure.waitingHelps, false);
    assert.doesNotMatch(`${failure.message}${failure.remedy}${failure.stack}`, /wrong/);
    assert.equal(server.heard.length, 3);
  });

  test("where the server offers no method that the profile allows, no password is sent", async () => {
    await using server = await startScriptedSmtp();
    assert.equal((await failureOf(server.port, { authentication: "auto" })).code, "sign-in not offered");
    assert.ok(!server.heard[0]?.some((line) => line.startsWith("AUTH")));
  });
});

describe("TLS", () => {
  const { authority, server: good } = CERTIFICATES;

  for (const from of ["the start", "STARTTLS"] as const) {
    const security = from === "STARTTLS" ? "starttls" : "tls";

    test(`from ${from}: a message is accepted by a server that is trusted`, async () => {
      await using server = await withUsers({ tls: { certificate: good, from } });
      await using system = smtpSystem({
        profile: profileOf(server.port, { security, host: "localhost", certificateAuthorities: authority }),
      });
      assert.equal((await submit(system)).kind, "accepted");
    });

    for (const [kind, code] of [
      ["expired", "certificate expired"],
      ["wrongHost", "certificate for another name"],
      ["selfSigned", "certificate self-signed"],
    ] as const) {
      test(`from ${from}: a certificate that is ${kind} is refused before any password is sent, unless the profile says otherwise`, async () => {
        await using server = await withUsers({ tls: { certificate: CERTIFICATES[kind], from } });
        const failure = await failureOf(server.port, { security, certificateAuthorities: authority });
        assert.equal(failure.code, code);
        assert.equal(failure.scope, "profile");
        assert.ok(!server.heard.flat().some((line) => line.startsWith("AUTH")));
        await using careless = smtpSystem({ profile: profileOf(server.port, { security, verifyCertificate: false }) });
        assert.equal((await submit(careless)).kind, "accepted");
      });
    }
  }

  test("an authority that nobody named is not trusted", async () => {
    await using server = await withUsers({ tls: { certificate: good, from: "the start" } });
    assert.equal((await failureOf(server.port, { security: "tls" })).code, "certificate not trusted");
  });

  test("authorities that are no certificates are named as the trouble", async () => {
    await using server = await withUsers({ tls: { certificate: good, from: "the start" } });
    for (const certificateAuthorities of ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]) {
      assert.equal(
        (await failureOf(server.port, { security: "tls", certificateAuthorities })).code,
        "certificate authorities not readable",
      );
    }
  });

  test("STARTTLS that is not offered, refused or taken out on the way never leads to clear text", async () => {
    await using plain = await withUsers();
    assert.equal((await failureOf(plain.port, { security: "starttls" })).code, "STARTTLS not offered");
    assert.ok(!plain.heard.flat().some((line) => /^(AUTH|MAIL)/.test(line)));
    for (const [say, code] of [
      ["454 4.7.0 TLS not available\r\n", "TLS not available"],
      ["502 5.5.1 no\r\n", "STARTTLS not offered"],
    ] as const) {
      await using server = await withUsers({
        tls: { certificate: good, from: "STARTTLS" },
        script: ({ step }) => (step === "STARTTLS" ? { say, cut: true } : undefined),
      });
      assert.equal((await failureOf(server.port, { security: "starttls" })).code, code);
      assert.ok(!server.heard.flat().some((line) => /^(AUTH|MAIL)/.test(line)));
    }
  });

  test("replies slipped in before TLS are dropped and told of (STARTTLS response injection)", async () => {
    await using server = await withUsers({
      tls: { certificate: good, from: "STARTTLS" },
      // What an attacker would add: an EHLO reply without SIZE and AUTH PLAIN, and a part of a line.
      script: ({ step }) => (step === "STARTTLS" ? { say: "220 go ahead\r\n250-evil\r\n250 AUTH CRAM-MD5\r\nhalf" } : undefined),
    });
    const warnings: string[] = [];
    await using system = smtpSystem({
      profile: profileOf(server.port, { security: "starttls", certificateAuthorities: authority }),
      logger: { debug: () => undefined, warn: (_facts, message) => warnings.push(message) },
    });
    assert.equal((await submit(system)).kind, "accepted");
    assert.match(warnings.join(), /dropped/);
  });

  test("TLS spoken to a port in clear, and the other way round, is explained", async () => {
    await using clear = await withUsers();
    assert.equal((await failureOf(clear.port, { security: "tls" })).code, "wrong security for the port");
    await using secure = await withUsers({ tls: { certificate: good, from: "the start" } });
    const failure = await failureOf(secure.port, { security: "none" });
    assert.equal(failure.code, "no greeting");
    assert.match(failure.remedy, /TLS/);
  });
});

describe("hosts", () => {
  test("an unknown name and a port that nobody serves have their own words", async () => {
    const unknown = await failureOf(25, { host: "no-such-host.invalid", timeout: 10_000 });
    assert.ok(["host unknown", "name service not available"].includes(unknown.code), unknown.code);
    assert.equal(unknown.scope, "profile");
    assert.equal((await failureOf(await freePort(), {})).code, "connection refused");
  });
});

describe("checking a mailbox", () => {
  test("tells each step and sends nothing", async () => {
    await using server = await withUsers({ tls: { certificate: CERTIFICATES.server, from: "STARTTLS" } });
    const steps = await stepsOf(server.port, { security: "starttls", certificateAuthorities: CERTIFICATES.authority });
    assert.deepEqual(
      steps.map(({ name, result }) => [name, result]),
      [
        ["connect", "ok"],
        ["greeting", "ok"],
        ["encrypt", "ok"],
        ["sign in", "ok"],
        ["sender and recipient", "ok"],
      ],
    );
    assert.deepEqual(
      server.heard[0]?.map((line) => line.split(" ")[0]),
      ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"],
    );
  });

  test("warns of a password in clear and of a certificate that is not checked", async () => {
    await using clear = await withUsers();
    assert.equal((await stepsOf(clear.port, {})).find(({ name }) => name === "sign in")?.result, "warning");
    await using careless = await withUsers({ tls: { certificate: CERTIFICATES.selfSigned, from: "the start" } });
    const step = (await stepsOf(careless.port, { security: "tls", verifyCertificate: false })).find(({ name }) => name === "encrypt");
    assert.equal(step?.result, "warning");
    assert.match(step.remedy ?? "", /\S/);
  });

  test("stops at the step that fails, with the server's words and the remedy", async () => {
    await using server = await withUsers({ script: ({ step }) => (step === "MAIL" ? { say: "550 5.7.60 not yours\r\n" } : undefined) });
    const last = (await stepsOf(server.port, {})).at(-1);
    assert.equal(last?.name, "sender and recipient");
    assert.equal(last.result, "failed");
    assert.equal(last.serverSaid, "550 5.7.60 not yours");
    const steps = await stepsOf(server.port, {}, mailboxOf("alice@example.test", "alice", "wrong"));
    assert.equal(steps.at(-1)?.name, "sign in");
    assert.equal(steps.at(-1)?.result, "failed");
    assert.match(steps.at(-1)?.serverSaid ?? "", /535/);
    assert.match(steps.at(-1)?.remedy ?? "", /password/);
    const refused = await stepsOf(await freePort(), {});
    assert.deepEqual(
      refused.map(({ name, result }) => [name, result]),
      [["connect", "failed"]],
    );
  });
});

describe("Postfix with TLS and sign-in", { skip: missingServers(["postfix", "dovecot"]) }, () => {
  test("is sent through over STARTTLS and TLS, with PLAIN and LOGIN, and refuses a wrong password", async () => {
    await using dovecot = await startDovecot();
    await using postfix = await startPostfix({ sasl: { port: dovecot.ports.sasl }, requireSignIn: true, signInOverTlsOnly: true });
    const trust = { certificateAuthorities: postfix.authority ?? null, host: "localhost" };
    for (const [port, security, authentication] of [
      [postfix.ports.smtp, "starttls", "plain"],
      [postfix.ports.smtp, "starttls", "login"],
      [postfix.ports.smtps, "tls", "auto"],
    ] as const) {
      await using system = smtpSystem({ profile: profileOf(port, { ...trust, security, authentication }) });
      for (let i = 0; i < 3; i++) assert.equal((await submit(system)).kind, "accepted");
      assert.deepEqual(
        (await collected(system.check(ALICE))).map(({ result }) => result),
        ["ok", "ok", "ok", "ok", "ok"],
      );
    }
    const wrong = mailboxOf("alice@example.test", "alice", "wrong");
    const failure = await failureOf(postfix.ports.smtps, { ...trust, security: "tls", timeout: 10_000 }, wrong);
    assert.equal(failure.code, "sign-in refused");
    assert.match(failure.serverSaid ?? "", /^535 5\.7\.8/);
    const unsigned = await failureOf(postfix.ports.smtp, { security: "none", timeout: 10_000 });
    assert.equal(unsigned.code, "sign-in not offered");
  });
});
