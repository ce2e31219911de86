/** Signing in and encryption by POP3, against a real Dovecot and, for what it does not do, a scripted server. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { pop3System } from "../../src/connectors/pop3/system.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Endpoint, Secret } from "../../src/model/mailbox.ts";
import type { Step } from "../../src/ports.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { type ScriptedPop3Options, startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { profileWith } from "./imap-rig.ts";
import { pop3Endpoint } from "./pop3-rig.ts";

const PASSWORD: Secret = { kind: "password", username: "alice", password: "pa ss-wörd" };

const mailbox = (secret: Secret, renewed: Secret = secret) => ({
  address: `${secret.username}@example.test`,
  credentials: { current: async () => secret, refresh: async () => renewed },
});

const systemAt = (endpoint: Endpoint) => pop3System({ profile: profileWith(endpoint) });

/** Null when it signs in. */
async function tried(endpoint: Endpoint, secret: Secret, renewed: Secret = secret): Promise<Failure | null> {
  const source = systemAt(endpoint).source(mailbox(secret, renewed));
  try {
    await source.folders();
    return null;
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    const words = `${error.message} ${error.serverSaid} ${error.remedy} ${error.stack}`;
    if (secret.kind === "password") assert.ok(!words.includes(secret.password), "the password is not told");
    return error;
  } finally {
    await source.close();
  }
}

async function steps(endpoint: Endpoint, secret: Secret): Promise<Step[]> {
  const all: Step[] = [];
  for await (const step of systemAt(endpoint).check(mailbox(secret))) all.push(step);
  return all;
}

describe("signing in by POP3 to Dovecot", { skip: missingServers(["dovecot"]) }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startDovecot({
      users: { alice: "pa ss-wörd", bob: "x".repeat(300) },
      extra: "auth_mechanisms = plain login apop xoauth2 oauthbearer",
    });
  });
  after(() => dovecot?.[Symbol.asyncDispose]());

  const at = (security: Endpoint["security"], authentication: Endpoint["authentication"], changes: Partial<Endpoint> = {}) =>
    pop3Endpoint(security === "tls" ? dovecot.ports.pop3s : dovecot.ports.pop3, {
      host: "localhost",
      security,
      authentication,
      certificateAuthorities: dovecot.authority ?? null,
      ...changes,
    });

  for (const security of ["tls", "starttls", "none"] as const) {
    for (const method of ["auto", "plain", "login", "apop"] as const) {
      test(`${security} with ${method}: the right password opens, a wrong one is refused`, async () => {
        assert.equal(await tried(at(security, method), PASSWORD), null);
        const failure = await tried(at(security, method), { ...PASSWORD, password: "wrong" });
        assert.deepEqual([failure?.code, failure?.scope, failure?.waitingHelps], ["sign-in refused", "mailbox", false]);
      });
    }
    for (const method of ["oauth", "oauthbearer", "xoauth2"] as const) {
      test(`${security} with ${method}: a good token opens, one that has expired is refused`, async () => {
        const secret = (seconds: number): Secret => ({ kind: "token", username: "alice", token: dovecot.token("alice", seconds) });
        assert.equal(await tried(at(security, method), secret(3600)), null);
        assert.equal((await tried(at(security, method), secret(-10)))?.code, "token refused");
      });
    }
  }

  test("a master user opens another's mailbox, by name or by authorization identity", async () => {
    const master = { kind: "password", username: "alice*router", password: "masterpass" } as const;
    assert.equal(await tried(at("tls", "auto"), master), null);
    const identity = { kind: "password", username: "router", password: "masterpass", authorizationIdentity: "alice" } as const;
    assert.equal(await tried(at("tls", "auto"), identity), null);
    assert.equal((await tried(at("tls", "login"), identity))?.code, "no common sign-in method");
  });

  test("a password longer than a command line goes in a line of its own, and one that was changed meanwhile is asked for again", async () => {
    const bob: Secret = { kind: "password", username: "bob", password: "x".repeat(300) };
    assert.equal(await tried(at("tls", "plain"), bob), null);
    assert.equal(await tried(at("tls", "auto"), { ...PASSWORD, password: "old" }, PASSWORD), null);
  });

  test("the check tells each step, and warns of what is weak", async () => {
    const results = async (endpoint: Endpoint, secret: Secret = PASSWORD) =>
      (await steps(endpoint, secret)).map(({ name, result, code }) => [name, result, code]);
    const good = (name: string) => [name, "ok", undefined];
    const end = [good("sign in"), good("list the messages")];
    assert.deepEqual(await results(at("starttls", "auto")), [good("find the server"), good("connect"), good("encrypt"), ...end]);
    assert.deepEqual(await results(at("none", "auto")), [
      good("find the server"),
      good("connect"),
      ["encrypt", "warning", "in clear"],
      ...end,
    ]);
    assert.deepEqual((await results(at("tls", "auto", { verifyCertificate: false })))[2], [
      "encrypt",
      "warning",
      "certificate not verified",
    ]);
    const failed = async (endpoint: Endpoint, secret?: Secret) => (await results(endpoint, secret)).at(-1);
    assert.deepEqual(await failed(at("tls", "auto"), { ...PASSWORD, password: "wrong" }), ["sign in", "failed", "sign-in refused"]);
    assert.deepEqual(await failed(at("tls", "auto", { certificateAuthorities: null })), ["encrypt", "failed", "certificate not trusted"]);
    assert.deepEqual(await failed(at("tls", "auto", { port: dovecot.ports.pop3 })), ["encrypt", "failed", "wrong security for the port"]);
    assert.deepEqual(await failed(at("none", "auto", { port: dovecot.ports.pop3s, timeout: 1000 })), ["connect", "failed", "no greeting"]);
    assert.deepEqual(await failed(at("none", "auto", { port: dovecot.ports.imap })), ["connect", "failed", "not a POP3 server"]);
    assert.deepEqual(await failed(at("none", "auto", { port: 1 })), ["connect", "failed", "connection refused"]);
    assert.deepEqual(await failed(at("none", "auto", { host: "nobody.invalid" })), ["find the server", "failed", "host unknown"]);
  });
});

const ANN: Secret = { kind: "password", username: "ann", password: "secret" };

/** What a scripted server heard, and what came of it. */
async function scripted(options: ScriptedPop3Options, changes: Partial<Endpoint> = {}, secret = ANN) {
  await using server = await startScriptedPop3(options);
  const failure = await tried(pop3Endpoint(server.port, { host: "localhost", timeout: 2000, ...changes }), secret);
  return {
    failure,
    code: failure?.code ?? null,
    heard: server.heard.map((one) => one.filter((command) => !/^(CAPA|STAT|RSET|QUIT)$/.test(command))),
  };
}

test("auto in clear: APOP first, which sends no password; where it is refused or not possible, the password", async () => {
  const first = await scripted({});
  assert.equal(first.code, null);
  assert.match(first.heard[0]?.join() ?? "", /^APOP ann [0-9a-f]{32}$/);
  const refusing = await scripted({ script: (command) => (command.startsWith("APOP") ? "-ERR\r\n" : undefined) });
  assert.equal(refusing.code, null);
  assert.deepEqual(
    refusing.heard[0]?.map((one) => one.split(" ")[0]),
    ["APOP", "AUTH"],
  );
  const hostile = await scripted({ greeting: "+OK <\u0001\u0002@evil>" });
  assert.deepEqual([hostile.code, hostile.heard[0]?.map((one) => one.split(" ")[0])], [null, ["AUTH"]]);
  const chosen = await scripted({ greeting: "+OK <a@b@c>" }, { authentication: "apop" });
  assert.deepEqual([chosen.code, chosen.heard], ["APOP not possible", [[]]]);
});

test("the digest of APOP, said back by the server, is told to nobody: passwords could be tried on it", async () => {
  for (const words of ["-ERR unknown command", "what is"]) {
    const script = (command: string) => (command.startsWith("APOP") ? `${words} ${command.toUpperCase()}\r\n` : undefined);
    const { failure, heard } = await scripted({ script }, { authentication: "apop" });
    const digest = /[0-9a-f]{32}/.exec(heard.flat().join())?.[0] ?? "none was sent";
    const told = `${failure?.message} ${failure?.serverSaid} ${failure?.stack}`;
    assert.ok(!told.toLowerCase().includes(digest), told);
    assert.match(failure?.serverSaid ?? "", /APOP ANN \[removed\]/);
  }
});

test("without CAPA USER and PASS are tried; without any method nothing is sent", async () => {
  const old = await scripted({ capabilities: null, greeting: "+OK" });
  assert.deepEqual([old.code, old.heard], [null, [["USER ann", "PASS secret"]]]);
  const none = await scripted({ capabilities: ["UIDL", "SASL GSSAPI"], greeting: "+OK" });
  assert.deepEqual([none.code, none.heard], ["no common sign-in method", [[]]]);
  const challenge = await scripted({
    greeting: "+OK",
    script: (command) => (command.startsWith("AUTH PLAIN ") ? "+ \r\n" : command.startsWith("AGFu") ? "+OK\r\n" : undefined),
  });
  assert.equal(challenge.code, null, "a server that knows no initial response");
});

test("a server that takes passwords only under TLS is not told one in clear", async () => {
  // What Dovecot says to a client that is not on its own machine.
  const { server: certificate } = makeCertificates();
  const hidden = await scripted({ greeting: "+OK", capabilities: ["TOP", "UIDL"], certificate });
  assert.deepEqual([hidden.code, hidden.heard], ["encryption required", [[]]]);
  const said = "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.\r\n";
  const refusing = await scripted({
    greeting: "+OK",
    capabilities: ["USER"],
    script: (command) => (command.startsWith("USER") ? said : undefined),
  });
  assert.deepEqual([refusing.code, refusing.heard], ["encryption required", [["USER ann"]]]);
});

test("STARTTLS never falls back to clear, and what came in clear before it counts for nothing", async () => {
  const { server: certificate, authority } = makeCertificates();
  const changes: Partial<Endpoint> = { security: "starttls", certificateAuthorities: authority };
  for (const options of [
    {},
    { capabilities: null },
    { certificate, script: (command: string) => (command === "STLS" ? "-ERR no\r\n" : undefined) },
  ]) {
    const { code, heard } = await scripted(options, changes);
    assert.equal(code, "STARTTLS not offered");
    assert.ok(!heard.flat().some((command) => /^(USER|PASS|APOP|AUTH)/.test(command)), "no password was sent");
  }
  assert.equal((await scripted({ certificate }, changes)).code, null);
  // Somebody on the way adds an answer behind the one to STLS: it must not be read as said under TLS.
  const injected = await scripted(
    { certificate, script: (command) => (command === "STLS" ? "+OK\r\n-ERR [AUTH] injected\r\n" : undefined) },
    { ...changes, timeout: 1000 },
  );
  assert.notEqual(injected.code, "sign-in refused");
});

test("what a server refuses with is told from each other: who waits, for how long, and who has to act", async () => {
  const refusing = (line: string, capabilities?: readonly string[]) =>
    scripted({
      greeting: "+OK",
      ...(capabilities && { capabilities }),
      script: (command) => (/^(AUTH|PASS)/.test(command) ? `${line}\r\n` : undefined),
    });
  const inUse = (await refusing("-ERR [IN-USE] maildrop locked")).failure;
  assert.deepEqual([inUse?.code, inUse?.scope, inUse?.waitingHelps], ["mailbox in use", "mailbox", true]);
  assert.ok((inUse?.alertAfter ?? 1) > 3, "no alert at once");
  const before = Date.now();
  const delay = (await refusing("-ERR [LOGIN-DELAY] wait", ["USER", "SASL PLAIN", "LOGIN-DELAY 300"])).failure;
  assert.equal(delay?.code, "sign-in too soon");
  assert.ok(Math.abs((delay?.notBefore?.getTime() ?? 0) - before - 300_000) < 5000);
  assert.equal((await refusing("-ERR [SYS/TEMP] ldap down")).failure?.waitingHelps, true);
  assert.equal((await refusing("-ERR [SYS/PERM] no such maildrop")).failure?.waitingHelps, false);
  assert.equal((await refusing("-ERR [SYS/PERM] Your account is not enabled for POP access")).code, "POP3 not enabled");
});

test("a user name or password that would end the command is not sent", async () => {
  for (const secret of [
    { ...ANN, password: "x\r\nDELE 1" },
    { ...ANN, username: "ann\nQUIT" },
  ]) {
    const { code, heard } = await scripted({ greeting: "+OK", capabilities: ["USER"] }, {}, secret);
    assert.deepEqual([code, heard], ["password not sendable", [[]]]);
  }
  const blank = await scripted({}, { authentication: "apop" }, { ...ANN, username: "ann other" });
  assert.equal(blank.code, "password not sendable");
});
