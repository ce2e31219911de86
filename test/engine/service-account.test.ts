/** One account that reads all mailboxes of a company: rights that differ, rights that go and come back, and what is left as it was. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { FolderStatus } from "../../src/engine/operations/status.ts";
import { RIGHTS_COUNT_AT_ONCE, setRights } from "../servers/access-rights.ts";
import { missingServers } from "../servers/needs.ts";
import { alertHistory, mailboxId, openCodes, theAlert } from "./alerts.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, type RigUser, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach, type Promises } from "./shared-database.ts";
import { inSmallPages } from "./small-pages.ts";

const servers = ["dovecot"] as const;
type Incoming = "masterUser" | "authorizationIdentity" | "sharedFolders";

/** The mailboxes of these accounts, which have no password of their own. */
const withoutPassword = (...names: readonly string[]): RigUser[] =>
  names.map((name) => ({ name, mailbox: { username: name, password: undefined, outgoing: false } }));

function serviceAccount(rig: EngineRig, username: string, incoming: Incoming): RigChanges {
  return { profile: { folders: "personal", serviceAccount: { username, password: { file: rig.passwordFile(username) }, incoming } } };
}

async function statusOf(app: RigApp, user: string): Promise<Map<string, FolderStatus>> {
  const mailbox = (await app.operations.status()).mailboxes.find((one) => one.address === addressOf(user));
  return new Map(mailbox?.folders.map((folder) => [folder.name, folder]));
}

/** What the owner's own programs see: each message of each folder, and whether it is read. */
async function seenBy(rig: EngineRig, owner: string, folders: readonly string[]): Promise<Record<string, readonly boolean[]>> {
  return rig.dovecot.withImap(owner, async (client) => {
    const seen: Record<string, readonly boolean[]> = {};
    for (const folder of folders) {
      await client.mailboxOpen(folder, { readOnly: true });
      seen[folder] = (await client.fetchAll("1:*", { flags: true })).map(({ flags }) => flags?.has("\\Seen") ?? false);
    }
    return seen;
  });
}

const openCodesOf = async (app: RigApp, subject: string) =>
  (await app.operations.status()).alerts.filter((alert) => alert.subject === subject).map(({ code }) => code);

const tracked = async (app: RigApp, ...names: string[]) => (await emailsIn(app.database, ...names)).map((email) => email.messageId).sort();
const ids = (...names: string[]) => names.map(messageIdOf).sort();

/** The three mailboxes of the promise, on a server where `\Seen` is everybody's or each reader's own. */
function threeMailboxes(promise: Promises, rigOf: () => EngineRig): void {
  promise(
    "three mailboxes, three kinds of rights: what may be read is read once, what may not is named, and \\Seen is as it was",
    async (database) => {
      const rig = rigOf();
      const [ann, bob, cleo, colleague] = [rig.newUser(), rig.newUser(), rig.newUser(), rig.newUser()];
      const folders: Record<string, readonly string[]> = {
        [ann]: ["INBOX", "Locked", "Open"],
        [bob]: ["INBOX", "Größe & Café"],
        [cleo]: ["INBOX", "Later", "Revoked"],
      };
      await using app = await rig.open(
        database,
        rig.configurationFor(withoutPassword(ann, bob, cleo), serviceAccount(rig, colleague, "sharedFolders")),
      );
      for (const [owner, all] of Object.entries(folders)) {
        for (const [index, folder] of all.entries()) {
          const letters = Array.from({ length: 5 }, (_, number) => `${owner}-${index}-${number}`);
          await rig.dovecot.append(
            owner,
            folder,
            ...letters.map((id, number) => ({ mime: letter({ id }), flags: number % 2 ? ["\\Seen"] : [] })),
          );
          await setRights(rig.dovecot, owner, folder, colleague, folder === "Locked" ? "l" : owner === bob ? "lr" : "lrwsti");
        }
      }
      const five = (owner: string, index: number) => Array.from({ length: 5 }, (_, number) => `${owner}-${index}-${number}`);
      const before = await Promise.all(Object.entries(folders).map(([owner, all]) => seenBy(rig, owner, all)));

      let revokedAt = 2;
      using _ = inSmallPages(app, async (folder, page) => {
        if (folder === `${addressOf(cleo)}/Revoked` && page >= revokedAt) await setRights(rig.dovecot, cleo, "Revoked", colleague, "l");
      });
      for (const round of [await receive(app, ann, bob, cleo), await receive(app, ann, bob, cleo)]) assert.deepEqual(round.failures, []);

      assert.deepEqual(await tracked(app, ann), ids(...five(ann, 0), ...five(ann, 2)));
      assert.deepEqual(await tracked(app, bob), ids(...five(bob, 0), ...five(bob, 1)));
      const locked = (await statusOf(app, ann)).get("Locked");
      assert.deepEqual([locked?.read, locked?.messages], [false, null]);
      assert.match(
        locked?.because ?? "",
        new RegExp(`Permission denied.*${colleague} has only the rights "l" there.*the right r \\(read\\)`),
      );
      for (const [owner, all] of Object.entries(folders))
        for (const name of all) {
          const status = (await statusOf(app, owner)).get(name);
          const readable = name !== "Locked" && name !== "Revoked";
          assert.deepEqual([status?.read, status?.messages], [readable, readable ? 5 : null], `${owner} ${name}`);
        }

      // The right that was taken away while the folder was being read.
      const subject = `${await mailboxId(database, addressOf(cleo))}/Revoked`;
      await rig.dovecot.append(cleo, "Revoked", letter({ id: `${cleo}-meanwhile` }));
      await rig.dovecot.append(cleo, "Later", letter({ id: `${cleo}-elsewhere` }));
      assert.deepEqual((await receive(app, cleo)).failures, []);
      const alert = (await app.operations.status()).alerts.find((one) => one.subject === subject);
      assert.deepEqual([alert?.scope, alert?.code], ["folder", "receiving: no right"]);
      assert.match(alert?.remedy ?? "", new RegExp(`the right r \\(read\\) for ${colleague} granted on the folder shared/${cleo}/Revoked`));
      const held = await tracked(app, cleo);
      for (const id of ids(...five(cleo, 0), ...five(cleo, 1), `${cleo}-elsewhere`))
        assert.ok(held.includes(id), `${id} came though Revoked did not`);
      assert.ok(!held.includes(messageIdOf(`${cleo}-meanwhile`)));

      revokedAt = Number.POSITIVE_INFINITY;
      await setRights(rig.dovecot, cleo, "Revoked", colleague, "lr");
      assert.deepEqual((await receive(app, cleo)).failures, []);
      assert.deepEqual(
        await tracked(app, cleo),
        ids(...five(cleo, 0), ...five(cleo, 1), ...five(cleo, 2), `${cleo}-elsewhere`, `${cleo}-meanwhile`),
      );
      assert.equal((await decisionsIn(database, cleo)).length, 17, "each message was decided once");
      assert.deepEqual(await alertHistory(database, subject), ["receiving: no right closed"]);
      assert.equal((await receive(app, ann, bob, cleo)).counts.received, 0, "nothing comes a second time");

      // And once more, between the listing and the reading of one round.
      await rig.dovecot.append(cleo, "Revoked", letter({ id: `${cleo}-again` }));
      await rig.dovecot.append(cleo, "Later", letter({ id: `${cleo}-besides` }));
      revokedAt = 0;
      assert.deepEqual((await receive(app, cleo)).failures, []);
      assert.deepEqual(await alertHistory(database, subject), ["receiving: no right closed", "receiving: no right open"]);
      const besides = await tracked(app, cleo);
      assert.deepEqual([besides.includes(messageIdOf(`${cleo}-besides`)), besides.includes(messageIdOf(`${cleo}-again`))], [true, false]);
      revokedAt = Number.POSITIVE_INFINITY;
      await setRights(rig.dovecot, cleo, "Revoked", colleague, "lr");
      assert.equal((await receive(app, cleo)).counts.tracked, 1);
      assert.deepEqual(await openCodesOf(app, subject), []);

      const after = await Promise.all(Object.entries(folders).map(([owner, all]) => seenBy(rig, owner, all)));
      const unread = {
        ...before[2],
        Later: [...(before[2]?.Later ?? []), false, false],
        Revoked: [...(before[2]?.Revoked ?? []), false, false],
      };
      assert.deepEqual(after, [before[0], before[1], unread]);
    },
  );
}

let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ dovecot: { shared: true, extra: RIGHTS_COUNT_AT_ONCE } });
});
after(() => rig?.[Symbol.asyncDispose]());

onOneDatabaseEach("a service account in folders that are shared with it", servers, (promise) => {
  threeMailboxes(promise, () => rig);

  promise("a folder that cannot even be seen any more is not forgotten in silence, and nothing of it is lost", async (database) => {
    const [ann, colleague] = [rig.newUser(), rig.newUser()];
    const clock = testClock();
    const configuration = rig.configurationFor(withoutPassword(ann), serviceAccount(rig, colleague, "sharedFolders"));
    await using app = await rig.open(database, configuration, { now: clock.now });
    for (const folder of ["INBOX", "Projects"]) {
      await rig.dovecot.append(ann, folder, letter({ id: `${ann}-${folder}` }));
      await setRights(rig.dovecot, ann, folder, colleague, "lr");
    }
    clock.forward(60);
    assert.deepEqual((await receive(app, ann)).failures, []);
    await setRights(rig.dovecot, ann, "Projects", colleague, "");
    await rig.dovecot.append(ann, "Projects", letter({ id: `${ann}-hidden` }));
    for (const round of [await receive(app, ann), await receive(app, ann)]) assert.deepEqual(round.failures, []);
    const alert = await theAlert(app, "receiving: folder not shown");
    assert.equal(alert.subject, `${await mailboxId(database, addressOf(ann))}/Projects`);
    const hidden = (await statusOf(app, ann)).get("Projects");
    assert.deepEqual([hidden?.read, hidden?.because], [false, alert.message]);

    await setRights(rig.dovecot, ann, "Projects", colleague, "lr");
    await receive(app, ann);
    assert.deepEqual(await openCodes(app), []);
    assert.deepEqual(await tracked(app, ann), ids(`${ann}-INBOX`, `${ann}-Projects`, `${ann}-hidden`));

    await rig.dovecot.withImap(ann, (client) => client.mailboxDelete("Projects"));
    await receive(app, ann);
    assert.deepEqual(await openCodes(app), ["receiving: folder not shown"]);
    clock.forward(8 * 24 * 3600);
    await receive(app, ann);
    assert.deepEqual(await openCodes(app), [], "what was deleted on purpose is let go after a week");
    assert.equal((await decisionsIn(database, ann)).length, 3);
  });

  promise("a mailbox that shares nothing, or has no such user, is its own trouble alone and says what to grant", async (database) => {
    const [ann, bob, colleague] = [rig.newUser(), rig.newUser(), rig.newUser()];
    await using app = await rig.open(
      database,
      rig.configurationFor(withoutPassword(ann, bob), serviceAccount(rig, colleague, "sharedFolders")),
    );
    for (const user of [ann, bob]) await rig.dovecot.deliver(user, letter({ id: `${user}-first` }));
    await setRights(rig.dovecot, bob, "INBOX", colleague, "lr");
    const { failures } = await receive(app, ann, bob);
    assert.deepEqual(
      failures.map(({ mailbox, code }) => [mailbox, code]),
      [[addressOf(ann), "nothing shared"]],
    );
    const alert = await theAlert(app, "receiving: nothing shared");
    assert.deepEqual([alert.scope, alert.subject], ["mailbox", await mailboxId(database, addressOf(ann))]);
    assert.match(alert.remedy, /rights l \(see\) and r \(read\).*SETACL/);
    assert.deepEqual(await tracked(app, ann, bob), ids(`${bob}-first`));
    await setRights(rig.dovecot, ann, "INBOX", colleague, "lr");
    await receive(app, ann, bob);
    assert.deepEqual(await openCodes(app), []);
    assert.deepEqual(await tracked(app, ann, bob), ids(`${ann}-first`, `${bob}-first`));
  });

  promise("going over from passwords to shared folders reads on where it stood", async (database) => {
    const [ann, colleague] = [rig.newUser(), rig.newUser()];
    await rig.dovecot.append(ann, "Projects", letter({ id: `${ann}-old` }));
    const readFrom = "2001-01-01T00:00:00Z";
    const own = rig.configurationFor([{ name: ann, mailbox: { readFrom } }], { profile: { folders: "personal" } });
    {
      await using app = await rig.open(database, own);
      assert.equal((await receive(app, ann)).counts.tracked, 1);
    }
    for (const folder of ["INBOX", "Projects"]) await setRights(rig.dovecot, ann, folder, colleague, "lr");
    await rig.dovecot.append(ann, "Projects", letter({ id: `${ann}-new` }));
    await using app = await rig.open(database, rig.configurationFor(withoutPassword(ann), serviceAccount(rig, colleague, "sharedFolders")));
    const { counts } = await receive(app, ann);
    assert.deepEqual([counts.received, counts.tracked, counts.duplicate], [1, 1, 0]);
  });
});

onOneDatabaseEach(
  "a service account where \\Seen is each reader's own",
  servers,
  (promise) => {
    let own: EngineRig;
    before(async () => {
      if (!missingServers(servers)) own = await engineRig({ dovecot: { shared: true, privateSeen: true, extra: RIGHTS_COUNT_AT_ONCE } });
    });
    after(() => own?.[Symbol.asyncDispose]());
    threeMailboxes(promise, () => own);
  },
  { engines: ["pglite"] },
);

onOneDatabaseEach(
  "a service account that signs in as the user",
  servers,
  (promise) => {
    for (const kind of ["masterUser", "authorizationIdentity"] as const)
      promise(
        `a wrong password is one alert of the profile, however many mailboxes there are, and all recover by themselves (${kind})`,
        async (database) => {
          const names = rig.newUsers(3);
          const clock = testClock();
          rig.writePassword("router", "masterpass");
          const configuration = rig.configurationFor(withoutPassword(...names), serviceAccount(rig, "router", kind));
          await using app = await rig.open(database, configuration, { now: clock.now });
          assert.deepEqual((await receive(app, ...names)).failures, []);
          for (const name of names) await rig.dovecot.deliver(name, letter({ id: `${name}-${kind}` }));
          rig.writePassword("router", "wrong");
          for (let hour = 0; hour < 3; hour++) {
            await receive(app, ...names);
            clock.forward(3600);
          }
          const alert = await theAlert(app, "receiving: service account refused");
          assert.deepEqual([alert.scope, alert.subject], ["profile", "test"]);
          assert.deepEqual(await openCodes(app), ["receiving: service account refused"], "and none for a mailbox");
          assert.doesNotMatch(JSON.stringify([alert, app.logged]), /masterpass|"wrong"/);
          rig.writePassword("router", "masterpass");
          assert.deepEqual((await receive(app, ...names)).failures, []);
          assert.deepEqual(await openCodes(app), []);
          assert.deepEqual(await tracked(app, ...names), ids(...names.map((name) => `${name}-${kind}`)));
        },
      );

    promise("one user whom the server does not know is the trouble of that mailbox, and the others are read", async (database) => {
      const [ann, ghost] = [rig.newUser(), rig.newUser()];
      rig.writePassword("router", "masterpass");
      const users = [...withoutPassword(ann), { name: ghost, mailbox: { username: "ghost", password: undefined, outgoing: false } }];
      await using app = await rig.open(database, rig.configurationFor(users, serviceAccount(rig, "router", "masterUser")));
      await rig.dovecot.deliver(ann, letter({ id: `${ann}-alone` }));
      const { failures } = await receive(app, ann, ghost);
      assert.deepEqual(
        failures.map(({ mailbox, code }) => [mailbox, code]),
        [[addressOf(ghost), "service account not allowed"]],
      );
      assert.equal((await theAlert(app, "receiving: service account not allowed")).scope, "mailbox");
      assert.deepEqual(await tracked(app, ann), ids(`${ann}-alone`));
    });
  },
  { engines: ["pglite"] },
);
