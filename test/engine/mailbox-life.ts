/** What a user does in a mailbox, and what breaks while it is read, at random. */
import fc from "fast-check";
import { Failure } from "../../src/model/failure.ts";
import type { Stored } from "../contract/memory/mailbox.ts";
import { ASIDE, FOLDERS, type MemoryBox } from "./memory-world.ts";

export type Action =
  | { readonly do: "arrive"; readonly folder: number; readonly anonymous: boolean }
  | { readonly do: "move" | "copy" | "label"; readonly which: number; readonly folder: number }
  | { readonly do: "outAndBack" | "remove"; readonly which: number }
  | { readonly do: "round" }
  | { readonly do: "round in trouble"; readonly at: number; readonly trouble: "forget" | "throttle" };

const which = fc.nat(20);
const folder = fc.nat(FOLDERS.length - 1);
/** One thing that happens. */
export const action: fc.Arbitrary<Action> = fc.oneof(
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

/** Lets it happen. `labels`: a message can lie in several folders. */
export async function perform(box: MemoryBox, action: Action, labels: boolean): Promise<void> {
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
