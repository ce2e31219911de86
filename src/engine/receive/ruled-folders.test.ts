import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type FolderRule, ruledAmong } from "../../model/folder-rule.ts";
import type { Folder } from "../../model/message.ts";
import { chooseFolders } from "./choose-folders.ts";
import { ruledFolders, whereNow } from "./ruled-folders.ts";

function folder(name: string, change: Partial<Folder> = {}): Folder {
  return {
    id: name,
    stream: name,
    name,
    role: name === "INBOX" ? "inbox" : "none",
    selectable: true,
    underInbox: false,
    namespace: "personal",
    messages: 1,
    unreadable: null,
    mark: null,
    ...change,
  };
}

function rule(name: string, change: Partial<FolderRule> = {}): FolderRule {
  return { id: 1, folder: name, name, mark: null, children: false, regarding: null, ...change };
}

const marksOf = (folders: readonly Folder[]) => new Map(folders.map(({ id, mark }) => [id, mark ?? null]));
const placeOf = (rules: readonly FolderRule[]) => rules.map(({ folder, name, mark }) => [folder, name, mark]);

describe("where the folder of a rule is now", () => {
  const before = marksOf([folder("INBOX", { mark: "1" }), folder("Mill", { mark: "7" }), folder("Other", { mark: "8" })]);
  const mill = rule("Mill", { mark: "7" });
  const now = (...folders: readonly Folder[]) => placeOf(whereNow([mill], folders, before));

  test("a folder with a lasting identity is found under its new name", () => {
    const rules = whereNow([rule("Mill", { folder: "id-1" })], [folder("Works/Mill", { id: "id-1" })], new Map([["id-1", null]]));
    assert.deepEqual(placeOf(rules), [["id-1", "Works/Mill", null]]);
  });

  test("one without is found by its mark in the one folder that has it now and did not before", () => {
    assert.deepEqual(now(folder("INBOX", { mark: "1" }), folder("Works/Mill", { mark: "7" })), [["Works/Mill", "Works/Mill", "7"]]);
    const another = [folder("Mill", { mark: "9" }), folder("Mill 2025", { mark: "7" })];
    assert.deepEqual(now(...another), [["Mill 2025", "Mill 2025", "7"]], "another was made under its name");
    assert.deepEqual(now(folder("Other", { mark: "7" })), [["Other", "Other", "7"]], "it took the place of another");
  });

  test("two that exchange their names take their rules along", () => {
    const both = [mill, rule("Other", { id: 2, mark: "8" })];
    const rules = whereNow(both, [folder("Mill", { mark: "8" }), folder("Other", { mark: "7" })], before);
    assert.deepEqual(placeOf(rules), [
      ["Other", "Other", "7"],
      ["Mill", "Mill", "8"],
    ]);
  });

  test("a folder with a rule that takes the name of another one keeps its rule there, and the other rule waits for its folder", () => {
    const both = [rule("Other", { id: 1, mark: "8" }), rule("Mill", { id: 2, mark: "7" })];
    const listed = [folder("Other", { mark: "7" })];
    const rules = whereNow(both, listed, before);
    assert.deepEqual(placeOf(rules), [
      ["Other", "Other", "8"],
      ["Other", "Other", "7"],
    ]);
    assert.equal(ruledFolders(rules, listed).get("Other")?.rule.id, 2);
    const back = whereNow(rules, [...listed, folder("Other 2", { mark: "8" })], marksOf(listed));
    assert.deepEqual(
      back.map((one) => one.name),
      ["Other 2", "Other"],
    );
  });

  test("where several folders have the mark, or one had it before, nothing is guessed", () => {
    const gone = [["Mill", "Mill", "7"]];
    assert.deepEqual(now(folder("A", { mark: "7" }), folder("B", { mark: "7" })), gone);
    const alike = marksOf([folder("Mill", { mark: "7" }), folder("Other", { mark: "7" })]);
    assert.deepEqual(placeOf(whereNow([mill], [folder("Other", { mark: "7" })], alike)), gone, "a server that gives all the same mark");
  });

  test("a folder that was numbered anew, or made anew under its name, keeps the rule; one that is gone does until it is back", () => {
    assert.deepEqual(now(folder("Mill", { mark: "9" })), [["Mill", "Mill", "9"]]);
    assert.deepEqual(now(folder("INBOX", { mark: "1" })), [["Mill", "Mill", "7"]]);
  });
});

describe("which rule applies to a folder", () => {
  const names = (rules: readonly FolderRule[], folders: readonly Folder[]) =>
    [...ruledFolders(rules, folders)].map(([id, ruled]) => [id, ruled.rule.id]);

  test("its own, else that of the nearest above it that has one for those below", () => {
    const folders = ["Works", "Works/Mill", "Works/Mill/2025", "Works/Mill/2025/May", "Workshop"].map((name) => folder(name));
    const rules = [rule("Works", { children: true }), rule("Works/Mill", { id: 2, children: true }), rule("Works/Mill/2025", { id: 3 })];
    assert.deepEqual(names(rules, folders), [
      ["Works", 1],
      ["Works/Mill", 2],
      ["Works/Mill/2025", 3],
      ["Works/Mill/2025/May", 2],
    ]);
    assert.deepEqual(names([rule("Works")], folders), [["Works", 1]]);
  });

  test("none to what does not hold received mail, is somebody else's, or is not listed", () => {
    const folders = [
      folder("Works", { selectable: false }),
      folder("Works/Sent", { role: "sent" }),
      folder("Works/Sent/2020"),
      folder("Works/ben", { namespace: "other" }),
      folder("Works/Old", { role: "archive" }),
    ];
    assert.deepEqual(names([rule("Works", { children: true })], folders), [["Works/Old", 1]]);
    assert.deepEqual(names([rule("Gone", { children: true })], [folder("Gone/Below")]), []);
  });

  test("a folder with a rule is read, wherever it lies", () => {
    const folders = [folder("INBOX", { underInbox: true }), folder("Works"), folder("Old", { role: "archive" }), folder("Else")];
    const ruled = ruledFolders([rule("Works"), rule("Old", { id: 2 })], folders);
    assert.deepEqual(
      chooseFolders(folders, "inbox", { ruled }).flatMap(({ name, wanted }) => (wanted ? [name] : [])),
      ["INBOX", "Works", "Old"],
    );
  });

  test("of several folders the one counts that says what the email is about, else the older rule, in whatever order they come", () => {
    const about = { type: "contact", id: "c", name: "Carl" };
    const folders = ["A", "B", "C", "D"].map((name) => folder(name));
    const rules = [rule("A", { id: 4 }), rule("B", { id: 3, regarding: about }), rule("C", { id: 2, regarding: about }), rule("D")];
    const ruled = ruledFolders(rules, folders);
    fc.assert(
      fc.property(fc.shuffledSubarray(["A", "B", "C", "D", "E"]), (lies) => {
        const expected = ["C", "B", "D", "A"].find((name) => lies.includes(name));
        assert.equal(ruledAmong(lies, ruled)?.name, expected);
      }),
    );
  });
});
