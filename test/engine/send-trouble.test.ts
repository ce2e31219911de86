import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Configuration } from "../../src/config.ts";
import { STATUS } from "../../src/model/email.ts";
import { waitAfter } from "../../src/sending/attempts.ts";
import { missingServers } from "../servers/needs.ts";
import { startSmtpRelay } from "../servers/smtp-relay.ts";
import { alertHistory, mailboxId, openCodes, theAlert } from "./alerts.ts";
import { contactsFor, dispatch, draftFrom, emailOf, mailIn, pressSend, untilDelivered } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig, PASSWORD, type RigApp, receive, send, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** Mail for anybody there is put off. */
const later = (name: string) => `${name}@later.test`;
const PUT_OFF = { "later.test": "451 4.7.1 Greylisted, please come back" };

const servers = ["dovecot", "postfix"] as const;
let rig: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  rig = await engineRig({ postfix: { replies: PUT_OFF, domains: ["example.test", "later.test"] } });
});
after(() => rig?.[Symbol.asyncDispose]());

const NOTHING = { sent: 0, failed: 0, waiting: 0, unknown: 0 };

async function laterContact(app: RigApp, name: string): Promise<void> {
  await app.crm.createRecords([{ type: "contact", firstname: "Later", addresses: [later(name)] }]);
}

onOneDatabaseEach("sending in trouble", servers, (promise) => {
  promise(
    "what is put off is tried again with growing waits, and after ten attempts it is Failed with the server's words",
    async (database) => {
      const ann = rig.newUser();
      const clock = testClock();
      await using app = await rig.open(database, rig.configurationFor([ann]), { now: clock.now });
      await laterContact(app, ann);
      const id = await pressSend(app, draftFrom(ann, [later(ann)]));
      for (let attempt = 1; attempt < 10; attempt++) {
        assert.deepEqual((await send(app)).counts, { ...NOTHING, waiting: 1 }, `attempt ${attempt}`);
        const email = await emailOf(app, id);
        assert.deepEqual([email.status, email.attempts, email.generation], [STATUS.pendingSend, attempt, 1]);
        assert.match(email.lastSendResponse ?? "", /Greylisted/);
        assert.deepEqual((await send(app)).counts, NOTHING, "not before its time");
        clock.forward(waitAfter(attempt) / 1000 - 1);
        assert.deepEqual((await send(app)).counts, NOTHING, "not before its time");
        clock.forward(1);
      }
      assert.deepEqual((await send(app)).counts, { ...NOTHING, failed: 1 });
      const failed = await emailOf(app, id);
      assert.deepEqual([failed.status, failed.attempts], [STATUS.failed, 10]);
      assert.match(failed.lastSendResponse ?? "", /put the email off 10 times, the last time with: .*4\.7\.1.*Greylisted/);
      assert.deepEqual(await openCodes(app), [], "one email put off is nobody else's trouble");
    },
  );

  promise("of two recipients the one put off gets the email at the next attempt, and the other gets it once", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    const clock = testClock();
    const configuration = rig.configurationFor([ann]);
    await using app = await rig.open(database, configuration, { now: clock.now });
    await contactsFor(app, ben);
    await laterContact(app, ben);
    const id = await pressSend(app, draftFrom(ann, [ben, later(ben)]));
    assert.deepEqual((await send(app)).counts, { ...NOTHING, waiting: 1 });
    assert.match((await emailOf(app, id)).lastSendResponse ?? "", /was sent, but not yet to user\d+@later\.test/);
    await untilDelivered(rig.dovecot, ben);
    await app.close();
    rig.postfix.setReplies({});
    clock.forward(60);
    await using again = await rig.open(database, configuration, { now: clock.now });
    assert.deepEqual((await send(again)).counts, { ...NOTHING, sent: 1 });
    rig.postfix.setReplies(PUT_OFF);
    const arrived = await untilDelivered(rig.dovecot, ben, 2);
    assert.equal(new Set(arrived.map(({ messageId }) => messageId)).size, 1, "both got the same message");
    assert.deepEqual([(await emailOf(again, id)).status, (await emailOf(again, id)).attempts], [STATUS.sent, 2]);
    assert.equal((await mailIn(rig.dovecot, ann, "Sent")).length, 1);
  });

  promise(
    "what one recipient has is sent, whatever forbids the rest of it: pressing Send again would reach that one twice",
    async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const clock = testClock();
      await using app = await rig.open(database, rig.configurationFor([ann]), { now: clock.now });
      await contactsFor(app, ben);
      await laterContact(app, ben);
      const id = await pressSend(app, draftFrom(ann, [ben, later(ben)]));
      assert.deepEqual((await send(app)).counts, { ...NOTHING, waiting: 1 });
      await database.query("update crm.contact set donotemail = true where lower(emailaddress1) = lower($1)", [later(ben)]);
      clock.forward(60);
      assert.deepEqual((await send(app)).counts, { ...NOTHING, sent: 1 });
      const { status, lastSendResponse } = await emailOf(app, id);
      assert.equal(status, STATUS.sent);
      assert.match(lastSendResponse ?? "", /^The email was sent, but not to user\d+@later\.test: /);
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
    },
  );

  promise("a server that is away uses up no attempt; one alert of the profile opens, and closes when it is back", async (database) => {
    const [ann, bob, ben] = [rig.newUser(), rig.newUser(), rig.newUser()];
    const clock = testClock();
    await using app = await rig.open(database, rig.configurationFor([ann, bob]), { now: clock.now });
    await contactsFor(app, ben);
    const ids = [await pressSend(app, draftFrom(ann, [ben])), await pressSend(app, draftFrom(bob, [ben]))];
    await rig.postfix.stop("crash");
    try {
      const first = await send(app);
      assert.deepEqual(
        [first.counts, first.failures.map((one) => one.code)],
        [NOTHING, ["connection refused"]],
        "one mailbox speaks for all of the profile",
      );
      for (let minute = 0; minute < 60; minute++) {
        clock.forward(60);
        assert.deepEqual((await send(app)).counts, NOTHING);
      }
      const alert = await theAlert(app, "sending: connection refused");
      assert.deepEqual([alert.scope, alert.subject], ["profile", "test"]);
      assert.match(alert.remedy, /Check that the mail service runs/);
      assert.ok(alert.times > 3 && alert.times < 15, `it was tried ${alert.times} times in an hour`);
      for (const id of ids) {
        const email = await emailOf(app, id);
        assert.deepEqual([email.status, email.attempts], [STATUS.pendingSend, 0]);
      }
    } finally {
      await rig.postfix.start();
    }
    clock.forward(15 * 60);
    assert.deepEqual((await send(app)).counts, { ...NOTHING, sent: 2 });
    assert.deepEqual(await openCodes(app), []);
    assert.deepEqual(await alertHistory(database, "test"), ["sending: connection refused closed"]);
    assert.equal((await untilDelivered(rig.dovecot, ben, 2)).length, 2);
    assert.deepEqual([(await emailOf(app, ids[0] ?? "")).attempts, (await emailOf(app, ids[0] ?? "")).generation], [1, 1]);
  });

  promise(
    "a password that the server refuses stops its mailbox alone, uses up no attempt, and its one alert closes with the right one",
    async (database) => {
      const [ann, bob, ben] = [rig.newUser(), rig.newUser(), rig.newUser()];
      const clock = testClock();
      await using app = await rig.open(database, rig.configurationFor([ann, bob]), { now: clock.now });
      await contactsFor(app, ben);
      const id = await pressSend(app, draftFrom(ann, [ben]));
      await pressSend(app, draftFrom(bob, [ben]));
      rig.writePassword(ann, "wrong");
      const { counts, failures } = await send(app);
      assert.deepEqual(
        [counts, failures.map((one) => [one.mailbox, one.code])],
        [{ ...NOTHING, sent: 1 }, [[addressOf(ann), "sign-in refused"]]],
      );
      clock.forward(3600);
      await send(app);
      const alert = await theAlert(app, "sending: sign-in refused");
      assert.deepEqual([alert.scope, alert.times], ["mailbox", 2]);
      assert.match(alert.serverSaid ?? "", /^535 /);
      const status = (await app.operations.status()).mailboxes.find((one) => one.address === addressOf(ann));
      assert.deepEqual([status?.sending.state, status?.sending.error?.code], ["failing", "sign-in refused"]);
      assert.deepEqual([(await emailOf(app, id)).status, (await emailOf(app, id)).attempts], [STATUS.pendingSend, 0]);
      rig.writePassword(ann, PASSWORD);
      clock.forward(3600);
      assert.equal((await send(app)).counts.sent, 1);
      assert.deepEqual(await alertHistory(database, await mailboxId(database, addressOf(ann))), ["sending: sign-in refused closed"]);
      assert.equal((await untilDelivered(rig.dovecot, ben, 2)).length, 2);
    },
  );

  promise(
    "a sender whose mailbox may not send keeps its email in Pending Send; an alert says why, and closes when it goes",
    async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const sends = rig.configurationFor([ann]);
      const withoutMailbox: Configuration = { ...sends, mailboxes: [] };
      const off: Configuration = rig.configurationFor([{ name: ann, mailbox: { outgoing: false } }]);
      const unapproved: Configuration = rig.configurationFor([{ name: ann, mailbox: { approved: false } }]);
      let id = "";
      for (const [configuration, reason] of [
        [withoutMailbox, /There is no mailbox|is inactive/],
        [off, /The outgoing delivery method of .* is None/],
        [unapproved, /is not approved/],
      ] as const) {
        await using app = await rig.open(database, configuration);
        if (id === "") {
          await contactsFor(app, ben);
          id = await pressSend(app, draftFrom(ann, [ben]));
        }
        await dispatch(app);
        await send(app);
        assert.equal((await emailOf(app, id)).status, STATUS.pendingSend);
        const alert = await theAlert(app, `pending: ${addressOf(ann)}`);
        assert.match(alert.message, /^1 email stays in Pending Send\./);
        assert.match(alert.message, reason);
      }
      await using app = await rig.open(database, sends);
      await dispatch(app);
      assert.equal((await send(app)).counts.sent, 1);
      assert.deepEqual(await openCodes(app), []);
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
    },
  );

  promise(
    "trouble with Sent does not touch the email: it is Sent, and the copy follows when the mailbox can be reached",
    async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const clock = testClock();
      const away = rig.configurationFor([ann], { incoming: { port: 1 } });
      await using app = await rig.open(database, away, { now: clock.now });
      await contactsFor(app, ben);
      const id = await pressSend(app, draftFrom(ann, [ben]));
      assert.equal((await send(app)).counts.sent, 1);
      assert.equal((await emailOf(app, id)).status, STATUS.sent);
      await app.close();
      clock.forward(60);
      await using back = await rig.open(database, rig.configurationFor([ann]), { now: clock.now });
      await dispatch(back);
      await send(back);
      assert.equal((await mailIn(rig.dovecot, ann, "Sent")).length, 1);
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
      assert.deepEqual(await openCodes(back), []);
    },
  );

  promise("where the mail server files its own copies, Sent tells what became of a message that was never answered", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    const clock = testClock();
    const filing = { profile: { filesSentCopy: true } };
    await using relay = await startSmtpRelay(rig.postfix.ports.smtp, "after the content");
    const cut = rig.configurationFor([ann], { ...filing, outgoing: { port: relay.port } });
    await using app = await rig.open(database, cut, { now: clock.now });
    await contactsFor(app, ben);
    const [sent, lost] = [await pressSend(app, draftFrom(ann, [ben])), await pressSend(app, draftFrom(ann, [ben]))];
    assert.deepEqual((await send(app)).counts, { ...NOTHING, waiting: 2 });
    await rig.dovecot.append(ann, "Sent", `Message-ID: <${sent}.1.waypost@example.test>\r\nSubject: x\r\n\r\nx\r\n`);
    assert.deepEqual((await send(app)).counts, NOTHING);
    assert.deepEqual([(await emailOf(app, sent)).status, (await emailOf(app, lost)).status], [STATUS.sent, STATUS.sending]);
    await app.close();
    clock.forward(16 * 60);
    await using direct = await rig.open(database, rig.configurationFor([ann], filing), { now: clock.now });
    assert.deepEqual((await send(direct)).counts, { ...NOTHING, sent: 1 });
    assert.deepEqual([(await emailOf(direct, lost)).status, await openCodes(direct)], [STATUS.sent, []]);
  });

  promise(
    "an answer that never came leaves the email Sending with an alert; a person decides, and `again` keeps its Message-ID",
    async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      await using relay = await startSmtpRelay(rig.postfix.ports.smtp, "after the content");
      await using app = await rig.open(database, rig.configurationFor([ann], { outgoing: { port: relay.port } }));
      await contactsFor(app, ben);
      const [sent, again] = [await pressSend(app, draftFrom(ann, [ben])), await pressSend(app, draftFrom(ann, [ben]))];
      assert.deepEqual((await send(app)).counts, { ...NOTHING, unknown: 2 });
      assert.deepEqual((await send(app)).counts, NOTHING, "nothing is sent twice by itself");
      assert.deepEqual(await openCodes(app), ["sending: outcome unknown", "sending: outcome unknown"]);
      assert.deepEqual([(await emailOf(app, sent)).status, (await emailOf(app, again)).status], [STATUS.sending, STATUS.sending]);
      await app.operations.decide(sent, "sent");
      await app.operations.decide(again, "again");
      assert.deepEqual([(await emailOf(app, sent)).status, (await emailOf(app, again)).status], [STATUS.sent, STATUS.pendingSend]);
      assert.deepEqual(await openCodes(app), []);
      await app.close();
      await using direct = await rig.open(database, rig.configurationFor([ann]));
      assert.equal((await send(direct)).counts.sent, 1);
      const arrived = await untilDelivered(rig.dovecot, ben, 3);
      assert.deepEqual(
        arrived.map(({ messageId }) => messageId).sort(),
        [`${sent}.1.waypost@example.test`, `${again}.1.waypost@example.test`, `${again}.1.waypost@example.test`].sort(),
      );
      // Its answer finds it all the same: it has had its Message-ID since it was transmitted.
      assert.deepEqual((await receive(direct)).failures, []);
    },
  );
});
