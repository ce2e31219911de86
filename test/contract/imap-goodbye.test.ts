/** A server that says goodbye when a message is asked for: whether the message is to blame, or the server goes away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Cursor } from "../../src/model/message.ts";
import type { MailSource, Pull } from "../../src/ports.ts";
import { type ScriptedImap, type ScriptedImapOptions, type ScriptedMessage, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

async function withServer(options: ScriptedImapOptions, work: (source: MailSource, server: ScriptedImap) => Promise<void>): Promise<void> {
  await using server = await startScriptedImap(options);
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  await work(system.source(access("ann")), server);
}

const some = (...uids: number[]): ScriptedMessage[] => uids.map((uid) => ({ uid, mime: message(`m${uid}`) }));

async function page(source: MailSource, cursor: Cursor | null): Promise<Extract<Pull, { kind: "page" }>> {
  const pull = await source.pull("INBOX", cursor, { limit: 100, since: new Date("2001-01-01") });
  if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
  return pull;
}

const uidsOf = (pull: Extract<Pull, { kind: "page" }>) => pull.heads.map((head) => Number(head.ref.id.split(".")[1]));

test("a server that says goodbye at the only new message and then to everybody is in trouble itself: the message comes when it is back", async () => {
  const bye = { cut: "* BYE Server shutting down.\r\n" };
  for (const lost of ["greeting", "EXAMINE"]) {
    let down: "no" | "soon" | "yes" = "no";
    const options: { greeting: string } & ScriptedImapOptions = {
      greeting: "* OK ready",
      inbox: { uidNext: 2, messages: some(1) },
      script(command) {
        if (down === "soon" && /^UID FETCH 2 .*HEADER/.test(command)) {
          down = "yes";
          if (lost === "greeting") options.greeting = "* BYE Server shutting down.";
          return bye;
        }
        return down === "yes" && command.startsWith(lost) ? bye : undefined;
      },
    };
    await withServer(options, async (source, { inbox }) => {
      const first = await page(source, null);
      inbox.messages = some(1, 2);
      inbox.uidNext = 3;
      down = "soon";
      await assert.rejects(page(source, first.cursor), { code: "server closing", serverSaid: "Server shutting down." });
      down = "no";
      options.greeting = "* OK ready";
      const second = await page(source, first.cursor);
      assert.deepEqual([uidsOf(second), second.heads[0]?.unreadable], [[2], undefined]);
    });
  }
});

test("the only new message at which the server says goodbye each time is told as damaged, and does not stop the mailbox", async () => {
  const script = (command: string) => (/^UID FETCH 2 .*HEADER/.test(command) ? { cut: "* BYE FETCH failed\r\n" } : undefined);
  await withServer({ script, inbox: { uidNext: 2, messages: some(1) } }, async (source, { inbox }) => {
    const first = await page(source, null);
    inbox.messages = some(1, 2);
    inbox.uidNext = 3;
    const second = await page(source, first.cursor);
    assert.deepEqual([uidsOf(second), second.heads[0]?.unreadable], [[2], "FETCH failed"]);
  });
});
