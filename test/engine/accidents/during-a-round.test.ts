/** The same accidents while the folder is being read. Whatever the round made of it: afterwards nothing is lost, doubled or replayed. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before } from "node:test";
import { missingServers } from "../../servers/needs.ts";
import { atEach, makeFolders } from "../incoming.ts";
import { type EngineRig, engineRig, receive } from "../rig.ts";
import { onOneDatabaseEach } from "../shared-database.ts";
import { assertSound, type Box, canBeOpened, copied, editUidList, forget, openBox } from "./box.ts";

const WORK = "INBOX/Work";
const ELSEWHERE = "INBOX/Elsewhere";

/** Of WORK on disk. */
const folderOf = (box: Box) => path.join(box.maildir, ".INBOX.Work");

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** When it strikes: at the how-manieth reading of the heads, or of the content, of messages of WORK, which is read in pages of two. */
const MOMENTS = [
  { when: "between the listing of the folders and its opening", reads: "heads", at: 1 },
  { when: "between two pages", reads: "heads", at: 2 },
  { when: "between the heads and the content", reads: "content", at: 1 },
] as const;

interface Accident {
  readonly what: string;
  /** Done when WORK holds the letters that were read; what it returns strikes in the round that reads those that came after. */
  readonly prepare: (box: Box) => () => Promise<void>;
}

const ACCIDENTS: readonly Accident[] = [
  {
    what: "another UIDVALIDITY is written into the list of UIDs",
    prepare: (box) => async () => {
      forget(folderOf(box), "dovecot.index*");
      editUidList(folderOf(box), (text) => text.replace(/V(\d+)/, (_, validity: string) => `V${Number(validity) - 1000}`));
    },
  },
  {
    what: "the indexes are deleted",
    prepare: (box) => async () => forget(folderOf(box), "dovecot.index*"),
  },
  {
    what: "the list of UIDs is deleted with the indexes",
    prepare: (box) => async () => forget(folderOf(box), "dovecot{-uidlist,.index*}"),
  },
  {
    what: "an older copy is put back, and new messages get the numbers of those that are gone",
    prepare: (box) => {
      const copy = copied(folderOf(box));
      return async () => {
        copy.putBack();
        await box.arriveAll(["put-1", "put-2", "put-3", "put-4", "put-5"], WORK);
      };
    },
  },
  {
    what: "the folder is renamed",
    prepare: (box) => () => box.client(box.user, async (client) => void (await client.mailboxRename(WORK, "INBOX/Prüfung & 検査"))),
  },
  {
    what: "the folder is deleted",
    prepare: (box) => () => box.client(box.user, async (client) => void (await client.mailboxDelete(WORK))),
  },
  {
    what: "the folder is deleted and made again",
    prepare: (box) => async () => {
      await box.client(box.user, async (client) => {
        await client.mailboxDelete(WORK);
        await client.mailboxCreate(WORK);
      });
      await box.arrive("after", WORK);
    },
  },
  {
    what: "the folder can hold only folders from now on",
    prepare: (box) => () =>
      box.client(box.user, async (client) => {
        await client.mailboxCreate(`${WORK}/Below`);
        await client.mailboxDelete(WORK);
        const listed = (await client.list()).map((folder) => folder.path);
        assert.deepEqual([listed.includes(WORK), await canBeOpened(client, WORK)], [true, false]);
      }),
  },
  {
    what: "messages are moved out and back",
    prepare: (box) => async () => {
      for (const name of ["early-1", "new-1", "new-2", "new-4"]) {
        await box.move(name, WORK, ELSEWHERE);
        await box.move(name, ELSEWHERE, WORK);
      }
    },
  },
];

onOneDatabaseEach(
  "an accident while a folder is read",
  servers,
  (promise) => {
    for (const { what, prepare } of ACCIDENTS) {
      promise(`${what}: no loss, no double, no replay, whenever it strikes`, async (database) => {
        for (const { when, reads, at } of MOMENTS) {
          await using box = await openBox(rig, database);
          await makeFolders(rig.dovecot, box.user, WORK, ELSEWHERE);
          await box.arriveAll(["early-1", "early-2"], WORK);
          await box.arrive("inbox");
          await box.round();
          const strike = prepare(box);
          await box.arriveAll(["new-1", "new-2", "new-3", "new-4", "new-5"], WORK);
          const earlier = await box.decisionTimes();
          let reached = 0;
          let struck: Promise<void> | null = null;
          box.clock.forward(60);
          {
            using _ = atEach(
              box.app,
              async (moment) => {
                if (moment.folder === WORK && moment.reads === reads && ++reached === at) struck = strike();
                await struck;
              },
              { pageSize: 2 },
            );
            // It may end with a failure of the folder or of the connection, which has an alert.
            await receive(box.app, box.user);
          }
          assert.notEqual(struck, null, `it struck ${when}`);
          await struck;
          box.clock.forward(3600);
          await box.round();
          try {
            await assertSound(box, earlier);
          } catch (error) {
            throw new Error(when, { cause: error });
          }
        }
      });
    }
  },
  { engines: ["pglite"] },
);
