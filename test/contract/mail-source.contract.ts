/** What every MailSource must keep, whatever the mail system. Run it over each implementation and each real server. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { Failure } from "../../src/model/failure.ts";
import type { Content, Cursor, MessageHead, MessageRef, Stream } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type CuttingProxy, startCuttingProxy } from "../servers/cutting-proxy.ts";

/** One mailbox on a server of its own or shared, empty at first. Folders are named without prefix; `INBOX` always exists. */
export interface MailboxRig {
  /** Opens the mailbox as a new process would. */
  open(how?: { readonly password?: string; readonly port?: number }): MailSource;
  /** Where `open` connects to. */
  readonly port: number;
  /** Puts messages there as a mail server does, making the folder if need be. */
  put(folder: string, ...messages: readonly { readonly mime: Buffer; readonly received?: Date }[]): Promise<void>;
  /** Takes the message away, as another program of the user does. */
  remove(folder: string, messageId: string): Promise<void>;
  move(folder: string, messageId: string, destination: string): Promise<void>;
  /** Message-IDs of the folder by what another program sees of them. */
  look(folder: string): Promise<ReadonlyMap<string, { readonly seen: boolean }>>;
}

export interface ServerRig extends AsyncDisposable {
  /** A mailbox that no other test uses. */
  mailbox(): Promise<MailboxRig>;
}

const LONG_AGO = new Date("2001-01-01T00:00:00Z");
const A_LOT = 1000;
const LIMIT = 30 * 1024 * 1024;

/** A message whose Message-ID and subject tell its number. */
export function message(id: string, body: string | Buffer = "Hello,\r\n\r\nthis is a test.\r\n", moreHeader = ""): Buffer {
  const header = [
    "From: Ann Lee <ann@example.test>",
    "To: bob@example.test",
    `Subject: Message ${id}`,
    "Date: Mon, 23 Nov 2026 10:00:00 +0000",
    `Message-ID: <${id}@example.test>`,
  ];
  return Buffer.concat([Buffer.from(`${header.join("\r\n")}\r\n${moreHeader}\r\n`, "latin1"), Buffer.from(body)]);
}

export const idOf = (id: string) => `${id}@example.test`;

/** All pages from a cursor on, with a new source for each page where `open` is given. */
export async function drain(
  open: () => MailSource,
  stream: string,
  start: Cursor | null,
  options: { readonly limit?: number; readonly since?: Date; readonly reopen?: boolean } = {},
): Promise<{ readonly pages: readonly Extract<Pull, { kind: "page" }>[]; readonly heads: readonly MessageHead[]; readonly cursor: Cursor }> {
  const pages: Extract<Pull, { kind: "page" }>[] = [];
  let cursor = start;
  let source = open();
  try {
    for (;;) {
      const pull = await source.pull(stream, cursor, { limit: options.limit ?? A_LOT, since: options.since ?? LONG_AGO });
      if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
      pages.push(pull);
      assert.ok(pages.length < 500, "pulling comes to an end");
      cursor = pull.cursor;
      if (!pull.more) return { pages, heads: pages.flatMap((page) => page.heads), cursor };
      if (options.reopen) {
        await source.close();
        source = open();
      }
    }
  } finally {
    await source.close();
  }
}

/** What a faithful reader holds of a stream, after each page. */
class Held {
  readonly ids = new Map<string, string>();

  take(pull: Extract<Pull, { kind: "page" }>): void {
    for (const head of pull.heads) this.ids.set(head.ref.id, head.messageId ?? "");
    for (const ref of pull.gone) this.ids.delete(ref.id);
    if (pull.present !== null) {
      const present = new Set(pull.present);
      for (const id of this.ids.keys()) if (!present.has(id)) this.ids.delete(id);
    }
  }

  messageIds(): string[] {
    return [...this.ids.values()].sort();
  }
}

async function contents(source: MailSource, refs: readonly MessageRef[], maximumSize = LIMIT): Promise<Map<string, Content>> {
  const answers = new Map<string, Content>();
  for await (const content of source.content(refs, { maximumSize })) {
    assert.ok(!answers.has(content.ref.id), `${content.ref.id} is answered once`);
    answers.set(content.ref.id, content);
  }
  return answers;
}

const byName = (streams: readonly Stream[], name: string): Stream => {
  const found = streams.find((stream) => (name === "INBOX" ? stream.role === "inbox" : stream.name.split("/").at(-1) === name));
  assert.ok(found, `there is a stream for ${name}: ${streams.map((stream) => stream.name).join(", ")}`);
  return found;
};

async function using<T>(source: MailSource, work: (source: MailSource) => Promise<T>): Promise<T> {
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

const streamId = (rig: MailboxRig, name: string) => using(rig.open(), async (source) => byName(await source.streams(), name).id);

const messageIds = (heads: readonly MessageHead[]) => heads.map((head) => head.messageId ?? "");

const numbers = (count: number, prefix = "m") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** Registers the suite. `setup` starts the server once for all of it. */
export function mailSourceContract(name: string, skip: string | false, setup: () => Promise<ServerRig>): void {
  describe(`mail source: ${name}`, { skip }, () => {
    let server: ServerRig;
    before(async () => {
      server = await setup();
    });
    after(() => server?.[Symbol.asyncDispose]());

    test("every folder is a stream, the inbox among them, with its name and count", async () => {
      const rig = await server.mailbox();
      await rig.put("INBOX", { mime: message("one") });
      await rig.put("Größe & Café", { mime: message("two") }, { mime: message("three") });
      await using(rig.open(), async (source) => {
        const streams = await source.streams();
        assert.equal(new Set(streams.map((stream) => stream.id)).size, streams.length, "ids are different");
        const inbox = byName(streams, "INBOX");
        assert.deepEqual(
          { selectable: inbox.selectable, underInbox: inbox.underInbox, namespace: inbox.namespace, messages: inbox.messages, unreadable: inbox.unreadable },
          { selectable: true, underInbox: true, namespace: "personal", messages: 1, unreadable: null },
        );
        const other = byName(streams, "Größe & Café");
        assert.equal(other.messages, 2);
        assert.deepEqual(messageIds((await drain(() => rig.open(), other.id, null)).heads), [idOf("two"), idOf("three")]);
      });
    });

    test("an empty folder gives an empty page and a cursor", async () => {
      const rig = await server.mailbox();
      const stream = await streamId(rig, "INBOX");
      const { heads, pages, cursor } = await drain(() => rig.open(), stream, null);
      assert.deepEqual([heads, pages.length], [[], 1]);
      await rig.put("INBOX", { mime: message("first") });
      assert.deepEqual(messageIds((await drain(() => rig.open(), stream, cursor)).heads), [idOf("first")]);
    });

    test("the first pull leaves out nothing that was received since the date asked for", async () => {
      const rig = await server.mailbox();
      const since = new Date("2026-03-10T12:00:00Z");
      const dates = ["2025-01-01T00:00:00Z", "2026-03-10T12:00:00Z", "2026-03-10T23:59:59Z", "2026-11-01T00:00:00Z", "2026-03-11T00:00:00Z"];
      await rig.put("INBOX", ...dates.map((date, index) => ({ mime: message(`m${index}`), received: new Date(date) })));
      const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null, { since });
      const expected = dates.flatMap((date, index) => (new Date(date) >= since ? [idOf(`m${index}`)] : []));
      const got = heads.filter((head) => head.received >= since);
      assert.deepEqual(messageIds(got), expected);
      assert.deepEqual(got.map((head) => head.received.toISOString()), dates.filter((date) => new Date(date) >= since).map((date) => new Date(date).toISOString()));
    });

    for (const reopen of [false, true]) {
      test(`small pages give every message once, oldest first${reopen ? ", also when each is read by another process" : ""}`, async () => {
        const rig = await server.mailbox();
        const names = numbers(11);
        await rig.put("INBOX", ...names.map((one) => ({ mime: message(one) })));
        const { heads, pages } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null, { limit: 3, reopen });
        assert.deepEqual(messageIds(heads), names.map(idOf));
        assert.equal(pages.length, 4);
      });
    }

    test("mail that arrives during the first reading and after it comes exactly once", async () => {
      const rig = await server.mailbox();
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
      const rig = await server.mailbox();
      const received = new Date("2026-05-04T03:02:01Z");
      const mime = message("told", "x\r\n", "In-Reply-To: <earlier@example.test>\r\nReferences: <first@example.test>\r\n <earlier@example.test>\r\nList-Id: <list.example.test>\r\n");
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
      const rig = await server.mailbox();
      await rig.put("INBOX", { mime: message("one") }, { mime: message("two") });
      const stream = await streamId(rig, "INBOX");
      const { cursor } = await drain(() => rig.open(), stream, null);
      const { pages } = await drain(() => rig.open(), stream, cursor);
      assert.deepEqual(pages.map(({ heads, gone, present }) => ({ heads, gone, present })), [{ heads: [], gone: [], present: null }]);
    });

    test("a message that was moved comes in the other folder and leaves the first", async () => {
      const rig = await server.mailbox();
      await rig.put("INBOX", { mime: message("stays") }, { mime: message("moves") });
      await rig.put("Projects", { mime: message("there") });
      const [inbox, projects] = [await streamId(rig, "INBOX"), await streamId(rig, "Projects")];
      const [heldInbox, heldProjects] = [new Held(), new Held()];
      const first = await drain(() => rig.open(), inbox, null);
      const second = await drain(() => rig.open(), projects, null);
      first.pages.forEach((page) => heldInbox.take(page));
      second.pages.forEach((page) => heldProjects.take(page));
      await rig.move("INBOX", idOf("moves"), "Projects");
      (await drain(() => rig.open(), inbox, first.cursor)).pages.forEach((page) => heldInbox.take(page));
      const arrived = await drain(() => rig.open(), projects, second.cursor);
      arrived.pages.forEach((page) => heldProjects.take(page));
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
          const rig = await server.mailbox();
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

    test("content is what was put there, byte for byte, and reading it marks nothing as read", async () => {
      const rig = await server.mailbox();
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
      const rig = await server.mailbox();
      const large = message("large", "y".repeat(50_000));
      await rig.put("INBOX", { mime: message("small") }, { mime: large }, { mime: message("small2") });
      const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null);
      const answers = await using(rig.open(), (source) => contents(source, heads.map((head) => head.ref), 20_000));
      const kinds = heads.map((head) => answers.get(head.ref.id));
      assert.deepEqual(kinds.map((content) => content?.kind), ["mime", "too large", "mime"]);
      assert.deepEqual(kinds[1], { ref: heads[1]?.ref, kind: "too large", size: large.length, limit: 20_000 });
    });

    test("a message that has gone is told as gone, and every other ref is answered", async () => {
      const rig = await server.mailbox();
      await rig.put("INBOX", ...numbers(4).map((one) => ({ mime: message(one) })));
      const stream = await streamId(rig, "INBOX");
      const { heads } = await drain(() => rig.open(), stream, null);
      await rig.remove("INBOX", idOf("m1"));
      const refs = [...heads.map((head) => head.ref), { stream, id: "never.given" }];
      const answers = await using(rig.open(), (source) => contents(source, refs));
      assert.deepEqual(refs.map((ref) => answers.get(ref.id)?.kind), ["mime", "gone", "mime", "mime", "gone"]);
    });

    test("other commands may follow while content is being taken slowly", async () => {
      const rig = await server.mailbox();
      await rig.put("INBOX", ...numbers(3).map((one) => ({ mime: message(one) })));
      const stream = await streamId(rig, "INBOX");
      const { heads } = await drain(() => rig.open(), stream, null);
      await using(rig.open(), async (source) => {
        let taken = 0;
        for await (const content of source.content(heads.map((head) => head.ref), { maximumSize: LIMIT })) {
          assert.equal(content.kind, "mime");
          assert.equal((await source.find(stream, idOf("m2"))).length, 1);
          taken++;
        }
        assert.equal(taken, 3);
      });
    });

    test("ten thousand recipients and a header without end make a head, not a failure", async () => {
      const rig = await server.mailbox();
      const recipients = Array.from({ length: 10_000 }, (_, index) => `person${index}@example.test`).join(",\r\n ");
      const endless = `X-Filler: ${"z".repeat(900)}\r\n`.repeat(2500);
      await rig.put("INBOX", { mime: message("many", "x", `Cc: ${recipients}\r\n`) }, { mime: message("endless", "x", endless) }, { mime: message("normal") });
      const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null);
      assert.deepEqual(messageIds(heads), ["many", "endless", "normal"].map(idOf));
      const many = heads[0];
      assert.ok(many && many.cc.length > 1000);
      if (many.cc.length < 10_000) assert.equal(many.truncated, true, "what is left out is told");
      for (const address of many.cc) assert.match(address.address, /^person\d+@example\.test$/);
    });

    test("a message is found by exactly its Message-ID", async () => {
      const rig = await server.mailbox();
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
      const rig = await server.mailbox();
      const mime = message("sent");
      await using(rig.open(), async (source) => {
        assert.equal(await source.fileSent(idOf("sent"), mime, new Date("2026-06-01T10:00:00Z")), "filed");
        assert.equal(await source.fileSent(idOf("sent"), mime, new Date("2026-06-01T10:00:00Z")), "already there");
        const sent = (await source.streams()).find((stream) => stream.role === "sent");
        assert.ok(sent);
        const { heads } = await drain(() => rig.open(), sent.id, null);
        assert.deepEqual(messageIds(heads), [idOf("sent")]);
        assert.equal(heads[0]?.received.toISOString(), "2026-06-01T10:00:00.000Z");
        assert.ok(heads[0]?.flags.includes("\\Seen"));
      });
    });

    test("marking, moving and deleting change the named messages and no other", async () => {
      const rig = await server.mailbox();
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
      const rig = await server.mailbox();
      const stream = await streamId(rig, "INBOX");
      await using(rig.open(), async (source) => {
        for (const cursor of ["", "nonsense", "{}", '{"v":999}']) {
          assert.equal((await source.pull(stream, cursor, { limit: 10, since: LONG_AGO })).kind, "reset", cursor);
        }
      });
    });

    test("a wrong password is a failure of the mailbox that waiting does not cure and that does not tell the password", async () => {
      const rig = await server.mailbox();
      await using(rig.open({ password: "not-the-password" }), async (source) => {
        const failure = await source.streams().then(
          () => assert.fail("signed in"),
          (error: unknown) => error,
        );
        assert.ok(failure instanceof Failure);
        assert.deepEqual([failure.code, failure.scope, failure.waitingHelps], ["sign-in refused", "mailbox", false]);
        assert.doesNotMatch(`${failure.message} ${failure.serverSaid} ${failure.remedy} ${failure.stack}`, /not-the-password/);
      });
    });

    describe("connection cut in the middle", () => {
      let proxy: CuttingProxy;
      after(() => proxy?.[Symbol.asyncDispose]());

      /** How many bytes a whole reading takes, then the same with a cut at each of some points. */
      async function atEachCut(rig: MailboxRig, points: number, work: (source: MailSource) => Promise<void>, verify: () => Promise<void>): Promise<void> {
        proxy ??= await startCuttingProxy(rig.port);
        const { port } = proxy;
        const earlier = proxy.passed();
        await using(rig.open({ port }), work);
        const whole = proxy.passed();
        let failures = 0;
        for (const side of ["fromServer", "fromClient"] as const) {
          const total = whole[side] - earlier[side];
          for (let point = 0; point < points; point++) {
            proxy.cutNext(side, Math.floor((total * point) / points) + (point % 3));
            await using(rig.open({ port }), work).catch((error: unknown) => {
              assert.ok(error instanceof Failure, `a Failure, not ${String(error)}`);
              assert.equal(error.waitingHelps, true, error.message);
              failures++;
            });
            await verify();
          }
        }
        assert.ok(failures > points, "cutting did something");
      }

      test("pulling loses and doubles nothing", async () => {
        const rig = await server.mailbox();
        const names = numbers(9);
        await rig.put("INBOX", ...names.map((one) => ({ mime: message(one, "z".repeat(3000)) })));
        const stream = await streamId(rig, "INBOX");
        let held = new Held();
        let cursor: Cursor | null = null;
        const pullAll = async (source: MailSource) => {
          for (let more = true; more; ) {
            const pull: Pull = await source.pull(stream, cursor, { limit: 4, since: LONG_AGO });
            if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
            for (const head of pull.heads) assert.ok(!held.ids.has(head.ref.id), "no message comes twice");
            held.take(pull);
            cursor = pull.cursor;
            more = pull.more;
          }
        };
        const again = async (source: MailSource) => {
          held = new Held();
          cursor = null;
          await pullAll(source);
        };
        await atEachCut(rig, 9, again, async () => {
          await using(rig.open(), pullAll);
          assert.deepEqual(held.messageIds(), names.map(idOf).sort());
        });
      });

      test("content is whole or not given", async () => {
        const rig = await server.mailbox();
        const mimes = new Map(numbers(4).map((one) => [idOf(one), message(one, `${one} `.repeat(4000))]));
        await rig.put("INBOX", ...[...mimes.values()].map((mime) => ({ mime })));
        const { heads } = await drain(() => rig.open(), await streamId(rig, "INBOX"), null);
        const answered = new Set<string>();
        const read = async (source: MailSource) => {
          for await (const content of source.content(heads.map((head) => head.ref), { maximumSize: LIMIT })) {
            assert.ok(!answered.has(content.ref.id), "each ref once");
            answered.add(content.ref.id);
            const head = heads.find((one) => one.ref.id === content.ref.id);
            assert.ok(content.kind === "mime" && mimes.get(head?.messageId ?? "")?.equals(content.mime), `whole: ${content.kind}`);
          }
          assert.equal(answered.size, heads.length, "without an error all are answered");
        };
        await atEachCut(rig, 7, read, async () => answered.clear());
      });

      test("filing a sent message never files it twice", async () => {
        const rig = await server.mailbox();
        const mime = message("once", "w".repeat(5000));
        let made = 0;
        const file = async (source: MailSource) => {
          const id = `once${made}`;
          await source.fileSent(idOf(id), message(id, mime), new Date());
        };
        await atEachCut(rig, 8, file, async () => {
          await using(rig.open(), file);
          const copies = await using(rig.open(), async (source) => {
            const sent = (await source.streams()).find((stream) => stream.role === "sent");
            assert.ok(sent);
            return source.find(sent.id, idOf(`once${made}`));
          });
          assert.equal(copies.length, 1);
          made++;
        });
      });
    });
  });
}
