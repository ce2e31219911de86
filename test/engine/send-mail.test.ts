import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before } from "node:test";
import { simpleParser } from "mailparser";
import type { App } from "../../src/app.ts";
import { STATUS } from "../../src/model/email.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes } from "./alerts.ts";
import { contactsFor, draftFrom, emailOf, idOfUser, mailIn, pressSend, untilDelivered, watchStates } from "./outgoing.ts";
import { OVER_DYNAMICS } from "./over-web-api.ts";
import { addressOf, type EngineRig, engineRig, receive, send, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** Bytes; the server announces it. */
const SIZE_LIMIT = 2_000_000;
/** Mail for anybody there is refused. */
const gone = (name: string) => `${name}@refusing.test`;

const servers = ["dovecot", "postfix"] as const;
let rig: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  rig = await engineRig({
    accounts: 100,
    postfix: {
      messageSizeLimit: SIZE_LIMIT,
      replies: { "refusing.test": "550 5.1.1 No such user here" },
      domains: ["example.test", "refusing.test", "elsewhere.test"],
      // Nothing behind it takes international addresses; what matters is that Postfix does.
      extra: "transport_maps = inline:{ {elsewhere.test = discard:} }",
    },
  });
});
after(() => rig?.[Symbol.asyncDispose]());

onOneDatabaseEach(
  "sending",
  servers,
  (promise) => {
    promise(
      "an email goes from Pending Send over Sending to Sent, arrives once, and one copy lies in Sent, marked as read",
      async (database) => {
        const [ann, ben] = [rig.newUser(), rig.newUser()];
        await using app = await rig.open(database, rig.configurationFor([ann]));
        await contactsFor(app, ben);
        const states = await watchStates(database);
        const id = await pressSend(app, draftFrom(ann, [ben]));
        assert.deepEqual((await send(app)).counts, { sent: 1, failed: 0, waiting: 0, unknown: 0 });
        assert.deepEqual(await states(id), [STATUS.pendingSend, STATUS.sending, STATUS.sent]);
        const email = await emailOf(app, id);
        const [arrived, ...others] = await untilDelivered(rig.dovecot, ben);
        assert.deepEqual(others, []);
        assert.equal(arrived?.messageId, email.messageId);
        assert.match(email.subject, /^Offer CRM:0\d+$/);
        assert.equal(arrived.envelope.subject, email.subject, "the token stands in the subject");
        const copies = await mailIn(rig.dovecot, ann, "Sent");
        assert.deepEqual(
          copies.map(({ messageId, seen }) => [messageId, seen]),
          [[email.messageId, true]],
        );
        assert.deepEqual((await send(app)).counts, { sent: 0, failed: 0, waiting: 0, unknown: 0 });
        assert.equal((await mailIn(rig.dovecot, ben)).length, 1);
        assert.equal((await mailIn(rig.dovecot, ann, "Sent")).length, 1);
        assert.deepEqual(await openCodes(app), []);
      },
    );

    promise("a copy that is in Sent already is not doubled, and where the mail system files copies none is filed", async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const configuration = rig.configurationFor([ann]);
      await using app = await rig.open(database, configuration);
      await contactsFor(app, ben);
      const id = await pressSend(app, draftFrom(ann, [ben]));
      // As if a mail program or the server itself had put it there.
      await rig.dovecot.append(ann, "Sent", `Message-ID: <${id}.1.waypost@example.test>\r\nSubject: x\r\n\r\nx\r\n`);
      await send(app);
      assert.equal((await mailIn(rig.dovecot, ann, "Sent")).length, 1);
      const [explained] = (await app.operations.explain(id)).outgoing;
      assert.equal(explained?.sentCopy, "already there");
      await app.close();
      await using files = await rig.open(database, rig.configurationFor([ann], { profile: { filesSentCopy: true } }));
      await pressSend(files, draftFrom(ann, [ben]));
      assert.equal((await send(files)).counts.sent, 1);
      assert.equal((await mailIn(rig.dovecot, ann, "Sent")).length, 1);
    });

    promise("an email with a delay is not sent before its time, and then at once", async (database) => {
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const clock = testClock();
      await using app = await rig.open(database, rig.configurationFor([ann]), { now: clock.now });
      await contactsFor(app, ben);
      const id = await pressSend(app, draftFrom(ann, [ben], { delayedSendTime: new Date(clock.now().getTime() + 3_600_000) }));
      clock.forward(3599);
      assert.equal((await send(app)).counts.sent, 0);
      assert.equal((await emailOf(app, id)).status, STATUS.pendingSend);
      clock.forward(2);
      assert.equal((await send(app)).counts.sent, 1);
      assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
    });

    promise(
      "who may not be written to is not: do not email, unresolved, and sending as another without the right are Failed and say why",
      async (database) => {
        const [ann, bob, ben] = [rig.newUser(), rig.newUser(), rig.newUser()];
        await using app = await rig.open(database, rig.configurationFor([ann, bob]));
        const stranger = rig.newUser();
        await app.crm.createRecords([{ type: "contact", firstname: "No", addresses: [addressOf(ben)], doNotEmail: true }]);
        const annId = await idOfUser(database, ann);
        const states = await watchStates(database);
        const unwanted = await pressSend(app, draftFrom(ann, [ben]));
        const unresolved = await pressSend(app, draftFrom(ann, [stranger]));
        const inBobsName = await pressSend(app, draftFrom(bob, [ann]), annId);
        assert.deepEqual((await send(app)).counts, { sent: 0, failed: 3, waiting: 0, unknown: 0 });
        for (const [id, words] of [
          [unwanted, /does not allow emails: No <.*Remove the recipient/],
          [unresolved, /allowunresolvedpartiesonemailsend is off/],
          [inBobsName, /may not send as/],
        ] as const) {
          const email = await emailOf(app, id);
          assert.equal(email.status, STATUS.failed);
          assert.equal(email.attempts, 0, "nobody was asked, so no attempt is used up");
          assert.match(email.lastSendResponse ?? "", words);
          assert.deepEqual(await states(id), [STATUS.pendingSend, STATUS.sending, STATUS.failed]);
        }
        for (const name of [ben, stranger, ann]) assert.deepEqual(await mailIn(rig.dovecot, name), []);
      },
    );

    promise("settings and rights open what they are for: unresolved recipients, sending in the name of another", async (database) => {
      const [ann, bob, stranger] = [rig.newUser(), rig.newUser(), rig.newUser()];
      const users = [
        { name: ann, maySendAsOthers: true },
        { name: bob, letsOthersSend: true },
      ];
      await using app = await rig.open(database, rig.configurationFor(users, { settings: { allowunresolvedpartiesonemailsend: true } }));
      await pressSend(app, draftFrom(bob, [stranger]), await idOfUser(database, ann));
      assert.equal((await send(app)).counts.sent, 1);
      const [arrived] = await untilDelivered(rig.dovecot, stranger);
      assert.equal(arrived?.envelope.from?.[0]?.address, addressOf(bob));
    });

    promise("text, HTML, inline pictures and attachments arrive byte for byte, and blind copies stand in no header", async (database) => {
      const [ann, ben, cat, dan] = [rig.newUser(), rig.newUser(), rig.newUser(), rig.newUser()];
      await using app = await rig.open(database, rig.configurationFor([ann]));
      await contactsFor(app, ben, cat, dan);
      const picture = randomBytes(40_000);
      const files = [
        { filename: "Angebot für Ünal.pdf", mimetype: "application/pdf", contentId: null, inline: false, body: randomBytes(100_001) },
        { filename: "zeilen.txt", mimetype: "text/plain", contentId: null, inline: false, body: Buffer.from("a\nb\r\n.\r\n\0ü\r") },
        { filename: "leer.bin", mimetype: "application/octet-stream", contentId: null, inline: false, body: Buffer.alloc(0) },
      ];
      const party = (name: string) => ({ address: { name: 'Ünal "Zwei"', address: addressOf(name) } });
      await pressSend(
        app,
        draftFrom(ann, [ben], {
          subject: "Grüße – 你好",
          html: '<p>Schöne Grüße <img src="cid:logo@here"></p>',
          text: "Schöne Grüße\n.\nFrom here",
          cc: [party(cat)],
          bcc: [party(dan)],
          attachments: [{ filename: "logo.png", mimetype: "image/png", contentId: "logo@here", inline: true, body: picture }, ...files],
        }),
      );
      assert.equal((await send(app)).counts.sent, 1);
      for (const name of [ben, cat, dan]) {
        const [arrived] = await untilDelivered(rig.dovecot, name);
        assert.ok(arrived);
        const mail = await simpleParser(arrived.mime);
        assert.match(mail.subject ?? "", /^Grüße – 你好 CRM:\d+$/);
        // Dynamics has one body: the text is made from it.
        assert.equal(mail.text?.trimEnd(), OVER_DYNAMICS ? "Schöne Grüße" : "Schöne Grüße\n.\nFrom here");
        assert.match(String(mail.html), /Schöne Grüße/);
        const found = new Map(mail.attachments.map((one) => [one.filename, one]));
        assert.equal(found.get("logo.png")?.cid, "logo@here");
        assert.deepEqual(found.get("logo.png")?.content, picture);
        for (const file of files) assert.deepEqual(found.get(file.filename)?.content, file.body, file.filename);
        const { header } = headerAndBody(arrived.mime);
        const written = header.replace(/^(Delivered-To|Received|X-Original-To|Return-Path):.*(\r?\n[ \t].*)*\r?\n/gim, "");
        assert.ok(!written.includes(addressOf(dan)), "the blind copy stands in a header");
        assert.ok(written.includes(addressOf(cat)));
        assert.ok(!/^bcc:/im.test(header));
      }
    });

    promise(
      "a recipient's answer finds its email by In-Reply-To, and by the token where a program strips the headers",
      async (database) => {
        const [ann, ben] = [rig.newUser(), rig.newUser()];
        await using app = await rig.open(database, rig.configurationFor([{ name: ann, filter: "replies" }]));
        const [contact] = await contactsFor(app, ben);
        const id = await pressSend(app, draftFrom(ann, [ben], { regarding: contact ?? null }));
        await send(app);
        const [arrived] = await untilDelivered(rig.dovecot, ben);
        const { subject = "", messageId = "" } = arrived?.envelope ?? {};
        const answer = (idOfAnswer: string, headers: readonly string[], text: string) =>
          [
            `From: <${addressOf(ben)}>`,
            `To: <${addressOf(ann)}>`,
            `Message-ID: <${idOfAnswer}@ben.test>`,
            `Date: ${new Date().toUTCString()}`,
          ]
            .concat(headers, ["", text, ""])
            .join("\r\n");
        await rig.dovecot.deliver(ann, answer("one", [`Subject: AW: something else`, `In-Reply-To: ${messageId}`], "Yes."));
        await rig.dovecot.deliver(ann, answer("two", [`Subject: WG: ${subject}`], "Yes, once more."));
        await rig.dovecot.deliver(ann, answer("three", ["Subject: Something new"], "No answer."));
        const { counts } = await receive(app);
        assert.deepEqual([counts.tracked, counts.skipped], [2, 1]);
        const byIds = async (key: string) => emailOf(app, (await app.operations.explain(key)).incoming[0]?.emailId ?? "");
        const [one, two] = [await byIds("one@ben.test"), await byIds("two@ben.test")];
        // Dynamics lets nobody say how an email was correlated.
        assert.deepEqual([one.correlationMethod, two.correlationMethod], OVER_DYNAMICS ? [0, 0] : [3, 4]);
        assert.deepEqual([one.correlatedEmailId, one.parentEmailId, one.regarding?.id], [id, id, contact?.id]);
        assert.deepEqual([two.correlatedEmailId, two.parentEmailId, two.regarding?.id], [id, null, contact?.id]);
      },
    );

    promise(
      "a refusal for good makes the email Failed with the server's words; sent again it has a new Message-ID and arrives once",
      async (database) => {
        const [ann, ben] = [rig.newUser(), rig.newUser()];
        await using app = await rig.open(database, rig.configurationFor([ann]));
        const [contact] = await app.crm.createRecords([{ type: "contact", firstname: "Gone", addresses: [gone(ben)] }]);
        const id = await pressSend(app, draftFrom(ann, [gone(ben)]));
        assert.deepEqual((await send(app)).counts, { sent: 0, failed: 1, waiting: 0, unknown: 0 });
        const failed = await emailOf(app, id);
        assert.deepEqual([failed.status, failed.attempts, failed.generation], [STATUS.failed, 1, 1]);
        assert.match(failed.lastSendResponse ?? "", /5\.1\.1 .*No such user here/);
        assert.deepEqual(await mailIn(rig.dovecot, ann, "Sent"), [], "what did not leave is not filed");
        assert.deepEqual((await send(app)).counts.failed, 0, "a failed email is left to its author");
        // The author corrects the address and presses Send once more.
        await database.query("update crm.contact set emailaddress1 = $2 where contactid = $1", [contact?.id, addressOf(ben)]);
        await database.query("update crm.activityparty set addressused = $2 where activityid = $1 and addressused = $3", [
          id,
          addressOf(ben),
          gone(ben),
        ]);
        await app.crm.sendEmail(id, null);
        assert.equal((await send(app)).counts.sent, 1);
        const sent = await emailOf(app, id);
        assert.deepEqual([sent.status, sent.generation, sent.attempts], [STATUS.sent, 2, 1]);
        const arrived = await untilDelivered(rig.dovecot, ben);
        assert.deepEqual(
          arrived.map(({ messageId }) => messageId),
          [`${id}.2.waypost@example.test`],
        );
        assert.equal(sent.trackingToken, failed.trackingToken, "the token stays");
        // In Dynamics the subject gets it only with what leaves.
        assert.equal(sent.subject, OVER_DYNAMICS ? `${failed.subject} ${sent.trackingToken}` : failed.subject);
      },
    );

    promise("of three recipients two get the email and one is refused: Sent, with a note that names the third", async (database) => {
      const [ann, ben, cat] = [rig.newUser(), rig.newUser(), rig.newUser()];
      await using app = await rig.open(database, rig.configurationFor([ann]));
      await contactsFor(app, ben, cat);
      await app.crm.createRecords([{ type: "contact", firstname: "Gone", addresses: [gone(ann)] }]);
      const id = await pressSend(app, draftFrom(ann, [ben, gone(ann), cat]));
      assert.equal((await send(app)).counts.sent, 1);
      const email = await emailOf(app, id);
      assert.equal(email.status, STATUS.sent);
      assert.match(email.lastSendResponse ?? "", /but not to user\d+@refusing\.test: .*No such user here/);
      for (const name of [ben, cat]) assert.equal((await untilDelivered(rig.dovecot, name)).length, 1);
      await assertExplained(app, id, /Recipient user\d+@refusing\.test was refused for good/);
    });

    promise(
      "a message larger than the server announces to take is not offered to it; the email is Failed and says how large",
      async (database) => {
        const [ann, ben] = [rig.newUser(), rig.newUser()];
        await using app = await rig.open(database, rig.configurationFor([ann]));
        await contactsFor(app, ben);
        const large = {
          filename: "large.bin",
          mimetype: "application/octet-stream",
          contentId: null,
          inline: false,
          body: randomBytes(SIZE_LIMIT),
        };
        const id = await pressSend(app, draftFrom(ann, [ben], { attachments: [large] }));
        const small = await pressSend(app, draftFrom(ann, [ben]));
        assert.deepEqual((await send(app)).counts, { sent: 1, failed: 1, waiting: 0, unknown: 0 });
        const email = await emailOf(app, id);
        assert.equal(email.status, STATUS.failed);
        assert.match(email.lastSendResponse ?? "", /The message has \d+ bytes and 127\.0\.0\.1:\d+ takes at most 2000000/);
        assert.equal((await emailOf(app, small)).status, STATUS.sent, "one email's trouble is not the next one's");
      },
    );

    promise("an international address is sent to with SMTPUTF8", async (database) => {
      const ann = rig.newUser();
      await using app = await rig.open(database, rig.configurationFor([ann]));
      await app.crm.createRecords([{ type: "contact", firstname: "Zoë", addresses: ["zoë@elsewhere.test"] }]);
      const id = await pressSend(app, draftFrom(ann, ["zoë@elsewhere.test"]));
      await send(app);
      const email = await emailOf(app, id);
      assert.equal(email.status, STATUS.sent, email.lastSendResponse ?? "");
      assert.match(rig.postfix.log(), new RegExp(`message-id=<${email.messageId}>`));
    });

    promise("a queue sends in its own name from its own mailbox", async (database) => {
      const [ann, desk, ben] = [rig.newUser(), rig.newUser(), rig.newUser()];
      await using app = await rig.open(database, rig.configurationFor([ann], { queues: [{ name: desk, owner: ann }] }));
      await contactsFor(app, ben);
      await pressSend(app, draftFrom(desk, [ben]), await idOfUser(database, ann));
      assert.equal((await send(app)).counts.sent, 1);
      const [arrived] = await untilDelivered(rig.dovecot, ben);
      assert.equal(arrived?.envelope.from?.[0]?.address, addressOf(desk));
      assert.equal((await mailIn(rig.dovecot, desk, "Sent")).length, 1);
    });
  },
  { poolSize: 1 },
);

function headerAndBody(mime: Buffer): { header: string; body: string } {
  const text = mime.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  return { header: text.slice(0, end + 2), body: text.slice(end + 4) };
}

async function assertExplained(app: App, id: string, words: RegExp): Promise<void> {
  const { outgoing } = await app.operations.explain(id);
  assert.match(outgoing.flatMap((one) => one.sentences).join("\n"), words);
}
