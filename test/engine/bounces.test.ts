import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before } from "node:test";
import type { App } from "../../src/app.ts";
import type { Database } from "../../src/database/database.ts";
import { REPORT_BYTES } from "../../src/engine/receive/read-reports.ts";
import { openAlerts } from "../../src/ledger/alerts.ts";
import { AUTOMATIC_ANSWERS_AN_HOUR, AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR } from "../../src/model/automatic-answer.ts";
import { STATUS } from "../../src/model/email.ts";
import type { Sql, Transaction } from "../../src/model/sql.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { contactsFor, draftFrom, emailOf, pressSend, untilDelivered } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig, receive, send, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot", "postfix"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ postfix: {} });
});
after(() => rig?.[Symbol.asyncDispose]());

interface Bounce {
  readonly to: string;
  /** Message-ID of the message that it is about. */
  readonly about: string;
  readonly mark?: string;
  readonly padding?: number;
}

/** A bounce as a server would write it that nobody asked to. */
function bounce(id: string, { to, about, mark, padding = 0 }: Bounce): string {
  return [
    `Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.customer.test\r\nTo: ${to}\r\nSubject: Undelivered\r\nMessage-ID: <${id}>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000`,
    `MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.`,
    `--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.test\r\n\r\nFinal-Recipient: rfc822; bob@customer.test`,
    `Action: failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 Mailbox full\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <${about}>`,
    ...(mark === undefined ? [] : [`X-Waypost-Email: ${mark}`]),
    `From: ${to}\r\nTo: bob@customer.test\r\n\r\n${"x"
      .repeat(77)
      .concat("\r\n")
      .repeat(Math.ceil(padding / 79))}\r\n--b--\r\n`,
  ].join("\r\n");
}

/** An email that Ann sent to an account of the mail server. */
async function sentEmail(app: App, ann: string): Promise<string> {
  const ben = rig.newUser();
  await contactsFor(app, ben);
  const id = await pressSend(app, draftFrom(ann, [ben]));
  assert.equal((await send(app)).counts.sent, 1);
  return id;
}

async function round(app: App, user: string) {
  const { counts, failures } = await receive(app, user);
  assert.deepEqual(failures, []);
  return counts;
}

/** What a mailbox says of a bounce. */
async function told(
  app: App,
  id: string,
): Promise<{ readonly outcome: string; readonly sentences: string; readonly emailId: string | null }> {
  const [one, ...others] = (await app.operations.explain(id)).incoming;
  assert.ok(one && others.length === 0);
  return { outcome: one.outcome, sentences: one.sentences.join("\n"), emailId: one.emailId };
}

async function returned(app: App, emailId: string) {
  return (await app.operations.explain(emailId)).outgoing.flatMap((one) => one.returned);
}

onOneDatabaseEach("bounces", servers, (promise) => {
  promise(
    "the bounce of a real server is tied to the email that it is about, whose filter takes answers only; explain says what came back",
    async (database) => {
      const ann = rig.newUser();
      await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "replies" }]));
      const nobody = `nobody-${randomUUID().slice(0, 8)}@example.test`;
      const [contact] = await app.crm.createRecords([{ type: "contact", firstname: "Nobody", addresses: [nobody] }]);
      assert.ok(contact);
      const id = await pressSend(app, draftFrom(ann, [nobody], { regarding: contact }));
      assert.equal((await send(app)).counts.sent, 1);
      await untilDelivered(rig.dovecot, ann);
      assert.equal((await round(app, ann)).tracked, 1);

      const [sending] = (await app.operations.explain(id)).outgoing;
      assert.deepEqual(
        sending?.returned.map(({ recipient, kind, status, messageId }) => [recipient, kind, status, messageId]),
        [[nobody, "failed", "5.1.1", sending?.messageId]],
      );
      assert.match(sending?.sentences.join("\n") ?? "", new RegExp(`could not be delivered to ${nobody}: status 5\\.1\\.1, .*${nobody}`));
      const email = await emailOf(app, id);
      assert.equal(email.status, STATUS.sent, "a report proves nothing: whoever knows the Message-ID can write one");
      const report = await emailOf(app, sending?.returned[0]?.reportId ?? "");
      assert.deepEqual([report.correlatedEmailId, report.parentEmailId, report.regarding?.id], [id, id, contact.id]);
      assert.match((await told(app, report.messageId ?? "")).sentences, /^automatic mail: yes\. It is a delivery report: /m);
    },
  );

  promise("a bounce that is read before the CRM was told how the sending ended is tied all the same", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "all" }]));
    const id = await sentEmail(app, ann);
    const messageId = (await emailOf(app, id)).messageId ?? "";
    await database.query("update crm.email set messageid = null where activityid = $1", [id]);
    await rig.dovecot.deliver(ann, bounce(`${id}.early@mx.test`, { to: addressOf(ann), about: messageId }));
    await round(app, ann);
    assert.deepEqual(
      (await returned(app, id)).map(({ recipient, status }) => [recipient, status]),
      [["bob@customer.test", "5.2.2"]],
    );
  });

  promise("where a server wrote another Message-ID, the mark that Waypost gave the message ties its bounce", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "replies" }]));
    const id = await sentEmail(app, ann);
    await rig.dovecot.deliver(ann, bounce(`${id}.marked@mx.test`, { to: addressOf(ann), about: `${id}@gateway.test`, mark: id }));
    assert.equal((await round(app, ann)).tracked, 1);
    assert.equal((await returned(app, id)).length, 1);
  });

  promise("a report about a message that never went out is tied to nothing, whatever it looks like", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "replies" }]));
    const id = await sentEmail(app, ann);
    const [stranger, generation] = [`${randomUUID()}.1.waypost@example.test`, `${id}.7.waypost@example.test`];
    const forged = (about: string) => bounce(`forged.${about}`, { to: addressOf(ann), about, mark: randomUUID() });
    await rig.dovecot.deliver(ann, forged(stranger));
    await rig.dovecot.deliver(ann, forged(generation));
    assert.equal((await round(app, ann)).skipped, 2);
    for (const about of [stranger, generation]) {
      const { outcome, sentences } = await told(app, `forged.${about}`);
      assert.equal(outcome, "skipped");
      assert.match(sentences, /^delivery report: no\. No email of the CRM has the Message-ID/m);
    }
    assert.deepEqual(await returned(app, id), []);
  });

  promise("a bounce larger than is read is decided by its head, and says so", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "replies" }]));
    const id = await sentEmail(app, ann);
    const about = (await emailOf(app, id)).messageId ?? "";
    await rig.dovecot.deliver(ann, bounce(`${id}.large@mx.test`, { to: addressOf(ann), about, padding: REPORT_BYTES }));
    assert.equal((await round(app, ann)).skipped, 1);
    assert.match(
      (await told(app, `${id}.large@mx.test`)).sentences,
      /delivery report: not asked\. The content was not read: it is larger than the 4 MB/,
    );
  });

  promise("what comes back twice, in two mailboxes, is shown once", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    await using app = await rig.open(
      database,
      rig.configurationFor([
        { name: ann, filter: "replies" },
        { name: ben, filter: "replies" },
      ]),
    );
    const id = await sentEmail(app, ann);
    const same = bounce(`${id}.twice@mx.test`, { to: addressOf(ann), about: (await emailOf(app, id)).messageId ?? "" });
    for (const user of [ann, ben]) await rig.dovecot.deliver(user, same);
    await round(app, ann);
    await round(app, ben);
    assert.equal((await returned(app, id)).length, 1);
  });

  promise("an automatic reply is tracked and called one; SkipAutomaticReplies leaves it alone", async (database) => {
    const ann = rig.newUser();
    const away = (id: string) =>
      `From: bob@customer.test\r\nTo: ${addressOf(ann)}\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\nMessage-ID: <${id}>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n\r\nI am away.\r\n`;
    const [first, second] = [`${randomUUID()}@x.test`, `${randomUUID()}@x.test`];
    {
      await using app = await rig.open(database, rig.configurationFor([ann]));
      await rig.dovecot.deliver(ann, away(first));
      assert.equal((await round(app, ann)).tracked, 1);
      assert.match(
        (await told(app, first)).sentences,
        /automatic mail: yes\. It is an automatic reply: its header has Auto-Submitted: auto-replied\./,
      );
    }
    await using app = await rig.open(database, rig.configurationFor([ann], { settings: { SkipAutomaticReplies: true } }));
    await rig.dovecot.deliver(ann, away(second));
    assert.equal((await round(app, ann)).skipped, 1);
    assert.match((await told(app, second)).sentences, /To have it tracked, switch SkipAutomaticReplies off\./);
  });

  promise(
    "a program that answers each email of the CRM again and again is cut off, and the alert names both sides until it is quiet",
    async (database) => {
      const ann = rig.newUser();
      const clock = testClock();
      await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "replies" }]), { now: clock.now });
      const id = await sentEmail(app, ann);
      const about = (await emailOf(app, id)).messageId ?? "";
      const robot = `robot-${id.slice(0, 8)}@customer.test`;
      const answer = (index: number) =>
        `From: ${robot}\r\nTo: ${addressOf(ann)}\r\nAuto-Submitted: auto-replied\r\nSubject: Thank you\r\nIn-Reply-To: <${about}>\r\nMessage-ID: <${id}.${index}@x.test>\r\nDate: ${new Date().toUTCString()}\r\n\r\nWe got it.\r\n`;
      const alerts = async () => (await openAlerts(database)).filter(({ code }) => code === "mail loop").map(({ message }) => message);
      // Some of them in a round of their own: what the ledger knows counts, and what the page holds.
      for (let index = 0; index < AUTOMATIC_ANSWERS_AN_HOUR - 2; index++) await rig.dovecot.deliver(ann, answer(index));
      assert.equal((await round(app, ann)).tracked, AUTOMATIC_ANSWERS_AN_HOUR - 2);
      assert.deepEqual(await alerts(), []);
      for (let index = 100; index < 105; index++) await rig.dovecot.deliver(ann, answer(index));
      const { tracked, skipped } = await round(app, ann);
      assert.deepEqual([tracked, skipped], [2, 3]);
      const [message, ...others] = await alerts();
      assert.deepEqual(others, []);
      assert.match(message ?? "", new RegExp(`between ${robot} and ${addressOf(ann)}`));
      clock.forward(3601);
      await round(app, ann);
      assert.deepEqual(await alerts(), []);
    },
  );

  promise(
    "a program whose answers name no message and have subjects of their own is cut off, by what the ledger knows of the mailbox",
    async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const mailboxes = [ann, ben].map((name) => ({ name, filter: "all" as const }));
      await using app = await rig.open(database, rig.configurationFor(mailboxes));
      const id = randomUUID();
      const robot = `robot-${id.slice(0, 8)}@customer.test`;
      const answer = (to: string, index: number) =>
        `From: ${robot}\r\nTo: ${addressOf(to)}\r\nAuto-Submitted: auto-replied\r\nSubject: Case ${index}\r\nMessage-ID: <${id}.${to}.${index}@x.test>\r\nDate: ${new Date().toUTCString()}\r\n\r\nWe got it.\r\n`;
      const comes = async (to: string, first: number, count: number) => {
        for (let index = first; index < first + count; index++) await rig.dovecot.deliver(to, answer(to, index));
        const { tracked, skipped } = await round(app, to);
        return [tracked, skipped];
      };
      assert.deepEqual(await comes(ann, 0, AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR - 2), [AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR - 2, 0]);
      assert.deepEqual(await comes(ann, 100, 5), [2, 3]);
      assert.deepEqual(await comes(ben, 0, 5), [5, 0]);
      const alerts = (await openAlerts(database)).filter(({ code }) => code === "mail loop").map(({ message }) => message);
      assert.equal(alerts.length, 1);
      assert.match(alerts[0] ?? "", new RegExp(`between ${robot} and ${addressOf(ann)}: .* or more than 30 in all`));
    },
  );

  promise("the statements of a page do not grow with the reports and automatic answers in it", async (database) => {
    const ann = rig.newUser();
    const statements = { count: 0 };
    await using app = await rig.open(counting(database, statements), rig.configurationFor([{ name: ann, filter: "replies" }]));
    const id = await sentEmail(app, ann);
    const about = (await emailOf(app, id)).messageId ?? "";
    const counted: number[] = [];
    for (const messages of [2, 40]) {
      for (let index = 0; index < messages; index++)
        await rig.dovecot.deliver(ann, bounce(`${id}.${messages}.${index}@mx.test`, { to: addressOf(ann), about }));
      statements.count = 0;
      assert.equal((await round(app, ann)).received, messages);
      counted.push(statements.count);
    }
    const [few = 0, many = 0] = counted;
    // The alert of the loop that forty bounces are, and what the round does by the clock; one more for each bounce would be 38.
    assert.ok(many <= few + 10, `${few} statements for 2 bounces, ${many} for 40`);
  });
});

/** Counts the statements that go through, those inside of transactions too. */
function counting(database: TestDatabase, statements: { count: number }): Database {
  const counted = <T extends Sql>(sql: T): T =>
    new Proxy(sql, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "query") return value.bind(target);
        return (...given: unknown[]) => {
          statements.count += 1;
          return value.apply(target, given);
        };
      },
    });
  const outside = counted<Database>(database);
  return new Proxy(outside, {
    get: (target, name) =>
      name === "transaction"
        ? (work: (tx: Transaction) => Promise<unknown>, what: string) => database.transaction((tx) => work(counted(tx)), what)
        : Reflect.get(target, name),
  });
}
