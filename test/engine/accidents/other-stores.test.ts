/** Accidents that need a Dovecot of their own: other formats of the store, rights on disk, another hierarchy, many folders. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { missingServers } from "../../servers/needs.ts";
import { giveToAccount } from "../../servers/processes.ts";
import { makeFolders } from "../incoming.ts";
import { addressOf, type EngineRig, engineRig } from "../rig.ts";
import { onOneDatabaseEach, type Promises } from "../shared-database.ts";
import { type Accident, between, promiseSoundness, WORK } from "./between-rounds.ts";
import { assertSound, type Box, canBeOpened, copied, editUidList, forget, openBox } from "./box.ts";

const servers = ["dovecot"] as const;
/** What a server does is the same whichever database keeps it. */
const ON_PGLITE = { engines: ["pglite"] } as const;

/** A suite with a Dovecot of its own. */
function onDovecot(
  name: string,
  options: Parameters<typeof engineRig>[0],
  register: (promise: Promises, rig: () => EngineRig) => void,
): void {
  let rig: EngineRig;
  before(async () => {
    if (!missingServers(servers)) rig = await engineRig({ accounts: 20, ...options });
  });
  after(() => rig?.[Symbol.asyncDispose]());
  onOneDatabaseEach(name, servers, (promise) => register(promise, () => rig), ON_PGLITE);
}

/** Those that every format of the store knows. */
const IN_ANY_STORE: readonly Accident[] = [
  {
    what: "an older copy is put back, and new messages get the numbers of those that are gone",
    prepare: async (box) => {
      const copy = copied(box.store);
      await box.arriveAll(["later-1", "later-2"]);
      return async () => {
        copy.putBack();
        await box.arriveAll(["five", "six"]);
      };
    },
    fresh: ["five", "six"],
  },
  {
    what: "an older copy brings back messages that were deleted since",
    prepare: async (box) => {
      const copy = copied(box.store);
      await box.remove("one");
      return async () => {
        copy.putBack();
        await box.arrive("five");
      };
    },
    fresh: ["five"],
  },
  {
    what: "a folder is renamed to a name in modified UTF-7, and renamed again",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxRename(WORK, "INBOX/Entwürfe & 日本語");
        await client.mailboxRename("INBOX/Entwürfe & 日本語", "INBOX/台北 &- ~");
      });
      await box.arrive("five", "INBOX/台北 &- ~");
    }),
    fresh: ["five"],
  },
  {
    what: "a folder is deleted and made again",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxDelete(WORK);
        await client.mailboxCreate(WORK);
      });
      await box.arrive("five", WORK);
    }),
    fresh: ["five"],
  },
  {
    what: "a folder is deleted and stays as the parent of another",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxCreate(`${WORK}/Below`);
        await client.mailboxDelete(WORK);
        const listed = (await client.list()).map((folder) => folder.path);
        assert.deepEqual([listed.includes(WORK), await canBeOpened(client, WORK)], [true, false]);
      });
      await box.arrive("five", `${WORK}/Below`);
    }),
    fresh: ["five"],
    async afterwards({ app, user }) {
      const { mailboxes } = await app.operations.status();
      const folder = mailboxes.find((one) => one.address === addressOf(user))?.folders.find((one) => one.name === WORK);
      assert.equal(folder?.because, "It can hold only folders, no messages.");
    },
  },
  {
    what: "messages are moved out and back",
    prepare: between(async (box) => {
      await box.move("one", "INBOX", WORK);
      await box.move("one", WORK, "INBOX");
      await box.move("in-work", WORK, "INBOX");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
];

for (const format of ["sdbox", "mdbox"] as const) {
  onDovecot(`when a position in a folder of a store as ${format} is lost`, { dovecot: { format } }, (promise, rig) => {
    for (const accident of IN_ANY_STORE) promiseSoundness(promise, rig, accident);
  });
}

onDovecot("when a folder of a Maildir is lost", {}, (promise, rig) => {
  promiseSoundness(promise, rig, IN_ANY_STORE.find(({ what }) => what.includes("parent")) ?? assert.fail());

  promiseSoundness(promise, rig, {
    what: "the next number goes back by hand, and a new message gets that of a deleted one",
    prepare: async (box) => {
      await box.arrive("short-lived");
      return async () => {
        await box.remove("short-lived");
        forget(box.maildir, "dovecot.index*");
        editUidList(box.maildir, (text) => text.replace(/N\d+/, "N5").replace(/^5 .*\n/m, ""));
        await box.arrive("five");
        await box.client(box.user, async (client) => {
          await client.mailboxOpen("INBOX");
          assert.equal(client.mailbox === false ? 0 : client.mailbox.uidNext, 6, "five has the number of the short-lived one");
        });
      };
    },
    fresh: ["five"],
  });

  promise("one that may not be read on the server's disk has an alert and loses nothing, until it may be read again", async (database) => {
    await using box = await openBox(rig(), database);
    await makeFolders(rig().dovecot, box.user, WORK);
    await box.arrive("in-inbox");
    await box.arrive("in-work", WORK);
    await box.round();
    const earlier = await box.decisionTimes();
    await box.arrive("unseen", WORK);
    const folder = path.join(box.maildir, ".INBOX.Work");
    chmodSync(folder, 0);
    try {
      await box.arrive("meanwhile");
      assert.equal((await box.round()).tracked, 1);
      const { alerts } = await box.app.operations.status();
      assert.deepEqual(
        alerts.map((alert) => [alert.scope, alert.closedAt]),
        [["folder", null]],
      );
      assert.match(alerts[0]?.message ?? "", /INBOX\/Work/);
    } finally {
      chmodSync(folder, 0o700);
    }
    assert.equal((await box.round()).tracked, 1);
    assert.deepEqual((await box.app.operations.status()).alerts, []);
    await assertSound(box, earlier);
  });
});

onDovecot("when one of two hundred folders is renamed", { accounts: 1 }, (promise, rig) => {
  promise("its messages are recognized, and no other folder is touched", async (database) => {
    await using box = await openBox(rig(), database);
    const names = Array.from({ length: 200 }, (_, index) => `INBOX/Folder ${index}`);
    for (const name of names) {
      for (const part of ["cur", "new", "tmp"]) mkdirSync(path.join(box.maildir, `.${name.replace("/", ".")}`, part), { recursive: true });
    }
    giveToAccount(box.store);
    for (const index of [0, 17, 199]) await box.arrive(`in-${index}`, `INBOX/Folder ${index}`);
    assert.equal((await box.round()).tracked, 3);
    const earlier = await box.decisionTimes();
    await box.client(box.user, async (client) => void (await client.mailboxRename("INBOX/Folder 17", "INBOX/Siebzehn")));
    await box.arrive("new", "INBOX/Siebzehn");
    const { received, tracked, moved } = await box.round();
    assert.deepEqual([received, tracked, moved], [1, 1, 1]);
    await assertSound(box, earlier);
  });
});

onDovecot("when the hierarchy of folders changes", { accounts: 4 }, (promise, rig) => {
  for (const [what, changed] of [
    ["another separator", { separator: "." }],
    ["a prefix", { separator: ".", prefix: "INBOX." }],
  ] as const) {
    promise(`${what}: no loss, no double, no replay`, async (database) => {
      const { dovecot } = rig();
      await using box: Box = await openBox(rig(), database, { profile: { folders: "personal" } });
      await dovecot.restart({ separator: "/", prefix: "" });
      await makeFolders(dovecot, box.user, WORK, "Projects");
      await box.arrive("in-inbox");
      await box.arrive("in-work", WORK);
      await box.arrive("in-projects", "Projects");
      assert.equal((await box.round()).tracked, 3);
      const earlier = await box.decisionTimes();
      await dovecot.restart(changed);
      await box.arrive("new");
      const { received, tracked } = await box.round();
      assert.deepEqual([received, tracked], [1, 1]);
      assert.deepEqual((await box.emails()).sort(), ["in-inbox", "in-projects", "in-work", "new"]);
      for (const [name, times] of earlier) assert.equal((await box.decisionTimes()).get(name), times);
      const again = await box.round();
      assert.deepEqual([again.received, again.moved], [0, 0]);
    });
  }
});
