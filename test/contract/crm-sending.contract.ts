import assert from "node:assert/strict";
import { test } from "node:test";
import { STATUS, type Status } from "../../src/model/email.ts";
import { file, head, incoming, query, unique } from "./crm-fixtures.ts";
import type { CrmUnderTest } from "./crm-under-test.ts";

/** What pending, claim, settle and watch promise. */
export function sendingPromises(crmOf: () => CrmUnderTest): void {
  /** What the CRM shows of an email of that status. */
  const shown = (status: Status) => (crmOf().lacks?.has("status of a completed email") ? STATUS.pendingSend : status);

  test("pending: honours the delay that was chosen, and offers an email only to its sender", async () => {
    const [ann, bob] = [unique("Ann"), unique("bob")];
    await crmOf().user({ address: ann });
    await crmOf().user({ address: bob });
    const soon = await crmOf().draft({ from: ann, to: [unique("x")] });
    const later = await crmOf().draft({ from: ann, to: [unique("x")], delayedSendTime: new Date("2999-01-01T00:00:00Z") });
    const draft = await crmOf().draft({ from: ann, to: [unique("x")] });
    for (const id of [soon, later]) await crmOf().send(id, null);
    const ids = async (address: string, now: Date) => (await crmOf().crm.pending(address, 10, now)).map(({ id }) => id);
    const afterwards = new Date("2999-01-01T00:00:01Z");
    assert.deepEqual(await ids(ann, new Date()), [soon]);
    assert.deepEqual(await ids(ann, afterwards), [soon, later]);
    assert.deepEqual(await ids(bob, afterwards), []);
    assert.deepEqual(
      (await crmOf().crm.pending(ann.toUpperCase(), 1, afterwards)).map(({ id }) => id),
      [soon],
    );
    assert.deepEqual(
      (await crmOf().crm.pendingSenders(new Date())).find(({ senderAddress }) => senderAddress === ann.toLowerCase()),
      { senderAddress: ann.toLowerCase(), emails: 1 },
    );
    assert.equal((await crmOf().read(draft))?.status, STATUS.draft);
  });

  test("claim: of several at once exactly one gets the email, with everything that sending needs", async () => {
    await crmOf().settings({});
    const [ann, known, blocked, stranger] = [unique("ann"), unique("known"), unique("blocked"), unique("stranger")];
    const annId = await crmOf().user({ address: ann });
    const contact = await crmOf().contact({ addresses: [known] });
    await crmOf().contact({ addresses: [blocked], doNotEmail: true });
    const id = await crmOf().draft({
      from: ann,
      to: [known, stranger],
      bcc: [blocked],
      subject: "Offer",
      attachments: [file("o.txt", "offer")],
    });
    await crmOf().send(id, annId);
    const generation = (await crmOf().crm.pending(ann, 10, new Date()))[0]?.generation ?? 0;
    assert.ok(generation >= 1);
    assert.equal(await crmOf().crm.claim(id, generation + 1), null, "another generation is not the one that is due");
    const claims = (await Promise.all([1, 2, 3].map(() => crmOf().crm.claim(id, generation)))).filter((one) => one !== null);
    assert.equal(claims.length, 1);
    const email = claims[0];
    assert.ok(email);
    assert.deepEqual([email.id, email.generation, email.submitterId, email.mayActAsSender], [id, generation, annId, true]);
    assert.deepEqual([email.from?.address.address, email.from?.record?.id], [ann, annId]);
    assert.deepEqual(
      // Not every CRM keeps the order of recipients.
      email.recipients
        .map(({ kind, address, record, doNotEmail, active }) => [kind, address.address, record?.id === contact.id, doNotEmail, active])
        .sort(),
      [
        ["bcc", blocked, false, true, true],
        ["to", known, true, false, true],
        ["to", stranger, false, false, true],
      ],
    );
    assert.match(email.trackingToken ?? "", /^CRM:0\d{6,}$/);
    assert.equal(email.subject, `Offer ${email.trackingToken}`);
    assert.deepEqual((await crmOf().crm.attachment(email.attachments[0]?.hash ?? "")).toString(), "offer");
    assert.equal((await crmOf().read(id))?.status, shown(STATUS.sending));
    assert.deepEqual(await crmOf().crm.outgoing(id), email);
    assert.deepEqual(await crmOf().crm.pending(ann, 10, new Date()), []);
    assert.equal(
      (await crmOf().crm.facts(query([head({ subject: `Re: ${email.subject}` })]))).emailsByToken.get(email.trackingToken ?? "")?.[0]
        ?.direction,
      "outgoing",
    );
  });

  test("claim: each email gets a token of its own, a retry keeps it, and without tokens the subject stays", async () => {
    const ann = unique("ann");
    const annId = await crmOf().user({ address: ann });
    await crmOf().settings({});
    const ids = await Promise.all(["one", "two"].map((subject) => crmOf().draft({ from: ann, to: [unique("x")], subject })));
    for (const id of ids) await crmOf().send(id, annId);
    const [one, two] = await Promise.all(ids.map((id) => crmOf().crm.claim(id, 1)));
    assert.notEqual(one?.trackingToken, two?.trackingToken);
    const note = "try later";
    assert.equal(await crmOf().crm.settle(ids[0] ?? "", 1, { status: "retry", attempts: 1, notBefore: new Date(0), note }), "settled");
    const again = await crmOf().crm.claim(ids[0] ?? "", 1);
    assert.deepEqual([again?.trackingToken, again?.subject, again?.attempts], [one?.trackingToken, one?.subject, 1]);
    await crmOf().settings({ trackingtokensenabled: false });
    const plain = await crmOf().draft({ from: ann, to: [unique("x")], subject: "plain" });
    await crmOf().send(plain, annId);
    const claimed = await crmOf().crm.claim(plain, 1);
    assert.deepEqual([claimed?.trackingToken, claimed?.subject], [null, "plain"]);
  });

  test("claim: an answer names the message that it answers, and that one's references", async () => {
    const ann = unique("ann");
    await crmOf().user({ address: ann });
    const asked = incoming({ headers: [["references", "<first@x.test> <second@x.test>"]], inReplyTo: "second@x.test" });
    await crmOf().crm.deliver([asked]);
    const answer = await crmOf().draft({ from: ann, to: [unique("x")], parentEmailId: asked.id });
    await crmOf().send(answer, null);
    const sent = await crmOf().crm.claim(answer, 1);
    assert.deepEqual([sent?.inReplyTo, sent?.references], [asked.messageId, ["first@x.test", "second@x.test"]]);
    await crmOf().crm.settle(answer, 1, {
      status: "sent",
      messageId: `${answer}@x.test`,
      subject: "s",
      sentOn: new Date(),
      attempts: 1,
      note: null,
    });
    const followUp = await crmOf().draft({ from: ann, to: [unique("x")], parentEmailId: answer });
    await crmOf().send(followUp, null);
    const next = await crmOf().crm.claim(followUp, 1);
    assert.deepEqual([next?.inReplyTo, next?.references], [`${answer}@x.test`, ["first@x.test", "second@x.test", asked.messageId]]);
  });

  test("claim: sending as another user needs the right to and the other's consent; a queue lends its name", async () => {
    const [ann, bob, carol, queue] = [unique("ann"), unique("bob"), unique("carol"), unique("queue")];
    await crmOf().user({ address: ann, letsOthersSend: true });
    const bobId = await crmOf().user({ address: bob, maySendAsOthers: true });
    const carolId = await crmOf().user({ address: carol });
    await crmOf().queue({ address: queue });
    const may = async (from: string, by: string | null) => {
      const id = await crmOf().draft({ from, to: [unique("x")] });
      await crmOf().send(id, by);
      return (await crmOf().crm.claim(id, 1))?.mayActAsSender;
    };
    assert.deepEqual(
      [
        await may(ann, bobId),
        await may(carol, bobId),
        await may(ann, carolId),
        await may(carol, carolId),
        await may(carol, null),
        await may(queue, carolId),
      ],
      [true, false, crmOf().lacks?.has("privilege to send as others") ?? false, true, true, true],
    );
  });

  test("settle: only the generation that is being sent, only while it is, and each outcome where it belongs", async () => {
    const ann = unique("ann");
    await crmOf().user({ address: ann });
    const id = await crmOf().draft({ from: ann, to: [unique("x")] });
    await crmOf().send(id, null);
    const sent = {
      status: "sent",
      messageId: `${id}@x.test`,
      subject: "sent so",
      sentOn: new Date(),
      attempts: 2,
      note: "250 ok",
    } as const;
    assert.equal(await crmOf().crm.settle(id, 1, sent), "not in hand", "nothing is being sent yet");
    await crmOf().crm.claim(id, 1);
    assert.equal(await crmOf().crm.settle(id, 2, sent), "not in hand", "another generation");
    assert.equal(
      await crmOf().crm.settle(id, 1, { status: "retry", attempts: 1, notBefore: new Date("2999-01-01T00:00:00Z"), note: "busy" }),
      "settled",
    );
    assert.deepEqual(await crmOf().crm.pending(ann, 10, new Date()), []);
    assert.deepEqual(await crmOf().crm.pending(ann, 10, new Date("2999-01-02T00:00:00Z")), [{ id, generation: 1 }]);
    await crmOf().crm.claim(id, 1);
    assert.equal(await crmOf().crm.settle(id, 1, { status: "unknown", messageId: `${id}@x.test`, attempts: 2, note: "cut" }), "settled");
    assert.equal((await crmOf().read(id))?.status, shown(STATUS.sending), "an unknown outcome stays Sending");
    assert.deepEqual(await crmOf().crm.pending(ann, 10, new Date("2999-01-02T00:00:00Z")), [], "and is not offered");
    assert.equal(await crmOf().crm.settle(id, 1, sent), "settled", "and can be settled when it is known");
    const seen = await crmOf().read(id);
    assert.deepEqual([seen?.status, seen?.messageId, seen?.subject], [STATUS.sent, `${id}@x.test`, "sent so"]);
    assert.equal(await crmOf().crm.settle(id, 1, sent), "not in hand", "once");
  });

  test("settle: what failed is not offered, and can be sent again, as a new generation", async () => {
    const ann = unique("ann");
    const annId = await crmOf().user({ address: ann });
    const id = await crmOf().draft({ from: ann, to: [unique("x")] });
    await crmOf().send(id, annId);
    await crmOf().crm.claim(id, 1);
    const stays = crmOf().lacks?.has("status of a completed email");
    const failed = { status: "failed", attempts: 1, note: "550 no such user\u0000" } as const;
    assert.equal(await crmOf().crm.settle(id, 1, failed), stays ? "stays pending" : "settled");
    assert.equal((await crmOf().read(id))?.status, shown(STATUS.failed));
    assert.deepEqual(await crmOf().crm.pending(ann, 10, new Date()), []);
    assert.equal(
      (await crmOf().crm.pendingSenders(new Date())).find(({ senderAddress }) => senderAddress === ann),
      undefined,
    );
    await crmOf().send(id, annId);
    assert.deepEqual(await crmOf().crm.pending(ann, 10, new Date()), [{ id, generation: 2 }]);
    assert.equal(await crmOf().crm.claim(id, 1), null);
    assert.deepEqual([(await crmOf().crm.claim(id, 2))?.generation, (await crmOf().crm.outgoing(id))?.attempts], [2, 0]);
  });

  test("watch: wakes when an email becomes pending, and returns when told to stop", async () => {
    const ann = unique("ann");
    await crmOf().user({ address: ann });
    const stop = new AbortController();
    let watching = Promise.resolve();
    const woken = new Promise<void>((resolve) => {
      watching = crmOf().crm.watch(resolve, stop.signal);
    });
    // Watching begins at some moment; until it has, every press of Send is another chance to be heard.
    const pressed: Promise<void>[] = [];
    const press = async () => crmOf().send(await crmOf().draft({ from: ann, to: [unique("x")] }), null);
    const presses = setInterval(() => void pressed.push(press()), 100);
    try {
      await woken;
    } finally {
      clearInterval(presses);
      stop.abort();
      await Promise.all(pressed);
    }
    await watching;
  });
}
