import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startEngine } from "../../src/engine/engine.ts";
import { listMailboxes, noteProfileFailure, readProfile } from "../../src/ledger/mailboxes.ts";
import type { Crm } from "../../src/ports.ts";
import { startCuttingProxy } from "../servers/cutting-proxy.ts";
import { missingServers } from "../servers/needs.ts";
import { alertHistory, mailboxId } from "./alerts.ts";
import { letter } from "./incoming.ts";
import { contactsFor, draftFrom, pressSend } from "./outgoing.ts";
import { addressOf, check, type EngineRig, engineRig, type RigApp, receive, send } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot", "postfix"] as const;
let rig: EngineRig;
const open = new AsyncDisposableStack();
before(async () => {
  if (!missingServers(servers)) rig = open.use(await engineRig({ postfix: {} }));
});
after(() => open.disposeAsync());

async function statusOf(app: RigApp, name: string) {
  const { mailboxes } = await app.operations.status();
  const one = mailboxes.find((mailbox) => mailbox.address === addressOf(name));
  assert.ok(one);
  return one;
}

/** Codes of the open alerts of one mailbox. */
async function alertsOf(app: RigApp, name: string): Promise<string[]> {
  const id = await mailboxId(app.database, addressOf(name));
  return (await app.operations.status()).alerts.filter((alert) => alert.subject === id).map((alert) => alert.code);
}

const count = (app: RigApp, what: string) => app.database.query<{ n: number }>(`select count(*) as n from ${what}`);

onOneDatabaseEach("test and enable", servers, (promises) => {
  promises("a mailbox that works passes both ways; its test message becomes no email and explain says why", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([ann]));
    assert.match((await statusOf(app, ann)).test.because ?? "", /No test for incoming and outgoing mail was run yet/);
    const [checked] = await check(app, [ann]);
    assert.deepEqual(
      checked?.steps.filter((step) => step.result !== "ok").map((step) => [step.direction, step.code]),
      [
        ["receive", "in clear"],
        ["send", "in clear"],
      ],
    );
    assert.deepEqual(
      checked?.steps.slice(-3).map((step) => [step.direction, step.name]),
      [
        ["send", "send a test message"],
        ["send", "file the sent copy"],
        ["receive", "find the test message"],
      ],
    );
    const { testmailboxaccesscompletedon, ...test } = (await statusOf(app, ann)).test;
    assert.ok(testmailboxaccesscompletedon instanceof Date);
    assert.deepEqual(test, {
      ...{ incomingemailstatus: 1, outgoingemailstatus: 1, actstatus: 0, mailboxstatus: 1 },
      ...{ enabledforincomingemail: true, enabledforoutgoingemail: true, because: null },
    });

    const emails = (await count(app, "crm.email")).rows[0]?.n;
    const { counts } = await receive(app, ann);
    assert.deepEqual([counts.received, counts.tracked, counts.skipped], [1, 0, 1]);
    assert.equal((await count(app, "crm.email")).rows[0]?.n, emails);
    const messageId = await rig.dovecot.withImap(ann, async (client) => {
      await client.mailboxOpen("INBOX", { readOnly: true });
      const [row] = await client.fetchAll("1:*", { headers: true, envelope: true });
      const headers = row?.headers?.toString() ?? "";
      assert.match(headers, /^Auto-Submitted: auto-generated\r?$/im);
      assert.match(headers, /^X-Auto-Response-Suppress: All\r?$/im);
      assert.doesNotMatch(headers, /X-Waypost-Email/i);
      return row?.envelope?.messageId ?? "";
    });
    const [told] = (await app.operations.explain(messageId)).incoming;
    assert.match(
      told?.sentences.join(" ") ?? "",
      /test message: yes\. Waypost sent this message itself on .* to test .*A test is never tracked/,
    );
  });

  promises("of a mailbox in which messages are to be deleted it says that they can be, and deletes none", async (database) => {
    const queue = rig.newUser();
    await rig.dovecot.append(queue, "INBOX", letter({ id: `${queue}-old` }));
    await using app = await rig.open(
      database,
      rig.configurationFor([], { queues: [{ name: queue, mailbox: { deleteAfterProcessing: true } }] }),
    );
    const [checked] = await check(app, [queue], { testMessage: false });
    const step = checked?.steps.find(({ name }) => name === "look whether messages can be deleted");
    // A PostgreSQL for tests may write without flushing: from such a one nothing is deleted, and the step says so.
    const expected = (await database.makeDurable()) === null ? "ok" : "warning";
    assert.deepEqual([step?.result, step?.direction], [expected, "receive"]);
    const left = await rig.dovecot.withImap(queue, (client) => client.status("INBOX", { messages: true }));
    assert.equal(left ? left.messages : null, 1);
  });

  promises("the CRM is tried once for all mailboxes of a check, and what it lacks fails none of them", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    await using app = await rig.open(database, rig.configurationFor([ann, ben]));
    const own = app.context.crm("CRM");
    let tried = 0;
    const crm: Crm = {
      ...own,
      async *check() {
        tried++;
        yield { name: "sign in", result: "ok", message: "It works as Waypost Service." };
        yield {
          name: "change a status",
          result: "failed",
          code: "status refused",
          message: "It does not.",
          remedy: "Run one router only.",
        };
      },
    };
    app.context.crm = () => crm;
    const checked = await check(app, [ann, ben], { testMessage: false });
    assert.equal(tried, 1);
    const steps = checked.map((one) =>
      one.steps.filter(({ direction }) => direction === "CRM").map(({ name, result }) => `${name}: ${result}`),
    );
    assert.deepEqual(
      new Set(steps.map((some) => some.join())),
      new Set(["sign in: ok,change a status: failed", "change a status: failed"]),
    );
    for (const name of [ann, ben]) {
      const { test } = await statusOf(app, name);
      assert.deepEqual([test.incomingemailstatus, test.outgoingemailstatus, await alertsOf(app, name)], [1, 1, []]);
    }
  });

  promises(
    "a mailbox that is read by POP3 passes both ways too, and of copies in Sent, which it cannot hold, nobody is told anything",
    async (database) => {
      const ann = rig.newUser();
      for (let i = 0; i < 3; i++)
        await rig.dovecot.deliver(
          ann,
          `From: c@x.test\r\nTo: ${addressOf(ann)}\r\nSubject: old\r\nMessage-ID: <old${i}@x.test>\r\n\r\nHello\r\n`,
        );
      const configuration = rig.configurationFor([ann], { incoming: { port: rig.dovecot.ports.pop3 } });
      const [profile] = configuration.serverProfiles;
      assert.ok(profile?.incoming);
      const pop3 = { ...profile, incoming: { ...profile.incoming, protocol: "pop3" as const } };
      await using app = await rig.open(database, { ...configuration, serverProfiles: [pop3] });
      const [checked] = await check(app, [ann]);
      assert.deepEqual(
        checked?.steps.filter((step) => step.result !== "ok").map((step) => step.code),
        ["in clear", "in clear"],
      );
      assert.equal(checked?.steps.at(-1)?.name, "find the test message");
      assert.equal((await statusOf(app, ann)).test.mailboxstatus, 1);
      const ben = rig.newUser();
      await contactsFor(app, ben);
      const id = await pressSend(app, draftFrom(ann, [ben]));
      assert.equal((await send(app, ann)).counts.sent, 1);
      await send(app, ann);
      const { rows } = await database.query<{ copy: string | null }>("select sent_copy as copy from waypost.outbox where email_id = $1", [
        id,
      ]);
      assert.deepEqual(rows, [{ copy: null }]);
      assert.deepEqual(await alertsOf(app, ann), []);
      assert.match((await statusOf(app, ann)).notWatchedBecause ?? "", /tells nobody of new mail/);
    },
  );

  promises("a failed test has one alert, whatever fails; a passed one closes it, forgets failures and reads at once", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([ann]));
    const alerts = async () => (await alertsOf(app, ann)).filter((code) => code.startsWith("testing"));
    rig.writePassword(ann, "wrong");
    await receive(app, ann);
    for (let run = 0; run < 2; run++) await check(app, [ann]);
    assert.deepEqual(await alerts(), ["testing: sign-in refused"]);
    const { test } = await statusOf(app, ann);
    assert.deepEqual([test.incomingemailstatus, test.outgoingemailstatus, test.mailboxstatus], [2, 2, 2]);
    rig.writePassword(ann, "correct-horse");
    await noteProfileFailure(app.database, "receive", "test", 3, new Date(Date.now() + 600_000));
    await check(app, [ann], { testMessage: false });
    assert.deepEqual(await alerts(), []);
    const [row] = (await listMailboxes(app.database)).filter((one) => one.address === addressOf(ann));
    assert.deepEqual([row?.receiveFailures, row?.receiveError], [0, null]);
    const profile = await readProfile(app.database, "test");
    assert.deepEqual([profile?.receiveFailures, profile?.receiveNotBefore], [0, null], "its server need not be waited for");
    const { rows } = await app.database.query<{ wakes: number }>("select wakes from waypost.lease where key = $1", [`receive:${row?.id}`]);
    assert.ok((rows[0]?.wakes ?? 0) > 0, "its mailbox was woken");
    assert.equal((await alertHistory(app.database, row?.id ?? "")).filter((alert) => alert.startsWith("testing")).length, 1);
  });

  promises(
    "mailboxes are tested side by side, as far as their server profile allows connections, and told in their order",
    async (database) => {
      const names = rig.newUsers(3);
      const course = async (maxConcurrentConnections: number) => {
        await using app = await rig.open(database, rig.configurationFor(names, { profile: { maxConcurrentConnections } }));
        const events: string[] = [];
        const checks = await app.operations.check(names.map(addressOf), { testMessage: false }, new AbortController().signal, (event) => {
          if (!("step" in event)) events.push("done" in event ? "done" : "begun");
        });
        assert.deepEqual(
          checks.map((one) => one.mailbox),
          names.map(addressOf),
        );
        assert.ok(checks.every((one) => one.steps.every((step) => step.result !== "failed")));
        return events;
      };
      assert.deepEqual((await course(5)).slice(0, 3), ["begun", "begun", "begun"]);
      assert.deepEqual(
        await course(1),
        names.flatMap(() => ["begun", "done"]),
      );
    },
  );

  promises("with requireTest nothing is done before the test has passed, and again after the way has changed", async (database) => {
    const ann = rig.newUser();
    const configuration = (timeoutSeconds: number, host = "127.0.0.1") =>
      rig.configurationFor([ann], { profile: { requireTest: true }, incoming: { timeoutSeconds, host } });
    {
      await using app = await rig.open(database, configuration(20));
      assert.equal((await receive(app, ann)).counts.received, 0);
      assert.match((await statusOf(app, ann)).receiving.because ?? "", /has passed no test for incoming mail/);
      await check(app, [ann]);
      assert.equal((await statusOf(app, ann)).receiving.state, "new");
    }
    {
      await using app = await rig.open(database, configuration(10));
      assert.equal((await receive(app, ann)).counts.received, 1);
    }
    await using app = await rig.open(database, configuration(10, "localhost"));
    const { receiving, sending, test } = await statusOf(app, ann);
    assert.deepEqual([receiving.state, sending.state], ["off", "new"]);
    assert.deepEqual([test.incomingemailstatus, test.outgoingemailstatus], [0, 1]);
    assert.match(test.because ?? "", /incoming mail depends on has changed since.*waypost check/);
  });

  promises(
    "what is unapproved, inactive or None is not connected to by reading, sending, watching or testing, and it is said why",
    async (database) => {
      await using imap = await startCuttingProxy(rig.dovecot.ports.imap);
      await using smtp = await startCuttingProxy(rig.postfix.ports.smtp);
      const [pending = "", inactive = "", none = "", untested = ""] = rig.newUsers(4);
      const changes = { incoming: { port: imap.port }, outgoing: { port: smtp.port } };
      const users = [
        { name: pending, mailbox: { approved: false } },
        { name: inactive, mailbox: { active: false } },
        { name: none, mailbox: { incoming: false, outgoing: false } },
      ];
      await using app = await rig.open(database, rig.configurationFor(users, changes));
      await contactsFor(app, "customer");
      const names = [pending, inactive, none];
      for (const name of names) await pressSend(app, draftFrom(name, ["customer"]));
      const asked = [await receive(app, ...names), await send(app, ...names)];
      const checks = await check(app, names);
      const ofAll = [await receive(app), await send(app)];
      const checksOfAll = await check(app, []);
      const engine = await startEngine(app.context, app.queue, {
        ...{ roles: new Set(["worker", "watcher"] as const), organizations: app.organizations, pullSeconds: 5, concurrency: 4 },
      });
      await sleep(1500);
      await engine.stop(5);
      assert.deepEqual([imap.accepted(), smtp.accepted()], [0, 0]);
      for (const [name, reason] of [
        [pending, /is not approved.*approved: .*@/],
        [inactive, /is inactive/],
        [none, /delivery method of .* is None/],
      ] as const) {
        const { receiving, sending } = await statusOf(app, name);
        assert.deepEqual([receiving.state, sending.state], ["off", "off"]);
        const [told] = (await app.operations.explain(addressOf(name))).mailboxes;
        assert.match(told?.sentences.join(" ") ?? "", reason);
        const left = asked.flatMap((one) => one.left.filter(({ mailbox }) => mailbox === addressOf(name)));
        assert.deepEqual(
          left.map(({ state, named, until }) => [state, named, until]),
          Array(2).fill(["off", true, null]),
        );
        for (const { because } of left) assert.match(because, reason);
        const checked = checks.find((one) => one.mailbox === addressOf(name));
        assert.deepEqual([checked?.steps, checked?.untouched.length], [[], 2]);
        assert.match(checked?.untouched[0]?.because ?? "", reason);
      }
      // Who asks for all is told of each of the configuration, in the same words.
      const told = (lefts: typeof asked) =>
        lefts.map(({ mailboxes, left }) => [mailboxes, left.map(({ mailbox, because }) => `${mailbox}: ${because}`).sort()]);
      assert.deepEqual(told(ofAll), told(asked));
      assert.ok(ofAll.every(({ left }) => left.every(({ named }) => !named)));
      assert.deepEqual(
        checksOfAll.map(({ mailbox, untouched }) => [mailbox, untouched.length]).sort(),
        names.map((name) => [addressOf(name), 2]).sort(),
      );
      const { rows } = await app.database.query<{ id: string }>("select activityid as id from crm.email order by createdon desc limit 1");
      assert.match((await app.operations.explain(rows[0]?.id ?? "")).pending?.because ?? "", /approved|inactive|None/);
      const unknown = await app.operations.explain("never-seen@nowhere.test");
      for (const name of names) assert.ok(unknown.notRead.some((one) => one.mailbox === addressOf(name)));
      await using free = await rig.open(
        database,
        rig.configurationFor([{ name: untested, mailbox: { approved: false } }], {
          ...changes,
          settings: { requireapprovalforuseremail: false },
        }),
      );
      await receive(free, untested);
      assert.ok(imap.accepted() > 0, "where approval is not required, it is not asked for");
    },
  );

  promises("an address that changes waits for approval, and is read once somebody approved it", async (database) => {
    const [before = "", changed = ""] = rig.newUsers(2);
    const configuration = (address: string) => {
      const whole = rig.configurationFor([before]);
      const [mailbox] = whole.mailboxes;
      assert.ok(mailbox);
      return { ...whole, mailboxes: [{ ...mailbox, address: addressOf(address) }] };
    };
    {
      await using app = await rig.open(database, configuration(before));
      await receive(app, before);
      assert.equal((await statusOf(app, before)).receiving.state, "works");
    }
    await using app = await rig.open(database, configuration(changed));
    await rig.dovecot.deliver(
      changed,
      `From: c@x.test\r\nTo: ${addressOf(changed)}\r\nSubject: secret\r\nMessage-ID: <a1@x.test>\r\n\r\nHello\r\n`,
    );
    assert.equal((await receive(app, changed)).counts.received, 0);
    const pending = await statusOf(app, changed);
    assert.deepEqual([pending.emailrouteraccessapproval, pending.receiving.state], [2, "off"]);
    assert.match(pending.receiving.because ?? "", /pending approval.*waypost approve/);
    const [alert] = (await app.operations.status()).alerts.filter((one) => one.message.includes(addressOf(changed)));
    assert.equal(`${alert?.message} ${alert?.remedy}`, pending.receiving.because, "the alert says the same");
    assert.deepEqual(await alertsOf(app, changed), ["approval: pending"]);
    await app.operations.approve(addressOf(changed), "approve", "ben");
    assert.deepEqual(await alertsOf(app, changed), []);
    await receive(app, changed);
    assert.equal((await statusOf(app, changed)).receiving.state, "works");
    assert.match((await app.operations.explain(addressOf(changed))).mailboxes[0]?.sentences.join(" ") ?? "", /ben approved the address on/);
    await app.operations.approve(addressOf(changed), "reject", "ben");
    assert.match((await statusOf(app, changed)).receiving.because ?? "", /was rejected/);
  });

  promises("a user whose own address changes with that of the mailbox is the same user, and is approved anew", async (database) => {
    const [before = "", changed = ""] = rig.newUsers(2);
    const configuration = (address: string) => {
      const whole = rig.configurationFor([address]);
      return { ...whole, users: whole.users.map((user) => ({ ...user, name: "Ann Lee" })) };
    };
    const owner = async (app: RigApp, address: string) =>
      (await listMailboxes(app.database)).find((one) => one.address === addressOf(address))?.owner;
    {
      await using app = await rig.open(database, configuration(before));
      await receive(app, before);
    }
    await using app = await rig.open(database, configuration(changed));
    assert.deepEqual(await owner(app, changed), await owner(app, before));
    const { emailrouteraccessapproval, receiving } = await statusOf(app, changed);
    assert.deepEqual([emailrouteraccessapproval, receiving.state], [2, "off"]);
    assert.equal((await count(app, "crm.systemuser where fullname = 'Ann Lee'")).rows[0]?.n, 1);
  });

  promises(
    "what comes back of a test message becomes no email, though only its content says so; other bounces are as they were",
    async (database) => {
      const ann = rig.newUser();
      await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "all" }]));
      await check(app, [ann]);
      const { rows } = await app.database.query<{ id: string }>(
        "select message_id as id from waypost.test_message order by sent_at desc limit 1",
      );
      const bounce = (id: string, about: string) =>
        [
          `From: MAILER-DAEMON@mx.test\r\nTo: ${addressOf(ann)}\r\nSubject: Undelivered Mail Returned to Sender\r\nMessage-ID: <${id}>\r\nMIME-Version: 1.0`,
          `Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.`,
          `--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.test\r\n\r\nAction: failed\r\nStatus: 5.1.1`,
          `Diagnostic-Code: smtp; 550 5.1.1 unknown\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <${about}>\r\n--b--\r\n`,
        ].join("\r\n");
      await rig.dovecot.deliver(ann, bounce("b1@mx.test", rows[0]?.id ?? ""));
      await rig.dovecot.deliver(ann, bounce("b2@mx.test", "some-mail@x.test"));
      const { counts } = await receive(app, ann);
      assert.deepEqual([counts.received, counts.tracked, counts.skipped], [3, 1, 2]);
      const told = async (id: string) => (await app.operations.explain(id)).incoming[0]?.sentences.join(" ") ?? "";
      assert.match(await told("b1@mx.test"), /brings back as undeliverable a message that Waypost sent on .* to test/);
      assert.doesNotMatch(await told("b2@mx.test"), /to test/);
    },
  );
});
