/** Trouble that only POP3 knows: another program in the mailbox, a server that wants fewer sign-ins, ids that change or are shared. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationSchema } from "../../src/config.ts";
import { testDatabase } from "../databases.ts";
import { type ScriptedPop3Options, startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { openCodes } from "./alerts.ts";
import { decisionsIn, emailsIn, explained, letter } from "./incoming.ts";
import { addressOf, openRigApp, receive, testClock } from "./rig.ts";

const RECEIVED = "Received: by mail.test; Tue, 24 Nov 2026 00:00:00 +0000\r\n";

/** Ann's mailbox, or a queue's from which processed messages are deleted. */
function configurationAt(port: number, owner: "user" | "queue") {
  process.env.WAYPOST_TEST_POP3_PASSWORD = "secret";
  const server = { protocol: "pop3", host: "127.0.0.1", port, security: "none", timeoutSeconds: 5 } as const;
  return configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [{ name: "pop", incoming: server }],
    ...(owner === "user"
      ? { users: [{ name: "Ann", email: addressOf("ann"), filter: "all" as const }] }
      : { queues: [{ name: "Ann", email: addressOf("ann") }] }),
    mailboxes: [
      {
        address: addressOf("ann"),
        ...(owner === "user" ? { user: addressOf("ann") } : { queue: addressOf("ann"), deleteAfterProcessing: true }),
        username: "ann",
        password: { env: "WAYPOST_TEST_POP3_PASSWORD" },
        readFrom: "2026-01-01T00:00:00Z",
      },
    ],
  });
}

async function world(options: ScriptedPop3Options, owner: "user" | "queue" = "user") {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await startScriptedPop3(options));
  const database = stack.use(await testDatabase("pglite"));
  const clock = testClock();
  const app = stack.use(await openRigApp(database, configurationAt(server.port, owner), { now: clock.now }));
  return { server, database, clock, app, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** A server that lets somebody in once, and once more each time that it was opened; `otherwise`: what it says to other commands. */
function oneSignIn(otherwise: (command: string) => string | null | undefined) {
  let locked = false;
  return {
    capabilities: ["TOP", "UIDL", "SASL PLAIN", "PIPELINING", "RESP-CODES", "LOGIN-DELAY 60"],
    open() {
      locked = false;
    },
    script(command: string) {
      const said = otherwise(command);
      if (said !== undefined || !command.startsWith("AUTH")) return said;
      if (locked) return "-ERR [LOGIN-DELAY] minimum time between mail checks\r\n";
      locked = true;
      return undefined;
    },
  };
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

test("a queue that Waypost empties itself gets a dozen messages at once: that is no migration, also after a restart; what is there again goes again", async () => {
  const twelve = (name: string) =>
    Array.from({ length: 12 }, (_, index) => ({ uidl: `${name}${index}`, mime: `${RECEIVED}${letter({ id: `${name}-${index}` })}` }));
  await using one = await world({ messages: twelve("first") }, "queue");
  assert.equal((await receive(one.app, "ann")).counts.tracked, 12);
  assert.equal(one.server.messages.length, 0);
  await one.app.close();
  await using again = await openRigApp(one.database, configurationAt(one.server.port, "queue"), { now: one.clock.now });
  for (const name of ["second", "third"]) {
    one.server.messages = twelve(name);
    assert.equal((await receive(again, "ann")).counts.tracked, 12);
    assert.equal(one.server.messages.length, 0);
  }
  one.server.messages = twelve("second");
  assert.deepEqual((await receive(again, "ann")).counts.received, 0);
  assert.equal(one.server.messages.length, 0);
  assert.equal((await emailsIn(one.database, "ann")).length, 36);
  assert.deepEqual(
    again.logged.filter(({ level }) => level === "warn"),
    [],
  );
});

test("an id that a message left behind is given to another of the same size: both are emails, whether or not a round passed in between", async () => {
  for (const gap of [true, false]) {
    const twelve = (id: string) => ({ uidl: id.slice(-1), mime: `${RECEIVED}${letter({ id, body: "0123456789" })}` });
    const before = ["old-1", "old-2", "old-3"].map(twelve);
    await using one = await world({ messages: before, greeting: "+OK" });
    assert.equal((await receive(one.app, "ann")).counts.tracked, 3);
    one.clock.forward(100);
    if (gap) {
      one.server.messages = before.slice(0, 2);
      await receive(one.app, "ann");
      one.clock.forward(100);
    }
    one.server.messages = [...before.slice(0, 2), twelve("new-3")];
    assert.deepEqual((await receive(one.app, "ann")).failures, []);
    assert.equal((await receive(one.app, "ann")).counts.received, 0);
    assert.deepEqual((await emailsIn(one.database, "ann")).map((email) => email.messageId?.split("@")[0]).sort(), [
      "new-3",
      "old-1",
      "old-2",
      "old-3",
    ]);
  }
});

/** Two messages that nothing but their content tells apart: one UIDL, one header, one size. */
const TWINS = ["The first content.", "Another content!!!"].map((body) => ({
  uidl: "shared",
  mime: `${RECEIVED}${letter({ id: "twin", body })}`,
}));

test("twins under one id: the one that is no email stays when the answer to the deletion of the other is lost", async () => {
  let marked = false;
  let lost = false;
  const script = (command: string) => {
    marked ||= command.startsWith("DELE");
    if (command !== "QUIT" || !marked || lost) return undefined;
    lost = true;
    one.server.messages = TWINS.slice(1);
    return null;
  };
  await using one = await world({ script, messages: TWINS, greeting: "+OK" }, "queue");
  assert.deepEqual((await receive(one.app, "ann")).failures, []);
  assert.ok(lost, "the server has deleted the first, and its answer did not come");
  for (let round = 2; round <= 3; round++) {
    one.clock.forward(100_000);
    assert.deepEqual((await receive(one.app, "ann")).failures, []);
    assert.deepEqual(one.server.messages, TWINS.slice(1), `round ${round}`);
  }
  assert.equal((await emailsIn(one.database, "ann")).length, 1);
});

test("twins under one id: the one that is no email stays when another program deletes the other before it was tried", async () => {
  let refuse = true;
  const script = (command: string) => {
    if (!refuse || !command.startsWith("TOP") || one.server.heard.flat().every((heard) => !heard.startsWith("RETR"))) return undefined;
    // Proving begins: it comes to nothing this time, and the first twin is gone afterwards.
    one.server.messages = TWINS.slice(1);
    return null;
  };
  await using one = await world({ script, messages: TWINS, greeting: "+OK" }, "queue");
  assert.deepEqual((await receive(one.app, "ann")).failures, []);
  refuse = false;
  one.clock.forward(100_000);
  assert.deepEqual((await receive(one.app, "ann")).failures, []);
  assert.deepEqual(one.server.messages, TWINS.slice(1));
  assert.equal(one.server.heard.flat().filter((command) => command.startsWith("DELE")).length, 0);
  assert.equal((await emailsIn(one.database, "ann")).length, 1);
});

test("of many messages one that the server refuses to delete is told with its words, and the others count as deleted", async () => {
  let refuse = true;
  const script = (command: string) => (refuse && command === "DELE 5" ? "-ERR held for audit\r\n" : undefined);
  await using one = await world({ script, messages: lettersOf("a") }, "queue");
  assert.deepEqual((await receive(one.app, "ann")).failures, []);
  assert.deepEqual(
    one.server.messages.map(({ uidl }) => uidl),
    ["a4"],
  );
  assert.equal((await one.app.operations.status()).mailboxes[0]?.deleting?.deleted, 11);
  assert.match((await explained(one.app, "pop3-3", "ann")).sentences, /Waypost deleted it from INBOX on/);
  assert.match(
    (await explained(one.app, "pop3-4", "ann")).sentences,
    /asked the mail server to delete it from INBOX, and it is not known to be done: "held for audit"\. It is asked again/,
  );
  refuse = false;
  one.clock.forward(3600);
  assert.deepEqual((await receive(one.app, "ann")).failures, []);
  assert.deepEqual(one.server.messages, []);
  const { sentences } = await explained(one.app, "pop3-4", "ann");
  assert.match(sentences, /Waypost deleted it from INBOX on/);
  assert.doesNotMatch(sentences, /held for audit/);
});

test("where the end of a deletion fails, nothing counts as deleted, and each message is told with what the server said of it", async () => {
  let act: string | null = null;
  const script = (command: string, connection: number) => {
    if (command === "DELE 5") return "-ERR held\r\n";
    const isEnd = command === "QUIT" && one.server.heard[connection - 1]?.some((said) => said.startsWith("DELE"));
    return isEnd ? act : undefined;
  };
  await using one = await world({ script, messages: lettersOf("a"), greeting: "+OK" }, "queue");
  for (const [next, words] of [
    ["-ERR some deleted messages not removed\r\n", /and it is not known to be done: "some deleted messages not removed"/],
    [null, /and it is not known to be done: "The connection .* broke/],
  ] as const) {
    act = next;
    await receive(one.app, "ann");
    one.clock.forward(3600);
    assert.equal((await one.app.operations.status()).mailboxes[0]?.deleting?.deleted, 0);
    assert.match((await explained(one.app, "pop3-3", "ann")).sentences, words);
    assert.match((await explained(one.app, "pop3-4", "ann")).sentences, /and it is not known to be done: "held"/);
  }
});

test("a connection that breaks while content is proven, and an id given to another message then: what nobody read is not deleted", async () => {
  const before = lettersOf("a");
  const fresh = { uidl: "a4", mime: `${RECEIVED}${letter({ id: "pop3-x" })}` };
  assert.equal(fresh.mime.length, before[4]?.mime.length);
  let delivered = false;
  let looked = 0;
  const script = (command: string) => {
    delivered ||= command.startsWith("RETR");
    if (!delivered || !command.startsWith("TOP") || ++looked !== 9) return undefined;
    one.server.messages = before.map((each) => (each.uidl === "a4" ? fresh : each));
    return null;
  };
  await using one = await world({ script, messages: before, greeting: "+OK" }, "queue");
  assert.equal((await receive(one.app, "ann")).counts.tracked, 12);
  assert.ok(looked > 9, "it broke while they were looked at again");
  assert.ok(one.server.messages.includes(fresh), "it lies there, or it is an email");
  for (let round = 0; round < 3; round++) {
    one.clock.forward(100_000);
    await receive(one.app, "ann");
  }
  assert.ok((await emailsIn(one.database, "ann")).some((email) => email.messageId?.startsWith("pop3-x@")));
  assert.deepEqual([one.server.messages, await openCodes(one.app)], [[], []]);
});

test("one damaged message on a server that wants fewer sign-ins: the others are stored in the first round", async () => {
  const { script, capabilities } = oneSignIn((command) => (command === "RETR 2" ? "-ERR message damaged\r\n" : undefined));
  await using one = await world({ script, capabilities, messages: lettersOf("a"), greeting: "+OK" });
  const { counts, failures } = await receive(one.app, "ann");
  assert.deepEqual([failures, counts.tracked, counts.quarantined], [[], 11, 1]);
  assert.equal((await emailsIn(one.database, "ann")).length, 11);
});

for (const [what, commands, stored] of [
  ["at the whole of a message", /^RETR 5\b/, [4, 11, 11]],
  ["at the header of a message", /^(TOP|RETR) 5\b/, [0, 11, 11]],
] as const) {
  test(`a server that hangs up ${what}, and wants fewer sign-ins: the others are stored in the next round at the latest`, async () => {
    const { script, capabilities, open } = oneSignIn((command) => (commands.test(command) ? null : undefined));
    await using one = await world({ script, capabilities, messages: lettersOf("a"), greeting: "+OK" });
    let quarantined = 0;
    for (const emails of stored) {
      open();
      one.clock.forward(100);
      quarantined += (await receive(one.app, "ann")).counts.quarantined;
      assert.equal((await emailsIn(one.database, "ann")).length, emails);
    }
    assert.equal(quarantined, 1, "the one that is left is in quarantine");
    open();
    one.clock.forward(100);
    const { counts, failures } = await receive(one.app, "ann");
    assert.deepEqual([failures, counts.received], [[], 0]);
    assert.equal((await emailsIn(one.database, "ann")).length, 11, "no double");
  });
}
