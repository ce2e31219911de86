import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAXIMUM_FOLDERS_PER_ACCOUNT } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import { Account, MailStore } from "./store.ts";

const FACTS = { address: "Ann@demo.test", password: "p", name: "Ann" };
const NEW = { mime: Buffer.from("x"), internalDate: new Date(0), flags: ["\\Seen"] };

function account(): Account {
  let next = 1;
  return new Account(FACTS, () => next++);
}

describe("mail store", () => {
  it("signs in by address in any case, and only with the password", () => {
    const store = new MailStore([FACTS], ["demo.test"], 1);
    assert.equal(store.signIn("ann@DEMO.test", "p")?.address, FACTS.address);
    assert.equal(store.signIn("ann@demo.test", "P"), null);
    assert.equal(store.signIn("eve@demo.test", "p"), null);
  });

  it("makes the levels above a new folder, and renames those below with it", () => {
    const ann = account();
    ann.create("A/B/C/");
    ann.append(ann.require("A/B/C"), NEW);
    ann.rename("A/B", "X/Y");
    assert.equal(ann.require("X/Y/C").size, 1);
    assert.ok(ann.folder("A") && ann.folder("X") && !ann.folder("A/B"));
    assert.throws(() => ann.rename("X", "X/Z"), isRefusal("CANNOT"));
  });

  it("moves what is in INBOX when INBOX is renamed, and keeps an empty INBOX", () => {
    const ann = account();
    ann.append(ann.require("inbox"), NEW);
    ann.rename("INBOX", "Old mail");
    assert.equal(ann.require("INBOX").size, 0);
    assert.deepEqual(
      [...ann.require("Old mail").messages()].map(({ flags }) => [...flags]),
      [["\\Seen"]],
    );
  });

  it("never uses a UIDVALIDITY again for a name that was deleted", () => {
    const ann = account();
    const first = ann.create("Again").uidValidity;
    ann.delete("Again");
    assert.ok(ann.create("Again").uidValidity > first);
  });

  it("refuses names that could not be listed, and more folders than the limit", () => {
    const ann = account();
    for (const wrong of ["", "a//b", "a*", "a%", "a\nb", "/a", "x".repeat(300), Array(20).fill("l").join("/")]) {
      assert.throws(() => ann.create(wrong), isRefusal("CANNOT"), wrong);
    }
    for (let count = ann.folders().length; count < MAXIMUM_FOLDERS_PER_ACCOUNT; count++) ann.create(`folder ${count}`);
    assert.throws(() => ann.create("one more"), isRefusal("LIMIT"));
  });
});

function isRefusal(code: string) {
  return (error: unknown) => error instanceof Refusal && error.code === code;
}
