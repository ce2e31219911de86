/** Connections that break in the middle, at many points and on both sides. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Failure } from "../../src/model/failure.ts";
import type { Cursor } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type CuttingProxy, startCuttingProxy } from "../servers/cutting-proxy.ts";
import {
  drain,
  folderOf,
  Held,
  idOf,
  LIMIT,
  LONG_AGO,
  type MailboxRig,
  message,
  numbers,
  type ServerRig,
  using,
} from "./mail-source-rig.ts";

export function cutsContract(server: () => ServerRig, { folders }: { readonly folders: boolean }): void {
  describe("connection cut in the middle", () => {
    let proxy: CuttingProxy;
    after(() => proxy?.[Symbol.asyncDispose]());

    /** How many bytes a whole reading takes, then the same with a cut at each of some points. */
    async function atEachCut(
      rig: MailboxRig,
      points: number,
      work: (source: MailSource) => Promise<void>,
      verify: () => Promise<void>,
    ): Promise<void> {
      assert.ok(rig.port !== null, "there is a connection to cut");
      proxy ??= await startCuttingProxy(rig.port);
      const { port } = proxy;
      const earlier = proxy.passed();
      await using(rig.open({ port }), work);
      const whole = proxy.passed();
      let failures = 0;
      let runs = 0;
      const before = proxy.accepted();
      for (const side of ["fromServer", "fromClient"] as const) {
        const total = whole[side] - earlier[side];
        for (let point = 0; point < points; point++) {
          runs++;
          proxy.cutNext(side, Math.floor((total * point) / points) + (point % 3));
          await using(rig.open({ port }), work).catch((error: unknown) => {
            assert.ok(error instanceof Failure, `a Failure, not ${String(error)}`);
            assert.equal(error.waitingHelps, true, error.message);
            failures++;
          });
          await verify();
        }
      }
      const mended = proxy.accepted() - before - runs;
      assert.ok(failures + mended > points, `cutting did something: ${failures} failures, ${mended} times connected again`);
    }

    test("pulling loses and doubles nothing", async () => {
      const rig = await server().mailbox();
      const names = numbers(9);
      await rig.put("INBOX", ...names.map((one) => ({ mime: message(one, "z".repeat(3000)) })));
      const folder = await folderOf(rig, "INBOX");
      let held = new Held(folder);
      let cursor: Cursor | null = null;
      const pullAll = async (source: MailSource) => {
        for (let more = true; more; ) {
          const pull: Pull = await source.pull(folder.stream, cursor, { limit: 4, since: LONG_AGO });
          if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
          for (const head of pull.heads) assert.ok(!held.ids.has(head.ref.id), "no message comes twice");
          held.take(pull);
          cursor = pull.cursor;
          more = pull.more;
        }
      };
      const again = async (source: MailSource) => {
        held = new Held(folder);
        cursor = null;
        await pullAll(source);
      };
      await atEachCut(rig, 9, again, async () => {
        await using(rig.open(), pullAll);
        assert.deepEqual(held.messageIds(), names.map(idOf).sort());
      });
    });

    test("content is whole or not given", async () => {
      const rig = await server().mailbox();
      const mimes = new Map(numbers(4).map((one) => [idOf(one), message(one, `${`${one} `.repeat(4000)}\r\n`)]));
      await rig.put("INBOX", ...[...mimes.values()].map((mime) => ({ mime })));
      const { heads } = await drain(() => rig.open(), await folderOf(rig, "INBOX"), null);
      const answered = new Set<string>();
      const read = async (source: MailSource) => {
        for await (const content of source.content(
          heads.map((head) => head.ref),
          { maximumSize: LIMIT },
        )) {
          assert.ok(!answered.has(content.ref.id), "each ref once");
          answered.add(content.ref.id);
          const head = heads.find((one) => one.ref.id === content.ref.id);
          assert.ok(content.kind === "mime" && mimes.get(head?.messageId ?? "")?.equals(content.mime), `whole: ${content.kind}`);
        }
        assert.equal(answered.size, heads.length, "without an error all are answered");
      };
      await atEachCut(rig, 7, read, async () => answered.clear());
    });

    if (folders)
      test("filing a sent message never files it twice", async () => {
        const rig = await server().mailbox();
        const mime = message("once", "w".repeat(5000));
        let made = 0;
        const file = async (source: MailSource) => {
          const id = `once${made}`;
          await source.fileSent(idOf(id), message(id, mime), new Date());
        };
        await atEachCut(rig, 8, file, async () => {
          await using(rig.open(), file);
          const copies = await using(rig.open(), async (source) => {
            const sent = (await source.folders()).find((stream) => stream.role === "sent");
            assert.ok(sent);
            return source.find(sent.id, idOf(`once${made}`));
          });
          assert.equal(copies.length, 1);
          made++;
        });
      });
  });
}
