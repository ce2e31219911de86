import assert from "node:assert/strict";
import { test } from "node:test";
import { foldersOf } from "./folders.ts";

const listed = (path: string, changes: { flags?: string[]; use?: string; byName?: boolean; delimiter?: string } = {}) => ({
  path,
  delimiter: changes.delimiter ?? "/",
  flags: new Set(changes.flags ?? []),
  ...(changes.use !== undefined && {
    specialUse: changes.use,
    specialUseSource: changes.byName ? ("name" as const) : ("extension" as const),
  }),
});

test("the inbox is the inbox however it is written, and is below itself", () => {
  for (const path of ["INBOX", "Inbox"]) {
    const [inbox] = foldersOf([listed(path)], undefined);
    assert.deepEqual([inbox?.role, inbox?.underInbox], ["inbox", true]);
  }
});

test("a folder whose name only begins like the inbox is not below it", () => {
  const under = foldersOf([listed("INBOX"), listed("INBOX/a"), listed("INBOX2"), listed("INBOX.old"), listed("Inbox/b")], undefined).map(
    (one) => one.underInbox,
  );
  assert.deepEqual(under, [true, true, false, false, true]);
});

test("special use and what lies below it are not below the inbox", () => {
  const folders = [
    listed("INBOX.Sent", { delimiter: ".", use: "\\Sent" }),
    listed("INBOX.Sent.2025", { delimiter: "." }),
    listed("INBOX.Sent2", { delimiter: "." }),
  ];
  assert.deepEqual(
    foldersOf(folders, undefined).map((one) => one.underInbox),
    [false, false, true],
  );
});

test("a well-known name makes a role of what nobody takes for received mail, and of nothing else", () => {
  const folders = [
    listed("Gesendet", { use: "\\Sent", byName: true }),
    listed("Archiv", { use: "\\Archive", byName: true }),
    listed("All", { use: "\\All", byName: true }),
    listed("Archive", { use: "\\Archive" }),
  ];
  assert.deepEqual(
    foldersOf(folders, undefined).map((one) => one.role),
    ["sent", "none", "none", "archive"],
  );
});

test("a folder without messages of its own is not selectable", () => {
  const folders = [listed("a"), listed("b", { flags: ["\\Noselect"] }), listed("c", { flags: ["\\NonExistent"] })];
  assert.deepEqual(
    foldersOf(folders, undefined).map((one) => one.selectable),
    [true, false, false],
  );
});

test("the longest prefix tells whose a folder is", () => {
  const namespaces = {
    personal: [{ prefix: "", delimiter: "/" }],
    other: [{ prefix: "shared/", delimiter: "/" }],
    shared: [{ prefix: "shared/public/", delimiter: "/" }],
  };
  const whose = foldersOf([listed("mine"), listed("shared/ann/Sent"), listed("shared/public/News")], namespaces).map(
    (one) => one.namespace,
  );
  assert.deepEqual(whose, ["personal", "other", "shared"]);
});

test("a flat namespace has names without levels", () => {
  assert.equal(foldersOf([listed("a/b", { delimiter: "" })], undefined)[0]?.name, "a/b");
});
