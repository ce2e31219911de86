/** Sent mail of a mailbox becomes outgoing emails, where the organization wants it; what Waypost sent itself stays one email. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import type { WhatIfRequest } from "../../src/engine/operations/what-if.ts";
import { STATUS } from "../../src/model/email.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes } from "./alerts.ts";
import { atEach, copy, decisionsIn, letter, makeFolders, messageIdOf, move } from "./incoming.ts";
import { contactsFor, draftFrom, mailIn, pressSend } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, send } from "./rig.ts";
import { MILL, ON, type Opening, openSentOffice, round, type SeenEmail } from "./sent-office.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot", "postfix"] as const;
const EVE = "eve on the command line";
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 110, postfix: {} });
});
after(() => rig?.[Symbol.asyncDispose]());

const openOffice = (database: Database, opening?: Opening) => openSentOffice(rig, database, opening);

/** What explain says of a letter in one mailbox, for each decision. */
async function told(app: RigApp, name: string, user: string): Promise<string> {
  const { incoming } = await app.operations.explain(messageIdOf(name));
  return incoming
    .filter(({ mailbox }) => mailbox === addressOf(user))
    .map(({ outcome, sentences }) => [outcome, ...sentences].join("\n"))
    .join("\n\n");
}

const shape = ({ name, outgoing, status }: SeenEmail) => [name, outgoing, status];

onOneDatabaseEach("sent mail", servers, (promise) => {
  for (const isForeign of [false, true]) {
    promise(
      `becomes an outgoing email of the owner, in state Sent, once${isForeign ? ", in a CRM that stands elsewhere too" : ""}`,
      async (database) => {
        await using office = await openOffice(database, { isForeign });
        const { ann, carl } = office;
        await office.sends("offer", [carl], { bcc: ["dan@stranger.test"] });
        await office.sends("stranger", ["dan@stranger.test"]);
        const { tracked, skipped } = await office.round();
        assert.deepEqual([tracked, skipped], [1, 1]);
        const [email, ...others] = await office.emails();
        assert.ok(email && others.length === 0);
        assert.deepEqual(shape(email), ["offer", true, STATUS.sent]);
        const whole = await office.app.crm.readEmail(email.id);
        assert.deepEqual(
          [whole?.parties.filter(({ participation }) => participation === 4).map(({ address }) => address), whole?.queues],
          [["dan@stranger.test"], []],
        );
        assert.equal(whole?.owner?.name, ann);
        const { received, moved } = await office.round();
        assert.deepEqual([received, moved], [0, 0], "nothing is left to do");
        assert.match(await told(office.app, office.id("stranger"), ann), /no recipient is one of these/);
      },
    );
  }

  promise("is not looked at unless the setting is on; switched on later, from the start date on", async (database) => {
    await using office = await openOffice(database, { settings: {} });
    await office.sends("offer", [office.carl]);
    assert.equal((await office.round()).received, 0);
    await using on = await rig.open(database, rig.configurationFor([{ name: office.ann, filter: "contacts" }], { settings: ON }));
    assert.equal((await round(on, office.ann)).tracked, 1);
    const old = {
      mime: letter({ id: office.id("old"), from: addressOf(office.ann), to: [office.carl] }),
      internalDate: new Date("2020-01-01T00:00:00Z"),
    };
    await rig.dovecot.append(office.ann, "Sent", old);
    assert.equal((await round(on, office.ann)).tracked, 0);
  });

  promise("a reply from a mail program joins its conversation, and what answers it joins too, whatever is read first", async (database) => {
    await using office = await openOffice(database, { annIs: { filter: "replies" } });
    const { ann, app } = office;
    const [first] = await app.crm.createRecords([{ type: "account", name: `Mill of ${ann}`, addresses: [] }]);
    assert.ok(first);
    await office.arrives("question", ann);
    await office.round();
    await app.operations.track(messageIdOf(office.id("question")), `account:${first.id}`, EVE);
    await office.round();
    // The inbox is read before Sent: the answer waits for what it answers.
    await office.sends("reply", [office.carl], { answers: "question" });
    await office.arrives("thanks", ann, { answers: "reply" });
    await office.round();
    await office.round();
    const emails = await office.emails();
    assert.deepEqual(emails.map(shape), [
      ["question", false, STATUS.received],
      ["reply", true, STATUS.sent],
      ["thanks", false, STATUS.received],
    ]);
    const [question, reply, thanks] = emails;
    assert.deepEqual([reply?.correlatedTo, thanks?.correlatedTo], [question?.id, reply?.id]);
    assert.deepEqual([reply?.regarding, thanks?.regarding], [`Mill of ${ann}`, `Mill of ${ann}`]);
  });

  promise("to a colleague: the sender's email and the recipient's are two, in whichever order the mailboxes are read", async (database) => {
    for (const isSenderFirst of [true, false]) {
      await using office = await openOffice(database, { annIs: { filter: "all" } });
      const { ann, ben } = office;
      await office.sends("note", [addressOf(ben)]);
      await office.arrives("note", ben, { from: addressOf(ann) });
      for (const user of isSenderFirst ? [ann, ben] : [ben, ann]) await office.round(user);
      const emails = await office.emails();
      assert.deepEqual(emails.map(({ outgoing }) => outgoing).sort(), [false, true]);
      assert.deepEqual(
        emails.map(({ correlatedTo }) => correlatedTo),
        [null, null],
        "none answers itself",
      );
    }
  });

  promise("to oneself too: what was sent and what came back are two", async (database) => {
    await using office = await openOffice(database, { annIs: { filter: "all" } });
    await office.sends("memo", [office.carl], { cc: [addressOf(office.ann)] });
    await rig.dovecot.append(
      office.ann,
      "INBOX",
      letter({
        id: office.id("memo"),
        subject: office.id("memo"),
        from: addressOf(office.ann),
        to: [office.carl],
        cc: [addressOf(office.ann)],
      }),
    );
    assert.equal((await office.round()).tracked, 2);
    assert.deepEqual((await office.emails()).map(({ outgoing }) => outgoing).sort(), [false, true]);
    assert.equal((await office.round()).received, 0);
  });

  for (const filesSentCopy of [false, true]) {
    promise(
      `what Waypost sent itself is one email, and explain says so (${filesSentCopy ? "a copy of the mail system" : "its own copy"})`,
      async (database) => {
        await using office = await openOffice(database, { profile: { filesSentCopy } });
        const { app, ann } = office;
        const dora = rig.newUser();
        await contactsFor(app, dora);
        const id = await pressSend(app, draftFrom(ann, [dora], { subject: office.id("sent") }));
        assert.equal((await send(app, ann)).counts.sent, 1);
        const messageId = (await app.crm.readEmail(id))?.messageId ?? "";
        if (filesSentCopy)
          await rig.dovecot.append(
            ann,
            "Sent",
            letter({ id: null, from: addressOf(ann), to: [addressOf(dora)] }).replace("\r\n", `\r\nMessage-ID: <${messageId}>\r\n`),
          );
        assert.equal((await mailIn(rig.dovecot, ann, "Sent")).length, 1);
        const { tracked, duplicate } = await office.round();
        assert.deepEqual([tracked, duplicate], [0, 1]);
        assert.equal((await office.emails()).filter(({ outgoing }) => outgoing).length, 1);
        const { incoming } = await app.operations.explain(messageId);
        const [copied] = incoming.filter(({ mailbox }) => mailbox === addressOf(ann));
        assert.deepEqual([copied?.outcome, copied?.emailId], ["duplicate", id]);
        assert.match(copied?.sentences.join("\n") ?? "", /Waypost sent it itself, from an email of the CRM/);
      },
    );
  }

  promise(
    "stays what it is when it is moved: to a folder that is read, or one with a rule, which tracks it as what was sent",
    async (database) => {
      await using office = await openOffice(database, { profile: { folders: "personal" } });
      const { app, ann } = office;
      await office.sends("offer", [office.carl]);
      await office.sends("stranger", ["dan@stranger.test"]);
      await office.round();
      await makeFolders(rig.dovecot, ann, "Projects");
      for (const name of ["offer", "stranger"]) await move(rig.dovecot, ann, office.id(name), "Sent", "Projects");
      const { tracked, moved } = await office.round();
      assert.deepEqual([tracked, moved], [0, 2]);
      await app.operations.folderTrack(addressOf(ann), "Projects", { regarding: null, children: false }, EVE);
      await office.round();
      assert.deepEqual((await office.emails()).map(shape), [
        ["offer", true, STATUS.sent],
        ["stranger", true, STATUS.sent],
      ]);
    },
  );

  promise("what somebody else wrote and lies there is left alone, and decided where it is moved to", async (database) => {
    await using office = await openOffice(database);
    const { ann } = office;
    await office.arrives("strayed", ann, { folder: "Sent" });
    assert.equal((await office.round()).skipped, 1);
    const why = await told(office.app, office.id("strayed"), ann);
    assert.match(why, /who wrote it, is not the mailbox's owner/);
    assert.doesNotMatch(why, /in no folder that is read/);
    await assert.rejects(office.app.operations.track(messageIdOf(office.id("strayed")), null, EVE), { code: "not sent" });
    await move(rig.dovecot, ann, office.id("strayed"), "Sent", "INBOX");
    assert.equal((await office.round()).tracked, 1);
    assert.deepEqual((await office.emails()).map(shape), [["strayed", false, STATUS.received]]);
  });

  promise(
    "by hand: tracked whatever the filter says, untracked without its recipient's, tracked again under the same id",
    async (database) => {
      await using office = await openOffice(database, { annIs: { filter: "none" } });
      const { app, ann, ben } = office;
      await office.sends("note", [addressOf(ben)]);
      await office.arrives("note", ben, { from: addressOf(ann) });
      await office.round(ann, ben);
      const { incoming } = await app.operations.explain(messageIdOf(office.id("note")));
      const number = String(incoming.find(({ mailbox }) => mailbox === addressOf(ann))?.decisionId);
      await app.operations.track(number, null, EVE);
      await office.round(ann);
      const sent = (await office.emails()).find(({ outgoing }) => outgoing);
      assert.ok(sent);
      await app.operations.untrack(number, true, EVE);
      await copy(rig.dovecot, ann, office.id("note"), "Sent", MILL);
      await database.query("delete from waypost.stream using waypost.mailbox where mailbox.id = mailbox_id and address = $1", [
        addressOf(ann),
      ]);
      await office.round(ann, ben);
      assert.deepEqual((await office.emails()).map(shape), [["note", false, STATUS.received]]);
      await app.operations.track(number, null, EVE);
      await office.round(ann);
      assert.equal((await office.emails()).find(({ outgoing }) => outgoing)?.id, sent.id);
    },
  );

  promise("an audit counts it, and delivers what is missing as what was sent", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    await office.sends("offer", [office.carl]);
    await office.round();
    const [email] = await office.emails();
    await database.query("delete from crm.email where activityid = $1", [email?.id]);
    const audit = async (repair: boolean) => {
      const { reports } = await app.operations.audit([addressOf(ann)], repair, new AbortController().signal, () => {});
      return reports[0];
    };
    assert.equal((await audit(false))?.lost, 1);
    assert.equal((await audit(true))?.repaired, 1);
    assert.deepEqual(await office.emails(), [email]);
    assert.equal((await audit(false))?.missing, 0);
  });

  promise("without a Message-ID, moved, and its email lost: the audit delivers it as what was sent", async (database) => {
    await using office = await openOffice(database, { profile: { folders: "personal" } });
    const { app, ann } = office;
    await makeFolders(rig.dovecot, ann, "Projects");
    const mime = letter({ id: null, subject: office.id("nameless"), from: addressOf(ann), to: [office.carl], body: "As we said." });
    await rig.dovecot.append(ann, "Sent", mime);
    await office.round();
    const before = await office.emails();
    assert.deepEqual(before.map(shape), [["nameless", true, STATUS.sent]]);
    await rig.dovecot.withImap(ann, async (client) => {
      await client.mailboxOpen("Sent");
      await client.messageMove("1:*", "Projects", { uid: true });
    });
    assert.equal((await office.round()).moved, 1);
    await database.query("delete from crm.email where activityid = $1", [before[0]?.id]);
    const { reports } = await app.operations.audit([addressOf(ann)], true, new AbortController().signal, () => {});
    assert.equal(reports[0]?.repaired, 1);
    assert.deepEqual(await office.emails(), before);
  });

  promise("what a list or an alias gives back to the sender was received, although the sent copy was read first", async (database) => {
    await using office = await openOffice(database, { annIs: { filter: "all" } });
    const { ann } = office;
    const sales = `sales-of-${ann}@company.test`;
    await office.sends("round", [sales]);
    assert.equal((await office.round()).tracked, 1);
    const back = letter({ id: office.id("round"), subject: office.id("round"), from: addressOf(ann), to: [sales] });
    await rig.dovecot.append(ann, "INBOX", `Delivered-To: ${addressOf(ann)}\r\n${back}`);
    assert.equal((await office.round()).tracked, 1);
    assert.deepEqual((await office.emails()).map(({ outgoing }) => outgoing).sort(), [false, true]);
    assert.equal((await office.round()).received, 0);
  });

  promise("is history: it is kept where the CRM may write no emails to the recipient, too", async (database) => {
    await using office = await openOffice(database);
    await database.query("update crm.contact set donotemail = true where lower(emailaddress1) = lower($1)", [office.carl]);
    await office.sends("offer", [office.carl]);
    assert.equal((await office.round()).tracked, 1);
    assert.deepEqual((await office.emails()).map(shape), [["offer", true, STATUS.sent]]);
    assert.equal((await send(office.app, office.ann)).counts.sent, 0, "it is not sent once more");
  });

  promise("what-if tries filters on it by its recipients, and the setting switched off", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    await office.sends("offer", [office.carl]);
    await office.sends("stranger", ["dan@stranger.test"]);
    await office.round();
    const changesBy = async (tried: Partial<WhatIfRequest>) => {
      const changes: string[] = [];
      const request = { days: 30, mailboxes: [addressOf(ann)], settings: {}, filters: [], readFrom: null, limit: null, ...tried };
      await app.operations.whatIf(request, new AbortController().signal, (event) => {
        if ("change" in event) changes.push(`${event.change.messageId} ${event.change.after.outcome}`);
      });
      return changes;
    };
    const change = (name: string, outcome: string) => `${messageIdOf(office.id(name))} ${outcome}`;
    assert.deepEqual(await changesBy({ filters: [{ address: addressOf(ann), method: 0 }] }), [change("stranger", "tracked")]);
    assert.deepEqual(await changesBy({ filters: [{ address: addressOf(ann), method: 1 }] }), [change("offer", "skipped")]);
    assert.deepEqual(await changesBy({ settings: { AutoTrackSentFolderItems: false } }), [change("offer", "skipped")]);
  });

  promise("that became an email in another folder, and was moved among the sent mail after it, is that email", async (database) => {
    await using office = await openOffice(database, { annIs: { filter: "all" } });
    const { ann } = office;
    await office.sends("reply", [office.carl], { folder: "INBOX" });
    assert.equal((await office.round()).tracked, 1);
    await move(rig.dovecot, ann, office.id("reply"), "INBOX", "Sent");
    const { tracked, moved } = await office.round();
    assert.deepEqual([tracked, moved], [0, 1]);
    assert.equal((await office.emails()).length, 1);
  });

  promise("that was skipped in another folder becomes an email where it is moved among the sent mail", async (database) => {
    await using office = await openOffice(database);
    const { ann } = office;
    await office.sends("reply", [office.carl], { folder: "INBOX" });
    assert.equal((await office.round()).skipped, 1);
    await move(rig.dovecot, ann, office.id("reply"), "INBOX", "Sent");
    assert.equal((await office.round()).tracked, 1);
    assert.deepEqual((await office.emails()).map(shape), [["reply", true, STATUS.sent]]);
  });

  promise("that is moved while the mailbox is read is still one email", async (database) => {
    await using office = await openOffice(database, { profile: { folders: "personal" } });
    const { ann, app } = office;
    await makeFolders(rig.dovecot, ann, "Aside");
    await office.sends("offer", [office.carl]);
    let done = false;
    {
      using _ = atEach(app, async ({ reads }) => {
        if (done || reads !== "content") return;
        done = true;
        await move(rig.dovecot, ann, office.id("offer"), "Sent", "Aside");
      });
      await office.round();
    }
    await office.round();
    assert.ok(done);
    assert.deepEqual((await office.emails()).map(shape), [["offer", true, STATUS.sent]]);
    assert.deepEqual(
      (await decisionsIn(database, ann)).map(({ outcome }) => outcome),
      ["tracked"],
    );
  });
});

onOneDatabaseEach(
  "sent mail, where processed mail is deleted",
  servers,
  (promise) => {
    promise("stays in the folder where processed mail is deleted; moved to the inbox it goes like what lies there", async (database) => {
      const queue = rig.newUser();
      const queues = [{ name: queue, mailbox: { deleteAfterProcessing: true } }];
      await using app = await rig.open(database, rig.configurationFor([], { settings: ON, queues }));
      const lying = async (folder: string) => (await mailIn(rig.dovecot, queue, folder)).length;
      for (const [name, id] of [
        ["named", queue],
        ["nameless", null],
      ] as const)
        await rig.dovecot.append(
          queue,
          "Sent",
          letter({ id, subject: `${queue} ${name}`, from: addressOf(queue), to: ["dan@stranger.test"] }),
        );
      assert.equal((await round(app, queue)).tracked, 2);
      await round(app, queue);
      assert.equal(await lying("Sent"), 2);
      await rig.dovecot.withImap(queue, async (client) => {
        await client.mailboxOpen("Sent");
        await client.messageMove("1:*", "INBOX", { uid: true });
      });
      await round(app, queue);
      await round(app, queue);
      assert.deepEqual([await lying("Sent"), await lying("INBOX")], [0, 0]);
      const { rows } = await database.query("select directioncode from crm.email where starts_with(subject, $1 || ' ')", [queue]);
      assert.deepEqual(rows, [{ directioncode: true }, { directioncode: true }]);
      assert.deepEqual(await openCodes(app), []);
    });
  },
  { engines: ["pglite"] },
);
