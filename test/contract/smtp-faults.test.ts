/** What becomes of one message when the server refuses, lies, dawdles or dies at each step. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { smtpSystem } from "../../src/connectors/smtp/system.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Endpoint } from "../../src/model/mailbox.ts";
import type { Submission } from "../../src/ports.ts";
import { type ScriptedSmtp, type ScriptedSmtpOptions, type SmtpAct, type SmtpStep, startScriptedSmtp } from "../servers/scripted-smtp.ts";
import { mailboxOf, profileOf } from "./smtp-setting.ts";

const MESSAGE = Buffer.from("Subject: test\r\n\r\nHello\r\n");
const BEFORE_CONTENT: readonly SmtpStep[] = ["connect", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"];
/** A server that says nothing is given up after this; a short wait in tests only. */
const SHORT = 150;

interface Outcome {
  readonly server: ScriptedSmtp;
  readonly submission: Submission | null;
  readonly failure: Failure | null;
  /** How often leave to transmit was asked. */
  readonly transmitting: number;
}

interface Setting {
  readonly recipients?: readonly string[];
  readonly mime?: Buffer;
  readonly endpoint?: Partial<Endpoint>;
  readonly finalReplyTimeout?: number;
  /** Milliseconds that leave to transmit takes. */
  readonly leaveTakes?: number;
}

/** Sends one message to a server of this kind. */
async function send(options: ScriptedSmtpOptions, setting: Setting = {}): Promise<Outcome> {
  await using server = await startScriptedSmtp({ users: { alice: "secret" }, ...options });
  await using system = smtpSystem({
    profile: profileOf(server.port, { timeout: 5_000, ...setting.endpoint }),
    finalReplyTimeout: setting.finalReplyTimeout ?? 5_000,
  });
  const sender = system.sender(mailboxOf("alice@example.test", "alice", "secret"));
  const { calls, transmitting } = leave(setting.leaveTakes ?? 0);
  const envelope = { from: "alice@example.test", recipients: setting.recipients ?? ["bob@example.test"], needsSmtpUtf8: false };
  try {
    const submission = await sender.submit(envelope, setting.mime ?? MESSAGE, { transmitting });
    return { server, submission, failure: null, transmitting: calls() };
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return { server, submission: null, failure: error, transmitting: calls() };
  }
}

function leave(takes: number) {
  let calls = 0;
  const transmitting = async () => {
    calls++;
    await sleep(takes);
  };
  return { calls: () => calls, transmitting };
}

/** The same act at one step, each time it comes. */
const at =
  (step: SmtpStep, act: SmtpAct) =>
  (moment: { readonly step: SmtpStep }): SmtpAct | undefined =>
    moment.step === step ? act : undefined;

describe("a server that hangs up", () => {
  for (const step of BEFORE_CONTENT) {
    test(`at ${step}: a failure that waiting mends, nothing transmitted`, async () => {
      const { failure, transmitting, server } = await send({ script: at(step, { cut: true }) });
      assert.equal(failure?.code, "connection lost");
      assert.equal(failure.scope, "profile");
      assert.equal(failure.waitingHelps, true);
      assert.equal(transmitting, 0);
      assert.deepEqual(server.received, []);
    });
  }

  for (const step of ["content begun", "content"] as const) {
    test(`at ${step}: unknown`, async () => {
      const { submission, transmitting } = await send({ script: at(step, { cut: true }) });
      assert.equal(submission?.kind, "unknown");
      assert.equal(transmitting, 1);
    });
  }

  test("while leave to transmit is being given: a failure, for nothing was transmitted", async () => {
    const { failure, transmitting, server } = await send({ script: at("DATA", { say: "354 go\r\n", cut: true }) }, { leaveTakes: 50 });
    assert.equal(failure?.code, "connection lost");
    assert.ok(transmitting <= 1);
    assert.deepEqual(server.received, []);
  });

  test("at any byte of its final yes: unknown until the line is complete", async () => {
    const yes = "250-2.0.0 queued\r\n250 2.0.0 as 4711\r\n";
    for (let length = 0; length < yes.length; length++) {
      const { submission } = await send({ script: at("content", { say: yes.slice(0, length), cut: true }) });
      // The last byte is the line feed that completes it.
      assert.equal(submission?.kind, "unknown", `${length} bytes`);
    }
    assert.equal((await send({ script: at("content", { say: yes, cut: true }) })).submission?.kind, "accepted");
  });
});

describe("a server that falls silent", () => {
  for (const step of BEFORE_CONTENT) {
    test(`at ${step}: a failure, nothing transmitted`, async () => {
      const { failure, transmitting } = await send({ script: at(step, {}) }, { endpoint: { timeout: SHORT } });
      assert.equal(failure?.code, step === "connect" ? "no greeting" : "no answer");
      assert.equal(failure.waitingHelps, true);
      assert.equal(transmitting, 0);
    });
  }

  test("after the content: unknown, after the long wait and not after the endpoint's timeout", async () => {
    const late = { say: "250 2.0.0 at last\r\n", afterMs: 3 * SHORT };
    const patient = await send({ script: at("content", late) }, { endpoint: { timeout: SHORT } });
    assert.equal(patient.submission?.kind, "accepted");
    const over = await send({ script: at("content", {}) }, { endpoint: { timeout: SHORT }, finalReplyTimeout: SHORT });
    assert.equal(over.submission?.kind, "unknown");
  });
});

describe("a server that says 421", () => {
  for (const step of BEFORE_CONTENT) {
    test(`at ${step}: no answer to the message, but a failure of the profile`, async () => {
      const { failure, transmitting } = await send({ script: at(step, { say: "421 4.3.2 shutting down\r\n", cut: true }) });
      assert.equal(failure?.code, "server closing");
      assert.equal(failure.scope, "profile");
      assert.equal(failure.serverSaid, "421 4.3.2 shutting down");
      assert.equal(transmitting, 0);
    });
  }

  test("to the content: the message was not taken, and is refused for now", async () => {
    const { submission } = await send({ script: at("content", { say: "421 4.3.2 shutting down\r\n", cut: true }) });
    assert.deepEqual(submission, { kind: "refused", permanent: false, response: "421 4.3.2 shutting down", refused: [] });
  });
});

test("421 with a limit to the second recipient ends the session: the first one is not served either", async () => {
  let seen = 0;
  const script: ScriptedSmtpOptions["script"] = ({ step }) =>
    step === "RCPT" && ++seen > 1 ? { say: "421 4.7.0 too many messages\r\n", cut: true } : undefined;
  const { failure } = await send({ script }, { recipients: ["a@example.test", "b@example.test"] });
  assert.equal(failure?.code, "throttled");
});

describe("a server that talks nonsense", () => {
  for (const [step, code] of [
    ["connect", "not a mail server"],
    ["EHLO", "protocol error"],
    ["MAIL", "protocol error"],
    ["RCPT", "protocol error"],
    ["DATA", "protocol error"],
  ] as const) {
    test(`at ${step}: a failure that quotes it, nothing transmitted`, async () => {
      const { failure, transmitting } = await send({ script: at(step, { say: "* OK IMAP4rev1 ready\r\n" }) });
      assert.equal(failure?.code, code);
      assert.match(failure.serverSaid ?? "", /IMAP4rev1/);
      assert.equal(transmitting, 0);
    });
  }

  test("to the content: unknown", async () => {
    for (const say of ["OK\r\n", "354 more?\r\n", "250-yes\r\n550 no\r\n", "2\r\n"]) {
      assert.equal((await send({ script: at("content", { say }) })).submission?.kind, "unknown", say);
    }
  });

  test("a yes that comes together with 354 is not taken for the answer to the content", async () => {
    const { failure, transmitting } = await send({ script: at("DATA", { say: "354 go ahead\r\n250 2.0.0 queued\r\n" }) });
    assert.equal(failure?.code, "protocol error");
    assert.equal(transmitting, 0);
  });

  test("a yes to DATA invites no content", async () => {
    const { failure, transmitting } = await send({ script: at("DATA", { say: "250 ok\r\n" }) });
    assert.equal(failure?.code, "protocol error");
    assert.equal(transmitting, 0);
  });

  test("a line without end is given up", async () => {
    const { failure } = await send({ script: at("EHLO", { say: `250-${"x".repeat(20_000)}` }) });
    assert.equal(failure?.code, "protocol error");
    assert.ok((failure.serverSaid ?? "").length <= 1000);
  });
});

describe("a server that speaks before it has all of the content", () => {
  const mime = Buffer.from(`Subject: large\r\n\r\n${"x".repeat(70).concat("\r\n").repeat(250_000)}`);
  const extensions = ["PIPELINING"];

  test("and refuses: refused, and the end is never sent", async () => {
    const { submission, server } = await send({ extensions, script: at("content begun", { say: "552 5.3.4 too large\r\n" }) }, { mime });
    assert.equal(submission?.kind, "refused");
    assert.equal(submission.permanent, true);
    assert.deepEqual(server.received, []);
  });

  test("and accepts: unknown", async () => {
    const { submission } = await send({ extensions, script: at("content begun", { say: "250 2.0.0 queued\r\n" }) }, { mime });
    assert.equal(submission?.kind, "unknown");
  });
});

describe("answers to a message", () => {
  for (const [step, say, permanent] of [
    ["MAIL", "550 5.7.60 no right to send as this sender\r\n", true],
    ["MAIL", "451 4.4.3 look-up failed\r\n", false],
    ["RCPT", "450 4.7.1 Greylisted, come back in 5 minutes\r\n", false],
    ["RCPT", "550-5.1.1 no such user\r\n550 5.1.1 at all\r\n", true],
    ["DATA", "554 5.5.1 no valid recipients\r\n", true],
    ["DATA", "451 4.3.0 no\r\n", false],
    ["content", "554 5.6.0 spam\r\n", true],
    ["content", "452 4.2.2 over quota\r\n", false],
    ["content", "450 4.7.1 rate limit\r\n", false],
    ["content", "550 5.4.5 Daily sending quota exceeded\r\n", false],
  ] as const) {
    test(`${say.slice(0, 9)} to ${step} refuses it ${permanent ? "for good" : "for now"}, with the server's words`, async () => {
      const { submission, transmitting } = await send({ script: at(step, { say }) });
      assert.equal(submission?.kind, "refused");
      assert.equal(submission.permanent, permanent);
      assert.ok(submission.response.startsWith(say.slice(0, 3)));
      assert.equal(transmitting, step === "content" ? 1 : 0);
    });
  }

  for (const [step, say, code, scope] of [
    ["MAIL", "450 4.7.1 Error: too much mail from 192.0.2.1\r\n", "throttled", "mailbox"],
    ["MAIL", "452 4.3.1 Insufficient system storage\r\n", "server busy", "profile"],
    ["MAIL", "530 5.7.0 Authentication required\r\n", "sign-in required", "profile"],
    ["RCPT", "450 4.7.1 Error: too many recipients from 192.0.2.1\r\n", "throttled", "mailbox"],
    ["DATA", "432 4.3.2 Concurrent connections limit exceeded\r\n", "too many connections", "profile"],
    ["connect", "554 5.7.1 blocked\r\n", "service refused", "profile"],
    ["AUTH", "454 4.7.0 Temporary authentication failure\r\n", "sign-in not available", "mailbox"],
    ["AUTH", "535 5.7.8 no\r\n", "sign-in refused", "mailbox"],
    ["AUTH", "535 5.7.139 SmtpClientAuthentication is disabled\r\n", "sign-in disabled", "mailbox"],
    ["AUTH", "538 5.7.11 encrypt first\r\n", "encryption required", "profile"],
  ] as const) {
    test(`${say.slice(0, 9)} to ${step} is no answer to it, but "${code}" of the ${scope}`, async () => {
      const { failure, transmitting } = await send({ script: at(step, { say }) });
      assert.equal(failure?.code, code);
      assert.equal(failure.scope, scope);
      assert.equal(failure.serverSaid, say.trim());
      assert.doesNotMatch(JSON.stringify([failure.message, failure.remedy, failure.serverSaid]), /secret/);
      assert.equal(transmitting, 0);
    });
  }

  test("a refused sender is the answer, whatever is said to the recipients that were on the way already", async () => {
    const script: ScriptedSmtpOptions["script"] = ({ step }) =>
      step === "MAIL" ? { say: "550 5.7.1 not you\r\n" } : step === "RCPT" ? { say: "502 5.5.1 what recipient?\r\n" } : undefined;
    const { submission } = await send({ script });
    assert.deepEqual(submission, { kind: "refused", permanent: true, response: "550 5.7.1 not you", refused: [] });
  });

  test("a limit met after some recipients were taken does not keep the message from these", async () => {
    let seen = 0;
    const { submission, server } = await send(
      {
        script: ({ step }) =>
          step === "RCPT" && ++seen > 2 ? { say: "450 4.7.1 Error: too many recipients from 192.0.2.1\r\n" } : undefined,
      },
      { recipients: ["a@example.test", "b@example.test", "c@example.test"] },
    );
    assert.equal(submission?.kind, "accepted");
    assert.deepEqual(
      submission.refused.map(({ address, permanent }) => [address, permanent]),
      [["c@example.test", false]],
    );
    assert.deepEqual(server.received[0]?.recipients, ["a@example.test", "b@example.test"]);
  });
});

describe("what goes over the wire", () => {
  test("replies that come byte by byte are understood", async () => {
    const { submission } = await send({ splitBytes: true });
    assert.equal(submission?.kind, "accepted");
  });

  test("DATA is not sent where all recipients are refused, with pipelining too", async () => {
    const { server } = await send(
      { script: at("RCPT", { say: "550 5.1.1 no\r\n" }) },
      { recipients: ["a@example.test", "b@example.test"] },
    );
    assert.deepEqual(
      server.heard[0]?.map((line) => line.split(" ")[0]),
      ["EHLO", "AUTH", "MAIL", "RCPT", "RCPT", "QUIT"],
    );
  });

  test("250 recipients are named once each, a doubled one too", async () => {
    const recipients = Array.from({ length: 250 }, (_, i) => `user${i}@example.test`);
    const { submission, server } = await send({}, { recipients: [...recipients, "user7@example.test"] });
    assert.equal(submission?.kind, "accepted");
    assert.deepEqual(server.received[0]?.recipients, recipients);
  });

  test("size, 8-bit content and international addresses are announced where offered", async () => {
    const mime = Buffer.from("Subject: Grüße\n\nGrüße\n");
    const { submission, server } = await send({}, { mime, recipients: ["jürgen@example.test"] });
    assert.equal(submission?.kind, "accepted");
    const size = mime.length + 3;
    assert.ok(server.heard[0]?.includes(`MAIL FROM:<alice@example.test> SIZE=${size} BODY=8BITMIME SMTPUTF8`), server.heard[0]?.join("\n"));
  });

  test("8-bit content is not forced upon a server that takes only 7-bit", async () => {
    const { submission, server } = await send({ extensions: [] }, { mime: Buffer.from("Subject: x\r\n\r\nGrüße\r\n") });
    assert.equal(submission?.kind, "refused");
    assert.equal(submission.permanent, true);
    assert.match(submission.response, /8-bit/);
    assert.ok(!server.heard[0]?.some((line) => line.startsWith("MAIL")));
  });

  test("a server that knows only HELO is served without extensions", async () => {
    const { submission, server } = await send(
      { script: at("EHLO", { say: "502 5.5.1 command not implemented\r\n" }) },
      { endpoint: { authentication: "none" } },
    );
    assert.equal(submission?.kind, "accepted");
    assert.match(server.heard[0]?.[1] ?? "", /^HELO \S+$/);
    assert.ok(server.heard[0]?.includes("MAIL FROM:<alice@example.test>"));
  });
});

test("a server that says the password back brings it into no failure, no step and no outcome", async () => {
  const plain = Buffer.from("\0alice\0secret").toString("base64");
  const echo = at("AUTH", { say: `535 5.7.8 bad: AUTH PLAIN ${plain} (secret)\r\n` });
  const { failure } = await send({ script: echo });
  assert.equal(failure?.code, "sign-in refused");
  assert.equal(failure.serverSaid, "535 5.7.8 bad: AUTH PLAIN [removed] ([removed])");
  assert.ok(!inspect(failure, { depth: 9 }).includes(plain));
  const { submission } = await send({ script: at("content", { say: "250 2.0.0 queued as secret\r\n" }) });
  assert.ok(submission?.kind === "accepted" && submission.response === "250 2.0.0 queued as [removed]");
  await using server = await startScriptedSmtp({ users: { alice: "secret" }, script: echo });
  await using system = smtpSystem({ profile: profileOf(server.port) });
  let last: string | undefined;
  for await (const step of system.check(mailboxOf("alice@example.test", "alice", "secret"))) last = step.serverSaid;
  assert.equal(last, "535 5.7.8 bad: AUTH PLAIN [removed] ([removed])");
});
