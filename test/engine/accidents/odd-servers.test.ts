/**
 * What a Dovecot cannot do, and Domino and old Exchange did: a server with a script, read by the whole engine. It proves nothing about real servers.
 * After each: nothing lost, nothing doubled, nothing replayed over three rounds.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import { configurationSchema } from "../../../src/config.ts";
import type { Counts } from "../../../src/engine/receive/reading.ts";
import type { TestDatabase } from "../../databases.ts";
import { removeFolder, temporaryFolder } from "../../servers/processes.ts";
import { type ScriptedImap, type ScriptedImapOptions, type ScriptedMessage, startScriptedImap } from "../../servers/scripted-imap.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "../incoming.ts";
import { addressOf, openRigApp, type RigApp, receive, testClock } from "../rig.ts";
import { onOneDatabaseEach, type Promises } from "../shared-database.ts";

const secrets = temporaryFolder("scripted");
after(() => removeFolder(secrets));

/** A Waypost that reads the scripted server's one mailbox. */
interface Reader {
  readonly app: RigApp;
  readonly user: string;
  readonly server: ScriptedImap;
  /** Reads it once and tells the codes of what went wrong. */
  round(): Promise<{ readonly counts: Counts; readonly failures: readonly string[] }>;
  /** Subjects of its emails. */
  emails(): Promise<string[]>;
}

/** Tests before this one: they share a database, and the same message in two mailboxes would be one email. */
let before = 0;

/** What a message of this test is called among those of all. */
const own = (name: string) => `${name}.${before}`;

async function withReader(database: TestDatabase, options: ScriptedImapOptions, work: (reader: Reader) => Promise<void>): Promise<void> {
  await using server = await startScriptedImap(options);
  const user = `odd${before}`;
  const password = path.join(secrets, user);
  writeFileSync(password, "secret", { mode: 0o600 });
  const configuration = configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [
      {
        name: "odd",
        incoming: { protocol: "imap", host: "127.0.0.1", port: server.port, security: "none", timeoutSeconds: 5 },
        maximumMessageMegabytes: 1,
      },
    ],
    users: [{ name: user, email: addressOf(user), filter: "all" }],
    mailboxes: [
      { address: addressOf(user), user: addressOf(user), outgoing: false, password: { file: password }, readFrom: "2026-01-01T00:00:00Z" },
    ],
  });
  const clock = testClock();
  await using app = await openRigApp(database, configuration, { now: clock.now });
  using _ = { [Symbol.dispose]: () => void before++ };
  await work({
    app,
    user,
    server,
    async round() {
      // Longer than any back-off.
      clock.forward(7200);
      const { counts, failures } = await receive(app, user);
      return { counts, failures: failures.map(({ code }) => code) };
    },
    emails: async () => (await emailsIn(database, user)).map((email) => email.subject.replace(`.${before}`, "")),
  });
}

/** A message with a Message-ID, or without one, for names that end with `weak`. */
function message(uid: number, name: string, change: Partial<ScriptedMessage> & { readonly body?: string } = {}): ScriptedMessage {
  const { body, ...rest } = change;
  const mime = letter({ id: name.endsWith("weak") ? null : own(name), subject: own(name), ...(body !== undefined && { body }) });
  return { uid, mime: Buffer.from(mime), ...rest };
}

const FOUR = ["a-one", "b-two", "c-weak", "d-four"];
const four = () => FOUR.map((name, index) => message(index + 1, name));

const NOTHING = { received: 0, tracked: 0, skipped: 0, duplicate: 0, quarantined: 0, moved: 0 };

/** All of these are emails after the first round; two more do nothing. */
async function assertSettled(reader: Reader, expected: readonly string[]): Promise<void> {
  assert.deepEqual((await reader.round()).failures, []);
  assert.deepEqual(await reader.emails(), expected);
  const before = await decisionTimes(reader);
  for (const round of ["second", "third"]) {
    const { counts, failures } = await reader.round();
    assert.deepEqual([counts, failures], [NOTHING, []], `the ${round} round does nothing`);
  }
  assert.deepEqual(await reader.emails(), expected);
  assert.deepEqual(await decisionTimes(reader), before, "nothing was decided again");
}

async function statusOf({ app, user }: Reader) {
  const { mailboxes } = await app.operations.status();
  return mailboxes.find((one) => one.address === addressOf(user)) ?? assert.fail();
}

async function decisionTimes({ app, user }: Reader): Promise<string[]> {
  const { rows } = await app.database.query<{ line: string }>(
    "select decision.id || ' ' || decided_at as line from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1 order by 1",
    [addressOf(user)],
  );
  return rows.map((row) => row.line);
}

interface Oddity {
  readonly what: string;
  readonly options: () => ScriptedImapOptions;
  readonly expected?: readonly string[];
}

const inbox = (change: Partial<NonNullable<ScriptedImapOptions["inbox"]>> = {}) => ({ uidNext: 5, messages: four(), ...change });

/** Does it at the first such command, and never again. */
function once<T>(pattern: RegExp, answer: T): (command: string) => T | undefined {
  let done = false;
  return (command) => {
    if (done || !pattern.test(command)) return undefined;
    done = true;
    return answer;
  };
}

const ODDITIES: readonly Oddity[] = [
  ...[
    ["larger than the messages are", 90_000],
    ["smaller", 10],
    ["0", 0],
  ].map(
    ([how, announcedSize]): Oddity => ({
      what: `sizes are announced ${how}`,
      options: () => ({
        inbox: inbox({
          messages: FOUR.map((name, index) => message(index + 1, name, { announcedSize: Number(announcedSize), body: "x".repeat(2000) })),
        }),
      }),
    }),
  ),
  {
    what: "answers come in reverse order, and each twice",
    options: () => ({ inbox: inbox(), rows: (rows) => [...rows, ...rows].reverse() }),
  },
  {
    what: "a message has the number 0, which is none",
    options: () => ({ inbox: inbox({ messages: [message(0, "zero"), ...four()] }) }),
  },
  {
    what: "UIDNEXT is not told",
    options: () => ({ inbox: inbox({ uidNext: null }), script: (command) => (command.startsWith("STATUS") ? "NO not here" : undefined) }),
  },
  ...([null, "0"] as const).map(
    (validity): Oddity => ({
      what: validity === null ? "UIDVALIDITY is not told" : "UIDVALIDITY is 0",
      options: () => ({ inbox: inbox({ validity }) }),
    }),
  ),
  {
    what: "the folder keeps no record of changes (NOMODSEQ)",
    options: () => ({
      capabilities: ["ENABLE", "CONDSTORE", "QRESYNC"],
      inbox: inbox(),
      script: (command) =>
        command.startsWith("EXAMINE")
          ? "* 4 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 5] n\r\n* OK [NOMODSEQ] none\r\nOK [READ-ONLY] done"
          : undefined,
    }),
  },
  {
    what: "the server says goodbye in the middle of the heads",
    options: () => ({
      inbox: inbox(),
      script: once(/^UID FETCH .*FLAGS/, { cut: "* 1 FETCH (UID 1 FLAGS ())\r\n* BYE shutting down\r\n" }),
    }),
  },
  {
    what: "the server says goodbye in the middle of the content",
    options: () => ({ inbox: inbox(), script: once(/^UID FETCH .*BODY\.PEEK\[\]/, { cut: "* BYE shutting down\r\n" }) }),
  },
  {
    what: "half of a head comes, and then nothing any more",
    options: () => ({
      inbox: inbox(),
      script: once(/^UID FETCH .*HEADER/, { cut: "* 1 FETCH (UID 1 BODY[HEADER] {5000}\r\nSubject: ha" }),
    }),
  },
  {
    what: "half of a message comes, and then nothing any more",
    options: () => ({
      inbox: inbox(),
      script: once(/^UID FETCH .*BODY\.PEEK\[\]/, { cut: "* 1 FETCH (UID 1 BODY[] {5000}\r\nSubject: ha" }),
    }),
  },
];

function promiseOddities(promise: Promises): void {
  for (const { what, options, expected = FOUR } of ODDITIES) {
    promise(`${what}: no loss, no double, no replay`, async (database) => {
      await withReader(database, options(), (reader) => assertSettled(reader, expected));
    });
  }

  promise(
    "a folder without UIDVALIDITY is read again only when something changed in it, and that is no trouble but said once",
    async (database) => {
      await withReader(database, { inbox: inbox({ validity: "0" }) }, async (reader) => {
        await assertSettled(reader, FOUR);
        const asked = reader.server.heard.length;
        assert.deepEqual((await reader.round()).counts, NOTHING);
        const headers = reader.server.heard.slice(asked).filter((command) => /^UID FETCH .*HEADER/.test(command));
        assert.equal(headers.length, 1, `only the headers that lie highest are read: ${headers}`);
        reader.server.inbox.messages = [message(1, "b-two"), message(2, "c-weak"), message(3, "d-four"), message(4, "e-five")];
        assert.deepEqual((await reader.round()).counts, { ...NOTHING, received: 1, tracked: 1, moved: 3 });
        await assertSettled(reader, [...FOUR, "e-five"]);
        reader.server.inbox.messages = [];
        await assertSettled(reader, [...FOUR, "e-five"]);
        assert.equal(reader.app.logged.filter((one) => one.message.startsWith("cursor lost")).length, 2, "only the two changes");
        assert.deepEqual(
          reader.app.logged.filter((one) => one.level === "warn"),
          [],
        );
        const [folder] = (await statusOf(reader)).folders;
        assert.match(folder?.remark ?? "", /no lasting numbers \(no UIDVALIDITY\)/);
        const { mailboxes } = await reader.app.operations.explain(addressOf(reader.user));
        assert.match(mailboxes[0]?.sentences.join("\n") ?? "", /The folder INBOX: The mail server gives its messages no lasting numbers/);
      });
    },
  );

  promise("a message with the number 0, which nobody can ask for, is named, and no more when the server is mended", async (database) => {
    await withReader(database, { inbox: inbox() }, async (reader) => {
      await assertSettled(reader, FOUR);
      assert.equal((await statusOf(reader)).folders[0]?.remark, null);
      reader.server.inbox.messages = [message(0, "zero"), ...four()];
      for (let round = 0; round < 2; round++) assert.deepEqual(await reader.round(), { counts: NOTHING, failures: [] });
      assert.match((await statusOf(reader)).folders[0]?.remark ?? "", /counts 1 more in it than it gives numbers/);
      reader.server.inbox.messages = [...four(), message(5, "zero")];
      reader.server.inbox.uidNext = 6;
      await assertSettled(reader, [...FOUR, "zero"]);
      assert.equal((await statusOf(reader)).folders[0]?.remark, null);
    });
  });

  promise("sizes are announced otherwise at each reading, and the folder is numbered anew: nothing is decided again", async (database) => {
    await withReader(database, { inbox: inbox() }, async (reader) => {
      await reader.round();
      const before = await decisionTimes(reader);
      for (const [announcedSize, validity] of [
        [0, "8"],
        [0, "9"],
      ] as const) {
        reader.server.inbox.messages = four().map((one) => ({ ...one, announcedSize }));
        reader.server.inbox.validity = validity;
        const { counts } = await reader.round();
        assert.deepEqual([counts.received, counts.moved], [0, 4]);
      }
      assert.deepEqual(await decisionTimes(reader), before);
      await assertSettled(reader, FOUR);
    });
  });

  promise("content is written anew at each reading, its header too: one email, by what the list shows", async (database) => {
    let reading = 0;
    await withReader(
      database,
      {
        inbox: inbox(),
        script: (command) => {
          const [, uid] = /^UID FETCH (\d+)(?::\d+)? .*BODY\.PEEK\[\]/.exec(command) ?? [];
          if (uid === undefined) return undefined;
          const rows = command.startsWith("UID FETCH 1:4") ? [1, 2, 3, 4] : [Number(uid)];
          return `${rows
            .map((number) => {
              const name = FOUR[number - 1] ?? "";
              const mime = letter({
                id: name.endsWith("weak") ? null : own(name),
                subject: `${own(name)} (written ${++reading})`,
                body: `This is ${name}.${" ".repeat(reading)}`,
              });
              return `* ${number} FETCH (UID ${number} BODY[]<0> {${mime.length}}\r\n${mime})\r\n`;
            })
            .join("")}OK done`;
        },
      },
      async (reader) => {
        await assertSettled(reader, FOUR);
        const { incoming } = await reader.app.operations.explain(messageIdOf(own("a-one")));
        const its = incoming.find((one) => one.mailbox === addressOf(reader.user));
        assert.match(its?.sentences.join("\n") ?? "", /hands out the message with another subject than it shows in its list/);
      },
    );
  });

  promise("the content of another message is handed out: it is quarantined, and read when the server is mended", async (database) => {
    let mixedUp = true;
    const other = letter({ id: "stranger", subject: "not b-two", from: "sam@stranger.test", date: new Date("2026-04-04T04:04:04Z") });
    await withReader(
      database,
      {
        inbox: inbox(),
        rows: (rows) => rows,
        script: (command) =>
          mixedUp && /^UID FETCH (1:4|2) .*BODY\.PEEK\[\]/.test(command)
            ? `${(command.startsWith("UID FETCH 2") ? [2] : [1, 2, 3, 4])
                .map((uid) => {
                  const mime = uid === 2 ? other : four()[uid - 1]?.mime.toString("latin1");
                  return `* ${uid} FETCH (UID ${uid} BODY[]<0> {${mime?.length}}\r\n${mime})\r\n`;
                })
                .join("")}OK done`
            : undefined,
      },
      async (reader) => {
        const { counts } = await reader.round();
        assert.deepEqual([counts.tracked, counts.quarantined], [3, 1]);
        assert.deepEqual(await reader.emails(), ["a-one", "c-weak", "d-four"]);
        const { incoming } = await reader.app.operations.explain(messageIdOf(own("b-two")));
        const its = incoming.find((one) => one.mailbox === addressOf(reader.user));
        assert.match(its?.sentences.join("\n") ?? "", /hands out the content of another one: its Message-ID, sender, date, subject/);
        assert.deepEqual((await reader.round()).counts, NOTHING, "it is not tried again by itself");
        mixedUp = false;
        await reader.app.operations.quarantineRetry("all");
        await reader.round();
        await assertSettled(reader, FOUR);
      },
    );
  });

  promise("between the head and the content a number is given to another message: each is itself", async (database) => {
    const messages = [message(1, "a-one"), message(2, "b-two"), message(3, "d-four")];
    const next = message(2, "x-new");
    await withReader(
      database,
      {
        inbox: { uidNext: 4, messages },
        script: (command) => {
          if (/BODY\.PEEK\[\]/.test(command)) messages[1] = next;
          return undefined;
        },
      },
      async (reader) => {
        await assertSettled(reader, ["a-one", "d-four", "x-new"]);
        assert.ok(
          reader.app.logged.some((one) => "reason" in one.fields && /a number to another message/.test(String(one.fields.reason))),
          "it was noticed when the content came",
        );
        const [decision, ...others] = (await decisionsIn(database, reader.user)).filter(
          (one) => one.messageId === messageIdOf(own("x-new")),
        );
        assert.deepEqual([decision?.outcome, others], ["tracked", []]);
      },
    );
  });

  promise(
    "a scanner's messages of the same second and size are told apart by their content, in whatever order they turn up",
    async (database) => {
      const scan = (uid: number, body: string): ScriptedMessage => message(uid, "scan-weak", { body });
      await withReader(database, { inbox: { uidNext: 2, messages: [scan(1, "first")] } }, async (reader) => {
        await reader.round();
        reader.server.inbox.messages = [scan(2, "other")];
        reader.server.inbox.uidNext = 3;
        assert.equal((await reader.round()).counts.tracked, 1, "it came when the first one had left, and is another");
        reader.server.inbox.messages = [scan(3, "first")];
        reader.server.inbox.uidNext = 4;
        const { counts } = await reader.round();
        assert.deepEqual([counts.received, counts.moved], [0, 1], "the first one is back");
        reader.server.inbox.messages = [scan(1, "other"), scan(2, "third"), scan(3, "first")];
        reader.server.inbox.validity = "8";
        assert.deepEqual((await reader.round()).counts, { ...NOTHING, received: 1, tracked: 1, moved: 2 });
        await assertSettled(reader, ["scan-weak", "scan-weak", "scan-weak"]);
      });
    },
  );

  promise("what looks like one that left, and is not handed out for once, is not taken for it: both are emails", async (database) => {
    const scan = (uid: number, body: string): ScriptedMessage => message(uid, "scan-weak", { body });
    let refuse = false;
    const script = (command: string) => (refuse && /BODY\.PEEK\[\]/.test(command) ? "NO cannot read" : undefined);
    await withReader(database, { inbox: { uidNext: 2, messages: [scan(1, "first")] }, script }, async (reader) => {
      await reader.round();
      reader.server.inbox.messages = [scan(2, "other")];
      reader.server.inbox.uidNext = 3;
      refuse = true;
      const { counts } = await reader.round();
      assert.deepEqual([counts.moved, counts.quarantined], [0, 1]);
      refuse = false;
      await reader.app.operations.quarantineRetry("all");
      await assertSettled(reader, ["scan-weak", "scan-weak"]);
    });
  });

  promise("a scanner's messages look all alike: a number given to another one is noticed, and both are emails", async (database) => {
    const scan = (uid: number, minute: string, body: string): ScriptedMessage =>
      message(uid, "scan-weak", { internalDate: `23-Nov-2026 10:${minute}:00 +0000`, body });
    await withReader(database, { inbox: { uidNext: 3, messages: [scan(1, "01", "first"), scan(2, "02", "second")] } }, async (reader) => {
      await reader.round();
      reader.server.inbox.messages = [scan(1, "01", "first"), scan(2, "03", "third")];
      await reader.round();
      await assertSettled(reader, ["scan-weak", "scan-weak", "scan-weak"]);
    });
  });
}

onOneDatabaseEach("a server that is odd", [], promiseOddities, { engines: ["pglite"] });

onOneDatabaseEach("a message without a Message-ID, on PostgreSQL and PGlite", [], (promise) => {
  promise(
    "is not decided again when its folder is numbered anew: neither what was left alone nor what is in quarantine",
    async (database) => {
      let refuse = true;
      await withReader(
        database,
        {
          inbox: {
            uidNext: 3,
            messages: [message(1, "old-weak", { internalDate: "01-Dec-2025 10:00:00 +0000" }), message(2, "broken-weak")],
          },
          script: (command) => (refuse && /^UID FETCH \S+ .*BODY\.PEEK\[\]/.test(command) ? "NO cannot read" : undefined),
        },
        async (reader) => {
          const first = await reader.round();
          assert.deepEqual([first.counts.skipped, first.counts.quarantined], [1, 1]);
          const before = await decisionTimes(reader);
          reader.server.inbox.validity = "8";
          const { counts } = await reader.round();
          assert.deepEqual([counts.received, counts.moved], [0, 2]);
          assert.deepEqual(await decisionTimes(reader), before);
          refuse = false;
          await reader.app.operations.quarantineRetry("all");
          await reader.round();
          const decisions = await decisionsIn(database, reader.user);
          assert.deepEqual(
            decisions.map((one) => one.outcome),
            ["skipped", "tracked"],
          );
        },
      );
    },
  );
});
