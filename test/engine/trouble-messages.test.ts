import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before } from "node:test";
import { ContentReader } from "../../src/mime/content-reader.ts";
import { missingServers } from "../servers/needs.ts";
import { startScriptedImap } from "../servers/scripted-imap.ts";
import { openCodes } from "./alerts.ts";
import { attachmentIn, decisionsIn, explained, letter, messageIdOf, refusedAs } from "./incoming.ts";
import { emailOf } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** A start date before everything here: some messages come with a received date of their own. */
const readFrom = "2026-01-01T00:00:00Z";
const RECEIVED = new Date("2026-03-02T10:00:00Z");
const MEGABYTE = 1024 * 1024;

async function emailFor(app: RigApp, id: string): ReturnType<typeof emailOf> {
  const { incoming } = await app.operations.explain(messageIdOf(id));
  return emailOf(app, incoming[0]?.emailId ?? "");
}

/** A message with one attachment of that many bytes. */
function withAttachment(id: string, body: Buffer): Buffer {
  const base64 = body.toString("base64").replace(/.{76}/g, "$&\r\n");
  return Buffer.from(
    [
      "From: carla@customer.test",
      `Message-ID: <${messageIdOf(id)}>`,
      "Date: Mon, 1 Jun 2026 08:00:00 +0000",
      "Subject: Plans",
      "MIME-Version: 1.0",
      'Content-Type: multipart/mixed; boundary="b"',
      "",
      "--b",
      "",
      "Here they are.",
      "--b",
      'Content-Type: application/octet-stream; name="plans.bin"',
      "Content-Transfer-Encoding: base64",
      "",
      base64,
      "--b--",
      "",
    ].join("\r\n"),
  );
}

onOneDatabaseEach(
  "messages that are hard to bear",
  servers,
  (promise) => {
    promise(
      "messages without headers, without a sender, with broken bytes and NULs are each decided, and none stops the others",
      async (database) => {
        const ann = rig.newUser();
        await using app = await rig.open(database, rig.configurationFor([{ name: ann, mailbox: { readFrom } }]));
        const id = (name: string) => `${ann}-${name}`;
        const raw = (name: string, subject: string, from: string) =>
          Buffer.from(
            `From: ${from}\r\nMessage-ID: <${messageIdOf(id(name))}>\r\nSubject: ${subject}\r\n\r\nText of ${name}\r\n`,
            "latin1",
          );
        const messages: readonly Buffer[] = [
          Buffer.from("\r\nOnly a body.\r\n"),
          Buffer.from("Only a body without an empty line before it.\r\n"),
          Buffer.from("\r\n"),
          Buffer.from(`Subject: nobody wrote this\r\nMessage-ID: <${messageIdOf(id("nobody"))}>\r\n\r\nx\r\n`),
          raw("broken", "caf\xe9 \xff\xfe\xc3", '"J\xfcrgen \xc3" <juergen@customer.test>'),
          raw("nul", "=?utf-8?Q?a=00b=ED=A0=80c?=", "=?utf-8?B?AEEA?= <nul@customer.test>"),
          raw("words", "=?utf-8?Q?half a word?= =?no-such-charset?B?%%%%?= =?utf-8?B?8J+?=", "<words@customer.test>"),
          Buffer.from(letter({ id: id("good"), subject: "A good one" })),
        ];
        await rig.dovecot.append(
          ann,
          "INBOX",
          ...messages.map((mime, index) => ({ mime, internalDate: new Date(RECEIVED.getTime() + index * 1000) })),
        );
        const { counts, failures } = await receive(app);
        assert.deepEqual(failures, []);
        assert.deepEqual([counts.received, counts.tracked, counts.skipped, counts.quarantined], [8, 4, 4, 0]);
        const decided = (await decisionsIn(database)).filter((one) => one.mailbox === ann);
        assert.deepEqual(
          decided.slice(0, 4).map((one) => [one.outcome, one.reason, one.because]),
          Array.from({ length: 4 }, () => ["skipped", 7, "Neither From nor Sender holds an address."]),
        );
        const broken = await emailFor(app, id("broken"));
        assert.match(broken.subject, /^café/);
        assert.equal(broken.parties[0]?.address, "juergen@customer.test");
        const nul = await emailFor(app, id("nul"));
        assert.ok(!nul.subject.includes("\0") && nul.subject.isWellFormed(), JSON.stringify(nul.subject));
        assert.match(nul.subject, /^a.*b.*c$/);
        assert.equal((await emailFor(app, id("words"))).text?.trim(), "Text of words");
        assert.deepEqual((await receive(app)).counts.received, 0, "each was decided once");
      },
    );

    promise("a server that hands out NULs and lone surrogates as they are stops nothing", async (database) => {
      const ann = rig.newUser();
      const bytes = Buffer.from(
        `From: "N\0ul" <nul@customer.test>\r\nMessage-ID: <${messageIdOf(`${ann}-raw`)}>\r\nSubject: a\0b\xed\xa0\x80c\r\nReferences: <x\0y@z>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nbody\0 \xed\xa0\x80 end\r\n`,
        "latin1",
      );
      await using server = await startScriptedImap({ inbox: { messages: [{ uid: 1, mime: bytes }] } });
      const configuration = rig.configurationFor([{ name: ann, mailbox: { readFrom } }], { incoming: { port: server.port } });
      await using app = await rig.open(database, configuration);
      const { counts, failures } = await receive(app);
      assert.deepEqual([counts.tracked, failures], [1, []]);
      const email = await emailFor(app, `${ann}-raw`);
      assert.match(email.text ?? "", /^body.*end/s);
      assert.ok(!`${email.subject}${email.text}${JSON.stringify(email.headers)}`.includes("\0"));
    });

    promise(
      "a message to ten thousand recipients becomes one email within seconds, and the decision says that the list was cut",
      async (database) => {
        const ann = rig.newUser();
        await using app = await rig.open(database, rig.configurationFor([{ name: ann, mailbox: { readFrom } }]));
        const recipients = Array.from({ length: 10_000 }, (_, index) => `"Recipient ${index}" <recipient-${index}@list.test>`);
        const mime = letter({ id: `${ann}-list`, to: [addressOf(ann), ...recipients] }).replace(/>, /g, ">,\r\n ");
        await rig.dovecot.append(ann, "INBOX", { mime, internalDate: RECEIVED });
        const started = performance.now();
        assert.equal((await receive(app)).counts.tracked, 1);
        const seconds = (performance.now() - started) / 1000;
        assert.ok(seconds < 15, `it took ${seconds} s`);
        const email = await emailFor(app, `${ann}-list`);
        assert.ok(email.parties.length > 1000 && email.parties.length <= 10_003, `${email.parties.length} parties`);
        assert.ok(
          email.parties.every(({ address }) => /^$|^(carla@customer|user\d+@example|recipient-\d+@list)\.test$/.test(address)),
          "none is half an address",
        );
        assert.match((await explained(app, `${ann}-list`, ann)).sentences, /longer than is read/);
      },
    );

    promise(
      "five megabytes of header are read up to a limit: a sender before it is found, one behind it is missing, and the decision says why",
      async (database) => {
        const ann = rig.newUser();
        await using app = await rig.open(database, rig.configurationFor([{ name: ann, mailbox: { readFrom } }]));
        const junk = `X-Junk: ${"j".repeat(900)}\r\n`.repeat(5500);
        const own = (name: string) => `From: carla@customer.test\r\nMessage-ID: <${messageIdOf(`${ann}-${name}`)}>\r\nSubject: ${name}\r\n`;
        const front = `${own("front")}${junk}\r\nThe body.\r\n`;
        const back = `${junk}${own("back")}\r\nThe body.\r\n`;
        assert.ok(junk.length > 5_000_000);
        await rig.dovecot.append(ann, "INBOX", { mime: front, internalDate: RECEIVED }, { mime: back, internalDate: RECEIVED });
        const { counts, failures } = await receive(app);
        assert.deepEqual(failures, []);
        assert.deepEqual([counts.received, counts.tracked, counts.skipped, counts.quarantined], [2, 1, 1, 0]);
        const email = await emailFor(app, `${ann}-front`);
        assert.deepEqual([email.subject, email.text?.trim()], ["front", "The body."]);
        const decision = (await decisionsIn(database)).filter((one) => one.mailbox === ann).find((one) => one.outcome === "skipped");
        assert.equal(decision?.reason, 7);
        const { incoming } = await app.operations.explain(
          String(
            (
              await database.query<{ id: number }>(
                "select id from waypost.decision where mailbox_id = (select id from waypost.mailbox where address = $1) and outcome = 'skipped'",
                [addressOf(ann)],
              )
            ).rows[0]?.id,
          ),
        );
        assert.match(incoming[0]?.sentences.join("\n") ?? "", /longer than is read/);
      },
    );

    promise(
      "a message of 60 MB is quarantined with clear words, and delivered byte for byte once the limit is raised and it is asked for, wherever it lies by then",
      async (database) => {
        const ann = rig.newUser();
        const body = randomBytes(44 * MEGABYTE);
        const mime = withAttachment(`${ann}-large`, body);
        assert.ok(mime.length > 60 * MEGABYTE);
        const settings = { maxuploadfilesize: 131_072 };
        const users = [{ name: ann, mailbox: { readFrom } }];
        await using app = await rig.open(database, rig.configurationFor(users, { settings }));
        await rig.dovecot.append(
          ann,
          "INBOX",
          { mime, internalDate: RECEIVED },
          { mime: letter({ id: `${ann}-after` }), internalDate: RECEIVED },
        );
        const { counts } = await receive(app);
        assert.deepEqual([counts.tracked, counts.quarantined], [1, 1], "the message behind it is read");
        const [row, ...others] = await app.operations.quarantineList();
        assert.ok(row);
        assert.deepEqual([others, row.code, row.messageId], [[], "message too large", messageIdOf(`${ann}-large`)]);
        assert.match(row.message, /a message of 60\.\d MB is larger than the limit of 40\.0 MB and was not downloaded/);
        assert.match(row.remedy, /Raise maximumMessageMegabytes .* `waypost quarantine retry`/);
        const told = await explained(app, `${ann}-large`, ann);
        assert.equal(told.outcome, "quarantined");
        assert.match(told.sentences, /is larger than the limit/);
        assert.equal((await receive(app)).counts.received, 0, "it is not tried again by itself");
        assert.deepEqual(await app.operations.quarantineRetry([row.id]), { marked: 1 });
        assert.equal((await receive(app)).counts.quarantined, 1, "the limit is as it was");
        assert.equal((await app.operations.quarantineList())[0]?.attempts, 2);
        await app.close();

        await using raised = await rig.open(database, rig.configurationFor(users, { settings, profile: { maximumMessageMegabytes: 100 } }));
        await rig.dovecot.withImap(ann, async (client) => {
          await client.mailboxCreate("INBOX/Projects");
          await client.mailboxOpen("INBOX");
          await client.messageMove("1", "INBOX/Projects");
        });
        assert.deepEqual(await raised.operations.quarantineRetry("all"), { marked: 1 });
        await receive(raised);
        assert.deepEqual(await raised.operations.quarantineList(), []);
        const email = await emailFor(raised, `${ann}-large`);
        assert.deepEqual(
          email.attachments.map(({ filename, size }) => [filename, size]),
          [["plans.bin", body.length]],
        );
        assert.ok((await attachmentIn(database, email.attachments[0]?.hash ?? "")).equals(body));
        assert.deepEqual((await explained(raised, `${ann}-large`, ann)).folders, ["INBOX/Projects"]);
        assert.equal((await raised.operations.status()).quarantined, 0);
        assert.deepEqual(await openCodes(raised), []);
      },
    );

    promise(
      "a message that holds the reader of contents too long is quarantined alone, and delivered when that has the time",
      async (database) => {
        const ann = rig.newUser();
        const clock = testClock();
        const configuration = rig.configurationFor([{ name: ann, mailbox: { readFrom } }]);
        const letters = Array.from({ length: 7 }, (_, index) => letter({ id: `${ann}-${index}`, subject: `Letter ${index}` }));
        // Millions of lines that look like delimiters: seconds of work.
        const slow = Buffer.from(
          `From: carla@customer.test\r\nMessage-ID: <${messageIdOf(`${ann}-slow`)}>\r\nSubject: Slow\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${"--x\r\n".repeat(5_000_000)}`,
        );
        const messages = [...letters.slice(0, 3), slow, ...letters.slice(3)];
        await rig.dovecot.append(ann, "INBOX", ...messages.map((mime) => ({ mime, internalDate: RECEIVED })));
        {
          await using app = await rig.open(database, configuration, { now: clock.now, content: new ContentReader({ deadline: 500 }) });
          const { counts, failures } = await receive(app);
          assert.deepEqual([counts.tracked, counts.quarantined, failures], [7, 1, []]);
          const [row] = (await app.operations.quarantineList()).filter((one) => one.mailbox === addressOf(ann));
          assert.deepEqual([row?.messageId, row?.step, row?.code], [messageIdOf(`${ann}-slow`), "parse", "message not readable as mail"]);
          assert.match(row?.message ?? "", /more than 0\.5 seconds/);
        }
        await using patient = await rig.open(database, configuration, { now: clock.now });
        await patient.operations.quarantineRetry("all");
        assert.equal((await receive(patient)).counts.tracked, 1);
        assert.deepEqual(await patient.operations.quarantineList(), []);
      },
    );

    promise("a message that the CRM does not take is quarantined alone, and delivered when it is asked for again", async (database) => {
      const ann = rig.newUser();
      const clock = testClock();
      await using app = await rig.open(database, rig.configurationFor([{ name: ann, mailbox: { readFrom } }]), { now: clock.now });
      await database.script(`
      create function public.refuse_poison() returns trigger language plpgsql as $$
      begin
        raise exception 'no poison here' using errcode = '22000';
      end $$;
      create trigger refuse_poison before insert on crm.email for each row when (new.subject = 'Poison') execute function public.refuse_poison();`);
      const letters = Array.from({ length: 11 }, (_, index) =>
        letter({ id: `${ann}-${index}`, subject: index === 4 ? "Poison" : `Letter ${index}` }),
      );
      await rig.dovecot.append(ann, "INBOX", ...letters.map((mime) => ({ mime, internalDate: RECEIVED })));
      const { counts, failures } = await receive(app);
      assert.deepEqual([counts.tracked, counts.quarantined, failures], [10, 1, []]);
      const [row] = (await app.operations.quarantineList()).filter((one) => one.mailbox === addressOf(ann));
      assert.deepEqual([row?.messageId, row?.serverSaid, row?.step], [messageIdOf(`${ann}-4`), refusedAs("no poison here"), "deliver"]);
      await database.script("drop trigger refuse_poison on crm.email; drop function public.refuse_poison;");
      await app.operations.quarantineRetry("all");
      assert.equal((await receive(app)).counts.tracked, 1);
      assert.equal((await emailFor(app, `${ann}-4`)).subject, "Poison");
      assert.deepEqual(await app.operations.quarantineList(), []);
      assert.equal((await receive(app)).counts.received, 0);
    });

    promise(
      "a message that the server does not hand out is quarantined, the others are delivered, and it follows when it is asked for",
      async (database) => {
        const ann = rig.newUser();
        let damaged = true;
        await using server = await startScriptedImap({
          inbox: { messages: [1, 2, 3].map((uid) => ({ uid, mime: Buffer.from(letter({ id: `${ann}-${uid}` })) })) },
          script: (command) => (damaged && /^UID FETCH (1:3|2|[\d,]*2[\d,]*) .*BODY\.PEEK\[\]/.test(command) ? "NO damaged" : undefined),
        });
        const configuration = rig.configurationFor([{ name: ann, mailbox: { readFrom } }], { incoming: { port: server.port } });
        await using app = await rig.open(database, configuration);
        const { counts, failures } = await receive(app);
        assert.deepEqual([counts.tracked, counts.quarantined, failures], [2, 1, []]);
        const [row] = (await app.operations.quarantineList()).filter((one) => one.mailbox === addressOf(ann));
        assert.deepEqual([row?.code, row?.step, row?.messageId], ["message unreadable", "read", messageIdOf(`${ann}-2`)]);
        damaged = false;
        await app.operations.quarantineRetry("all");
        assert.equal((await receive(app)).counts.tracked, 1);
        assert.equal((await emailFor(app, `${ann}-2`)).subject, `Letter ${ann}-2`);
      },
    );

    promise(
      "a refusal for a reason of the moment, or for a fault of the server, is not blamed on a message: nothing is quarantined, all follows later",
      async (database) => {
        for (const [words, code] of [
          ["NO [UNAVAILABLE] backend down", "mailbox unavailable"],
          ["NO [INUSE] locked", "mailbox in use"],
          ["NO [LIMIT] too much", "limit reached"],
          ["NO [SERVERBUG] Internal error", "server fault"],
        ] as const) {
          for (const part of [/BODY\.PEEK\[\]/, /HEADER/]) {
            const ann = rig.newUser();
            let away = true;
            await using server = await startScriptedImap({
              inbox: { uidNext: 4, messages: [1, 2, 3].map((uid) => ({ uid, mime: Buffer.from(letter({ id: `${ann}-${uid}` })) })) },
              script: (command) => (away && command.startsWith("UID FETCH") && part.test(command) ? words : undefined),
            });
            const configuration = rig.configurationFor([{ name: ann, mailbox: { readFrom } }], { incoming: { port: server.port } });
            const clock = testClock();
            await using app = await rig.open(database, configuration, { now: clock.now });
            const { counts, failures } = await receive(app, ann);
            const { alerts } = await app.operations.status();
            const codes = [...failures.map((one) => one.code), ...alerts.map((one) => one.code)];
            assert.ok(
              codes.some((one) => one.endsWith(code)),
              `${words} is told: ${codes}`,
            );
            assert.deepEqual([counts.tracked, counts.quarantined], [0, 0]);
            assert.deepEqual(await app.operations.quarantineList(), []);
            away = false;
            clock.forward(7200);
            assert.equal((await receive(app, ann)).counts.tracked, 3);
          }
        }
      },
    );

    for (const code of ["SERVERBUG", "UNAVAILABLE", "LIMIT", "INUSE"])
      promise(
        `a message that the server alone refuses each time with ${code} is to blame for it: the others are delivered, even if it is the only new one`,
        async (database) => {
          const ann = rig.newUser();
          const messages = [1, 2].map((uid) => ({ uid, mime: Buffer.from(letter({ id: `${ann}-${uid}` })) }));
          await using server = await startScriptedImap({
            inbox: { uidNext: 3, messages },
            script: (command) =>
              /^UID FETCH (1:3|[\d,]*3[\d,]*) .*BODY\.PEEK\[\]/.test(command) ? `NO [${code}] Internal error` : undefined,
          });
          const configuration = rig.configurationFor([{ name: ann, mailbox: { readFrom } }], { incoming: { port: server.port } });
          await using app = await rig.open(database, configuration);
          assert.equal((await receive(app, ann)).counts.tracked, 2);
          server.inbox.messages = [...messages, { uid: 3, mime: Buffer.from(letter({ id: `${ann}-3` })) }];
          server.inbox.uidNext = 4;
          const { counts, failures } = await receive(app, ann);
          assert.deepEqual([counts.quarantined, failures], [1, []]);
          const [row] = (await app.operations.quarantineList()).filter((one) => one.mailbox === addressOf(ann));
          assert.deepEqual([row?.code, row?.messageId, row?.serverSaid], ["message unreadable", messageIdOf(`${ann}-3`), "Internal error"]);
        },
      );

    promise(
      "messages at which the server hangs up, more than are looked into at a time, are quarantined with what it does; the others are delivered, and nothing waits",
      async (database) => {
        const ann = rig.newUser();
        const damaged = [3, 4, 5, 6, 7, 8];
        const messages = Array.from({ length: 10 }, (_, index) => ({
          uid: index + 1,
          mime: Buffer.from(letter({ id: `${ann}-${index + 1}` })),
        }));
        await using server = await startScriptedImap({
          inbox: { uidNext: 11, messages },
          script(command) {
            const set = /^UID FETCH ([\d,:]+) .*BODY\.PEEK\[\]/.exec(command)?.[1] ?? "";
            const asked = set.split(",").map((range) => range.split(":").map(Number));
            return asked.some(([from = 0, to = from]) => damaged.some((uid) => from <= uid && uid <= to)) ? null : undefined;
          },
        });
        const configuration = rig.configurationFor([{ name: ann, mailbox: { readFrom } }], { incoming: { port: server.port } });
        await using app = await rig.open(database, configuration);
        const { counts, failures } = await receive(app, ann);
        assert.deepEqual([counts.tracked, counts.quarantined, failures], [4, 6, []]);
        const rows = (await app.operations.quarantineList()).filter((one) => one.mailbox === addressOf(ann));
        assert.deepEqual(rows.map((row) => row.messageId).sort(), damaged.map((uid) => messageIdOf(`${ann}-${uid}`)).sort());
        for (const row of rows) {
          assert.equal(row.code, "message unreadable");
          assert.match(row.serverSaid ?? "", /^The connection with .* broke/);
        }
        const again = await receive(app, ann);
        assert.deepEqual([again.counts.received, again.failures], [0, []]);
      },
    );

    promise("what was asked for again in a folder that is not there any more waits for the folder and stops nothing", async (database) => {
      const ann = rig.newUser();
      const large = (name: string) => ({ mime: withAttachment(`${ann}-${name}`, Buffer.alloc(MEGABYTE)), internalDate: RECEIVED });
      const users = [{ name: ann, mailbox: { readFrom } }];
      await using app = await rig.open(database, rig.configurationFor(users, { profile: { maximumMessageMegabytes: 1 } }));
      await rig.dovecot.append(ann, "INBOX/Old", large("old"));
      await rig.dovecot.append(ann, "INBOX", large("new"));
      assert.equal((await receive(app)).counts.quarantined, 2);
      await app.close();
      await rig.dovecot.withImap(ann, async (client) => void (await client.mailboxDelete("INBOX/Old")));
      await using raised = await rig.open(database, rig.configurationFor(users));
      await raised.operations.quarantineRetry("all");
      const { counts, failures } = await receive(raised);
      assert.deepEqual([counts.tracked, failures], [1, []]);
      const left = (await raised.operations.quarantineList()).filter((one) => one.mailbox === addressOf(ann));
      assert.deepEqual(
        left.map((one) => [one.messageId, one.retry]),
        [[messageIdOf(`${ann}-old`), true]],
      );
      assert.match((await explained(raised, `${ann}-old`, ann)).sentences, /in a folder of .* that is not shown at the moment/);
      assert.equal((await receive(raised)).counts.received, 0);
    });

    promise("two quarantined messages with the same number in two folders are not taken for each other", async (database) => {
      const ann = rig.newUser();
      const configuration = (maximumMessageMegabytes: number, port: number) =>
        rig.configurationFor([{ name: ann, mailbox: { readFrom } }], { incoming: { port }, profile: { maximumMessageMegabytes } });
      const large = (name: string) => ({ uid: 1, mime: withAttachment(`${ann}-${name}`, Buffer.alloc(MEGABYTE, name)) });
      // Some servers give every folder the same UIDVALIDITY.
      await using server = await startScriptedImap({
        inbox: { messages: [large("one")] },
        script(command) {
          if (command.startsWith("LIST ")) return '* LIST () "/" INBOX\r\n* LIST () "/" INBOX/Other\r\nOK done';
          const folder = /^(?:SELECT|EXAMINE) "?([^" ]+)/.exec(command)?.[1];
          if (folder !== undefined) server.inbox.messages = [large(folder === "INBOX" ? "one" : "two")];
          return undefined;
        },
      });
      await using app = await rig.open(database, configuration(1, server.port));
      const first = await receive(app);
      assert.deepEqual([first.counts.quarantined, first.failures], [2, []]);
      await app.close();
      await using raised = await rig.open(database, configuration(10, server.port));
      await raised.operations.quarantineRetry("all");
      assert.equal((await receive(raised)).counts.tracked, 2);
      for (const name of ["one", "two"]) {
        const email = await emailFor(raised, `${ann}-${name}`);
        const body = await attachmentIn(database, email.attachments[0]?.hash ?? "");
        assert.equal(body.subarray(0, 3).toString(), name);
      }
    });
  },
  { poolSize: 1 },
);
