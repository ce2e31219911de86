import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { contentHash, partsOf } from "../../src/model/content-hash.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { STATUS } from "../../src/model/email.ts";
import { file, head, incoming, party, query, token, unique } from "./crm-fixtures.ts";
import type { CrmUnderTest } from "./crm-under-test.ts";

/** What facts and deliver promise. */
export function receivingPromises(crmOf: () => CrmUnderTest): void {
  test("facts: every address on the heads has an entry, and records are found in any spelling", async () => {
    const [ann, nobody] = [unique("Ann"), unique("nobody")];
    const contact = await crmOf().contact({ addresses: ["", ann] });
    const facts = await crmOf().crm.facts(query([head({ from: [ann.toUpperCase()], to: [` ${ann} `], cc: [nobody] })]));
    assert.deepEqual([...facts.records.keys()].sort(), [ann.toLowerCase(), nobody].sort());
    assert.deepEqual(
      facts.records.get(ann.toLowerCase())?.map(({ record, column, active, doNotEmail }) => [record.id, column, active, doNotEmail]),
      [[contact.id, 2, true, false]],
    );
    assert.deepEqual(facts.records.get(nobody), []);
  });

  test("facts: users and queues vote with their filters, owners and all of their addresses", async () => {
    const [ann, other, support] = [unique("ann"), unique("ann.other"), unique("support")];
    const userId = await crmOf().user({ address: ann, otherAddresses: [other], filter: 2 });
    const queueId = await crmOf().queue({ address: support, filter: 3, owner: ann });
    const facts = await crmOf().crm.facts({
      ...query([head({ to: [other, support] })]),
      mailbox: { address: ann, owner: { type: "systemuser", id: userId } },
    });
    const user = facts.voters.get(other)?.[0];
    assert.deepEqual(
      [user?.record.id, user?.filter, user?.ownerId, user?.disabled, [...(user?.addresses ?? [])].sort()],
      [userId, 2, userId, false, [other, ann].sort()],
    );
    const queue = facts.voters.get(support)?.[0];
    assert.deepEqual(
      [queue?.record.id, queue?.record.type, queue?.filter, queue?.ownerId, queue?.ownerType],
      [queueId, "queue", 3, userId, "systemuser"],
    );
    assert.equal(facts.mailboxOwner?.record.id, userId);
  });

  test("trial: what is a token under any of the settings is looked up, and no more emails of it than asked for", async () => {
    const { crm } = crmOf();
    const settings = await crm.organizationSettings();
    const trackingprefix = `P${token().slice(-6)}:`;
    const trackingToken = `${trackingprefix}${token()}`;
    const emails = [1, 2].map((hour) =>
      incoming({ received: new Date(`2026-03-03T1${hour}:00:00Z`), subject: `Offer ${trackingToken}`, placement: { trackingToken } }),
    );
    await crm.deliver(emails);
    const asked = query([head({ subject: `RE: Offer ${trackingToken}` })]);
    const under = async (perKey: number, ...others: (typeof settings)[]) =>
      (await (await crm.trial({ settings: [settings, ...others], emailsSince: null, perKey })).facts(asked)).emailsByToken.get(
        trackingToken,
      );
    assert.equal(await under(10), undefined);
    assert.deepEqual(
      (await under(10, { ...settings, trackingprefix }))?.map(({ id }) => id),
      emails.map(({ id }) => id).reverse(),
    );
    assert.deepEqual(
      (await under(1, { ...settings, trackingprefix }))?.map(({ id }) => id),
      [emails[1]?.id],
    );
  });

  test("facts: earlier emails are found by Message-ID, answers and references, tracking token and conversation, newest first", async () => {
    await crmOf().settings({});
    const conversationIndex = Buffer.concat([Buffer.from(randomUUID()), Buffer.alloc(10)]).toString("base64");
    const older = incoming({ conversationIndex, received: new Date("2024-01-01T00:00:00Z") });
    const newer = incoming({
      conversationIndex,
      received: new Date("2024-01-02T00:00:00Z"),
      placement: { trackingToken: `CRM:${token()}` },
    });
    await crmOf().crm.deliver([older, newer]);
    const facts = await crmOf().crm.facts(
      query([
        head({ messageId: older.messageId, subject: `Re: x ${newer.placement.trackingToken}`, conversationIndex }),
        head({ references: [newer.messageId ?? ""] }),
      ]),
    );
    assert.deepEqual(
      facts.emailsByMessageId.get(older.messageId ?? "")?.map(({ id, direction }) => [id, direction]),
      [[older.id, "incoming"]],
    );
    assert.deepEqual(
      facts.emailsByMessageId.get(newer.messageId ?? "")?.map(({ id }) => id),
      [newer.id],
    );
    assert.deepEqual(
      facts.emailsByToken.get(newer.placement.trackingToken ?? "")?.map(({ id }) => id),
      [newer.id],
    );
    assert.deepEqual(
      [...facts.emailsByConversation.values()].map((emails) => emails.map(({ id }) => id)),
      [[newer.id, older.id]],
    );
  });

  test("facts: an earlier email tells its sender, all participants, dates and regarding", async () => {
    const contact = await crmOf().contact({ addresses: [unique("c")] });
    const [sender, to] = [unique("Sender"), unique("To")];
    const email = incoming({
      received: new Date("2024-03-02T10:00:00Z"),
      sent: new Date("2024-03-01T10:00:00Z"),
      placement: {
        regarding: contact,
        parties: [party(PARTICIPATION.sender, sender), party(PARTICIPATION.to, to), party(PARTICIPATION.to, to.toUpperCase())],
      },
    });
    await crmOf().crm.deliver([email]);
    const [found] =
      (await crmOf().crm.facts(query([head({ inReplyTo: [email.messageId ?? ""] })]))).emailsByMessageId.get(email.messageId ?? "") ?? [];
    assert.deepEqual(
      [
        found?.senderAddress,
        [...(found?.participants ?? [])].sort(),
        found?.at.toISOString(),
        found?.sent?.toISOString(),
        found?.regarding?.id,
      ],
      [sender, [sender.toLowerCase(), to.toLowerCase()].sort(), "2024-03-02T10:00:00.000Z", "2024-03-01T10:00:00.000Z", contact.id],
    );
  });

  test("facts: an email that went out stands for the Message-ID that a report names, also before the CRM was told of it", async () => {
    const [ann, bob] = [unique("ann"), unique("bob")];
    await crmOf().user({ address: ann });
    const id = await crmOf().draft({ from: ann, to: [bob] });
    const [known, stranger] = [`${id}.1.waypost@crm.test`, `${randomUUID()}@crm.test`];
    const facts = await crmOf().crm.facts({
      ...query([head({ from: [bob] })]),
      reported: [
        { messageId: known, emailId: id },
        { messageId: stranger, emailId: null },
        { messageId: `gone.${stranger}`, emailId: randomUUID() },
      ],
    });
    assert.deepEqual(
      facts.emailsByMessageId.get(known)?.map(({ id, direction }) => [id, direction]),
      [[id, "outgoing"]],
    );
    assert.equal(facts.emailsByMessageId.get(stranger), undefined);
    assert.equal(facts.emailsByMessageId.get(`gone.${stranger}`), undefined);
  });

  test("deliver: what a report says of an outgoing email is told of that email, newest first and once; the email stays as it is", async () => {
    const ann = unique("ann");
    await crmOf().user({ address: ann });
    const id = await crmOf().draft({ from: ann, to: [unique("bob")] });
    const recipient = (address: string, status: string | null) => ({
      ...{ address, originalAddress: null, kind: "failed" as const, status, diagnosis: "\u0000\ud800 no such user" },
    });
    const about = (emailId: string, addresses: readonly string[]) => ({
      ...{ emailId, messageId: `${id}@crm.test`, recipients: addresses.map((one) => recipient(one, "5.1.1")) },
    });
    const before = await crmOf().read(id);
    const older = incoming({ received: new Date("2024-01-01T00:00:00Z"), about: about(id, ["bob@x.test", ""]) });
    const newer = incoming({ received: new Date("2024-01-02T00:00:00Z"), about: about(id, ["bob@x.test"]) });
    const stray = incoming({ about: about(randomUUID(), ["bob@x.test"]) });
    await crmOf().crm.deliver([older, newer, stray]);
    await crmOf().crm.deliver([older]);
    assert.deepEqual(
      (await crmOf().crm.returned([id, randomUUID()])).map((one) => [
        one.reportId,
        one.recipient,
        one.kind,
        one.status,
        one.at.toISOString(),
      ]),
      [
        [newer.id, "bob@x.test", "failed", "5.1.1", "2024-01-02T00:00:00.000Z"],
        [older.id, "bob@x.test", "failed", "5.1.1", "2024-01-01T00:00:00.000Z"],
        [older.id, "", "failed", "5.1.1", "2024-01-01T00:00:00.000Z"],
      ],
    );
    assert.deepEqual(await crmOf().crm.returned([]), []);
    assert.deepEqual(await crmOf().read(id), before);
  });

  test("deliver: what was placed stands in the CRM: parties, bodies, attachments, regarding, queue items", async () => {
    const queueId = await crmOf().queue({ address: unique("queue") });
    const contact = await crmOf().contact({ addresses: [unique("c")] });
    const stranger = unique("Stranger");
    const email = incoming({
      subject: "Ünïcode 🦆",
      html: "<p>body</p>",
      attachments: [file("a.txt", "same bytes"), file("b.txt", "same bytes")],
      placement: {
        regarding: contact,
        queueIds: [queueId, queueId],
        parties: [party(PARTICIPATION.sender, contact.name, contact), party(PARTICIPATION.to, stranger)],
      },
    });
    assert.deepEqual(await crmOf().crm.deliver([email]), [{ id: email.id, result: "created" }]);
    const seen = await crmOf().read(email.id);
    assert.deepEqual(
      [seen?.status, seen?.subject, seen?.html, seen?.regarding?.id],
      [STATUS.received, "Ünïcode 🦆", "<p>body</p>", contact.id],
    );
    assert.deepEqual(seen?.queueIds, [queueId]);
    const kinds = seen?.parties.map(({ participation, record }) => [participation, record?.id ?? null]);
    assert.deepEqual(kinds?.slice(0, 2), [
      [PARTICIPATION.sender, contact.id],
      [PARTICIPATION.to, null],
    ]);
    assert.equal(seen?.parties[1]?.address, stranger, "an unresolved party keeps its address as written");
    assert.ok(kinds?.some(([kind, id]) => kind === PARTICIPATION.regarding && id === contact.id));
    const hashes = seen?.attachments.map(({ hash }) => hash) ?? [];
    assert.equal(hashes.length, 2);
    assert.deepEqual((await crmOf().crm.attachment(hashes[1] ?? "")).toString(), "same bytes");
  });

  test("deliver: sent mail stands as an outgoing email in state Sent, with its blind copies, and tells when it was written", async () => {
    const { crm } = crmOf();
    const [ann, carla, dan] = [unique("ann"), unique("carla"), unique("dan")];
    const parties = [party(PARTICIPATION.sender, ann), party(PARTICIPATION.to, carla), party(PARTICIPATION.bcc, dan)];
    const [sent, received] = [new Date("2026-03-03T10:00:00Z"), new Date("2026-03-03T10:00:05Z")];
    const [dated, undated, ahead] = [sent, null, new Date("2036-01-01T00:00:00Z")].map((sent) =>
      incoming({ sent, received, placement: { direction: "outgoing", parties } }),
    );
    assert.ok(dated && undated && ahead);
    await crm.deliver([dated, undated, ahead]);
    const seen = await crmOf().read(dated.id);
    assert.equal(seen?.status, STATUS.sent);
    assert.deepEqual(
      seen?.parties.flatMap(({ participation, address }) => (participation === PARTICIPATION.bcc ? [address] : [])),
      [dan],
    );
    const facts = await crm.facts(query([dated, undated, ahead].map(({ messageId }) => head({ messageId }))));
    const factsOf = ({ messageId }: typeof dated) =>
      facts.emailsByMessageId.get(messageId ?? "")?.map(({ direction, at, sent: written }) => [direction, at, written]);
    assert.deepEqual(factsOf(dated), [["outgoing", sent, sent]]);
    for (const one of [undated, ahead]) assert.deepEqual(factsOf(one)?.[0]?.slice(0, 2), ["outgoing", received]);
    assert.deepEqual(await crm.pending(ann, 10, new Date()), [], "it is not sent once more");
  });

  test("deliver: twice, and twice in one call, makes one email", async () => {
    const email = incoming({ attachments: [file("a.txt", "a")], placement: { parties: [party(PARTICIPATION.to, unique("x"))] } });
    assert.deepEqual(
      (await crmOf().crm.deliver([email, email])).map(({ result }) => result),
      ["created", "existed"],
    );
    assert.deepEqual(await crmOf().crm.deliver([{ ...email, subject: "another" }]), [{ id: email.id, result: "existed" }]);
    const seen = await crmOf().read(email.id);
    assert.deepEqual([seen?.subject, seen?.parties.length, seen?.attachments.length], [email.subject, 1, 1]);
  });

  test("whole: emails that hold all of their message, and no others", async () => {
    const attachment = file("a.txt", "whole");
    const [whole, withFile, blocked, cut] = [
      {},
      { attachments: [attachment] },
      { notifications: 1 as const },
      { notifications: 2 as const },
    ].map(incoming);
    assert.ok(whole && withFile && blocked && cut);
    await crmOf().crm.deliver([whole, withFile, blocked, cut]);
    const found = await crmOf().crm.whole([whole.id, withFile.id, blocked.id, cut.id, randomUUID()]);
    assert.deepEqual([...found.keys()].sort(), [whole.id, withFile.id].sort());
    assert.deepEqual([...(await crmOf().crm.whole([]))], []);
  });

  test("whole: each with the hash of the content that was delivered, whatever characters and files are in it", async () => {
    const emails = [
      { html: "<p>Grüße \u0000 \ud800</p>", text: null },
      { html: null, text: "Grüße 検査" },
      { html: "<p>x</p>", text: "x", attachments: [file("b.txt", "two"), file("a.txt", "one"), file("again.txt", "one")] },
    ].map(incoming);
    await crmOf().crm.deliver(emails);
    const found = await crmOf().crm.whole(emails.map((email) => email.id));
    for (const email of emails) assert.equal(found.get(email.id), contentHash(partsOf(email)));
  });

  test("deliver: several at once of the same emails in different orders make each once and nobody waits for ever", async () => {
    const emails = Array.from({ length: 30 }, (_, n) =>
      incoming({ attachments: [file("f", `shared ${n % 7}`)], placement: { parties: [party(PARTICIPATION.to, unique("x"))] } }),
    );
    const answers = await Promise.all(
      [emails, emails.toReversed(), emails.slice(10), emails.toReversed().slice(5)].map((list) => crmOf().crm.deliver(list)),
    );
    const created = answers.flat().filter(({ result }) => result === "created");
    assert.deepEqual(created.map(({ id }) => id).sort(), emails.map(({ id }) => id).sort());
    assert.ok(
      (await Promise.all(emails.map(({ id }) => crmOf().read(id)))).every(
        (seen) => seen?.parties.length === 1 && seen.attachments.length === 1,
      ),
    );
  });

  test("deliver: NUL, lone surrogates and forged dates in a message neither break it nor its page", async () => {
    const nasty = "a\u0000b\ud800c";
    const address = unique("x");
    const email = incoming({
      subject: nasty,
      messageId: `${nasty}${randomUUID()}`,
      html: nasty,
      text: nasty,
      sent: new Date("+012345-01-01T00:00:00Z"),
      headers: [["x-spam", nasty]],
      attachments: [{ ...file(nasty, "x"), contentId: nasty, mimetype: nasty }],
      placement: { parties: [party(PARTICIPATION.sender, `${nasty}${address}`)] },
    });
    const good = incoming({});
    assert.deepEqual(
      (await crmOf().crm.deliver([email, good])).map(({ result }) => result),
      ["created", "created"],
    );
    const found = await crmOf().crm.facts(query([head({ from: [nasty], messageId: email.messageId, inReplyTo: [nasty], subject: nasty })]));
    assert.deepEqual(
      found.emailsByMessageId.get(email.messageId ?? "")?.map(({ id, sent }) => [id, sent]),
      [[email.id, null]],
    );
    assert.deepEqual(found.records.get(nasty), []);
  });

  test("deliver: a Message-ID of 5,000 characters is stored and found", async () => {
    const email = incoming({ messageId: randomUUID().repeat(140) });
    await crmOf().crm.deliver([email]);
    assert.equal(
      (await crmOf().crm.facts(query([head({ messageId: email.messageId })]))).emailsByMessageId.get(email.messageId ?? "")?.length,
      1,
    );
  });

  test("deliver: an email to 10,000 recipients stands with all of them", async () => {
    const parties = Array.from({ length: 10_000 }, (_, n) => party(PARTICIPATION.to, `r${n}@many.test`));
    const email = incoming({ placement: { parties } });
    await crmOf().crm.deliver([email]);
    const seen = await crmOf().read(email.id);
    assert.deepEqual([seen?.parties.length, seen?.parties[9_999]?.address], [10_000, "r9999@many.test"]);
  });
}
