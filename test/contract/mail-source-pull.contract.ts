/** Streams and pulling: every message once, nothing lost, nothing believed gone that is there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Cursor } from "../../src/model/message.ts";
import type { Pull } from "../../src/ports.ts";
import { byName, drain, Held, idOf, LONG_AGO, message, messageIds, numbers, type ServerRig, streamId, using } from "./mail-source-rig.ts";

export function pullContract(server: () => ServerRig): void {
  test("every folder is a stream, the inbox among them, with its name and count", async () => {
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
      assert.deepEqual(messageIds((await drain(() => rig.open(), other.id, null)).heads), [idOf("two"), idOf("three")]);
    });
  });

  test("an empty folder gives an empty page and a cursor", async () => {
    const rig = await server().mailbox();
    const stream = await streamId(rig, "INBOX");
    const { heads, pages, cursor } = await drain(() => rig.open(), stream, null);
    assert.deepEqual([heads, pages.length], [[], 1]);
    await rig.put("INBOX", { mime: message("first") });
    assert.deepEqual(messageIds((await drain(() => rig.open(), stream, cursor)).heads), [idOf("first")]);
  });

  test("the first pull leaves out nothing that was received since the date asked for", async () => {
    const rig = await server().mailbox();
    const since = new Date("2026-03-10T12:00:00Z");
    const dates = ["2025-01-01T00:00:00Z", "2026-03-10T12:00:00Z", "2026-03-10T23:59:59Z", "2026-11-01T00:00:00Z", "2026-03-11T00:00:00Z"];
    await rig.put("INBOX", ...dates.map((date, index) => ({ mime: message(`m${index}`), received: new Date(date) })));
    const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null, { since });
    const expected = dates.flatMap((date, index) => (new Date(date) >= since ? [idOf(`m${index}`)] : []));
    const got = heads.filter((head) => head.received >= since);
    assert.deepEqual(messageIds(got), expected);
    assert.deepEqual(
      got.map((head) => head.received.toISOString()),
      dates.filter((date) => new Date(date) >= since).map((date) => new Date(date).toISOString()),
    );
  });

  for (const reopen of [false, true]) {
    test(`small pages give every message once, oldest first${reopen ? ", also when each is read by another process" : ""}`, async () => {
      const rig = await server().mailbox();
      const names = numbers(11);
      await rig.put("INBOX", ...names.map((one) => ({ mime: message(one) })));
      const { heads, pages } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null, { limit: 3, reopen });
      assert.deepEqual(messageIds(heads), names.map(idOf));
      assert.equal(pages.length, 4);
    });
  }

  test("mail that arrives during the first reading and after it comes exactly once", async () => {
    const rig = await server().mailbox();
    const stream = await streamId(rig, "INBOX");
    await rig.put("INBOX", ...numbers(5).map((one) => ({ mime: message(one) })));
    const got: string[] = [];
    await using(rig.open(), async (source) => {
      let cursor: Cursor | null = null;
      for (let step = 0; step < 12; step++) {
        if (step < 6) await rig.put("INBOX", { mime: message(`late${step}`) });
        const pull: Pull = await source.pull(stream, cursor, { limit: 2, since: LONG_AGO });
        if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
        got.push(...messageIds(pull.heads));
        cursor = pull.cursor;
      }
    });
    assert.deepEqual(got, [...numbers(5), ...numbers(6, "late")].map(idOf));
  });

  test("a head tells what the message and the server say of it", async () => {
    const rig = await server().mailbox();
    const received = new Date("2026-05-04T03:02:01Z");
    const mime = message(
      "told",
      "x\r\n",
      "In-Reply-To: <earlier@example.test>\r\nReferences: <first@example.test>\r\n <earlier@example.test>\r\nList-Id: <list.example.test>\r\n",
    );
    await rig.put("INBOX", { mime, received });
    const stream = await streamId(rig, "INBOX");
    const [head] = (await drain(() => rig.open(), stream, null)).heads;
    assert.ok(head);
    assert.equal(head.ref.stream, stream);
    assert.equal(head.received.toISOString(), received.toISOString());
    assert.equal(head.size, mime.length);
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
    const stream = await streamId(rig, "INBOX");
    const { cursor } = await drain(() => rig.open(), stream, null);
    const { pages } = await drain(() => rig.open(), stream, cursor);
    assert.deepEqual(
      pages.map(({ heads, gone, present }) => ({ heads, gone, present })),
      [{ heads: [], gone: [], present: null }],
    );
  });

  test("a message that was moved comes in the other folder and leaves the first", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", { mime: message("stays") }, { mime: message("moves") });
    await rig.put("Projects", { mime: message("there") });
    const [inbox, projects] = [await streamId(rig, "INBOX"), await streamId(rig, "Projects")];
    const [heldInbox, heldProjects] = [new Held(), new Held()];
    const first = await drain(() => rig.open(), inbox, null);
    const second = await drain(() => rig.open(), projects, null);
    for (const page of first.pages) heldInbox.take(page);
    for (const page of second.pages) heldProjects.take(page);
    await rig.move("INBOX", idOf("moves"), "Projects");
    for (const page of (await drain(() => rig.open(), inbox, first.cursor)).pages) heldInbox.take(page);
    const arrived = await drain(() => rig.open(), projects, second.cursor);
    for (const page of arrived.pages) heldProjects.take(page);
    assert.deepEqual(messageIds(arrived.heads), [idOf("moves")]);
    assert.deepEqual(heldInbox.messageIds(), [idOf("stays")]);
    assert.deepEqual(heldProjects.messageIds(), [idOf("moves"), idOf("there")].sort());
  });

  test("whatever comes and goes between pulls of any size, a reader ends up with what the folder holds", async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ put: fc.integer({ min: 1, max: 3 }) }) },
      { weight: 2, arbitrary: fc.record({ remove: fc.nat(30) }) },
      { weight: 3, arbitrary: fc.record({ pull: fc.integer({ min: 1, max: 4 }), reopen: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        const rig = await server().mailbox();
        const stream = await streamId(rig, "INBOX");
        const held = new Held();
        const there: string[] = [];
        let made = 0;
        let cursor: Cursor | null = null;
        let source = rig.open();
        const pullOnce = async (limit: number): Promise<boolean> => {
          const pull: Pull = await source.pull(stream, cursor, { limit, since: LONG_AGO });
          if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
          for (const head of pull.heads) assert.ok(!held.ids.has(head.ref.id), "no message comes twice");
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
