/** Streams and pulling: every message once, nothing lost, nothing believed gone that is there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Cursor, MessageHead } from "../../src/model/message.ts";
import type { Pull } from "../../src/ports.ts";
import {
  byName,
  drain,
  folderOf,
  Held,
  idOf,
  LONG_AGO,
  message,
  messageIds,
  numbers,
  receivedLine,
  type ServerRig,
  tellingOf,
  using,
} from "./mail-source-rig.ts";

export function pullContract(server: () => ServerRig, { folders }: { readonly folders: boolean }): void {
  if (!folders)
    test("the mailbox is one folder, its inbox, with its count", async () => {
      const rig = await server().mailbox();
      await rig.put("INBOX", { mime: message("one") }, { mime: message("two") });
      const listed = await using(rig.open(), (source) => source.folders());
      assert.deepEqual(
        listed.map(({ role, selectable, underInbox, namespace, messages, unreadable }) => [
          role,
          selectable,
          underInbox,
          namespace,
          messages,
          unreadable,
        ]),
        [["inbox", true, true, "personal", 2, null]],
      );
    });

  if (folders)
    test("every folder is listed, the inbox among them, with its name and count", async () => {
      const rig = await server().mailbox();
      await rig.put("INBOX", { mime: message("one") });
      await rig.put("Größe & Café", { mime: message("two") }, { mime: message("three") });
      await using(rig.open(), async (source) => {
        const streams = await source.folders();
        assert.equal(new Set(streams.map((stream) => stream.id)).size, streams.length, "ids are different");
        const inbox = byName(streams, "INBOX");
        assert.deepEqual(
          {
            selectable: inbox.selectable,
            underInbox: inbox.underInbox,
            namespace: inbox.namespace,
            messages: inbox.messages,
            unreadable: inbox.unreadable,
          },
          { selectable: true, underInbox: true, namespace: "personal", messages: 1, unreadable: null },
        );
        const other = byName(streams, "Größe & Café");
        assert.equal(other.messages, 2);
        assert.deepEqual(messageIds((await drain(() => rig.open(), other, null)).heads).sort(), [idOf("two"), idOf("three")].sort());
      });
    });

  test("an empty folder gives an empty page and a cursor", async () => {
    const rig = await server().mailbox();
    const folder = await folderOf(rig, "INBOX");
    const { heads, pages, cursor } = await drain(() => rig.open(), folder, null);
    assert.deepEqual([heads, pages.length], [[], 1]);
    await rig.put("INBOX", { mime: message("first") });
    assert.deepEqual(messageIds((await drain(() => rig.open(), folder, cursor)).heads), [idOf("first")]);
  });

  test("the first pull leaves out nothing that was received since the date asked for", async () => {
    const rig = await server().mailbox();
    const since = new Date("2026-03-10T12:00:00Z");
    const dates = ["2025-01-01T00:00:00Z", "2026-03-10T12:00:00Z", "2026-03-10T23:59:59Z", "2026-11-01T00:00:00Z", "2026-03-11T00:00:00Z"];
    await rig.put(
      "INBOX",
      ...dates.map((date, index) => {
        const received = new Date(date);
        return { mime: message(`m${index}`, undefined, receivedLine(received)), received };
      }),
    );
    const { heads } = await drain(() => rig.open(), await folderOf(rig, "INBOX"), null, { since });
    const expected = dates.flatMap((date, index) => (new Date(date) >= since ? [idOf(`m${index}`)] : []));
    const got = heads.filter((head) => head.received >= since);
    assert.deepEqual(tellingOf(got, server().differences), expected);
    for (const [index, date] of dates.entries()) {
      const told = got.find((head) => head.messageId === idOf(`m${index}`));
      assert.equal(told?.received.getTime(), new Date(date) >= since ? new Date(date).getTime() : undefined);
    }
  });

  for (const reopen of [false, true]) {
    test(`small pages give every message once, oldest first${reopen ? ", also when each is read by another process" : ""}`, async () => {
      const rig = await server().mailbox();
      const names = numbers(11);
      await rig.put("INBOX", ...names.map((one) => ({ mime: message(one) })));
      const { told, pages } = await drain(() => rig.open(), await folderOf(rig, "INBOX"), null, { limit: 3, reopen });
      const { differences } = server();
      assert.deepEqual(tellingOf(told, differences), differences.inOrder ? names.map(idOf) : names.map(idOf).sort());
      if (!differences.repeats) assert.equal(pages.length, 4);
      for (const page of pages) assert.ok(page.heads.length <= 4, "about three");
    });
  }

  test("mail that arrives during the first reading and after it comes exactly once", async () => {
    const rig = await server().mailbox();
    const folder = await folderOf(rig, "INBOX");
    await rig.put("INBOX", ...numbers(5).map((one) => ({ mime: message(one) })));
    const got: MessageHead[] = [];
    await using(rig.open(), async (source) => {
      let cursor: Cursor | null = null;
      for (let step = 0, more = true; step < 12 || more; step++) {
        if (step < 6) await rig.put("INBOX", { mime: message(`late${step}`) });
        const pull: Pull = await source.pull(folder.stream, cursor, { limit: 2, since: LONG_AGO });
        if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
        got.push(...pull.heads);
        cursor = pull.cursor;
        more = pull.more;
      }
    });
    const all = [...numbers(5), ...numbers(6, "late")].map(idOf);
    assert.deepEqual(tellingOf(got, server().differences), server().differences.inOrder ? all : all.sort());
  });

  test("a head tells what the message and the server say of it", async () => {
    const rig = await server().mailbox();
    const received = new Date("2026-05-04T03:02:01Z");
    const mime = message(
      "told",
      "x\r\n",
      `${receivedLine(received)}In-Reply-To: <earlier@example.test>\r\nReferences: <first@example.test>\r\n <earlier@example.test>\r\nList-Id: <list.example.test>\r\n`,
    );
    await rig.put("INBOX", { mime, received });
    const folder = await folderOf(rig, "INBOX");
    const [head] = (await drain(() => rig.open(), folder, null)).heads;
    assert.ok(head);
    assert.equal(head.ref.stream, folder.stream);
    assert.deepEqual(head.folders, [folder.id]);
    assert.equal(head.received.toISOString(), received.toISOString());
    if (server().differences.stableMime) assert.equal(head.size, mime.length);
    assert.equal(head.subject, "Message told");
    assert.deepEqual(head.from, [{ name: "Ann Lee", address: "ann@example.test" }]);
    assert.deepEqual(head.inReplyTo, ["earlier@example.test"]);
    assert.deepEqual(head.references, ["first@example.test", "earlier@example.test"]);
    assert.deepEqual(head.headers, [["list-id", "<list.example.test>"]]);
    assert.equal(head.truncated, false);
  });

  test("when nothing happened, nothing is told", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", { mime: message("one") }, { mime: message("two") });
    const folder = await folderOf(rig, "INBOX");
    const { cursor } = await drain(() => rig.open(), folder, null);
    const { pages } = await drain(() => rig.open(), folder, cursor);
    assert.deepEqual(
      pages.map(({ heads, gone, present }) => ({ heads, gone, present })),
      [{ heads: [], gone: [], present: null }],
    );
  });

  if (folders)
    test("a message that was moved comes in the other folder and leaves the first", async () => {
      const rig = await server().mailbox();
      await rig.put("INBOX", { mime: message("stays") }, { mime: message("moves") });
      await rig.put("Projects", { mime: message("there") });
      const [inbox, projects] = [await folderOf(rig, "INBOX"), await folderOf(rig, "Projects")];
      const [heldInbox, heldProjects] = [new Held(inbox), new Held(projects)];
      const first = await drain(() => rig.open(), inbox, null);
      const second = await drain(() => rig.open(), projects, null);
      for (const page of first.pages) heldInbox.take(page);
      for (const page of second.pages) heldProjects.take(page);
      await rig.move("INBOX", idOf("moves"), "Projects");
      for (const page of (await drain(() => rig.open(), inbox, first.cursor)).pages) heldInbox.take(page);
      const arrived = await drain(() => rig.open(), projects, second.cursor);
      for (const page of arrived.pages) heldProjects.take(page);
      if (server().differences.repeats) assert.ok(messageIds(arrived.heads).includes(idOf("moves")));
      else assert.deepEqual(messageIds(arrived.heads), [idOf("moves")]);
      if (server().differences.keepsIdsOnMove) {
        const ids = [...first.heads, ...arrived.heads].flatMap((head) => (head.messageId === idOf("moves") ? [head.providerId] : []));
        assert.deepEqual([new Set(ids).size, ids.includes(null)], [1, false], "the id survives the move");
      }
      assert.deepEqual(heldInbox.messageIds(), [idOf("stays")]);
      assert.deepEqual(heldProjects.messageIds(), [idOf("moves"), idOf("there")].sort());
    });

  test("whatever comes and goes between pulls of any size, a reader ends up with what the folder holds", async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ put: fc.integer({ min: 1, max: 3 }) }) },
      { weight: 2, arbitrary: fc.record({ remove: fc.nat(30) }) },
      { weight: 2, arbitrary: fc.record({ out: fc.nat(30), back: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ pull: fc.integer({ min: 1, max: 4 }), reopen: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const rig = await server().mailbox();
        await rig.put("Aside", { mime: message("aside") });
        const folder = await folderOf(rig, "INBOX");
        const held = new Held(folder);
        const there: string[] = [];
        let made = 0;
        let cursor: Cursor | null = null;
        let source = rig.open();
        const pullOnce = async (limit: number): Promise<boolean> => {
          const pull: Pull = await source.pull(folder.stream, cursor, { limit, since: LONG_AGO });
          if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
          if (!server().differences.repeats) for (const head of pull.heads) assert.ok(!held.ids.has(head.ref.id), "no message comes twice");
          held.take(pull);
          cursor = pull.cursor;
          return pull.more;
        };
        try {
          for (const one of steps) {
            if ("put" in one) {
              const names = Array.from({ length: one.put }, () => `r${made++}`);
              await rig.put("INBOX", ...names.map((id) => ({ mime: message(id) })));
              there.push(...names);
            } else if ("remove" in one) {
              const [name] = there.splice(one.remove % Math.max(1, there.length), 1);
              if (name !== undefined) await rig.remove("INBOX", idOf(name));
            } else if ("out" in one) {
              const index = one.out % Math.max(1, there.length);
              const name = there[index];
              if (name === undefined) continue;
              await rig.move("INBOX", idOf(name), "Aside");
              if (one.back) await rig.move("Aside", idOf(name), "INBOX");
              else there.splice(index, 1);
            } else {
              if (one.reopen) {
                await source.close();
                source = rig.open();
              }
              await pullOnce(one.pull);
            }
          }
          while (await pullOnce(2));
          // The round that was open before the last change is over; one more sees the change.
          while (await pullOnce(2));
          assert.deepEqual(held.messageIds(), there.map(idOf).sort());
        } finally {
          await source.close();
        }
      }),
      { numRuns: 6 },
    );
  });
}
