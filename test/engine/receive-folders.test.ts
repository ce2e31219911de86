import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { FolderStatus } from "../../src/engine/operations/status.ts";
import type { TestDatabase } from "../databases.ts";
import { setRights } from "../servers/access-rights.ts";
import { missingServers } from "../servers/needs.ts";
import { alertHistory, mailboxId, openCodes } from "./alerts.ts";
import { atEach, emailsIn, letter } from "./incoming.ts";
import { addressOf, check, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ dovecot: { shared: true } });
});
after(() => rig?.[Symbol.asyncDispose]());

/** Puts one letter into each folder, named after it. */
async function fill(user: string, ...folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rig.dovecot.append(user, folder, letter({ id: `${user}-${folder}`, subject: folder }));
}

async function readFolders(database: TestDatabase, ...users: readonly string[]): Promise<string[]> {
  return (await emailsIn(database, ...users)).map((email) => email.subject);
}

async function statusOf(app: RigApp, user: string): Promise<Map<string, FolderStatus>> {
  const mailbox = (await app.operations.status()).mailboxes.find((one) => one.address === addressOf(user));
  return new Map(mailbox?.folders.map((folder) => [folder.name, folder]));
}

const SPECIAL = ["Sent", "Sent/2025", "Drafts", "Trash", "Junk"];
const OWN = ["Projects", "Projects/North"];
const BELOW_INBOX = ["INBOX/Rules", "INBOX/Rules/Deep"];

onOneDatabaseEach("which folders are read", servers, (promise) => {
  for (const { choice, read } of [
    { choice: "inbox" as const, read: ["INBOX", ...BELOW_INBOX] },
    { choice: "personal" as const, read: ["INBOX", ...BELOW_INBOX, ...OWN] },
  ]) {
    promise(
      `folders: ${choice} reads what it promises; status and check name the others with their counts and the reason`,
      async (database) => {
        const [user, colleague] = [rig.newUser(), rig.newUser()];
        await using app = await rig.open(database, rig.configurationFor([user], { profile: { folders: choice } }));
        await fill(user, "INBOX", ...BELOW_INBOX, ...OWN, ...SPECIAL);
        await fill(colleague, "Team");
        await setRights(rig.dovecot, colleague, "Team", user, "lr");
        const theirs = `shared/${colleague}/Team`;

        const { counts, failures } = await receive(app);
        assert.deepEqual(failures, []);
        assert.equal(counts.received, read.length);
        assert.deepEqual(await readFolders(database, user), read.toSorted());

        const [checked] = await check(app, [user], { testMessage: false });
        const status = await statusOf(app, user);
        assert.deepEqual(new Map(checked?.folders.map((folder) => [folder.name, folder])), status);
        for (const name of [...read, ...OWN, ...SPECIAL, theirs]) {
          const folder = status.get(name);
          assert.deepEqual([folder?.messages, folder?.read], [1, read.includes(name)], name);
          assert.equal(folder?.because === null, read.includes(name), name);
        }
        assert.match(status.get("Sent")?.because ?? "", /sent mail/);
        assert.match(status.get("Sent/2025")?.because ?? "", /sent mail.*below Sent/);
        assert.match(status.get("Trash")?.because ?? "", /deleted mail/);
        assert.match(status.get(theirs)?.because ?? "", /somebody else/);
        if (choice === "inbox") assert.match(status.get("Projects")?.because ?? "", /not below the inbox.*"folders: personal"/);
      },
    );
  }

  promise(
    "a folder without the right to read it stops no other, and makes one alert, which closes when the right is back",
    async (database) => {
      const user = rig.newUser();
      await using app = await rig.open(database, rig.configurationFor([user]));
      await fill(user, "INBOX/Locked", "INBOX/Open");
      await setRights(rig.dovecot, user, "INBOX/Locked", user, "la");
      for (const round of [await receive(app), await receive(app), await receive(app)]) assert.deepEqual(round.failures, []);
      assert.deepEqual(await readFolders(database, user), ["INBOX/Open"]);
      const locked = (await statusOf(app, user)).get("INBOX/Locked");
      assert.equal(locked?.read, false);
      assert.match(locked?.because ?? "", /[Pp]ermission/);
      const subject = `${await mailboxId(database, addressOf(user))}/INBOX/Locked`;
      assert.equal((await openCodes(app)).length, 1);
      const [alert] = (await app.operations.status()).alerts;
      assert.deepEqual([alert?.scope, alert?.subject], ["folder", subject]);
      assert.match(alert?.message ?? "", /INBOX\/Locked/);
      assert.ok(alert?.remedy);

      await setRights(rig.dovecot, user, "INBOX/Locked", user, "lrswipkxtea");
      assert.deepEqual((await receive(app)).failures, []);
      assert.deepEqual(await readFolders(database, user), ["INBOX/Locked", "INBOX/Open"]);
      assert.deepEqual(
        (await alertHistory(database, subject)).map((one) => one.split(" ").at(-1)),
        ["closed"],
      );
    },
  );

  promise("a folder that is deleted while the mailbox is read stops no other, and makes one alert, which closes", async (database) => {
    const user = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([user]));
    await fill(user, "INBOX/A", "INBOX/B", "INBOX/C");
    {
      using _ = atEach(app, async ({ reads, folder }) => {
        if (reads === "heads" && folder === "INBOX/B") await rig.dovecot.withImap(user, (client) => client.mailboxDelete("INBOX/B"));
      });
      assert.deepEqual((await receive(app)).failures, []);
    }
    assert.deepEqual(await readFolders(database, user), ["INBOX/A", "INBOX/C"]);
    assert.equal((await openCodes(app)).length, 1);
    assert.deepEqual((await receive(app)).failures, []);
    assert.deepEqual(await openCodes(app), []);
    assert.ok(!(await statusOf(app, user)).has("INBOX/B"));
    const subject = `${await mailboxId(database, addressOf(user))}/INBOX/B`;
    assert.equal((await alertHistory(database, subject)).length, 1);

    // One of the same name is another folder.
    await fill(user, "INBOX/B");
    assert.equal((await receive(app)).counts.tracked, 1);
  });
});
