/** What `waypost authorize` does with a token that has come: which mailboxes it signs in to with it, and when it keeps it. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Configuration, configurationSchema } from "../../src/config.ts";
import type { Database } from "../../src/database/database.ts";
import { listMailboxes, readProfile } from "../../src/ledger/mailboxes.ts";
import { tokenStates } from "../../src/ledger/tokens.ts";
import { addressKey } from "../../src/model/address.ts";
import { missingServers } from "../servers/needs.ts";
import { type ScriptedImap, type ScriptedImapOptions, startScriptedImap } from "../servers/scripted-imap.ts";
import { addressOf, type RigApp } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";
import { authorizeOwn, type TokenRig, tokenRig } from "./token-rig.ts";

let tokens: TokenRig;
before(async () => {
  if (!missingServers(["dovecot"])) tokens = await tokenRig();
});
after(() => tokens?.[Symbol.asyncDispose]());

/** One account signs in for all mailboxes of the profile. */
const SHARED = { account: "service@example.test" };

type Mailbox = Configuration["mailboxes"][number];
type Changes = Parameters<TokenRig["configurationFor"]>[2];

function serverFor(script: ScriptedImapOptions["script"]): Promise<ScriptedImap> {
  return startScriptedImap({ capabilities: ["AUTH=XOAUTH2", "SASL-IR"], ...(script && { script }) });
}

/** As usual, whatever token it is. */
function lettingIn(command: string): string | undefined {
  return command.startsWith("AUTHENTICATE") ? "OK in" : undefined;
}

function configurationFor(
  names: readonly string[],
  { port }: ScriptedImap,
  oauth: Parameters<TokenRig["configurationFor"]>[1] = {},
  profile: NonNullable<Changes>["profile"] = {},
): Configuration {
  return tokens.configurationFor(names, oauth, { incoming: { host: "127.0.0.1", port, security: "none" }, profile });
}

function withMailboxes(configuration: Configuration, ...changes: Partial<Mailbox>[]): Configuration {
  return { ...configuration, mailboxes: configuration.mailboxes.map((one, index) => ({ ...one, ...changes[index] })) };
}

function signIns({ heard }: ScriptedImap): number {
  return heard.filter((one) => one.startsWith("AUTHENTICATE")).length;
}

async function isStored(database: Database, name: string): Promise<boolean> {
  return (await tokenStates(database, [name])).length > 0;
}

function tokenOf(app: RigApp, name: string): Promise<unknown> {
  return app.context.credentials(addressKey(addressOf(name))).current();
}

/** The way of a person until the browser came back; what `left` aborts is what follows. */
async function broughtTo(app: RigApp, target: string, left: AbortController): ReturnType<RigApp["operations"]["authorizeFinish"]> {
  const offer = await app.operations.authorizeBegin(target, { device: false, port: 0 });
  const done = app.operations.authorizeFinish(offer.id, left.signal);
  done.catch(() => undefined);
  await tokens.authority.browse(offer.address ?? "", "anybody");
  return await done;
}

onOneDatabaseEach("trying a token", ["dovecot"], (promise) => {
  promise("a mailbox that is inactive, not approved or of method None is not signed in to, and named with the reason", async (database) => {
    const names = tokens.rig.newUsers(4);
    await using server = await serverFor(lettingIn);
    const changes = [{ active: false }, { approved: false }, { incoming: false, outgoing: false }];
    await using app = await tokens.rig.open(database, withMailboxes(configurationFor(names, server, SHARED), ...changes));
    const { mailboxes } = await tokens.authorize(app, "test", "anybody");
    const said = new Map(mailboxes.map(({ mailbox, result, message }) => [mailbox, `${result}: ${message}`]));
    const expected = [/^not tried: Not tried\. .* is inactive/, /^not tried: .* not approved/, /^not tried: .* is None/, /^ok: /];
    for (const [index, pattern] of expected.entries()) assert.match(said.get(addressOf(names[index] ?? "")) ?? "", pattern);
    assert.equal(signIns(server), 1);
    const [off = ""] = names;
    await assert.doesNotReject(tokenOf(app, off), "it is stored for when they are switched on");
  });

  promise("a mailbox that is not read is tried where it sends, and nowhere where nobody signs in to send", async (database) => {
    const ann = tokens.rig.newUser();
    await using server = await serverFor(lettingIn);
    const configuration = withMailboxes(configurationFor([ann], server), { incoming: false });
    for (const [authentication, result] of [
      ["auto", "failed"],
      ["none", "not tried"],
    ] as const) {
      const outgoing = { host: "127.0.0.1", port: server.port, security: "none", authentication } as const;
      const serverProfiles = configurationSchema.shape.serverProfiles.parse(
        configuration.serverProfiles.map((one) => ({ ...one, outgoing })),
      );
      await using app = await tokens.rig.open(database, { ...configuration, serverProfiles });
      const { mailboxes } = await authorizeOwn(tokens, app, ann);
      // It speaks no SMTP.
      assert.deepEqual([mailboxes.map((one) => one.result), signIns(server)], [[result], 0]);
    }
  });

  for (const [code, isRefusal, answer] of [
    ["mailbox not opened", (command: string) => command.startsWith("LIST"), "BAD User is authenticated but not connected."],
    ["access not granted", (command: string) => command.startsWith("AUTHENTICATE"), "NO [AUTHORIZATIONFAILED] Not yours."],
  ] as const) {
    promise(`a token for which a server says "${code}" does not replace one that works, only one that does not`, async (database) => {
      const ann = tokens.rig.newUser();
      let isAnn = true;
      await using server = await serverFor((command) => (!isAnn && isRefusal(command) ? answer : lettingIn(command)));
      await using app = await tokens.rig.open(database, configurationFor([ann], server));
      await authorizeOwn(tokens, app, ann);
      const before = await tokenOf(app, ann);
      isAnn = false;
      await assert.rejects(tokens.authorize(app, addressOf(ann), "eve"), {
        code: "authorized by another account",
        serverSaid: answer.replace(/^\S+ (\[.*\] )?/, ""),
      });
      assert.deepEqual(await tokenOf(app, ann), before);

      await database.query("delete from waypost.token");
      await database.query("delete from waypost.secret");
      const { mailboxes } = await tokens.authorize(app, addressOf(ann), "eve");
      assert.deepEqual(
        mailboxes.map((one) => one.result),
        ["failed"],
        "the right may be granted later",
      );
      assert.notDeepEqual(await tokenOf(app, ann), before);
    });
  }

  promise(
    "a token for all mailboxes is stored before any is tried; an interruption ends the trying, and names what was not tried",
    async (database) => {
      const names = tokens.rig.newUsers(2);
      const left = new AbortController();
      let storedThen: Promise<boolean> | undefined;
      await using server = await serverFor((command) => {
        if (command.startsWith("AUTHENTICATE")) {
          storedThen = isStored(database, "profile:test");
          left.abort();
        }
        return lettingIn(command);
      });
      await using app = await tokens.rig.open(database, configurationFor(names, server, SHARED));
      const { mailboxes } = await broughtTo(app, "test", left);
      assert.equal(await storedThen, true);
      assert.equal(signIns(server), 1);
      assert.deepEqual(
        mailboxes.map((one) => [one.result, one.message]),
        [
          ["not tried", "Not tried. The command was interrupted meanwhile."],
          ["not tried", "Not tried. The command was interrupted before."],
        ],
      );
    },
  );

  promise("what an interruption leaves untried is kept for a mailbox too, as nothing speaks against it", async (database) => {
    const ann = tokens.rig.newUser();
    const left = new AbortController();
    await using server = await serverFor((command) => {
      left.abort();
      return lettingIn(command);
    });
    await using app = await tokens.rig.open(database, configurationFor([ann], server));
    const { mailboxes } = await broughtTo(app, addressOf(ann), left);
    assert.deepEqual(
      mailboxes.map((one) => one.result),
      ["not tried"],
    );
    assert.equal(await isStored(database, `mailbox:${addressOf(ann)}`), true);
  });

  promise("a try waits for one of the connections that the profile allows, until it is interrupted", async (database) => {
    const ann = tokens.rig.newUser();
    await using server = await serverFor(lettingIn);
    await using app = await tokens.rig.open(database, configurationFor([ann], server, {}, { maxConcurrentConnections: 1 }));
    const mailbox = (await listMailboxes(database)).find((one) => one.address === addressOf(ann));
    const profile = await readProfile(database, "test");
    assert.ok(mailbox && profile);
    const held = await app.context.connections.take({ mailbox, profile }, "receive");
    assert.ok(held);
    const left = new AbortController();
    const interrupted = broughtTo(app, addressOf(ann), left);
    await sleep(700);
    assert.equal(server.heard.length, 0);
    left.abort();
    assert.deepEqual(
      (await interrupted).mailboxes.map((one) => one.message),
      ["Not tried. The command was interrupted before."],
    );
    const waiting = authorizeOwn(tokens, app, ann);
    await sleep(700);
    assert.equal(server.heard.length, 0);
    await held.release();
    assert.deepEqual([(await waiting).mailboxes.map((one) => one.result), signIns(server)], [["ok"], 1]);
    assert.equal((await database.query("select from waypost.connection")).rowCount, 0);
  });

  promise(
    "a mailbox whose mail system wants to be left alone is not tried; a wish of the sign-in service ends with its token",
    async (database) => {
      const ann = tokens.rig.newUser();
      await using server = await serverFor(lettingIn);
      await using app = await tokens.rig.open(database, configurationFor([ann], server));
      const askedBy = (code: string) =>
        database.query(
          `update waypost.mailbox set receive_not_before = now() + interval '1 hour', receive_error = $2::jsonb where address = $1`,
          [addressOf(ann), JSON.stringify({ code, message: "It is busy.", remedy: "Wait." })],
        );
      await askedBy("server busy");
      const first = await authorizeOwn(tokens, app, ann);
      assert.match(first.mailboxes[0]?.message ?? "", /^Not tried\. The mail system wants .* to be left alone until/);
      assert.equal(server.heard.length, 0);
      await askedBy("sign-in service busy");
      const second = await authorizeOwn(tokens, app, ann);
      assert.deepEqual([second.mailboxes.map((one) => one.result), signIns(server)], [["ok"], 1]);
    },
  );
});
