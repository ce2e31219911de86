/** A POP3 server that is in trouble for a moment: whether a message is to blame, or the server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { contents, idOf, messageIds } from "./mail-source-rig.ts";
import { box, failing, page, reading } from "./scripted-pop3-rig.ts";

test("a server that breaks off at the only new message and then lets nobody in is in trouble itself: the message comes when it is back", async () => {
  for (const lost of [/^CAPA/, /^APOP/, /^UIDL/]) {
    let down: "no" | "soon" | "yes" = "no";
    const script = (command: string) => {
      if (down === "soon" && command.startsWith("TOP")) down = "yes";
      return down === "yes" && (command.startsWith("TOP") || lost.test(command)) ? null : undefined;
    };
    await reading({ messages: box("a"), script }, async (source, server) => {
      const first = await page(source);
      server.messages = box("a", "b");
      down = "soon";
      await failing(() => page(source, first.cursor), "connection lost");
      down = "no";
      const { heads } = await page(source, first.cursor);
      assert.deepEqual([messageIds(heads), heads[0]?.unreadable], [[idOf("b")], undefined]);
    });
  }
});

test("a message at which the server breaks off only for a moment, as when it restarts behind a proxy, comes after that moment", async () => {
  let well = 0;
  const script = (command: string) => {
    if (!command.startsWith("TOP")) return undefined;
    well ||= Date.now() + 300;
    return Date.now() < well ? null : undefined;
  };
  await reading({ messages: box("a"), script }, async (source, server) => {
    const { heads } = await page(source);
    assert.deepEqual([messageIds(heads), heads[0]?.unreadable], [[idOf("a")], undefined]);
    assert.ok(!server.heard.flat().some((command) => command.startsWith("RETR")), "TOP was answered");
  });
});

for (const refusal of ["-ERR [SYS/TEMP] Mailbox storage busy\r\n", "-ERR Please try again later\r\n"]) {
  const words = refusal.slice("-ERR ".length).trim();

  test(`a mailbox that hands out nothing for a time (${words}) is in trouble itself: its messages come later`, async () => {
    let refuses = /^(TOP|RETR)/;
    const script = (command: string) => (refuses.test(command) ? refusal : undefined);
    for (const before of [[], ["a"]]) {
      refuses = /^nothing/;
      await reading({ messages: box(...before), script }, async (source, server) => {
        const { cursor } = await page(source);
        server.messages = box(...before, "b");
        refuses = /^(TOP|RETR)/;
        const failure = await failing(() => page(source, cursor), "mailbox unavailable");
        assert.deepEqual([failure.scope, failure.waitingHelps, failure.serverSaid], ["mailbox", true, words]);
        refuses = /^RETR/;
        const { heads } = await page(source, cursor);
        assert.deepEqual([messageIds(heads), heads[0]?.unreadable], [[idOf("b")], undefined]);
        const refs = heads.map(({ ref }) => ref);
        await failing(() => contents(source, refs), "mailbox unavailable");
        refuses = /^nothing/;
        assert.deepEqual(
          [...(await contents(source, refs)).values()].map(({ kind }) => kind),
          ["mime"],
        );
      });
    }
  });

  test(`a message refused each time (${words}) stops neither the mailbox nor the others that are handed out`, async () => {
    const script = (command: string) => (/^(TOP|RETR) 2\b/.test(command) ? refusal : undefined);
    await reading({ messages: box("a"), script }, async (source, server) => {
      const { cursor } = await page(source);
      server.messages = box("a", "b");
      const { heads } = await page(source, cursor);
      assert.match(heads[0]?.unreadable ?? "", /later|busy/);
      await failing(() => contents(source, [heads[0]?.ref ?? assert.fail()]), "message unreadable");
    });
  });
}

test("a server that calls TOP unavailable is asked for the whole message", async () => {
  const script = (command: string) => (command.startsWith("TOP") ? "-ERR command unavailable\r\n" : undefined);
  await reading({ messages: box("a"), script, capabilities: null }, async (source) =>
    assert.deepEqual(messageIds((await page(source)).heads), [idOf("a")]),
  );
});
