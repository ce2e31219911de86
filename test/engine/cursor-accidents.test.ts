/** A mail server loses or changes what a position in it rests on. After each accident: nothing lost, nothing doubled, no history replayed. */
import { after, before } from "node:test";
import { missingServers } from "../servers/needs.ts";
import { type Accident, between, promiseSoundness, WORK } from "./accidents/between-rounds.ts";
import { copied, editUidList, forget } from "./accidents/box.ts";
import { type EngineRig, engineRig } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

const ACCIDENTS: readonly Accident[] = [
  {
    what: "the list of UIDs is deleted with all indexes, so that UIDVALIDITY changes",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot{-uidlist,.index*}");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "another UIDVALIDITY is written into the list of UIDs",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot.index*");
      editUidList(box.maildir, (text) => text.replace(/V(\d+)/, (_, validity: string) => `V${Number(validity) - 1000}`));
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "the indexes are deleted, so that HIGHESTMODSEQ begins anew",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot.index*");
      await box.remove("two");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "the cache is deleted",
    prepare: between(async (box) => {
      forget(box.maildir, "dovecot.index.cache");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "an older copy of the Maildir is put back and UIDNEXT goes back with it",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      return async () => {
        copy.putBack();
        await box.arrive("five");
      };
    },
    fresh: ["five"],
  },
  {
    what: "an older copy is put back, and new messages get the numbers of those that are gone, as many as there were",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.arrive("later-1");
      await box.arrive("later-2");
      return async () => {
        copy.putBack();
        await box.arrive("five");
        await box.arrive("six");
      };
    },
    fresh: ["five", "six"],
  },
  {
    what: "an older copy is put back, and more new messages come than are gone",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.arrive("later-1");
      return async () => {
        copy.putBack();
        for (const name of ["five", "six", "seven"]) await box.arrive(name);
      };
    },
    fresh: ["five", "six", "seven"],
  },
  {
    what: "an older copy brings back messages that were deleted since, and one comes",
    prepare: async (box) => {
      const copy = copied(box.maildir);
      await box.remove("one");
      await box.remove("two");
      return async () => {
        copy.putBack();
        await box.arrive("five");
      };
    },
    fresh: ["five"],
  },
  {
    what: "a folder is renamed and another made under its name",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxRename(WORK, "INBOX/Prüfung & 検査 😀");
        await client.mailboxCreate(WORK);
      });
      await box.arrive("five", WORK);
      await box.arrive("six", "INBOX/Prüfung & 検査 😀");
    }),
    fresh: ["five", "six"],
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
    what: "messages are moved out and back",
    prepare: between(async (box) => {
      await box.move("one", "INBOX", WORK);
      await box.move("one", WORK, "INBOX");
      await box.move("in-work", WORK, "INBOX");
      await box.arrive("five");
    }),
    fresh: ["five"],
  },
  {
    what: "only flags change",
    prepare: between(async (box) => {
      await box.client(box.user, async (client) => {
        await client.mailboxOpen("INBOX");
        await client.messageFlagsAdd("1:*", ["\\Seen", "\\Flagged"]);
      });
    }),
    fresh: [],
  },
];

onOneDatabaseEach("when a position in a folder is lost", servers, (promise) => {
  for (const accident of ACCIDENTS) promiseSoundness(promise, () => rig, accident);
});
