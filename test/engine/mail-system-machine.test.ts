/** Whatever a user does, whatever breaks, whenever it is looked at: every kind of mail system is read to the same end. */
import fc from "fast-check";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { graphKind } from "../contract/memory/graph-kind.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { action, perform } from "./mailbox-life.ts";
import { openMemoryWorld } from "./memory-world.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const RUNS = 12;

for (const kind of [exchangeKind, graphKind(), labelKind]) {
  onOneDatabaseEach(`everything at once, ${kind.name}`, [], (promise) => {
    promise("each message that lies in a folder that is read ends up with one decision and one email", async (database) => {
      // Shrinking takes mailboxes too.
      await using world = await openMemoryWorld(database, kind, { mailboxes: RUNS + 100 });
      world.server.pageLimit = 3;
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 8, maxLength: 25 }), async (actions) => {
          const box = world.nextBox();
          for (const one of actions) await perform(box, one, kind === labelKind);
          box.nothingWrong();
          await box.round();
          await box.assertComplete();
        }),
        { numRuns: RUNS, endOnFailure: false },
      );
    });
  });
}
