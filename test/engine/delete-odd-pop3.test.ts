/** Deleting what is processed from POP3 servers that no real one can be made to be: by what they say, and by what happens between two commands. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationSchema } from "../../src/config.ts";
import { testDatabase } from "../databases.ts";
import { type ScriptedPop3, type ScriptedPop3Message, type ScriptedPop3Options, startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { emailsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, openRigApp, receive, testClock } from "./rig.ts";

function configurationAt(port: number) {
  process.env.WAYPOST_TEST_POP3_PASSWORD = "secret";
  const server = { protocol: "pop3", host: "127.0.0.1", port, security: "none", timeoutSeconds: 5 } as const;
  const mailbox = { deleteAfterProcessing: true, username: "ann", password: { env: "WAYPOST_TEST_POP3_PASSWORD" } };
  return configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [{ name: "pop", incoming: server }],
    queues: [{ name: "Ann", email: addressOf("ann") }],
    mailboxes: [{ address: addressOf("ann"), queue: addressOf("ann"), readFrom: "2026-01-01T00:00:00Z", ...mailbox }],
  });
}

/** A queue's mailbox on such a server, with the Waypost that deletes what it has processed. */
async function queueOn(options: ScriptedPop3Options) {
  await using opening = new AsyncDisposableStack();
  const server = opening.use(await startScriptedPop3(options));
  const database = opening.use(await testDatabase("pglite"));
  const clock = testClock();
  const app = opening.use(await openRigApp(database, configurationAt(server.port), { now: clock.now }));
  const stack = opening.move();
  const round = async () => {
    clock.forward(7200);
    assert.deepEqual((await receive(app, "ann")).failures, []);
  };
  return { server, database, app, round, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const mimeOf = (name: string) => `Received: by mail.test; Tue, 24 Nov 2026 00:00:00 +0000\r\n${letter({ id: name })}`;

/** Letters on a server whose ids are the numbers of its messages. */
const numbered = (...names: string[]) => names.map((name, index) => ({ uidl: String(index + 1), mime: mimeOf(name) }));
const deletionsAsked = (server: ScriptedPop3) => server.heard.flat().filter((command) => command.startsWith("DELE"));
const lying = (server: ScriptedPop3) => server.messages.map(({ mime }) => /^Subject: Letter (\S+)/m.exec(String(mime))?.[1]);

/** Does not hand out the third message, and has the mailbox changed when that is asked for first. */
function refusingTheThird(change: () => readonly ScriptedPop3Message[], own: () => ScriptedPop3) {
  let changed = false;
  return (command: string) => {
    if (command !== "RETR 3") return undefined;
    if (!changed) own().messages = change();
    changed = true;
    return "-ERR cannot read it\r\n";
  };
}

test("what was compared in a session that was left on purpose is looked at again in the next, where its id may be an unread message's", async () => {
  const script = refusingTheThird(
    () => numbered("b", "n"),
    () => queue.server,
  );
  await using queue = await queueOn({ messages: numbered("a", "b", "a"), script });
  await queue.round();
  assert.ok(lying(queue.server).includes("n"), "it was never read");
  await queue.round();
  await queue.round();
  assert.deepEqual(lying(queue.server), []);
  const subjects = (await emailsIn(queue.database, "ann")).map((email) => email.subject);
  assert.deepEqual(subjects.sort(), ["Letter a", "Letter b", "Letter n"]);
});

test("a copy that is never handed out keeps no other message from being deleted, though a new session shows each time whether it is there", async () => {
  const messages = ["a", "b", "a"].map((name, index) => ({ uidl: `uid-${index}`, mime: mimeOf(name) }));
  const script = refusingTheThird(
    () => messages,
    () => queue.server,
  );
  await using queue = await queueOn({ messages, script });
  await queue.round();
  assert.deepEqual(queue.server.messages, messages.slice(2));
  assert.deepEqual((await queue.app.operations.status()).alerts, []);
});

test("messages that the server refuses to delete, however many, keep no other from being deleted, and each comes to its turn again", async () => {
  const names = Array.from({ length: 401 }, (_, index) => `m${String(index + 1).padStart(3, "0")}`);
  const messages = names.map((name) => ({ uidl: name, mime: mimeOf(name) }));
  const held = new Set(names.slice(0, 400));
  const script = (command: string) => {
    const number = Number(/^DELE (\d+)$/.exec(command)?.[1] ?? 0);
    return held.has(lying(queue.server)[number - 1] ?? "") ? "-ERR message is held\r\n" : undefined;
  };
  await using queue = await queueOn({ messages, script });
  const asked: number[] = [];
  const rounds = async (count: number) => {
    for (let round = 0; round < count; round++) {
      const before = deletionsAsked(queue.server).length;
      await queue.round();
      asked.push(deletionsAsked(queue.server).length - before);
    }
  };
  await rounds(3);
  assert.deepEqual(lying(queue.server), names.slice(0, 400));
  await rounds(2);
  // A server that refuses a whole batch is not asked about another one, once of those that are new to it and once of those that it refused before.
  assert.deepEqual(asked, [200, 400, 201, 200, 200]);
  held.delete("m001");
  held.delete("m301");
  await rounds(2);
  assert.deepEqual(
    [lying(queue.server).length, lying(queue.server).includes("m001"), lying(queue.server).includes("m301")],
    [398, false, false],
  );
});

test("what left by another program's hand just before Waypost would have deleted it is gone: nothing says or counts that Waypost did it", async () => {
  const messages = ["a", "b", "a"].map((name, index) => ({ uidl: `uid-${index}`, mime: mimeOf(name) }));
  const script = refusingTheThird(
    () => messages.slice(1, 2),
    () => queue.server,
  );
  await using queue = await queueOn({ messages, script });
  await queue.round();
  assert.deepEqual(lying(queue.server), []);
  const sentencesOf = async (name: string) =>
    (await queue.app.operations.explain(messageIdOf(name))).incoming.flatMap(({ sentences }) => sentences).join("\n");
  assert.match(await sentencesOf("b"), /Waypost deleted it from INBOX/);
  assert.doesNotMatch(await sentencesOf("a"), /Waypost (deleted|asked)/);
  const [mailbox] = (await queue.app.operations.status()).mailboxes;
  assert.equal(mailbox?.deleting?.deleted, 1);
  const { rows } = await queue.database.query("select ref_id from waypost.location where gone_at is null");
  assert.deepEqual(
    rows.filter((row) => JSON.stringify(row).includes("uid-0")),
    [],
  );
});

test("one message at which the server hangs up, or because of which it does not end the session well, keeps no other from being deleted", async () => {
  for (const at of ["DELE", "QUIT"] as const) {
    const messages = ["a", "b", "c", "d"].map((name) => ({ uidl: `uid-${name}`, mime: mimeOf(name) }));
    const marked = new Map<number, boolean>();
    const script = (command: string, connection: number) => {
      const number = Number(/^DELE (\d+)$/.exec(command)?.[1] ?? 0);
      const isB = lying(queue.server)[number - 1] === "b";
      if (isB) marked.set(connection, true);
      if (isB && at === "DELE") return null;
      return command === "QUIT" && marked.get(connection) === true ? "-ERR some deleted messages not removed\r\n" : undefined;
    };
    await using queue = await queueOn({ messages, script });
    await queue.round();
    assert.deepEqual(lying(queue.server), ["b"], at);
    const [mailbox] = (await queue.app.operations.status()).mailboxes;
    assert.equal(mailbox?.deleting?.deleted, 3, at);
    const told = (await queue.app.operations.explain(messageIdOf("b"))).incoming.flatMap(({ sentences }) => sentences).join("\n");
    assert.match(
      told,
      at === "DELE" ? /not known to be done: "The connection/ : /not known to be done: "some deleted messages not removed/,
    );
  }
});
