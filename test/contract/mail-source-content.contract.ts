/** Content, finding, filing and changing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContent } from "../../src/mime/content.ts";
import { Failure } from "../../src/model/failure.ts";
import type { MessageHead } from "../../src/model/message.ts";
import {
  contents,
  drain,
  folderOf,
  idOf,
  LIMIT,
  LONG_AGO,
  message,
  messageIds,
  numbers,
  receivedLine,
  type ServerRig,
  using,
} from "./mail-source-rig.ts";

const LINE_END = Buffer.from("\r\n");

export function contentContract(server: () => ServerRig, { folders }: { readonly folders: boolean }): void {
  test("content is what was put there, and reading it marks nothing as read", async () => {
    const rig = await server().mailbox();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => (index === 0 || index === 10 || index === 13 ? 32 : index)));
    const bodies: Record<string, Buffer> = {
      plain: Buffer.from("Hello\r\n"),
      empty: Buffer.alloc(0),
      dots: Buffer.from(".\r\n..\r\n.x\r\n"),
      noLineEnd: Buffer.from("no line end"),
      eightBit: Buffer.concat([bytes, Buffer.from("\r\n")]),
      long: Buffer.from(`${"x".repeat(200_000)}\r\n`),
      large: Buffer.from(`${"0123456789abcdef".repeat(4)}\r\n`.repeat(40_000)),
    };
    const mimes = new Map(Object.entries(bodies).map(([id, body]) => [idOf(id), message(id, body)]));
    await rig.put("INBOX", ...[...mimes.values()].map((mime) => ({ mime })));
    const { heads } = await drain(() => rig.open(), await folderOf(rig, "INBOX"), null);
    assert.equal(heads.length, mimes.size);
    const answers = await using(rig.open(), (source) => contents(source, heads.map((head) => head.ref).reverse()));
    for (const head of heads) {
      const content = answers.get(head.ref.id);
      assert.equal(content?.kind, "mime", head.messageId ?? "");
      const put = mimes.get(head.messageId ?? "");
      assert.ok(put);
      const ended = server().differences.endsLastLine && !put.subarray(-2).equals(LINE_END) ? Buffer.concat([put, LINE_END]) : put;
      if (server().differences.stableMime) assert.ok(ended.equals(content.mime), `${head.messageId} is unchanged`);
      else assert.deepEqual(await parseContent(content.mime), await parseContent(put), `${head.messageId} says the same`);
    }
    for (const [id, { seen }] of await rig.look("INBOX")) assert.equal(seen, false, id);
  });

  test("a message above the limit is not downloaded, the others are", async () => {
    const rig = await server().mailbox();
    const large = message("large", "y".repeat(50_000));
    await rig.put("INBOX", { mime: message("small") }, { mime: large }, { mime: message("small2") });
    const { heads } = await drain(() => rig.open(), await folderOf(rig, "INBOX"), null);
    const answers = await using(rig.open(), (source) =>
      contents(
        source,
        heads.map((head) => head.ref),
        20_000,
      ),
    );
    for (const { ref, messageId } of heads) {
      if (messageId === idOf("large")) assert.deepEqual(answers.get(ref.id), { ref, kind: "too large", size: large.length, limit: 20_000 });
      else assert.equal(answers.get(ref.id)?.kind, "mime", messageId ?? "");
    }
    assert.equal(heads.length, 3);
  });

  test("a message that has gone is told as gone, and every other ref is answered", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", ...numbers(4).map((one) => ({ mime: message(one) })));
    const folder = await folderOf(rig, "INBOX");
    const { heads } = await drain(() => rig.open(), folder, null);
    await rig.remove("INBOX", idOf("m1"));
    const gone = heads.find((head) => head.messageId === idOf("m1"))?.ref.id;
    const refs = [...heads.map((head) => head.ref), { stream: folder.stream, id: "never.given" }];
    const answers = await using(rig.open(), (source) => contents(source, refs));
    assert.deepEqual(
      refs.map((ref) => answers.get(ref.id)?.kind),
      refs.map((ref) => (ref.id === gone || ref.id === "never.given" ? "gone" : "mime")),
    );
  });

  test("heads can be read again: the same as they were told, without those that have gone", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", ...numbers(4).map((one) => ({ mime: message(one, undefined, receivedLine(new Date("2026-05-04T03:02:01Z"))) })));
    const folder = await folderOf(rig, "INBOX");
    const { heads } = await drain(() => rig.open(), folder, null);
    await rig.remove("INBOX", idOf("m1"));
    const refs = [...heads.map((head) => head.ref), { stream: folder.stream, id: "never.given" }];
    const again = await using(rig.open(), (source) => source.heads(refs));
    const there = heads.filter((head) => head.messageId !== idOf("m1"));
    const byId = (list: readonly MessageHead[]) => new Map(list.map(({ flags: _, ...head }) => [head.ref.id, head]));
    assert.deepEqual(byId(again), byId(there));
    for (const [id, { seen }] of await rig.look("INBOX")) assert.equal(seen, false, id);
  });

  test("other commands may follow while content is being taken slowly", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", ...numbers(3).map((one) => ({ mime: message(one) })));
    const folder = await folderOf(rig, "INBOX");
    const { heads } = await drain(() => rig.open(), folder, null);
    await using(rig.open(), async (source) => {
      let taken = 0;
      for await (const content of source.content(
        heads.map((head) => head.ref),
        { maximumSize: LIMIT },
      )) {
        assert.equal(content.kind, "mime");
        assert.equal((await source.find(folder.id, idOf("m2"))).length, 1);
        taken++;
      }
      assert.equal(taken, 3);
    });
  });

  test("ten thousand recipients and a header without end make a head, not a failure", async () => {
    const rig = await server().mailbox();
    const recipients = Array.from({ length: 10_000 }, (_, index) => `person${index}@example.test`).join(",\r\n ");
    const endless = `X-Filler: ${"z".repeat(900)}\r\n`.repeat(2500);
    await rig.put(
      "INBOX",
      { mime: message("many", "x", `Cc: ${recipients}\r\n`) },
      { mime: message("endless", "x", endless) },
      { mime: message("normal") },
    );
    const { heads } = await drain(() => rig.open(), await folderOf(rig, "INBOX"), null);
    assert.deepEqual(messageIds(heads).sort(), ["endless", "many", "normal"].map(idOf));
    const many = heads.find((head) => head.messageId === idOf("many"));
    assert.ok(many && many.cc.length > 1000);
    if (many.cc.length < 10_000) assert.equal(many.truncated, true, "what is left out is told");
    for (const address of many.cc) assert.match(address.address, /^person\d+@example\.test$/);
  });

  test("a message is found by exactly its Message-ID", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", { mime: message("abc") }, { mime: message("xabc") }, { mime: message("abc") });
    const folder = await folderOf(rig, "INBOX");
    const { heads } = await drain(() => rig.open(), folder, null);
    await using(rig.open(), async (source) => {
      const refs = heads.flatMap((head) => (head.messageId === idOf("abc") ? [head.ref.id] : []));
      assert.equal(refs.length, 2);
      assert.deepEqual((await source.find(folder.id, idOf("abc"))).map((ref) => ref.id).sort(), refs.sort());
      assert.deepEqual(await source.find(folder.id, idOf("nobody")), []);
      assert.deepEqual(await source.find(folder.id, 'a"b\\c\r\nA1 LOGOUT'), []);
    });
  });

  if (!folders)
    test("there is no folder for a sent message, and messages are neither marked nor moved", async () => {
      const rig = await server().mailbox();
      await rig.put("INBOX", { mime: message("one") });
      const folder = await folderOf(rig, "INBOX");
      const refs = (await drain(() => rig.open(), folder, null)).heads.map((head) => head.ref);
      await using(rig.open(), async (source) => {
        assert.equal(await source.fileSent(idOf("sent"), message("sent"), new Date()), "no folder");
        for (const action of ["seen", { moveTo: folder.id }] as const) await assert.rejects(source.apply(refs, action), Failure);
      });
      assert.deepEqual([...(await rig.look("INBOX"))], [[idOf("one"), { seen: false }]]);
    });

  if (!folders)
    test("deleting takes the named messages and no other, and those that are gone already are told apart", async () => {
      const rig = await server().mailbox();
      await rig.put("INBOX", ...numbers(5).map((one) => ({ mime: message(one) })));
      const { heads, cursor } = await drain(() => rig.open(), await folderOf(rig, "INBOX"), null);
      const refs = heads.filter((head) => head.messageId === idOf("m1") || head.messageId === idOf("m3")).map((head) => head.ref);
      await using(rig.open(), async (source) => {
        await contents(source, refs);
        assert.deepEqual(await source.apply(refs, "delete"), { changed: refs, gone: [], undone: [] });
        const [left] = heads.filter((head) => head.messageId === idOf("m4")).map((head) => head.ref);
        assert.ok(left);
        await source.heads([left]);
        assert.deepEqual(await source.apply([...refs, left], "delete"), { changed: [left], gone: refs, undone: [] });
        const pull = await source.pull("INBOX", cursor, { limit: 10, since: LONG_AGO });
        assert.ok(pull.kind === "page");
        assert.deepEqual(
          pull.present,
          heads.flatMap(({ ref }) => ([...refs, left].includes(ref) ? [] : [ref.id])),
        );
      });
      const left = ["m0", "m2"].map((one) => [idOf(one), { seen: false }]);
      assert.deepEqual([...(await rig.look("INBOX"))], left);
    });

  if (folders)
    test("a sent message is filed once, as read", async () => {
      const rig = await server().mailbox();
      const mime = message("sent");
      await using(rig.open(), async (source) => {
        assert.equal(await source.fileSent(idOf("sent"), mime, new Date("2026-06-01T10:00:00Z")), "filed");
        assert.equal(await source.fileSent(idOf("sent"), mime, new Date("2026-06-01T10:00:00Z")), "already there");
        const sent = (await source.folders()).find((stream) => stream.role === "sent");
        assert.ok(sent);
        const { heads } = await drain(() => rig.open(), sent, null);
        assert.deepEqual(messageIds(heads), [idOf("sent")]);
        assert.equal(heads[0]?.received.toISOString(), "2026-06-01T10:00:00.000Z");
        assert.ok(heads[0]?.flags.includes("\\Seen"));
      });
    });

  if (folders)
    test("marking, moving and deleting change the named messages and no other, and tell which are gone already", async () => {
      const rig = await server().mailbox();
      await rig.put("INBOX", ...numbers(5).map((one) => ({ mime: message(one) })));
      await rig.put("Done", { mime: message("before") });
      const [folder, done] = [await folderOf(rig, "INBOX"), await folderOf(rig, "Done")];
      const { heads } = await drain(() => rig.open(), folder, null);
      const refs = (...ids: number[]) => heads.flatMap((head) => (ids.some((id) => head.messageId === idOf(`m${id}`)) ? [head.ref] : []));
      await using(rig.open(), async (source) => {
        assert.deepEqual(await source.apply(refs(0, 3), "seen"), { changed: refs(0, 3), gone: [], undone: [] });
        assert.deepEqual(await source.apply(refs(1), "delete"), { changed: refs(1), gone: [], undone: [] });
        assert.deepEqual(await source.apply(refs(3), { moveTo: done.id }), { changed: refs(3), gone: [], undone: [] });
        for (const action of ["seen", "delete", { moveTo: done.id }] as const)
          assert.deepEqual(await source.apply(refs(1), action), { changed: [], gone: refs(1), undone: [] });
        assert.deepEqual(await source.apply(refs(1, 2), "delete"), { changed: refs(2), gone: refs(1), undone: [] });
      });
      const seen = [...(await rig.look("INBOX"))].map(([id, look]) => [id, look.seen]);
      assert.deepEqual(seen, [
        [idOf("m0"), true],
        [idOf("m4"), false],
      ]);
      assert.deepEqual([...(await rig.look("Done")).keys()], [idOf("before"), idOf("m3")]);
    });

  test("a cursor that is not one of ours is lost, not an error", async () => {
    const rig = await server().mailbox();
    const folder = await folderOf(rig, "INBOX");
    await using(rig.open(), async (source) => {
      for (const cursor of ["", "nonsense", "{}", '{"v":999}']) {
        assert.equal((await source.pull(folder.stream, cursor, { limit: 10, since: LONG_AGO })).kind, "reset", cursor);
      }
    });
  });

  test("a wrong password is a failure of whoever signs in with it that waiting does not cure and that does not tell the password", async () => {
    const rig = await server().mailbox();
    await using(rig.open({ password: "not-the-password" }), async (source) => {
      const failure = await source.folders().then(
        () => assert.fail("signed in"),
        (error: unknown) => error,
      );
      assert.ok(failure instanceof Failure);
      const [code, scope] = server().differences.serviceAccount ? ["service account refused", "profile"] : ["sign-in refused", "mailbox"];
      assert.deepEqual([failure.code, failure.scope, failure.waitingHelps], [code, scope, false]);
      assert.doesNotMatch(`${failure.message} ${failure.serverSaid} ${failure.remedy} ${failure.stack}`, /not-the-password/);
    });
  });
}
