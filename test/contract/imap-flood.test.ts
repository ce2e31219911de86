/** A hostile server sends what nobody asked for, without an end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { Failure } from "../../src/model/failure.ts";
import { type ScriptedImap, startScriptedImap } from "../servers/scripted-imap.ts";
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

/** Bytes of an answer without an end: more than any honest one brings to a command that asks for no messages. */
const ENDLESS = 40 * 1024 * 1024;

async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The same lines again and again. */
function flood(lines: string, bytes = ENDLESS): Buffer {
  return Buffer.alloc(bytes, lines, "latin1");
}

/** A server that says this to commands of that kind and never ends it. */
function floodedAt(command: RegExp, answer: Buffer): Promise<ScriptedImap> {
  const script = (heard: string) => (command.test(heard) ? answer : undefined);
  return startScriptedImap({ script, inbox: { uidNext: 2, messages: [{ uid: 1, mime: message("m1") }] } });
}

const MANY = `* SEARCH ${"1234567 ".repeat(5000)}1\r\n`;

for (const [how, command, answer] of [
  ["a SEARCH that finds ever more", /^UID SEARCH/, flood(MANY)],
  ["a SEARCH whose one line has no end", /^UID SEARCH/, flood("1234567 ")],
  ["opening a folder that grows and grows", /^EXAMINE/, flood(`* OK ${"still here ".repeat(1000)}\r\n* 1 EXISTS\r\n`, 140 * 1024 * 1024)],
] as const)
  test(`${how} is given up, and the failure names the folder`, async () => {
    await using server = await floodedAt(command, answer);
    await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 1_000_000) });
    const pull = system.source(access("ann")).pull("INBOX", null, { limit: 100, since: LONG_AGO });
    await assert.rejects(pull, {
      code: "answer without end",
      scope: "folder",
      message: /the folder INBOX of ann@example\.test, or comes to no end/,
    });
  });

test("a folder that comes to no end when it is opened is named, and the others are listed and read", async () => {
  const folders = ["INBOX", "INBOX/Broken", "INBOX/Sound"].map((path) => `* LIST () "/" ${path}\r\n`).join("");
  const endless = flood("1234567 ");
  const script = (heard: string) =>
    /^LIST "" "\*"/.test(heard) ? `${folders}OK done` : /^EXAMINE INBOX\/Broken/.test(heard) ? endless : undefined;
  await using server = await startScriptedImap({ script, inbox: { uidNext: 2, messages: [{ uid: 1, mime: message("m1") }] } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 1_000_000) });
  const source = system.source(access("ann"));
  assert.deepEqual(
    (await source.folders()).map(({ id, unreadable }) => [id, unreadable]),
    [
      ["INBOX", null],
      ["INBOX/Broken", "The server comes to no end when the folder is opened."],
      ["INBOX/Sound", null],
    ],
  );
  const options = { limit: 100, since: LONG_AGO };
  await assert.rejects(source.pull("INBOX/Broken", null, options), { code: "answer without end", scope: "folder" });
  assert.equal((await source.pull("INBOX/Sound", null, options)).kind, "page");
});

test("a list of folders without an end is given up, and the failure is about the mailbox", async () => {
  await using server = await floodedAt(/^LIST "" "\*"/, flood(`* LIST () "/" ${"x".repeat(10_000)}\r\n`));
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 1_000_000) });
  const failure = { code: "answer too large", scope: "mailbox", message: /comes to no end, while ann@example\.test is being read/ };
  await assert.rejects(system.source(access("ann")).folders(), failure);
  const steps = await collected(system.check(access("ann")));
  assert.deepEqual(steps.at(-1)?.code, failure.code);
});

test("a server that talks without an end before anybody is signed in does not count as silent", async () => {
  // Long lines have come before the time is over, short ones have not.
  for (const lines of [`* OK ${"still here ".repeat(1000)}\r\n`, "* OK\r\n"]) {
    await using server = await floodedAt(/^(LOGIN|AUTHENTICATE)/, flood(lines));
    await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port, { timeout: 2000 }), 1_000_000) });
    await assert.rejects(system.source(access("ann")).folders(), { code: "answer too large", scope: "mailbox" });
  }
});

test("a message larger than any other answer may be is read", async () => {
  const mime = Buffer.concat([message("m1"), Buffer.alloc(ENDLESS, "large as it is\r\n")]);
  await using server = await startScriptedImap({ inbox: { uidNext: 2, messages: [{ uid: 1, mime }] } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), mime.length) });
  const contents = await collected(system.source(access("ann")).content([{ stream: "INBOX", id: "7.1" }], { maximumSize: mime.length }));
  assert.deepEqual(
    contents.map((content) => content.kind === "mime" && content.mime.length),
    [mime.length],
  );
});

test("a SEARCH that finds a million messages is read", async () => {
  const numbers = Array.from({ length: 1_000_000 }, (_, index) => 4_000_000_000 + index);
  const script = (heard: string) => (/^UID SEARCH .*SINCE/.test(heard) ? `* SEARCH 1 ${numbers.join(" ")}\r\nOK done` : undefined);
  await using server = await startScriptedImap({ script, inbox: { uidNext: 2, messages: [{ uid: 1, mime: message("m1") }] } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port), 1_000_000) });
  const pull = await system.source(access("ann")).pull("INBOX", null, { limit: 100, since: LONG_AGO });
  assert.deepEqual(pull.kind === "page" && pull.heads.map(({ messageId }) => messageId), ["m1@example.test"]);
});
