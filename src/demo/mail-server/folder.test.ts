import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Folder } from "./folder.ts";
import { MAXIMUM_MESSAGE_BYTES, MAXIMUM_MESSAGES_PER_FOLDER, MAXIMUM_VANISHED } from "./limits.ts";
import { Refusal } from "./refusal.ts";

const NEW = { mime: Buffer.from("x"), internalDate: new Date(0), flags: [] };

describe("mail folder", () => {
  it("never gives a UID twice, and any change a higher mod-sequence than all before", () => {
    const step = fc.record({ act: fc.constantFrom("append", "flag", "unflag", "expunge"), uid: fc.integer({ min: 1, max: 8 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const folder = new Folder("F", 1, null);
        const given = new Set<number>();
        const atStart = folder.highestModseq;
        const seen: { modseq: number; alive: Set<number> }[] = [{ modseq: atStart, alive: new Set() }];
        for (const { act, uid } of steps) {
          const before = folder.highestModseq;
          if (act === "append") {
            const stored = folder.append(NEW);
            assert.ok(!given.has(stored.uid) && stored.modseq > before);
            given.add(stored.uid);
          } else if (act === "expunge") folder.expunge([uid]);
          else folder.setFlags(uid, act === "flag" ? "add" : "remove", ["\\Seen"]);
          assert.ok(folder.highestModseq >= before);
          seen.push({ modseq: folder.highestModseq, alive: new Set(folder.uids()) });
        }
        assert.equal(folder.bytes, folder.size);
        // From any earlier state, what vanished since is exactly what was there then and is not now, or came and went meanwhile.
        for (const { modseq, alive } of seen) {
          const vanished = new Set(folder.vanishedSince(modseq));
          for (const uid of alive) assert.equal(vanished.has(uid), folder.get(uid) === undefined);
          for (const uid of vanished) assert.equal(folder.get(uid), undefined);
        }
      }),
    );
  });

  it("names all gaps for a mod-sequence that is too long ago", () => {
    const folder = new Folder("F", 1, null);
    const start = folder.highestModseq;
    for (let count = 0; count < MAXIMUM_VANISHED + 2; count++) folder.expunge([folder.append(NEW).uid]);
    folder.append(NEW);
    assert.equal(folder.vanishedSince(start).length, MAXIMUM_VANISHED + 2);
    assert.equal(folder.vanishedSince(folder.highestModseq - 2).length, 1);
  });

  it("refuses more messages or bytes than it holds", () => {
    const folder = new Folder("F", 1, null);
    assert.throws(() => folder.append({ ...NEW, mime: Buffer.alloc(MAXIMUM_MESSAGE_BYTES + 1) }), isRefusal("TOOBIG"));
    for (let count = 0; count < MAXIMUM_MESSAGES_PER_FOLDER; count++) folder.append(NEW);
    assert.throws(() => folder.append(NEW), isRefusal("OVERQUOTA"));
  });

  it("treats keywords that differ in case as one", () => {
    const folder = new Folder("F", 1, null);
    const { uid } = folder.append({ ...NEW, flags: ["Demo"] });
    const before = folder.highestModseq;
    folder.setFlags(uid, "add", ["demo"]);
    assert.equal(folder.highestModseq, before);
    folder.setFlags(uid, "remove", ["DEMO"]);
    assert.deepEqual([...(folder.get(uid)?.flags ?? [])], []);
  });
});

function isRefusal(code: string) {
  return (error: unknown) => error instanceof Refusal && error.code === code;
}
