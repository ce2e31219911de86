/** What may be done in which session: ids that hold for one only, and servers that do not let anybody in again at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../src/model/failure.ts";
import type { Cursor } from "../../src/model/message.ts";
import { contents, idOf, message, messageIds } from "./mail-source-rig.ts";
import { box, failing, page, reading } from "./scripted-pop3-rig.ts";

test("of messages that share an id only those are deleted whose content was handed out in the same session", async () => {
  const twin = (body: string) => ({ uidl: "shared", mime: message("twin", body) });
  const messages = [twin("one"), twin("two"), ...box("alone")];
  // The second connection comes after the proof, and another program has deleted the first twin by then.
  const script = (command: string, connection: number) => (command === "RSET" && connection === 1 ? null : undefined);
  await reading({ messages, script }, async (source, server) => {
    const { heads } = await page(source);
    assert.deepEqual(
      heads.map((head) => head.sharesId ?? false),
      [true, true, false],
    );
    const [first, , alone] = heads.map((head) => head.ref);
    assert.ok(first !== undefined && alone !== undefined);
    await contents(source, [first, alone]);
    const broken = await source.apply([first, alone], "delete");
    assert.deepEqual(
      broken.undone.map(({ ref, failure, apart }) => [ref, failure.code, apart]),
      [first, alone].map((ref) => [ref, "connection lost", true]),
    );
    server.messages = messages.slice(1);
    await source.heads([alone]);
    const { changed, undone } = await source.apply([first, alone], "delete");
    assert.deepEqual(
      [changed, undone.map(({ ref, failure }) => [ref, failure.code, failure.scope, failure.waitingHelps])],
      [[alone], [[first, "messages not told apart", "item", true]]],
    );
    assert.deepEqual(
      server.messages,
      messages.slice(1, 2),
      "what had its id alone goes; the second twin, which has the first one's id now, stays",
    );
    await contents(source, [first]);
    await source.apply([first], "delete");
    assert.deepEqual(server.messages, [], "handed out and deleted in one session");
  });
});

test("of what was looked at in a session that was left nothing is deleted in the next before it is looked at there", async () => {
  const script = (command: string) => (command === "RETR 3" ? "-ERR cannot read it\r\n" : undefined);
  await reading({ messages: box("a", "b", "c"), script }, async (source, server) => {
    const [first, ...others] = (await page(source)).heads.map((head) => head.ref);
    assert.ok(first !== undefined);
    const content = () => contents(source, [first, ...others]);
    assert.equal((await failing(content, "message unreadable")).scope, "item");
    assert.equal(server.heard.length, 2, "a new session showed whether the third is still there");
    const { undone } = await source.apply([first], "delete");
    assert.deepEqual(
      undone.map(({ failure, lookAgain }) => [failure.code, failure.scope, failure.waitingHelps, lookAgain]),
      [["messages not looked at", "item", true, true]],
    );
    assert.equal(server.messages.length, 3);
    await source.heads([first]);
    assert.deepEqual((await source.apply([first], "delete")).undone, []);
    assert.deepEqual(server.messages, box("b", "c"));
  });
});

test("a message that is not handed out keeps no other from being read where the server does not let us in again soon", async () => {
  const delay = ["TOP", "UIDL", "SASL PLAIN", "RESP-CODES", "LOGIN-DELAY 60"];
  for (const [refusal, capabilities, connections] of [
    ["-ERR [LOGIN-DELAY] too soon\r\n", delay, 1],
    ["-ERR [LOGIN-DELAY] too soon\r\n", delay.slice(0, -1), 2],
    ["-ERR [IN-USE] locked\r\n", delay.slice(0, -1), 4],
  ] as const) {
    const script = (command: string, connection: number) => {
      if (command.startsWith("AUTH") && connection > 1) return refusal;
      return command === "RETR 2" ? "-ERR message damaged\r\n" : undefined;
    };
    await reading({ messages: box("a", "b", "c"), capabilities, script, greeting: "+OK" }, async (source, server) => {
      const { heads } = await page(source);
      const read: string[] = [];
      await failing(async () => {
        for await (const content of source.content(
          heads.map((head) => head.ref),
          { maximumSize: 1_000_000 },
        ))
          read.push(`${content.kind} ${content.ref.id.split(" ")[0]}`);
      }, "message unreadable");
      assert.deepEqual(read, ["mime uid-a", "mime uid-c"]);
      assert.equal(server.heard.length, connections);
    });
  }
});

test("after deleting, a server that has not let go of the mailbox yet is asked once more", async () => {
  const script = (command: string, connection: number) =>
    command.startsWith("AUTH") && connection === 2 ? "-ERR [IN-USE] locked\r\n" : undefined;
  await reading({ messages: box("a", "b"), script, greeting: "+OK" }, async (source, server) => {
    const [first, second] = (await page(source)).heads.map((head) => head.ref);
    assert.ok(first && second);
    await source.apply([first], "delete");
    await source.heads([second]);
    await source.apply([second], "delete");
    assert.deepEqual([server.messages.length, server.heard.length], [0, 3]);
  });
});

/** Lets in once, and again only after `reopen`; hangs up at some commands. */
function hangingUpAt(commands: RegExp) {
  let isOpen = true;
  const script = (command: string) => {
    if (commands.test(command)) return null;
    if (!command.startsWith("AUTH")) return undefined;
    if (!isOpen) return "-ERR [LOGIN-DELAY] too soon\r\n";
    isOpen = false;
    return undefined;
  };
  const capabilities = ["TOP", "UIDL", "SASL PLAIN", "PIPELINING", "RESP-CODES", "LOGIN-DELAY 60"];
  const reopen = () => {
    isOpen = true;
  };
  return { options: { script, capabilities, greeting: "+OK" }, reopen };
}

test("a server that hangs up at a message and lets nobody in again soon: heads before it come at once, those after it the next time, and then it is unreadable", async () => {
  const { options, reopen } = hangingUpAt(/^(TOP|RETR) 2\b/);
  await reading({ ...options, messages: box("a", "b", "c", "d") }, async (source) => {
    const first = await page(source);
    assert.deepEqual([messageIds(first.heads), first.more], [[idOf("a")], true]);
    const failure = await failing(() => page(source, first.cursor), "sign-in too soon");
    assert.ok(failure.notBefore);
    reopen();
    const second = await page(source, first.cursor);
    assert.deepEqual([messageIds(second.heads), second.more], [["c", "d"].map(idOf), true]);
    await failing(() => page(source, second.cursor), "sign-in too soon");
    reopen();
    const third = await page(source, second.cursor);
    assert.deepEqual(
      third.heads.map((head) => [head.ref.id.split(" ")[0], head.unreadable !== undefined]),
      [["uid-b", true]],
    );
    assert.ok(!third.more);
    reopen();
    assert.deepEqual((await page(source, third.cursor)).heads, []);
  });
});

test("a session that is ended at another message each time gets on all the same", async () => {
  let commands = 0;
  const { options, reopen } = hangingUpAt(/^nothing/);
  const script = (command: string) => {
    if (command.startsWith("AUTH")) commands = 0;
    return command.startsWith("TOP") && ++commands > 3 ? null : options.script(command);
  };
  await reading({ ...options, script, messages: box("a", "b", "c", "d", "e", "f", "g") }, async (source) => {
    const read: string[] = [];
    let cursor: Cursor | null = null;
    for (let more = true, round = 0; more; round++) {
      assert.ok(round < 6, "it gets on");
      reopen();
      const pull: Awaited<ReturnType<typeof page>> | null = await page(source, cursor).catch((error: unknown) =>
        error instanceof Failure ? null : Promise.reject(error),
      );
      if (pull === null) continue;
      assert.ok(pull.heads.every((head) => head.unreadable === undefined));
      read.push(...messageIds(pull.heads));
      ({ cursor, more } = pull);
    }
    assert.deepEqual(read.sort(), ["a", "b", "c", "d", "e", "f", "g"].map(idOf));
  });
});

test("content before the message at which the server hangs up comes at once, that behind it the next time, and then the message is unreadable", async () => {
  const { options, reopen } = hangingUpAt(/^RETR 2\b/);
  await reading({ ...options, messages: box("a", "b", "c") }, async (source) => {
    const refs = (await page(source)).heads.map((head) => head.ref);
    const read: string[] = [];
    const readAll = async (some: typeof refs) => {
      for await (const content of source.content(some, { maximumSize: 1_000_000 }))
        read.push(`${content.kind} ${content.ref.id.split(" ")[0]}`);
    };
    await failing(() => readAll(refs), "sign-in too soon");
    assert.deepEqual(read, ["mime uid-a"]);
    reopen();
    await failing(() => readAll(refs.slice(1)), "sign-in too soon");
    assert.deepEqual(read, ["mime uid-a", "mime uid-c"]);
    reopen();
    await failing(() => readAll(refs.slice(1, 2)), "message unreadable");
    assert.deepEqual(read, ["mime uid-a", "mime uid-c"]);
  });
});

test("one at which a connection broke, before headers that fill what is read at one time: heads come to an end", async () => {
  const filler = `X-Filler:${` ${"x".repeat(900)}\r\n`.repeat(115)}`;
  const messages = Array.from({ length: 200 }, (_, index) => ({ uidl: `n${index + 1}`, mime: message(`m${index + 1}`, "x\r\n", filler) }));
  let broken = false;
  const script = (command: string) => {
    if (broken || command !== "TOP 90 0") return undefined;
    broken = true;
    return null;
  };
  await reading({ messages, script }, async (source, server) => {
    const heads = await source.heads(messages.map(({ uidl, mime }) => ({ stream: "INBOX", id: `${uidl} ${mime.length}` })));
    assert.equal(heads.length, messages.length);
    const asked = server.heard.flat().filter((command) => command.startsWith("TOP")).length;
    assert.ok(asked < 2 * messages.length, `TOP was said ${asked} times`);
  });
});
