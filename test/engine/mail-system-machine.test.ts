/** Whatever a user does, whatever breaks, whenever it is looked at: every kind of mail system is read to the same end. */
import fc from "fast-check";
import { Failure } from "../../src/model/failure.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { graphKind } from "../contract/memory/graph-kind.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import type { Stored } from "../contract/memory/mailbox.ts";
import { ASIDE, FOLDERS, type MemoryBox, openMemoryWorld } from "./memory-world.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const RUNS = 12;

type Action =
  | { readonly do: "arrive"; readonly folder: number; readonly anonymous: boolean }
  | { readonly do: "move" | "copy" | "label"; readonly which: number; readonly folder: number }
  | { readonly do: "outAndBack" | "remove"; readonly which: number }
  | { readonly do: "round" }
  | { readonly do: "round in trouble"; readonly at: number; readonly trouble: "forget" | "throttle" };

const which = fc.nat(20);
const folder = fc.nat(FOLDERS.length - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("arrive" as const), folder, anonymous: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("move" as const, "copy" as const, "label" as const), which, folder }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("outAndBack" as const, "remove" as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("round" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("round in trouble" as const),
      at: fc.nat(12),
      trouble: fc.constantFrom("forget" as const, "throttle" as const),
    }),
  },
);

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

async function perform(box: MemoryBox, action: Action, labels: boolean): Promise<void> {
  const chosen = (number: number): Stored | undefined => [...box.stored.messages.values()][number % Math.max(1, box.stored.messages.size)];
  const message = "which" in action ? chosen(action.which) : undefined;
  const to = FOLDERS["folder" in action ? action.folder : 0] ?? ASIDE;
  switch (action.do) {
    case "arrive":
      box.arrive(`letter${box.stored.now}`, [to], { anonymous: action.anonymous });
      break;
    case "move":
      if (message) box.move(message, to);
      break;
    case "copy":
      if (message) box.copy(message.number, to);
      break;
    case "label":
      if (message && labels) box.move(message, ...new Set([to, ...box.namesOf(message)]));
      break;
    case "outAndBack":
      if (message) {
        const before = box.namesOf(message);
        box.move(message, ASIDE);
        box.move(message, ...before);
      }
      break;
    case "remove":
      if (message) box.remove(message);
      break;
    case "round":
      await box.round();
      break;
    case "round in trouble":
      await inTrouble(box, action.at, action.trouble);
      break;
  }
}

/** A round in which one call goes wrong, if it comes to it. */
async function inTrouble(box: MemoryBox, at: number, trouble: "forget" | "throttle"): Promise<void> {
  let calls = 0;
  box.onCall(() => {
    if (calls++ !== at) return undefined;
    if (trouble === "forget") return "forget";
    throw new Failure({ scope: "mailbox", code: "throttled", message: "A pause, please.", remedy: "Wait.", waitingHelps: true });
  });
  await box.tryRound();
  box.nothingWrong();
}
