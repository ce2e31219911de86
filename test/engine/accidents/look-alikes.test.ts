/**
 * Messages that look like the one that lay in their place: of the same moment, size and subject. What tells a server that writes headers anew from one that
 * gives its numbers again is little; where it is too little, no message is lost, and none becomes an email each round.
 */
import assert from "node:assert/strict";
import { decisionsIn, emailsIn } from "../incoming.ts";
import { addressOf } from "../rig.ts";
import { onOneDatabaseEach, type Promises } from "../shared-database.ts";
import { at, MOMENT, openScene, plain, type Scene } from "./scene.ts";

onOneDatabaseEach(
  "look-alikes in one place",
  [],
  (promise) => {
    promiseOfDepartures(promise);
    for (const protocol of ["imap", "pop3"] as const) {
      promise(
        `${protocol}: a look-alike in the place of what was left alone has a decision of its own, and leaves that one its own`,
        async (database) => {
          await using scene = await openScene(database, protocol, { filter: "contacts" });
          const [x, y] = ["x", "y"].map((id) => ({ name: "report", messageId: `${id}@odd.test`, body: `This is ${id}.` }));
          assert.ok(x && y);
          scene.show(...plain("a"), x);
          assert.deepEqual(await scene.round(), []);
          scene.show(...plain("a"), y, x);
          for (const _ of [1, 2]) {
            assert.deepEqual(await scene.round(), []);
            const decided = (await decisionsIn(database, scene.user)).map(({ messageId }) => messageId?.replace(/^\d+\./, ""));
            assert.deepEqual(decided.toSorted(), ["a@customer.test", "x@odd.test", "y@odd.test"]);
          }
          assert.deepEqual(await lyingTwice(scene), 0);
        },
      );

      promise(
        `${protocol}: of what has another Message-ID and another content in each session two emails are made, and no third`,
        async (database) => {
          await using scene = await openScene(database, protocol);
          for (const session of [1, 2, 3, 4, 5]) {
            scene.show(...plain("a"), { name: "odd", messageId: `odd-${session}@odd.test`, body: `This is reading ${session}.` });
            assert.deepEqual(await scene.round(), []);
            assert.deepEqual(await scene.emails(), ["a", "odd", ...(session === 1 ? [] : ["odd"])], `in session ${session}`);
          }
        },
      );
    }
  },
  { engines: ["pglite"] },
);

function promiseOfDepartures(promise: Promises): void {
  for (const [who, deleting] of [
    ["another program", false],
    ["Waypost itself", true],
  ] as const)
    promise(`pop3: an id that is given again after ${who} deleted its message is another message, however alike`, async (database) => {
      for (const received of [null, MOMENT]) {
        await using scene = await openScene(database, "pop3", { deleting });
        const report = (number: number) => ({
          name: "report",
          messageId: `report-${number}@odd.test`,
          date: at(number),
          received,
          body: "All is well.",
        });
        scene.show(report(1));
        assert.deepEqual(await scene.round(), []);
        if (!deleting) {
          scene.show();
          assert.deepEqual(await scene.round(), []);
        }
        scene.show(report(2));
        assert.deepEqual(await scene.round(), []);
        const ids = (await emailsIn(database, scene.user)).map(({ messageId }) => messageId?.replace(/^\d+\./, ""));
        assert.deepEqual(ids.toSorted(), ["report-1@odd.test", "report-2@odd.test"]);
      }
    });
}

/** How many decisions of the mailbox are about messages in more than one place. */
async function lyingTwice({ app, user }: Scene): Promise<number> {
  const { rows } = await app.database.query(
    `select decision_id from waypost.location join waypost.mailbox on mailbox.id = mailbox_id
     where address = $1 and gone_at is null group by decision_id having count(*) > 1`,
    [addressOf(user)],
  );
  return rows.length;
}
