/** One refresh at a time over all processes: real second processes on PostgreSQL, and a sign-in service that ends all access when a refresh token comes twice. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before } from "node:test";
import type { TestDatabase } from "../databases.ts";
import type { AuthorizationServer } from "../servers/authorization-server.ts";
import { type Child, startChild } from "../servers/child-process.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes, theAlert } from "./alerts.ts";
import { addressOf, type EngineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";
import type { TokenTask } from "./token-child.ts";
import { authorizeOwn, type TokenRig, tokenRig } from "./token-rig.ts";

const servers = ["dovecot"] as const;
/** Seconds; a token that lives so short a time is renewed when half of that is left. */
const SHORT_LIFE = 1;
const EXPIRIES = 12;

let tokens: TokenRig;
let authority: AuthorizationServer;
let rig: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  tokens = await tokenRig({ accounts: 5 });
  ({ authority, rig } = tokens);
});
after(() => tokens?.[Symbol.asyncDispose]());

const configurationFor = (name: string) => tokens.configurationFor([name]);
const authorize = (app: RigApp, name: string) => authorizeOwn(tokens, app, name);

function startAsking(database: TestDatabase, name: string, { flows = 3, killed = false } = {}): Child {
  const task: TokenTask = { place: database.place, configuration: configurationFor(name), address: addressOf(name), flows, killed };
  return startChild(new URL("token-child.ts", import.meta.url), [JSON.stringify(task)]);
}

/** The refresh tokens that are brought from now on, in order; each is answered late, so that everybody else comes meanwhile. */
function watchRefreshes(): string[] {
  const asked: string[] = [];
  authority.onToken = async ({ grant, parameters }) => {
    if (grant === "refresh_token") asked.push(parameters.get("refresh_token") ?? "");
    await new Promise((resolve) => setTimeout(resolve, 60));
    return undefined;
  };
  return asked;
}

async function untilSo(what: string, so: () => boolean, children: readonly Child[] = []): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!so()) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen:\n${children.flatMap((one) => one.lines).join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function tokenVersion(database: TestDatabase, name: string): Promise<number> {
  const { rows } = await database.query<{ version: number }>("select version from waypost.token where name = $1", [
    `mailbox:${addressOf(name)}`,
  ]);
  return rows[0]?.version ?? 0;
}

const tokensOf = (child: Child) => child.lines.flatMap((line) => line.match(/^token (\w+) /)?.[1] ?? []);
/** Whoever asks for a token counts its life from that moment: that of the asking, by his own clock. */
const askedAt = (child: Child) => child.lines.flatMap((line) => Number(line.match(/^token \w+ (\d+)$/)?.[1] ?? []) - SHORT_LIFE * 1000);

onOneDatabaseEach(
  "access tokens in processes of their own",
  servers,
  (promise) => {
    promise("a token that expires again and again is renewed once each time, whichever of two processes is first", async (database) => {
      const name = rig.newUser();
      authority.reuse = "revoke";
      await using app = await rig.open(database, configurationFor(name));
      // The first token is tried at the mail server, which may take longer than the later ones live.
      await authorize(app, name);
      authority.tokenLife = SHORT_LIFE;
      await database.query("update waypost.token set expires_at = now() where name = $1", [`mailbox:${addressOf(name)}`]);
      const asked = watchRefreshes();
      await using one = startAsking(database, name);
      await using two = startAsking(database, name);
      await Promise.all([one.until("asks"), two.until("asks")]);
      const from = asked.length;
      await untilSo("many expiries", () => asked.length >= from + EXPIRIES, [one, two]);
      await Promise.all([one.kill(), two.kill()]);
      authority.onToken = () => undefined;
      authority.tokenLife = 3600;
      assert.equal(new Set(asked).size, asked.length, "no refresh token was used twice");
      const moments = [...new Set([...askedAt(one), ...askedAt(two)])].sort((earlier, later) => earlier - later);
      assert.ok(moments.length >= EXPIRIES);
      const gaps = moments.slice(1).map((at, index) => at - (moments[index] ?? 0));
      for (const gap of gaps) assert.ok(gap >= SHORT_LIFE * 500, `a token was renewed ${gap} ms after the one before, though it was good`);
      const handedOut = new Set(authority.handedOut().map((token) => createHash("sha256").update(token).digest("hex")));
      for (const seen of [tokensOf(one), tokensOf(two)]) {
        assert.ok(seen.length >= EXPIRIES / 2, `one process saw only ${seen.length} tokens`);
        for (const token of seen) assert.ok(handedOut.has(token));
      }
      // Who is killed while it asks leaves a try that is not stored; all others are.
      assert.ok((await tokenVersion(database, name)) >= asked.length);
      for (const child of [one, two]) assert.ok(!child.lines.some((line) => line.includes("Failure")), child.lines.join("\n"));
    });

    promise(
      "killed with a new token in its hands, a process leaves one alert with the way out where the service is strict",
      async (database) => {
        const name = rig.newUser();
        authority.reuse = "revoke";
        await using app = await rig.open(database, configurationFor(name));
        await authorize(app, name);
        await killedInRenewal(database, name);
        const from = authority.requests.length;
        for (let round = 0; round < 4; round++)
          assert.deepEqual(
            (await receive(app, name)).failures.map((one) => one.code),
            ["renewal interrupted"],
          );
        assert.equal(authority.requests.length - from, 1, "the sign-in service is not stormed");
        const alert = await theAlert(app, "receiving: renewal interrupted");
        assert.match(alert.message, /a renewal was interrupted: .* before they were stored/);
        assert.match(alert.remedy, new RegExp(`waypost authorize ${addressOf(name)}`));
        assert.match(alert.serverSaid ?? "", /used before; all access is revoked/);
        await authorize(app, name);
        assert.deepEqual((await receive(app, name)).failures, []);
        assert.deepEqual(await openCodes(app), []);
        // What is revoked afterwards is not told as an interruption.
        authority.revoke(name);
        assert.deepEqual(
          (await receive(app, name)).failures.map((one) => one.code),
          ["authorization ended"],
        );
      },
    );

    promise("where the service forgives it, the next process goes on by itself", async (database) => {
      const name = rig.newUser();
      authority.reuse = "once more";
      await using app = await rig.open(database, configurationFor(name));
      await authorize(app, name);
      await killedInRenewal(database, name);
      const from = authority.requests.length;
      assert.deepEqual((await receive(app, name)).failures, []);
      assert.equal(authority.requests.length - from, 1);
      assert.deepEqual(await openCodes(app), []);
    });
  },
  { engines: ["postgres"] },
);

/** The token expires, and the process that renews it dies when the service has answered and nothing is stored. */
async function killedInRenewal(database: TestDatabase, name: string): Promise<void> {
  await database.query("update waypost.token set expires_at = now() where name = $1", [`mailbox:${addressOf(name)}`]);
  const version = await tokenVersion(database, name);
  const from = authority.requests.length;
  await using child = startAsking(database, name, { flows: 1, killed: true });
  await child.ended;
  assert.equal(authority.requests.length - from, 1, child.lines.join("\n"));
  assert.equal(await tokenVersion(database, name), version, "what it was handed was not stored");
}
