import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import { closeAlerts, openAlert } from "./alerts.ts";
import { type ChosenFolder, storeFolders } from "./folders.ts";
import { isAsStored, readListing } from "./stored-listing.ts";
import { ANN, BEN, describeMailboxes, folder, NOW } from "./test-data.ts";

const INBOX = folder("INBOX", { role: "inbox" });
const SENT = folder("Sent", { id: "s-1", stream: "s-1", role: "sent", mark: "4:7", messages: null });

/** One change of each fact that is stored. */
const CHANGES: readonly Partial<ChosenFolder>[] = [
  { id: "s-2" },
  { stream: "all" },
  { name: "Gesendet" },
  { role: "none" },
  { underInbox: false },
  { namespace: "shared" },
  { selectable: false },
  { messages: 1 },
  { notReadBecause: "It holds sent mail." },
  { mark: "5:7" },
];

onBothEngines("a listing is as stored only where each fact of each folder is", async (database) => {
  await describeMailboxes(database);
  const store = (folders: readonly ChosenFolder[]) => database.transaction((tx) => storeFolders(tx, ANN, folders, NOW));
  await store([INBOX, SENT]);
  await database.transaction((tx) => storeFolders(tx, BEN, [INBOX], NOW));
  const stored = await readListing(database, ANN);
  assert.ok(isAsStored([SENT, INBOX], stored), "in whatever order");
  for (const change of CHANGES) assert.ok(!isAsStored([INBOX, { ...SENT, ...change }], stored), JSON.stringify(change));
  assert.ok(!isAsStored([INBOX], stored), "one is not listed any more");
  assert.ok(!isAsStored([INBOX, SENT, { ...SENT, id: "new" }], stored), "one is new");
  assert.equal(stored.hasMissing, false);

  await store([INBOX]);
  const less = await readListing(database, ANN);
  assert.equal(less.hasMissing, true);
  assert.ok(isAsStored([INBOX], less));
  assert.ok(!isAsStored([INBOX, SENT], less), "one is back");
});

onBothEngines("the open alerts of the mailbox and its folders are seen, and no other's", async (database) => {
  await describeMailboxes(database);
  const seen = async () => (await readListing(database, ANN)).hasAlerts;
  const alert = { code: "receiving: refused", message: "It was refused.", remedy: "Wait." };
  await openAlert(database, { ...alert, scope: "mailbox", subject: BEN }, NOW);
  await openAlert(database, { ...alert, scope: "folder", subject: `${BEN}/INBOX` }, NOW);
  await openAlert(database, { ...alert, scope: "profile", subject: ANN }, NOW);
  assert.equal(await seen(), false);
  for (const [scope, subject] of [
    ["folder", `${ANN}/INBOX`],
    ["mailbox", ANN],
  ] as const) {
    await openAlert(database, { ...alert, scope, subject }, NOW);
    assert.equal(await seen(), true, scope);
    await closeAlerts(database, scope, subject, "", NOW);
    assert.equal(await seen(), false, scope);
  }
});
