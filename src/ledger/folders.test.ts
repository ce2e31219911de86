import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import { type ChosenFolder, listFolders, readPosition, storeFolders, storePosition } from "./folders.ts";
import { ANN, BEN, describeMailboxes, folder, later, NOW } from "./test-data.ts";

onBothEngines("a listing replaces the one before: the inbox first, what is gone marked missing until it comes back", async (database) => {
  await describeMailboxes(database);
  const store = (names: readonly ChosenFolder[], now = NOW) => database.transaction((tx) => storeFolders(tx, ANN, names, now));
  await store([
    folder("A"),
    folder("INBOX", { role: "inbox" }),
    folder("Sent", { role: "sent", messages: null, notReadBecause: "It holds sent mail." }),
  ]);
  await database.transaction((tx) => storeFolders(tx, BEN, [folder("A")], NOW));
  assert.deepEqual(
    (await listFolders(database, ANN)).map((one) => [one.name, one.messages, one.notReadBecause, one.missingSince]),
    [
      ["INBOX", 3, null, null],
      ["A", 3, null, null],
      ["Sent", null, "It holds sent mail.", null],
    ],
  );
  await store([folder("INBOX", { role: "inbox", messages: 4 })], later(1));
  await store([folder("INBOX", { role: "inbox", messages: 4 })], later(2));
  const missing = await listFolders(database, ANN);
  assert.deepEqual(
    missing.map((one) => [one.name, one.missingSince]),
    [
      ["INBOX", null],
      ["A", later(1)],
      ["Sent", later(1)],
    ],
    "since it was first missed",
  );
  await store([folder("INBOX", { role: "inbox" }), folder("A")], later(3));
  assert.equal((await listFolders(database, ANN)).find((one) => one.name === "A")?.missingSince, null);
  assert.equal((await listFolders(database, BEN))[0]?.missingSince, null, "another mailbox is not concerned");
});

onBothEngines("what seldom changes of a large cursor is written only when it does, and what is read is the whole", async (database) => {
  await describeMailboxes(database);
  const [one, other] = ["a".repeat(100_000), "b".repeat(100_000)];
  let written = 0;
  const store = async (cursor: string, before: string | null) => {
    written = 0;
    await database.transaction((tx) => {
      const counting: typeof tx = {
        ...tx,
        query: (text: string, values?: readonly unknown[]) => {
          written += JSON.stringify(values ?? []).length;
          return tx.query(text, values);
        },
      };
      return storePosition(counting, ANN, "INBOX", { cursor, folders: ["INBOX"] }, NOW, before);
    });
    assert.equal((await readPosition(database, ANN, "INBOX"))?.cursor, cursor);
  };
  await store(`${one}\n1`, null);
  await store(`${one}\n2`, `${one}\n1`);
  assert.ok(written < 1000, `${written} characters`);
  await store(`${other}\n3`, `${one}\n2`);
  await store("\n4", `${other}\n3`);
  await store("5", "\n4");
  await store(`${one}\n6`, `${one}\n5`);
  assert.ok(written > 100_000, "somebody else forgot the cursor meanwhile");
  await database.query("delete from waypost.stream");
  await store(`${one}\n8`, `${one}\n7`);
});

onBothEngines("the cursor of a stream is what was stored last, and survives that its folder is missing for a while", async (database) => {
  await describeMailboxes(database);
  await database.transaction((tx) => storeFolders(tx, ANN, [folder("INBOX")], NOW));
  assert.equal(await readPosition(database, ANN, "INBOX"), null);
  await database.transaction((tx) => storePosition(tx, ANN, "INBOX", { cursor: "cursor 1", folders: ["INBOX"] }, NOW));
  await database.transaction((tx) => storePosition(tx, ANN, "INBOX", { cursor: "cursor 2", folders: ["INBOX"] }, later(1)));
  await database.transaction((tx) => storeFolders(tx, ANN, [], later(2)));
  assert.deepEqual(await readPosition(database, ANN, "INBOX"), { cursor: "cursor 2", folders: ["INBOX"] });
  assert.equal(await readPosition(database, BEN, "INBOX"), null);
  await assert.rejects(
    database.transaction(async (tx) => {
      await storePosition(tx, ANN, "INBOX", { cursor: "cursor 3", folders: ["INBOX"] }, later(3));
      throw new Error("the page failed");
    }),
    /the page failed/,
  );
  assert.deepEqual(
    await readPosition(database, ANN, "INBOX"),
    { cursor: "cursor 2", folders: ["INBOX"] },
    "it moves with the page or not at all",
  );
});
