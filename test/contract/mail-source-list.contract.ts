/** Listing: what lies there by the mail system's own word, and what of it a cursor covers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Cursor } from "../../src/model/message.ts";
import type { Listing, MailSource } from "../../src/ports.ts";
import { drain, folderOf, idOf, LONG_AGO, message, messageIds, numbers, receivedLine, type ServerRig, using } from "./mail-source-rig.ts";

export function listContract(server: () => ServerRig, { folders }: { readonly folders: boolean }): void {
  const rigWith = async (...ids: readonly string[]) => {
    const rig = await server().mailbox();
    await rig.put("INBOX", ...ids.map((id) => ({ mime: message(id) })));
    const folder = await folderOf(rig, "INBOX");
    const list = (source: MailSource, cursor: Cursor | null, since = LONG_AGO) =>
      source.list(folder.stream, cursor, { since, folders: new Set([folder.id]) });
    return {
      rig,
      folder,
      list,
      listed: (cursor: Cursor | null, since?: Date) => using(rig.open(), (source) => list(source, cursor, since)),
    };
  };
  const total = ({ covered, ahead, older }: Listing) => covered.length + ahead + older;

  test("a listing tells what a cursor covers of what lies there, and how much comes behind it", async () => {
    const { rig, folder, listed } = await rigWith("stays", "goes", "stays too");
    const { heads, cursor } = await drain(() => rig.open(), folder, null);
    await rig.remove("INBOX", idOf("goes"));
    await rig.put("INBOX", { mime: message("new") });
    const { covered, ahead, older } = await listed(cursor);
    const there = heads.filter(({ messageId }) => messageId !== idOf("goes")).map(({ ref }) => ref.id);
    assert.deepEqual([[...covered].sort(), ahead, older], [there.sort(), 1, 0]);
    const next = await drain(() => rig.open(), folder, cursor);
    assert.ok(messageIds(next.heads).includes(idOf("new")), "the cursor goes on where it stood");
    assert.equal((await listed(next.cursor)).ahead, 0);
  });

  test("in the midst of a first reading exactly what was handed out is covered", async () => {
    const { rig, folder, list } = await rigWith(...numbers(7));
    await using(rig.open(), async (source) => {
      const told = new Set<string>();
      for (let cursor: Cursor | null = null, more = true; more; ) {
        const pull = await source.pull(folder.stream, cursor, { limit: 2, since: LONG_AGO });
        assert.ok(pull.kind === "page");
        for (const { ref } of pull.heads) told.add(ref.id);
        ({ cursor, more } = pull);
        const listing: Listing = await list(source, cursor);
        assert.deepEqual([[...listing.covered].sort(), listing.ahead], [[...told].sort(), 7 - told.size]);
      }
      assert.equal(told.size, 7);
    });
  });

  test("without a cursor, or with a damaged one, all is still to come", async () => {
    const { listed } = await rigWith("one", "two");
    for (const cursor of [null, "no cursor at all"]) assert.deepEqual(await listed(cursor), { covered: [], ahead: 2, older: 0 });
  });

  test("what was received before the start is older or covered, and each message counts once", async () => {
    const { rig, folder, listed } = await rigWith();
    const old = new Date("2020-02-03T04:05:06Z");
    await rig.put(
      "INBOX",
      { mime: message("old", "x\r\n", receivedLine(old)), received: old },
      { mime: message("young"), received: new Date() },
    );
    const since = new Date("2026-01-01T00:00:00Z");
    const { heads, cursor } = await drain(() => rig.open(), folder, null, { since });
    const listing = await listed(cursor, since);
    const young = heads.find(({ messageId }) => messageId === idOf("young"));
    assert.ok(young && listing.covered.includes(young.ref.id));
    assert.deepEqual([total(listing), listing.ahead], [2, 0]);
  });

  if (folders)
    test("what lies in other folders does not count", async () => {
      const { rig, folder, listed } = await rigWith("here");
      await rig.put("Projects", { mime: message("elsewhere") });
      const { cursor } = await drain(() => rig.open(), folder, null);
      const listing = await listed(cursor);
      assert.deepEqual([listing.covered.length, total(listing)], [1, 1]);
    });
}
