/** A hostile server sends what nobody asked for, without an end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { Failure } from "../../src/model/failure.ts";
import { startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { LONG_AGO, message } from "./mail-source-rig.ts";

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

/** What comes of the list of a folder without UIDVALIDITY that holds one message, when the server answers so and never ends it. */
async function listedSo(answer: string): Promise<unknown> {
  const script = (command: string) =>
    /^UID FETCH 1:\* \(UID INTERNALDATE RFC822\.SIZE/.test(command) ? Buffer.from(answer, "latin1") : undefined;
  await using server = await startScriptedImap({
    script,
    inbox: { validity: null, uidNext: 2, messages: [{ uid: 1, mime: message("m1") }] },
  });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 1_000_000) });
  const pull = system.source(access("ann")).pull("INBOX", null, { limit: 100, since: LONG_AGO });
  return await pull.catch((failure: unknown) => failure);
}

test("a list of messages that has no end is given up, and the failure names the folder", async () => {
  const listed = (uid: number, more = "") =>
    `* ${uid} FETCH (UID ${uid} INTERNALDATE "23-Nov-2026 10:00:00 +0000" RFC822.SIZE 100${more})\r\n`;
  const answers = {
    "of ever more messages": Array.from({ length: 5000 }, (_, index) => listed(index + 1)).join(""),
    "of the same message again and again": listed(1).repeat(50_000),
    "in rows of a megabyte": listed(1, ` X {1000000}\r\n${"x".repeat(1_000_000)}`).repeat(5),
  };
  for (const [how, answer] of Object.entries(answers)) {
    const failure = await listedSo(answer);
    assert.ok(failure instanceof Failure, how);
    assert.deepEqual([failure.code, failure.scope], ["answer without end", "folder"], `${how}: ${failure.message}`);
    assert.match(failure.message, /far more than it was asked for about the folder INBOX of ann@example\.test/, how);
    assert.match(failure.remedy, /Ask who runs 127\.0\.0\.1:\d+/, how);
  }
});

test("a folder without UIDVALIDITY that is said to hold more messages than can be listed is read without the list", async () => {
  await using server = await startScriptedImap({
    inbox: { validity: null, exists: 4_000_000_000, uidNext: 2, messages: [{ uid: 1, mime: message("m1") }] },
  });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 1_000_000) });
  const pull = await system.source(access("ann")).pull("INBOX", null, { limit: 100, since: LONG_AGO });
  assert.deepEqual(pull.kind === "page" && pull.heads.map(({ messageId }) => messageId), ["m1@example.test"]);
  assert.ok(!server.heard.some((command) => command.startsWith("UID FETCH 1:*")));
});

test("rows of other messages without an end in the place of the heads asked for are given up, and the failure names the folder", async () => {
  const header = "x".repeat(1_000_000);
  const flood = Array.from({ length: 45 }, (_, index) => `* 9 FETCH (UID ${90 + index} BODY[HEADER] {${header.length}}\r\n${header})\r\n`);
  const script = (command: string) => (/^UID FETCH 1.* \(UID .*HEADER/.test(command) ? Buffer.from(flood.join("")) : undefined);
  const messages = [1, 2, 3].map((uid) => ({ uid, mime: message(`m${uid}`) }));
  await using server = await startScriptedImap({ script, inbox: { uidNext: 4, messages } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 1_000_000) });
  await assert.rejects(system.source(access("ann")).pull("INBOX", null, { limit: 100, since: LONG_AGO }), {
    code: "answer without end",
    message: /the folder INBOX of ann@example\.test/,
  });
});
