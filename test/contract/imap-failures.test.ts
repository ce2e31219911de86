/** Each cause of trouble produced for real, and what a person reads about it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { inspect } from "node:util";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { Failure, type Scope } from "../../src/model/failure.ts";
import type { Endpoint, Secret } from "../../src/model/mailbox.ts";
import type { MailboxAccess, Step } from "../../src/ports.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { startCuttingProxy } from "../servers/cutting-proxy.ts";
import type { Dovecot } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { freePort } from "../servers/ports.ts";
import { type ScriptedImapOptions, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, PASSWORD, profileWith, startImapServer } from "./imap-rig.ts";

const QUICK = { timeout: 700 };

/** Opens the inbox by that endpoint and gives the failure it ends with. */
async function failureOf(endpoint: Endpoint, mailbox: MailboxAccess = access("user0")): Promise<Failure> {
  await using system = imapSystem({ profile: profileWith(endpoint) });
  const source = system.source(mailbox);
  try {
    await source.pull("INBOX", null, { limit: 10, since: new Date() });
  } catch (error) {
    assert.ok(error instanceof Failure, `a Failure, not ${error}`);
    assert.ok(error.remedy.length > 10, "there is a next step");
    assert.doesNotMatch(`${error.message}${error.remedy}${error.serverSaid}`, new RegExp(PASSWORD));
    return error;
  }
  return assert.fail("it worked");
}

async function expectFailure(
  endpoint: Endpoint,
  code: string,
  scope: Scope,
  waitingHelps: boolean,
  mailbox?: MailboxAccess,
): Promise<Failure> {
  const failure = await failureOf(endpoint, mailbox);
  assert.deepEqual([failure.code, failure.scope, failure.waitingHelps], [code, scope, waitingHelps], `${failure.message} ${failure.cause}`);
  assert.ok(failure.message.includes(endpoint.host), failure.message);
  if (scope !== "profile") assert.match(failure.message, /user0@example\.test/);
  return failure;
}

async function scripted(
  options: ScriptedImapOptions,
  code: string,
  scope: Scope,
  waitingHelps: boolean,
  changes: Partial<Endpoint> = {},
): Promise<Failure> {
  await using server = await startScriptedImap(options);
  return await expectFailure(imapEndpoint(server.port, changes), code, scope, waitingHelps);
}

const onLogin = (answer: string | null) => ({ script: (command: string) => (command.startsWith("LOGIN") ? answer : undefined) });
const onExamine = (answer: string | Buffer | null) => ({
  script: (command: string) => (command.startsWith("EXAMINE") ? answer : undefined),
});

describe("failures on the way to the server", () => {
  test("host unknown", async () => {
    const failure = await failureOf(imapEndpoint(143, { host: "no-such-host.invalid", timeout: 5000 }));
    // A machine without any name service gets the other answer.
    assert.match(failure.code, /^(host unknown|name service not available)$/);
    assert.equal(failure.scope, "profile");
  });

  test("connection refused", async () => void (await expectFailure(imapEndpoint(await freePort()), "connection refused", "profile", true)));

  test("no greeting", async () => void (await scripted({ greeting: null }, "no greeting", "profile", true, QUICK)));

  test("the server says goodbye at once", async () => {
    const failure = await scripted({ greeting: "* BYE down for maintenance" }, "server closing", "profile", true);
    assert.match(failure.serverSaid ?? "", /down for maintenance/);
  });

  test("too many connections", async () =>
    void (await scripted({ greeting: "* BYE Too many connections from your IP" }, "too many connections", "mailbox", true)));

  test("the server hangs up at once", async () => {
    const port = await freePort();
    const server = createServer((socket) => socket.end()).listen(port, "127.0.0.1");
    await once(server, "listening");
    try {
      await expectFailure(imapEndpoint(port), "server closing", "profile", true);
    } finally {
      server.close();
    }
  });

  test("STARTTLS is asked for and not offered: no password is sent", async () => {
    await using server = await startScriptedImap();
    await expectFailure(imapEndpoint(server.port, { security: "starttls" }), "STARTTLS not offered", "profile", false);
    assert.ok(!server.heard.some((command) => /LOGIN|AUTHENTICATE/.test(command)), server.heard.join(", "));
  });

  test("STARTTLS is refused, or made impossible by a PREAUTH greeting: no password is sent", async () => {
    for (const options of [
      { capabilities: ["STARTTLS"], script: (command: string) => (command === "STARTTLS" ? "NO not today" : undefined) },
      { greeting: "* PREAUTH welcome" },
    ]) {
      await using server = await startScriptedImap(options);
      await expectFailure(imapEndpoint(server.port, { security: "starttls" }), "STARTTLS not offered", "profile", false);
      assert.ok(!server.heard.some((command) => /LOGIN|AUTHENTICATE|EXAMINE/.test(command)));
    }
  });

  test("something is slipped in before TLS begins", async () => {
    const script = (command: string, tag: string) =>
      command === "STARTTLS" ? Buffer.from(`${tag} OK go ahead\r\n* OK injected\r\n`) : undefined;
    await using server = await startScriptedImap({ capabilities: ["STARTTLS"], script });
    await expectFailure(imapEndpoint(server.port, { security: "starttls", ...QUICK }), "TLS not possible", "profile", false);
    assert.ok(!server.heard.some((command) => /LOGIN|AUTHENTICATE/.test(command)));
  });
});

describe("a server that talks and never answers", () => {
  const dripping = { ...QUICK, timeout: 400 };
  async function drips(until: RegExp): Promise<number> {
    const timers = new Set<NodeJS.Timeout>();
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      const timer = setInterval(() => socket.write("* OK Still here\r\n"), 100);
      timers.add(timer);
      socket.on("close", () => clearInterval(timer));
      socket.write("* OK hello\r\n");
      socket.on("data", (data) => {
        const [tag = "", command = ""] = data.toString().trimEnd().split(" ");
        if (!until.test(command)) socket.write(`${command === "CAPABILITY" ? "* CAPABILITY IMAP4rev1\r\n" : ""}${tag} OK done\r\n`);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const begun = Date.now();
    try {
      await expectFailure(
        imapEndpoint(typeof address === "object" ? (address?.port ?? 0) : 0, dripping),
        "connection timed out",
        "profile",
        true,
      );
      return Date.now() - begun;
    } finally {
      server.close();
      for (const timer of timers) clearInterval(timer);
    }
  }

  test("before it signs in", async () => assert.ok((await drips(/LOGIN/)) < 10 * dripping.timeout));
  test("to a command", async () => assert.ok((await drips(/EXAMINE/)) < 30 * dripping.timeout));
});

test("without a password the check tries nothing and says so", async () => {
  await using server = await startScriptedImap();
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  const missing = new Failure({ scope: "mailbox", code: "no password", message: "none", remedy: "enter one", waitingHelps: false });
  const credentials = { current: () => Promise.reject(missing), refresh: () => Promise.reject(missing) };
  const told: string[] = [];
  for await (const step of system.check({ address: "user0@example.test", credentials })) told.push(`${step.name}: ${step.result}`);
  assert.deepEqual(told, ["credentials: failed"]);
  assert.deepEqual(server.heard, []);
});

describe("failures of signing in", () => {
  test("temporarily impossible", async () => {
    await scripted(onLogin("NO [UNAVAILABLE] Temporary authentication failure"), "sign-in not available", "mailbox", true);
    await scripted(onLogin("NO [INUSE] mailbox is locked"), "mailbox in use", "mailbox", true);
    await scripted(onLogin("NO [LIMIT] slow down"), "limit reached", "mailbox", true);
    await scripted(onLogin("NO Temporary authentication failure, try again later"), "sign-in not available", "mailbox", true);
  });

  test("refused", async () => {
    const failure = await scripted(onLogin("NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"), "sign-in refused", "mailbox", false);
    assert.match(failure.serverSaid ?? "", /Invalid credentials/);
    await scripted(onLogin("NO LOGIN failed."), "sign-in refused", "mailbox", false);
    await scripted(onLogin("BAD wrong"), "sign-in refused", "mailbox", false);
  });

  test("too many connections of one user", async () =>
    void (await scripted(onLogin("NO [ALERT] Too many simultaneous connections. (Failure)"), "too many connections", "mailbox", true)));

  test("only over TLS", async () => {
    await scripted({ capabilities: ["LOGINDISABLED"] }, "encryption required", "profile", false);
    await scripted(onLogin("NO [PRIVACYREQUIRED] Plaintext authentication disallowed"), "encryption required", "profile", false);
  });

  test("no password is refused twice: a changed one is tried once, an unchanged one not at all", async () => {
    await using server = await startScriptedImap({
      script: (command) => (command.startsWith("LOGIN") && !command.includes("new") ? "NO [AUTHENTICATIONFAILED] no" : undefined),
    });
    await expectFailure(imapEndpoint(server.port), "sign-in refused", "mailbox", false);
    assert.equal(server.heard.filter((command) => command.startsWith("LOGIN")).length, 1);
    const secret = (password: string): Secret => ({ kind: "password", username: "user0", password });
    const changed: MailboxAccess = {
      address: "user0@example.test",
      credentials: { current: async () => secret("old"), refresh: async () => secret("new") },
    };
    await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
    assert.equal((await system.source(changed).folders()).length, 1);
  });

  test("each method is used as the profile says", async () => {
    const capabilities = ["AUTH=PLAIN", "AUTH=LOGIN"];
    const seen: Record<string, string | undefined> = {};
    for (const authentication of ["auto", "plain", "login"] as const) {
      await using server = await startScriptedImap({
        capabilities,
        script: (command) => (command.startsWith("AUTHENTICATE") ? "NO [AUTHENTICATIONFAILED] no" : undefined),
      });
      await expectFailure(imapEndpoint(server.port, { authentication }), "sign-in refused", "mailbox", false);
      seen[authentication] = server.heard.find((command) => /^(AUTHENTICATE|LOGIN)/.test(command));
    }
    assert.deepEqual(seen, { auto: "AUTHENTICATE PLAIN", plain: "AUTHENTICATE PLAIN", login: "AUTHENTICATE LOGIN" });
    await using without = await startScriptedImap();
    await using system = imapSystem({ profile: profileWith(imapEndpoint(without.port, { authentication: "login" })) });
    await system.source(access("user0")).folders();
    assert.ok(
      without.heard.some((command) => command.startsWith("LOGIN ")),
      "without AUTH=LOGIN the command is used",
    );
  });
});

describe("signing in with an access token", () => {
  const secret: Secret = { kind: "token", username: "user0", token: "a-token-of-twenty-signs" };
  const mailbox: MailboxAccess = {
    address: "user0@example.test",
    credentials: { current: async () => secret, refresh: async () => secret },
  };

  test("each mechanism is used as the profile says, and none that the server does not offer", async () => {
    const chosen = async (authentication: Endpoint["authentication"], capabilities: readonly string[]) => {
      await using server = await startScriptedImap({ capabilities });
      await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port, { authentication })) });
      await system.source(mailbox).folders();
      return server.heard.find((command) => command.startsWith("AUTHENTICATE"))?.split(" ")[1];
    };
    const both = ["SASL-IR", "AUTH=XOAUTH2", "AUTH=OAUTHBEARER", "AUTH=PLAIN"];
    assert.equal(await chosen("oauth", both), "OAUTHBEARER");
    assert.equal(await chosen("oauth", ["SASL-IR", "AUTH=XOAUTH2"]), "XOAUTH2");
    assert.equal(await chosen("xoauth2", both), "XOAUTH2");
    await assert.rejects(chosen("oauthbearer", ["SASL-IR", "AUTH=XOAUTH2"]), { code: "no common sign-in method" });
    await assert.rejects(chosen("oauth", ["SASL-IR", "AUTH=PLAIN"]), { code: "no common sign-in method" });
  });
});

describe("a server that says the password back", () => {
  const tricky = 'co"rrect\\horse';
  const bare = /co\\?"rrect|horse|Y28icnJlY3Rca|AHVzZXIwAGNv/i;

  test("does not bring it into a failure, its cause, or a step", async () => {
    const script = (command: string) =>
      command.startsWith("LOGIN")
        ? `NO bad command: ${command} or AUTH PLAIN ${Buffer.from(`\0user0\0${tricky}`).toString("base64")}`
        : undefined;
    await using server = await startScriptedImap({ script });
    const mailbox = access("user0", tricky);
    const failure = await failureOf(imapEndpoint(server.port), mailbox);
    assert.equal(failure.code, "sign-in refused");
    assert.match(failure.serverSaid ?? "", /bad command: LOGIN .*user0.* .*\[removed\].* AUTH PLAIN \[removed\]/);
    assert.doesNotMatch(inspect(failure, { depth: 9 }), bare);
    await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
    const steps: Step[] = [];
    for await (const step of system.check(mailbox)) steps.push(step);
    assert.match(inspect(steps), /\[removed\]/);
    assert.doesNotMatch(inspect(steps), bare);
  });

  test("nor later, in the words about a folder", async () => {
    const failure = await scripted(onExamine(`NO no, ${PASSWORD}`), "folder unreadable", "folder", true);
    assert.equal(failure.serverSaid, "no, [removed]");
    await using server = await startScriptedImap(onExamine(`NO no, ${PASSWORD}`));
    await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
    assert.equal((await system.source(access("user0")).folders())[0]?.unreadable, "no, [removed]");
  });
});

describe("failures while reading", () => {
  test("the folder is gone", async () => {
    const script = (command: string) => (command.startsWith("EXAMINE") ? "NO [NONEXISTENT] Mailbox doesn't exist" : undefined);
    await scripted({ script }, "folder gone", "folder", false);
  });

  test("no right", async () => void (await scripted(onExamine("NO [NOPERM] Permission denied"), "no right", "folder", false)));

  test("the folder cannot be opened now", async () =>
    void (await scripted(onExamine("NO [SERVERBUG] Internal error"), "server fault", "folder", true)));

  test("the mailbox cannot be opened now", async () =>
    void (await scripted(onExamine("NO [UNAVAILABLE] backend down"), "mailbox unavailable", "mailbox", true)));

  test("throttled, with the time to wait", async () => {
    const throttled = "BAD Request is throttled. Suggested Backoff Time: 300 milliseconds";
    const failure = await scripted(onExamine(throttled), "throttled", "mailbox", true);
    assert.ok(failure.notBefore instanceof Date);
  });

  test("the connection drops", async () => void (await scripted(onExamine(null), "connection lost", "mailbox", true)));

  test("the server says goodbye", async () => {
    const failure = await scripted(onExamine(Buffer.from("* BYE going down\r\n")), "server closing", "profile", true);
    assert.match(failure.serverSaid ?? "", /going down/);
  });

  test("the server stops answering", async () =>
    void (await scripted(onExamine(Buffer.alloc(0)), "connection timed out", "profile", true, QUICK)));
});

describe("failures with a real server", { skip: missingServers(["dovecot"]) }, () => {
  const certificates = makeCertificates();
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startImapServer({ tls: certificates.server });
  });
  after(() => dovecot?.[Symbol.asyncDispose]());
  const trusting = { certificateAuthorities: certificates.authority };

  test("a trusted certificate lets in, over TLS and over STARTTLS", async () => {
    for (const endpoint of [
      imapEndpoint(dovecot.ports.imaps, { security: "tls", ...trusting }),
      imapEndpoint(dovecot.ports.imap, { security: "starttls", ...trusting }),
    ]) {
      await using system = imapSystem({ profile: profileWith(endpoint) });
      assert.ok((await system.source(access("user0")).folders()).length > 0);
    }
  });

  test("certificate authorities that are no certificates are named as the trouble, not passed over", async () => {
    const tls = { security: "tls", port: dovecot.ports.imaps } as const;
    for (const { security, port } of [tls, { security: "starttls", port: dovecot.ports.imap } as const])
      for (const certificateAuthorities of ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
        await expectFailure(
          imapEndpoint(port, { security, certificateAuthorities }),
          "certificate authorities not readable",
          "profile",
          false,
        );
  });

  test("certificate not trusted, over TLS and over STARTTLS, and taken all the same when the profile says so", async () => {
    await expectFailure(imapEndpoint(dovecot.ports.imaps, { security: "tls" }), "certificate not trusted", "profile", false);
    await expectFailure(imapEndpoint(dovecot.ports.imap, { security: "starttls" }), "certificate not trusted", "profile", false);
    await using system = imapSystem({
      profile: profileWith(imapEndpoint(dovecot.ports.imaps, { security: "tls", verifyCertificate: false })),
    });
    assert.ok((await system.source(access("user0")).folders()).length > 0);
  });

  test("TLS spoken to a port for plain text, and the other way round", async () => {
    await expectFailure(
      imapEndpoint(dovecot.ports.imap, { security: "tls", ...trusting }),
      "wrong security for the port",
      "profile",
      false,
    );
    await expectFailure(imapEndpoint(dovecot.ports.imaps, QUICK), "no greeting", "profile", true);
  });

  test("wrong password, and an account that does not exist", async () => {
    const endpoint = imapEndpoint(dovecot.ports.imaps, { security: "tls", ...trusting });
    for (const authentication of ["auto", "plain", "login"] as const) {
      const failure = await expectFailure({ ...endpoint, authentication }, "sign-in refused", "mailbox", false, access("user0", "wrong"));
      assert.match(failure.serverSaid ?? "", /Authentication failed/);
    }
    await using system = imapSystem({ profile: profileWith({ ...endpoint, authentication: "login" }) });
    assert.ok((await system.source(access("user0")).folders()).length > 0);
  });

  test("the server stops while a mailbox is open, and is found again when it is back", async () => {
    await using system = imapSystem({ profile: profileWith(imapEndpoint(dovecot.ports.imaps, { security: "tls", ...trusting })) });
    const source = system.source(access("user1"));
    await source.folders();
    await dovecot.stop("crash");
    const failure = await source.folders().then(
      () => assert.fail("it worked"),
      (error: unknown) => error,
    );
    assert.ok(failure instanceof Failure && failure.waitingHelps, String(failure));
    await dovecot.start();
    assert.ok((await source.folders()).length > 0);
  });

  test("a connection that goes silent is given up", async () => {
    await using proxy = await startCuttingProxy(dovecot.ports.imaps);
    await using system = imapSystem({ profile: profileWith(imapEndpoint(proxy.port, { security: "tls", ...trusting, timeout: 1500 })) });
    const source = system.source(access("user2"));
    await source.folders();
    proxy.freeze(true);
    await assert.rejects(source.folders(), { code: "connection timed out", scope: "profile" });
    proxy.freeze(false);
    assert.ok((await source.folders()).length > 0);
  });

  test("test & enable tells each step up to the one that fails", async () => {
    const steps = async (endpoint: Endpoint, mailbox = access("user0")): Promise<Step[]> => {
      await using system = imapSystem({ profile: profileWith(endpoint) });
      const all: Step[] = [];
      for await (const step of system.check(mailbox)) all.push(step);
      return all;
    };
    const told = (all: readonly Step[]) => all.map((step) => `${step.name}: ${step.result}`);
    const secure = imapEndpoint(dovecot.ports.imaps, { security: "tls", ...trusting });
    assert.deepEqual(told(await steps(secure)), [
      "find the server: ok",
      "connect: ok",
      "encrypt: ok",
      "sign in: ok",
      "list the folders: ok",
      "open the inbox: ok",
    ]);
    const wrong = await steps(secure, access("user0", "wrong"));
    assert.deepEqual(told(wrong), ["find the server: ok", "connect: ok", "encrypt: ok", "sign in: failed"]);
    assert.ok(wrong.at(-1)?.remedy && wrong.at(-1)?.serverSaid);
    assert.deepEqual(told(await steps(imapEndpoint(dovecot.ports.imaps, { security: "tls" }))), [
      "find the server: ok",
      "connect: ok",
      "encrypt: failed",
    ]);
    assert.deepEqual(told(await steps(imapEndpoint(dovecot.ports.imaps, { security: "tls", verifyCertificate: false }))).slice(0, 3), [
      "find the server: ok",
      "connect: ok",
      "encrypt: warning",
    ]);
    assert.deepEqual(told(await steps(imapEndpoint(await freePort()))), ["find the server: ok", "connect: failed"]);
  });
});

describe("bad certificates of a real server", { skip: missingServers(["dovecot"]) }, () => {
  const certificates = makeCertificates();
  for (const [kind, code] of [
    ["expired", "certificate expired"],
    ["wrongHost", "certificate for another name"],
    ["selfSigned", "certificate self-signed"],
  ] as const) {
    test(code, async () => {
      await using dovecot = await startImapServer({ tls: certificates[kind] });
      const trusting = { certificateAuthorities: certificates.authority };
      await expectFailure(imapEndpoint(dovecot.ports.imaps, { security: "tls", ...trusting }), code, "profile", false);
      await expectFailure(imapEndpoint(dovecot.ports.imap, { security: "starttls", ...trusting }), code, "profile", false);
    });
  }
});
