import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Folder } from "../folder.ts";
import { Selection } from "./selection.ts";

const NEW = { mime: Buffer.from("x"), internalDate: new Date(0), flags: [] };
const SILENT = { onNews: () => undefined, onRemoved: () => undefined };

describe("selected folder of a session", () => {
  it("leaves a client that follows the news with the very messages, numbers and flags of the folder", () => {
    const step = fc.record({
      act: fc.constantFrom("append", "flag", "expunge", "tell", "tell without expunges"),
      uid: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const folder = new Folder("F", 1, null);
        folder.append(NEW);
        folder.append(NEW);
        const selection = new Selection(folder, false, SILENT);
        // What the client holds: how many messages, and which of them it was told are seen.
        const seen: boolean[] = [false, false];
        const follow = (mayExpunge: boolean) => {
          for (const line of selection.takeNews({ condstore: false, qresync: false }, mayExpunge).join("").split("\r\n")) {
            const [, number = "", word] = line.split(" ");
            assert.ok(mayExpunge || word !== "EXPUNGE");
            if (word === "EXPUNGE") seen.splice(Number(number) - 1, 1);
            if (word === "EXISTS") while (seen.length < Number(number)) seen.push(false);
            if (word === "FETCH") seen[Number(number) - 1] = line.includes("\\Seen");
          }
          assert.equal(seen.length, selection.exists);
        };
        for (const { act, uid } of steps) {
          if (act === "append") folder.append(NEW);
          else if (act === "flag") folder.setFlags(uid, "add", ["\\Seen"]);
          else if (act === "expunge") folder.expunge([uid]);
          else follow(act === "tell");
        }
        follow(true);
        assert.deepEqual(
          selection.all().map(({ sequence, message }) => [sequence, message.uid]),
          folder.uids().map((uid, index) => [index + 1, uid]),
        );
        assert.deepEqual(
          seen,
          [...folder.messages()].map(({ flags }) => flags.has("\\Seen")),
        );
      }),
      { numRuns: 500 },
    );
  });
});
