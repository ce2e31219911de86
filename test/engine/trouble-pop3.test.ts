/** Trouble that only POP3 knows: another program in the mailbox, a server that wants fewer sign-ins, ids that all change. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationSchema } from "../../src/config.ts";
import { testDatabase } from "../databases.ts";
import { type ScriptedPop3Options, startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { openCodes } from "./alerts.ts";
import { decisionsIn, letter } from "./incoming.ts";
import { addressOf, openRigApp, receive, testClock } from "./rig.ts";

const RECEIVED = "Received: by mail.test; Tue, 24 Nov 2026 00:00:00 +0000\r\n";

function configurationAt(port: number) {
  process.env.WAYPOST_TEST_POP3_PASSWORD = "secret";
  const server = { protocol: "pop3", host: "127.0.0.1", port, security: "none", timeoutSeconds: 5 } as const;
  return configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [{ name: "pop", incoming: server }],
    users: [{ name: "Ann", email: addressOf("ann"), filter: "all" }],
    mailboxes: [
      {
        address: addressOf("ann"),
        user: addressOf("ann"),
        username: "ann",
        password: { env: "WAYPOST_TEST_POP3_PASSWORD" },
        readFrom: "2026-01-01T00:00:00Z",
      },
    ],
  });
}

async function world(options: ScriptedPop3Options) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startScriptedPop3(options));
  const database = stack.use(await testDatabase("pglite"));
  const clock = testClock();
  const app = stack.use(await openRigApp(database, configurationAt(server.port), { now: clock.now }));
  return { server, database, clock, app, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const lettersOf = (prefix: string) =>
  Array.from({ length: 12 }, (_, index) => ({ uidl: `${prefix}${index}`, mime: `${RECEIVED}${letter({ id: `pop3-${index}` })}` }));

test("a mailbox that another program has open is waited for; only when that lasts a person is told, and the first success ends it", async () => {
  let locked = true;
  const script = (command: string) => (locked && /^(AUTH|APOP)/.test(command) ? "-ERR [IN-USE] maildrop locked\r\n" : undefined);
  await using one = await world({ script, messages: lettersOf("a"), greeting: "+OK" });
  const codes: (readonly string[])[] = [];
  for (let attempt = 1; attempt <= 6; attempt++) {
    const { failures } = await receive(one.app, "ann");
    assert.deepEqual(
      failures.map((failure) => failure.code),
      ["mailbox in use"],
    );
    codes.push(await openCodes(one.app));
    one.clock.forward(1000);
  }
  assert.deepEqual(codes, [[], [], [], [], [], ["receiving: mailbox in use"]]);
  locked = false;
  assert.deepEqual((await receive(one.app, "ann")).counts.tracked, 12);
  assert.deepEqual(await openCodes(one.app), []);
});

test("a server that wants fewer sign-ins is not asked before its time, whoever asks", async () => {
  let refuse = true;
  const script = (command: string) => (refuse && /^AUTH/.test(command) ? "-ERR [LOGIN-DELAY] too soon\r\n" : undefined);
  await using one = await world({
    script,
    messages: lettersOf("a"),
    greeting: "+OK",
    capabilities: ["UIDL", "TOP", "SASL PLAIN", "LOGIN-DELAY 600"],
  });
  assert.deepEqual(
    (await receive(one.app, "ann")).failures.map((failure) => failure.code),
    ["sign-in too soon"],
  );
  refuse = false;
  one.clock.forward(300);
  const { left, mailboxes, failures } = await receive(one.app, "ann");
  assert.equal(one.server.heard.length, 1, "nobody connected");
  assert.deepEqual([mailboxes, failures], [1, []]);
  assert.deepEqual(
    left.map(({ state, named }) => [state, named]),
    [["waits", true]],
  );
  const wait = (left[0]?.until?.getTime() ?? 0) - one.clock.now().getTime();
  assert.ok(wait > 200_000 && wait < 400_000, `the half of the wait that is left, not ${wait} ms`);
  assert.match(left[0]?.because ?? "", /wants ann@.* to be left alone until .*What happened: /);
  const [explained] = (await one.app.operations.explain(left[0]?.mailbox ?? "")).mailboxes;
  assert.ok(explained?.sentences.includes(left[0]?.because ?? ""), "explain says the same");
  one.clock.forward(400);
  assert.equal((await receive(one.app, "ann")).counts.tracked, 12);
});

test("new ids for all messages, as after a migration: everything is recognized, nothing is decided or delivered again", async () => {
  await using one = await world({ messages: lettersOf("before-") });
  assert.equal((await receive(one.app, "ann")).counts.tracked, 12);
  one.server.messages = lettersOf("after-");
  const { counts, failures } = await receive(one.app, "ann");
  assert.deepEqual([failures, counts.received, counts.tracked, counts.moved], [[], 0, 0, 12]);
  assert.equal((await decisionsIn(one.database, "ann")).length, 12);
  const third = await receive(one.app, "ann");
  assert.deepEqual([third.counts.received, third.counts.moved], [0, 0]);
});
