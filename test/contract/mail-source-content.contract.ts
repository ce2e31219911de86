/** Content, finding, filing and changing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../src/model/failure.ts";
import {
  contents,
  drain,
  idOf,
  LIMIT,
  LONG_AGO,
  message,
  messageIds,
  numbers,
  type ServerRig,
  streamId,
  using,
} from "./mail-source-rig.ts";

export function contentContract(server: () => ServerRig): void {
  test("content is what was put there, byte for byte, and reading it marks nothing as read", async () => {
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
    const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null);
    assert.equal(heads.length, mimes.size);
    const answers = await using(rig.open(), (source) => contents(source, heads.map((head) => head.ref).reverse()));
    for (const head of heads) {
      const content = answers.get(head.ref.id);
      assert.equal(content?.kind, "mime", head.messageId ?? "");
      assert.ok(content?.kind === "mime" && mimes.get(head.messageId ?? "")?.equals(content.mime), `${head.messageId} is unchanged`);
    }
    for (const [id, { seen }] of await rig.look("INBOX")) assert.equal(seen, false, id);
  });

  test("a message above the limit is not downloaded, the others are", async () => {
    const rig = await server().mailbox();
    const large = message("large", "y".repeat(50_000));
    await rig.put("INBOX", { mime: message("small") }, { mime: large }, { mime: message("small2") });
    const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null);
    const answers = await using(rig.open(), (source) =>
      contents(
        source,
        heads.map((head) => head.ref),
        20_000,
      ),
    );
    const kinds = heads.map((head) => answers.get(head.ref.id));
    assert.deepEqual(
      kinds.map((content) => content?.kind),
      ["mime", "too large", "mime"],
    );
    assert.deepEqual(kinds[1], { ref: heads[1]?.ref, kind: "too large", size: large.length, limit: 20_000 });
  });

  test("a message that has gone is told as gone, and every other ref is answered", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", ...numbers(4).map((one) => ({ mime: message(one) })));
    const stream = await streamId(rig, "INBOX");
    const { heads } = await drain(() => rig.open(), stream, null);
    await rig.remove("INBOX", idOf("m1"));
    const refs = [...heads.map((head) => head.ref), { stream, id: "never.given" }];
    const answers = await using(rig.open(), (source) => contents(source, refs));
    assert.deepEqual(
      refs.map((ref) => answers.get(ref.id)?.kind),
      ["mime", "gone", "mime", "mime", "gone"],
    );
  });

  test("other commands may follow while content is being taken slowly", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", ...numbers(3).map((one) => ({ mime: message(one) })));
    const stream = await streamId(rig, "INBOX");
    const { heads } = await drain(() => rig.open(), stream, null);
    await using(rig.open(), async (source) => {
      let taken = 0;
      for await (const content of source.content(
        heads.map((head) => head.ref),
        { maximumSize: LIMIT },
      )) {
        assert.equal(content.kind, "mime");
        assert.equal((await source.find(stream, idOf("m2"))).length, 1);
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
    const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null);
    assert.deepEqual(messageIds(heads), ["many", "endless", "normal"].map(idOf));
    const many = heads[0];
    assert.ok(many && many.cc.length > 1000);
    if (many.cc.length < 10_000) assert.equal(many.truncated, true, "what is left out is told");
    for (const address of many.cc) assert.match(address.address, /^person\d+@example\.test$/);
  });

  test("a message is found by exactly its Message-ID", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", { mime: message("abc") }, { mime: message("xabc") }, { mime: message("abc") });
    const stream = await streamId(rig, "INBOX");
    const { heads } = await drain(() => rig.open(), stream, null);
    await using(rig.open(), async (source) => {
      assert.deepEqual(await source.find(stream, idOf("abc")), [heads[0]?.ref, heads[2]?.ref]);
      assert.deepEqual(await source.find(stream, idOf("nobody")), []);
      assert.deepEqual(await source.find(stream, 'a"b\\c\r\nA1 LOGOUT'), []);
    });
  });

  test("a sent message is filed once, as read", async () => {
    const rig = await server().mailbox();
    const mime = message("sent");
    await using(rig.open(), async (source) => {
      assert.equal(await source.fileSent(idOf("sent"), mime, new Date("2026-06-01T10:00:00Z")), "filed");
      assert.equal(await source.fileSent(idOf("sent"), mime, new Date("2026-06-01T10:00:00Z")), "already there");
      const sent = (await source.folders()).find((stream) => stream.role === "sent");
      assert.ok(sent);
      const { heads } = await drain(() => rig.open(), sent.id, null);
      assert.deepEqual(messageIds(heads), [idOf("sent")]);
      assert.equal(heads[0]?.received.toISOString(), "2026-06-01T10:00:00.000Z");
      assert.ok(heads[0]?.flags.includes("\\Seen"));
    });
  });

  test("marking, moving and deleting change the named messages and no other", async () => {
    const rig = await server().mailbox();
    await rig.put("INBOX", ...numbers(5).map((one) => ({ mime: message(one) })));
    await rig.put("Done", { mime: message("before") });
    const [stream, done] = [await streamId(rig, "INBOX"), await streamId(rig, "Done")];
    const { heads } = await drain(() => rig.open(), stream, null);
    const refs = (...indexes: number[]) => indexes.flatMap((index) => heads[index]?.ref ?? []);
    await using(rig.open(), async (source) => {
      await source.apply(refs(0, 3), "seen");
      await source.apply(refs(1), "delete");
      await source.apply(refs(3), { moveTo: done });
    });
    const seen = [...(await rig.look("INBOX"))].map(([id, look]) => [id, look.seen]);
    assert.deepEqual(seen, [
      [idOf("m0"), true],
      [idOf("m2"), false],
      [idOf("m4"), false],
    ]);
    assert.deepEqual([...(await rig.look("Done")).keys()], [idOf("before"), idOf("m3")]);
  });

  test("a cursor that is not one of ours is lost, not an error", async () => {
    const rig = await server().mailbox();
    const stream = await streamId(rig, "INBOX");
    await using(rig.open(), async (source) => {
      for (const cursor of ["", "nonsense", "{}", '{"v":999}']) {
        assert.equal((await source.pull(stream, cursor, { limit: 10, since: LONG_AGO })).kind, "reset", cursor);
      }
    });
  });

  test("a wrong password is a failure of the mailbox that waiting does not cure and that does not tell the password", async () => {
    const rig = await server().mailbox();
    await using(rig.open({ password: "not-the-password" }), async (source) => {
      const failure = await source.folders().then(
        () => assert.fail("signed in"),
        (error: unknown) => error,
      );
      assert.ok(failure instanceof Failure);
      assert.deepEqual([failure.code, failure.scope, failure.waitingHelps], ["sign-in refused", "mailbox", false]);
      assert.doesNotMatch(`${failure.message} ${failure.serverSaid} ${failure.remedy} ${failure.stack}`, /not-the-password/);
    });
  });
}
