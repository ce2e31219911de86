/** A hostile server sends what nobody asked for, without an end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

/** Megabytes of rows; the command is never answered to its end. */
const SENT = 60;

test("the content of other messages that comes in the place of the one asked for costs a connection, and is not held", async () => {
  const body = "x".repeat(1_000_000);
  const script = (command: string) =>
    /^UID FETCH 1 .*BODY\.PEEK\[\]/.test(command)
      ? Buffer.from(
          Array.from(
            { length: SENT },
            (_, index) => `* ${index + 2} FETCH (UID ${index + 2} BODY[]<0> {${body.length}}\r\n${body})\r\n`,
          ).join(""),
        )
      : undefined;
  await using server = await startScriptedImap({ script, inbox: { uidNext: 2, messages: [{ uid: 1, mime: message("m1") }] } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port, { timeout: 60_000 }), 1_000_000) });
  const source = system.source(access("ann"));
  const started = performance.now();
  const kinds: string[] = [];
  for await (const { kind } of source.content([{ stream: "INBOX", id: "7.1" }], { maximumSize: 1_000_000 })) kinds.push(kind);
  assert.deepEqual(kinds, ["too large"]);
  assert.ok(performance.now() - started < 30_000, "the end was not waited for");
});
