/** What may be done in which session: ids that hold for one only, and servers that do not let anybody in again at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contents, message } from "./mail-source-rig.ts";
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
    await failing(() => source.apply([first, alone], "delete"), "connection lost");
    server.messages = messages.slice(1);
    const failure = await failing(() => source.apply([first, alone], "delete"), "messages not told apart");
    assert.deepEqual([failure.scope, failure.waitingHelps], ["item", true]);
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
    await source.apply([second], "delete");
    assert.deepEqual([server.messages.length, server.heard.length], [0, 3]);
  });
});
