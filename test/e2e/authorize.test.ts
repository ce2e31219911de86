/** `waypost authorize` as a person runs it: a real process, a real Dovecot that asks the authorization server, and a browser that follows the printed address. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import type { EngineName } from "../databases.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../servers/authorization-server.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import type { Ended, Running } from "./command.ts";
import { ANN, BEN, type ConfigurationInput, type Office, openOffice } from "./office.ts";
import { errorShape, json, receivedShape, until } from "./results.ts";

const CLIENT_SECRET = "the-secret-of-the-application-5c1";
const ANNS = "ann";
const SIGN_IN = /http:\/\/127\.0\.0\.1:\d+\/authorize\S+/;

const offerShape = z.object({
  kind: z.enum(["browser", "device", "application"]),
  address: z.string().nullable(),
  userCode: z.string().nullable(),
});
const authorizedShape = z.object({
  target: z.string(),
  renewable: z.boolean(),
  mailboxes: z.array(z.object({ mailbox: z.string(), result: z.enum(["ok", "failed"]) })),
});
const tokenShape = z.object({ mailboxes: z.array(z.object({ address: z.string(), token: z.object({ state: z.string() }).nullish() })) });

type Oauth = NonNullable<NonNullable<ConfigurationInput["serverProfiles"]>[number]["oauth"]>;

let authority: AuthorizationServer;
let dovecot: Dovecot;

/** An office whose mailboxes are opened with access tokens. */
async function officeWithTokens(oauth: Partial<Oauth> = {}, engine: EngineName = "pglite"): Promise<Office> {
  const office = await openOffice(engine);
  const { organizations, users, mailboxes, ...rest } = office.configuration;
  writeFileSync(path.join(office.folder, "secret"), `${CLIENT_SECRET}\n`, { mode: 0o600 });
  office.write({
    ...rest,
    // On PostgreSQL, which many processes may share, none is made by itself.
    ...(engine === "postgres" && { key: { file: "key" } }),
    organizations,
    users,
    serverProfiles: [
      {
        name: "mail",
        incoming: { host: "127.0.0.1", port: dovecot.ports.imap, security: "none" },
        oauth: {
          provider: "other",
          clientId: "waypost",
          clientSecret: { file: "secret" },
          scopes: ["mail", "offline_access"],
          authorizationEndpoint: `${authority.url}/authorize`,
          deviceAuthorizationEndpoint: `${authority.url}/device_authorization`,
          tokenEndpoint: `${authority.url}/token`,
          ...oauth,
        },
      },
    ],
    mailboxes: mailboxes?.map(({ password: _, ...mailbox }) => mailbox),
  });
  return office;
}

/** What the command printed first with `--json`: what is to be opened. */
async function offerOf(running: Running): Promise<z.output<typeof offerShape>> {
  await running.untilSo("it says what to open", () => running.said().includes("\n"));
  return offerShape.parse(JSON.parse(running.said().split("\n")[0] ?? ""));
}

/** The address that a person is told to open. */
async function addressIn(running: Running): Promise<string> {
  await running.untilSo("it prints an address", () => SIGN_IN.test(running.said()));
  return SIGN_IN.exec(running.said())?.[0] ?? "";
}

/** The two documents of `--json`. */
function documents<T>(ended: Ended, second: z.ZodType<T>): T {
  const lines = ended.out.split("\n");
  assert.equal(lines.length, 3, `two lines, not:\n${ended.out}${ended.error}`);
  offerShape.parse(JSON.parse(lines[0] ?? ""));
  return second.parse(JSON.parse(lines[1] ?? ""));
}

/** All command lines of the machine, as anybody on it may read them. */
function processList(): string {
  return execFileSync("ps", ["-A", "-ww", "-o", "args"], { encoding: "utf8" });
}

async function stateOfToken(office: Office, address: string): Promise<string | undefined> {
  return json(tokenShape, await office.run("--json", "status")).mailboxes.find((one) => one.address === address)?.token?.state;
}

/** Everything that must be nowhere in clear: what was sent to the sign-in service since, what it handed out, and the application's secret. */
function secretsSince(from: number): readonly string[] {
  const sent = authority.requests
    .slice(from)
    .flatMap(({ parameters }) =>
      ["code", "code_verifier", "refresh_token", "device_code", "client_secret"].flatMap((name) => parameters.get(name) ?? []),
    );
  const handedOut = authority.handedOut();
  assert.ok(sent.length > 1 && handedOut.length > 1);
  return [CLIENT_SECRET, ...sent, ...handedOut];
}

function assertHoldsNone(text: string, secrets: readonly string[]): void {
  for (const secret of secrets) assert.ok(!text.includes(secret), `a secret is in: ${text}`);
}

describe("waypost authorize", { concurrency: 2, skip: missingServers(["dovecot"]) }, () => {
  before(async () => {
    authority = await startAuthorizationServer({
      clients: [
        { id: "waypost", secret: CLIENT_SECRET, grants: ["authorization_code", "device_code"] },
        { id: "application", secret: CLIENT_SECRET, account: ANNS, grants: ["client_credentials"] },
      ],
    });
    dovecot = await startDovecot({
      users: { [ANNS]: "never-used-by-waypost", ben: "never-used-by-waypost" },
      introspection: `${authority.url}/introspect`,
    });
  });
  after(async () => {
    await dovecot?.[Symbol.asyncDispose]();
    await authority?.[Symbol.asyncDispose]();
  });

  test("a browser that follows the printed address brings the token; mail is read from then on, and no secret is shown anywhere", async () => {
    await using office = await officeWithTokens();
    await dovecot.deliver(ANNS, letter("browser@stranger.test"));
    const before = await office.run("--json", "receive", ANN);
    assert.deepEqual([before.code, json(receivedShape, before).failures.map((one) => one.code)], [1, ["authorization missing"]]);
    const from = authority.requests.length;
    const running = office.start(["authorize", ANN]);
    const address = await addressIn(running);
    assert.equal(new URL(address).searchParams.get("login_hint"), ANN);
    const listed = processList();
    assert.match(listed, /waypost\.mjs authorize/);
    const page = await authority.browse(address, ANNS);
    assert.match(await page.text(), /Waypost has the answer.*Go back to the command line/);
    const ended = await running.ended;
    assert.equal(ended.code, 0, ended.error);
    assert.match(ended.out, /Open this address in a browser on this machine/);
    assert.match(ended.out, /Authorized: ann@office\.test\. It is good until .* and renewed by itself\./);
    assert.match(ended.out, /ann@office\.test: The mail server accepts the access token/);
    assert.equal(await stateOfToken(office, ANN), "valid");
    const received = await office.run("--json", "receive", ANN);
    assert.ok(json(receivedShape, received).counts.tracked >= 1, received.out);
    assertHoldsNone(`${listed}${processList()}${ended.out}${ended.error}${received.out}${received.error}`, secretsSince(from));
  });

  test("a code for another device is printed, and entered elsewhere while the command waits; a person who says no there is told of", async () => {
    await using office = await officeWithTokens();
    const running = office.start(["authorize", "--device", ANN]);
    await running.until("and enter the code");
    assert.match(running.said(), new RegExp(`${authority.url}/device`));
    authority.enterCode(/enter the code {2}(\S+)/.exec(running.said())?.[1] ?? "", ANNS);
    const ended = await running.ended;
    assert.equal(ended.code, 0, ended.error);
    assert.match(ended.out, /Open this address on any device[\s\S]*Authorized: ann@office\.test/);

    const declining = office.start(["--json", "authorize", "--device", BEN]);
    authority.enterCode((await offerOf(declining)).userCode ?? "", "ben", "decline");
    const declined = await declining.ended;
    assert.deepEqual([declined.code, documents(declined, errorShape).error.code], [1, "authorization declined"]);
    assert.deepEqual([await stateOfToken(office, ANN), await stateOfToken(office, BEN)], ["valid", "missing"]);
  });

  test("beside a service on PostgreSQL the command stores the token by itself, and the service reads on", {
    skip: missingServers(["postgres"]),
  }, async () => {
    await using office = await officeWithTokens({}, "postgres");
    await dovecot.deliver(ANNS, letter("postgres@stranger.test"));
    const keyless = await office.run("serve");
    assert.deepEqual([keyless.code, keyless.out], [1, ""], "without a key it ends, and nothing of it goes on");
    assert.match(keyless.error, /key that seals .* is missing/);
    writeFileSync(path.join(office.folder, "key"), (await office.run("config", "key")).out, { mode: 0o600 });
    const serving = office.start(["serve"]);
    await serving.until("open this link once");
    await until(async () => (await office.run("status")).out.includes("waypost authorize ann@office.test"));
    const from = authority.requests.length;
    const running = office.start(["--json", "authorize", ANN]);
    await authority.browse((await offerOf(running)).address ?? "", ANNS);
    const ended = await running.ended;
    assert.equal(ended.code, 0, ended.error);
    assert.deepEqual(documents(ended, authorizedShape), { target: ANN, renewable: true, mailboxes: [{ mailbox: ANN, result: "ok" }] });
    // Nobody tells the service: it finds the token in the database they share.
    await until(async () => (await office.run("explain", "postgres@stranger.test")).code === 0);
    assert.equal(await stateOfToken(office, ANN), "valid");
    serving.kill("SIGTERM");
    const served = await serving.ended;
    assert.equal(served.code, 0, served.error);
    assertHoldsNone(`${served.out}${served.error}${ended.out}${ended.error}`, secretsSince(from));
  });

  test("where nobody signs in, the profile is named and nothing is to be opened; a wrong secret is code 1 with the service's words", async () => {
    await using office = await officeWithTokens({ clientId: "application", grant: "clientCredentials", scopes: ["mail"] });
    const ended = await office.run("authorize", "mail");
    // The application of this test may open Ann's mailbox and not Ben's.
    assert.equal(ended.code, 3, ended.error);
    assert.match(ended.out, /Nobody has to sign in/);
    assert.match(ended.out, /ann@office\.test: The mail server accepts the access token/);
    assert.match(ended.out, /ben@office\.test: .* refuses the access token of ben@office\.test[\s\S]*what to do: /);
    writeFileSync(path.join(office.folder, "secret"), "expired-secret-of-the-application\n");
    const refused = await office.run("authorize", "mail");
    assert.equal(refused.code, 1);
    assert.match(
      refused.error,
      /does not accept the application[\s\S]*The server said: .*AADSTS7000215[\s\S]*What to do: Compare clientId/,
    );
    assertHoldsNone(`${refused.out}${refused.error}`, ["expired-secret-of-the-application"]);
    assert.equal((await office.run("receive", ANN)).code, 0, "the token that is there goes on");
  });

  test("a person who declines is code 1 with the next step, and Ctrl+C is too; nothing was changed, and nobody listens any more", async () => {
    await using office = await officeWithTokens();
    const declining = office.start(["authorize", ANN]);
    const page = await authority.browse(await addressIn(declining), ANNS, "decline");
    assert.match(await page.text(), /gave no access/);
    const declined = await declining.ended;
    assert.equal(declined.code, 1);
    assert.match(
      declined.error,
      /was told not to give access to ann@office\.test[\s\S]*The server said: access_denied[\s\S]*What to do: Run `waypost authorize ann@office\.test` again/,
    );

    const waiting = office.start(["authorize", ANN]);
    const address = await addressIn(waiting);
    waiting.kill("SIGINT");
    const ended = await waiting.ended;
    assert.deepEqual([ended.code, ended.signal], [1, null]);
    assert.match(ended.error, /The authorization of ann@office\.test was interrupted\. Nothing was changed\./);
    await assert.rejects(authority.browse(address, ANNS), /fetch failed/);
    assert.equal(await stateOfToken(office, ANN), "missing");
  });

  test("says by its code what cannot be authorized, and that a token which cannot be renewed needs a person again", async () => {
    await using office = await officeWithTokens({ scopes: ["mail"] });
    const unknown = await office.run("--json", "authorize", "nobody@office.test");
    assert.deepEqual([unknown.code, json(errorShape, unknown).error.code], [4, "mailbox unknown"]);
    const profile = await office.run("authorize", "mail");
    assert.equal(profile.code, 1);
    assert.match(profile.error, /Each mailbox .* is authorized by itself[\s\S]*ann@office\.test, ben@office\.test/);
    assert.equal((await office.run("authorize", "--port", "70000", ANN)).code, 2);
    const running = office.start(["authorize", ANN]);
    await authority.browse(await addressIn(running), ANNS);
    const ended = await running.ended;
    assert.equal(ended.code, 3, ended.error);
    assert.match(ended.out, /NOT renewable: somebody has to authorize ann@office\.test again/);
    office.write(office.configuration);
    const password = await office.run("authorize", ANN);
    assert.equal(password.code, 1);
    assert.match(password.error, /signs in with a password; there is nothing to authorize/);
  });

  test("beside a running service it is the service that waits for the browser and reads on by itself; Ctrl+C reaches it too", async () => {
    await using office = await officeWithTokens();
    await dovecot.deliver(ANNS, letter("service@stranger.test"));
    const serving = office.start(["serve"]);
    await serving.until("open this link once");
    await until(async () => (await office.run("status")).out.includes("waypost authorize ann@office.test"));
    const from = authority.requests.length;

    const left = office.start(["authorize", ANN]);
    const leftAddress = await addressIn(left);
    left.kill("SIGINT");
    const interrupted = await left.ended;
    assert.equal(interrupted.code, 1);
    assert.match(interrupted.error, /interrupted/);
    await until(() =>
      authority.browse(leftAddress, ANNS).then(
        () => false,
        () => true,
      ),
    );
    assert.equal(authority.requests.length, from, "the code that came too late was not used");

    const running = office.start(["--json", "authorize", ANN]);
    await authority.browse((await offerOf(running)).address ?? "", ANNS);
    const ended = await running.ended;
    assert.equal(ended.code, 0, ended.error);
    assert.deepEqual(documents(ended, authorizedShape), { target: ANN, renewable: true, mailboxes: [{ mailbox: ANN, result: "ok" }] });
    await until(async () => (await office.run("explain", "service@stranger.test")).code === 0);
    assert.equal(await stateOfToken(office, ANN), "valid");

    const device = office.start(["--json", "authorize", "--device", BEN]);
    authority.enterCode((await offerOf(device)).userCode ?? "", "ben");
    assert.equal((await device.ended).code, 0);
    assert.equal((await office.run("authorize", "nobody@office.test")).code, 4);

    const listed = processList();
    serving.kill("SIGTERM");
    const served = await serving.ended;
    assert.equal(served.code, 0, served.error);
    assertHoldsNone(`${listed}${served.out}${served.error}${ended.out}${ended.error}`, secretsSince(from));
  });
});

function letter(id: string): string {
  return [
    `From: Carl <carl@stranger.test>`,
    `To: <${ANN}>`,
    "Subject: A question",
    `Message-ID: <${id}>`,
    `Date: ${new Date().toUTCString()}`,
    "",
    "Hello.",
    "",
  ].join("\r\n");
}
