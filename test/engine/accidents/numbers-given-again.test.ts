/**
 * A server gives numbers a second time under the same UIDVALIDITY and the next number has caught up, or folders change places: what it says of a
 * folder does not differ then, and the messages that lie highest have to tell.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before } from "node:test";
import { missingServers } from "../../servers/needs.ts";
import { makeFolders } from "../incoming.ts";
import { type EngineRig, engineRig } from "../rig.ts";
import { onOneDatabaseEach } from "../shared-database.ts";
import { type Accident, between, promiseSoundness, WORK } from "./between-rounds.ts";
import { assertSound, type Box, copied, forget, openBox, setValidity, validityOf } from "./box.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 30 });
});
after(() => rig?.[Symbol.asyncDispose]());

const OTHER = "INBOX/Other";
const names = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index + 1}`);

/** Of WORK on disk. */
const workOf = (box: Box) => path.join(box.maildir, ".INBOX.Work");

async function swapNames(box: Box): Promise<void> {
  await box.client(box.user, async (client) => {
    await client.mailboxRename(WORK, "INBOX/Aside");
    await client.mailboxRename(OTHER, WORK);
    await client.mailboxRename("INBOX/Aside", OTHER);
  });
}

const ACCIDENTS: readonly Accident[] = [
  {
    what: "an older copy is put back, new messages get the numbers of those that are gone, and the last of them leave again",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.arriveAll(names("later", 8));
      return async () => {
        copy.putBack();
        await box.arriveAll([...names("put", 4), ...names("passing", 4), "five"]);
        for (const name of names("passing", 4)) await box.remove(name);
      };
    },
    fresh: [...names("put", 4), "five"],
  },
  {
    what: "an older copy is put back, and of the new messages only the first stays, where many had left before",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.arriveAll(names("later", 8));
      for (const name of names("later", 8).slice(2)) await box.remove(name);
      return async () => {
        copy.putBack();
        await box.arriveAll(["put-1", ...names("passing", 8)]);
        for (const name of [...names("passing", 8), "one"]) await box.remove(name);
      };
    },
    fresh: ["put-1"],
  },
  {
    what: "an older copy of an emptied folder is put back, and of the new messages those that came last have left",
    prepare: async (box) => {
      for (const name of ["one", "two", "four"]) await box.remove(name);
      const copy = copied(box.maildir);
      await box.arriveAll(names("later", 4));
      for (const name of [...names("later", 4), "three"]) await box.remove(name);
      return async () => {
        copy.putBack();
        await box.remove("three");
        await box.arriveAll(["put-1", ...names("passing", 4)]);
        for (const name of names("passing", 4)) await box.remove(name);
      };
    },
    fresh: ["put-1"],
  },
  {
    what: "the files and the list of UIDs of an older copy are put back below newer indexes",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.arriveAll(names("later", 3));
      return async () => {
        const newer = copied(box.maildir);
        copy.putBack();
        newer.putBackOnly("dovecot.index*");
        await box.arriveAll(names("put", 4));
      };
    },
    fresh: names("put", 4),
  },
  {
    what: "the files of an older copy are put back below a newer list of UIDs and newer indexes",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.remove("one");
      await box.arriveAll(names("later", 3));
      return async () => {
        const newer = copied(box.maildir);
        copy.putBack();
        newer.putBackOnly("dovecot{-uidlist,.index*}");
        await box.arriveAll(names("put", 2));
      };
    },
    fresh: names("put", 2),
  },
  {
    what: "an older copy is put back under the number of before, and messages are moved out and back and into it",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.arriveAll(names("later", 6));
      return async () => {
        copy.putBack();
        await box.arriveAll(names("put", 5));
        for (const name of ["put-4", "put-5", "two"]) {
          await box.move(name, "INBOX", WORK);
          await box.move(name, WORK, "INBOX");
        }
        await box.move("in-work", WORK, "INBOX");
        for (const name of ["put-4", "put-5", "two", "in-work"]) await box.move(name, "INBOX", WORK);
      };
    },
    fresh: names("put", 5),
  },
  {
    what: "a folder is deleted and made again with the same UIDVALIDITY",
    prepare: between(async (box) => {
      const validity = validityOf(workOf(box));
      await box.client(box.user, async (client) => {
        await client.mailboxDelete(WORK);
        await client.mailboxCreate(WORK);
      });
      await box.arriveAll(["five", "six"], WORK);
      setValidity(workOf(box), validity);
    }),
    fresh: ["five", "six"],
  },
  {
    what: "two folders swap their names",
    prepare: async (box) => {
      await makeFolders(rig.dovecot, box.user, OTHER);
      await box.arriveAll(names("other", 3), OTHER);
      return async () => {
        await swapNames(box);
        await box.arrive("five", WORK);
        await box.arrive("six", OTHER);
      };
    },
    fresh: ["five", "six"],
  },
  {
    what: "two folders with the same UIDVALIDITY swap their names, and what lay highest in one leaves",
    prepare: async (box) => {
      await makeFolders(rig.dovecot, box.user, OTHER);
      await box.arriveAll(names("other", 6), OTHER);
      await box.arriveAll(names("work", 5), WORK);
      setValidity(path.join(box.maildir, ".INBOX.Other"), validityOf(workOf(box)));
      return async () => {
        await swapNames(box);
        await box.arriveAll(["five", "six"], WORK);
        for (const name of names("other", 6).slice(2)) await box.remove(name, WORK);
        for (const name of names("work", 5).slice(1)) await box.remove(name, OTHER);
        await box.arriveAll(["seven", "eight"], OTHER);
      };
    },
    fresh: ["eight", "five", "seven", "six"],
  },
  {
    what: "a folder is renamed onto the name of a deleted one",
    prepare: async (box) => {
      await makeFolders(rig.dovecot, box.user, OTHER);
      await box.arriveAll(names("other", 3), OTHER);
      return () =>
        box.client(box.user, async (client) => {
          await client.mailboxDelete(WORK);
          await client.mailboxRename(OTHER, WORK);
        });
    },
    fresh: [],
  },
  {
    what: "a folder with the same UIDVALIDITY is renamed onto the name of a deleted one, with mail that was not read",
    prepare: async (box) => {
      await makeFolders(rig.dovecot, box.user, OTHER);
      await box.arriveAll(names("other", 2), OTHER);
      setValidity(path.join(box.maildir, ".INBOX.Other"), validityOf(workOf(box)));
      return async () => {
        await box.arriveAll(["five", "six"], OTHER);
        await box.client(box.user, async (client) => {
          await client.mailboxDelete(WORK);
          await client.mailboxRename(OTHER, WORK);
        });
      };
    },
    fresh: ["five", "six"],
  },
  {
    what: "messages are moved out and back, and the folder is numbered anew",
    prepare: between(async (box) => {
      await box.move("one", "INBOX", WORK);
      await box.move("two", "INBOX", WORK);
      await box.move("one", WORK, "INBOX");
      await box.move("in-work", WORK, "INBOX");
      forget(box.maildir, "dovecot{-uidlist,.index*}");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
];

onOneDatabaseEach(
  "when numbers are given a second time",
  servers,
  (promise) => {
    for (const accident of ACCIDENTS) promiseSoundness(promise, () => rig, accident);

    promise("whoever clears away all that is new each day has no folder read again", async (database) => {
      await using box = await openBox(rig, database);
      await makeFolders(rig.dovecot, box.user, WORK);
      await box.arriveAll(names("kept", 6));
      await box.round();
      for (const day of ["a", "b", "c"]) {
        await box.arriveAll(names(day, 6));
        assert.equal((await box.round()).tracked, 6);
        for (const name of names(day, 6)) await box.move(name, "INBOX", WORK);
        assert.equal((await box.round()).received, 0);
      }
      for (const name of names("kept", 6)) await box.remove(name);
      assert.equal((await box.round()).received, 0);
      await box.arrive("last");
      assert.equal((await box.round()).tracked, 1);
      assert.deepEqual(
        box.app.logged.filter((one) => one.level === "warn"),
        [],
      );
      await assertSound(box, await box.decisionTimes());
    });
  },
  { engines: ["pglite"] },
);
