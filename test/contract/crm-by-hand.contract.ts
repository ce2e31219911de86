import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { file, incoming, party, unique } from "./crm-fixtures.ts";
import type { CrmUnderTest } from "./crm-under-test.ts";

/** What the port promises to people who overrule the rules for one message. */
export function byHandPromises(crmOf: () => CrmUnderTest): void {
  const regardingOf = async (id: string) => {
    const seen = await crmOf().read(id);
    const parties = seen?.parties.filter(({ participation }) => participation === PARTICIPATION.regarding) ?? [];
    return { regarding: seen?.regarding?.id ?? null, parties: parties.map(({ record }) => record?.id) };
  };

  test("records: the one of that type and id, and the active ones that have the address in any spelling", async () => {
    const [ann, both] = [unique("Ann"), unique("both")];
    const contact = await crmOf().contact({ addresses: ["", ann] });
    const twins = [await crmOf().contact({ addresses: [both] }), await crmOf().contact({ addresses: [both] })];
    const user = unique("user");
    await crmOf().user({ address: user });
    const { crm } = crmOf();
    const ids = async (...[named]: Parameters<typeof crm.records>) => (await crm.records(named)).map(({ id }) => id);
    assert.deepEqual(await crm.records({ type: "contact", id: contact.id }), [contact]);
    assert.deepEqual(await ids({ address: ` ${ann.toUpperCase()} ` }), [contact.id]);
    assert.deepEqual((await ids({ address: both })).sort(), twins.map(({ id }) => id).sort());
    assert.deepEqual(await ids({ type: "lead", id: contact.id }), []);
    assert.deepEqual(await ids({ type: "contact", id: randomUUID() }), []);
    assert.deepEqual(await ids({ address: user }), [], "an email is about no user");
    assert.deepEqual(await ids({ address: "a\u0000b@x.test" }), []);
  });

  test("setRegarding: the email and its party say the same, and nothing else of it changes", async () => {
    const [first, second] = [await crmOf().contact({ addresses: [unique("a")] }), await crmOf().contact({ addresses: [unique("b")] })];
    const email = incoming({ placement: { regarding: first, parties: [party(PARTICIPATION.to, unique("x"))] } });
    await crmOf().crm.deliver([email]);
    const before = await crmOf().read(email.id);
    assert.equal(await crmOf().crm.setRegarding(email.id, second), true);
    assert.deepEqual(await regardingOf(email.id), { regarding: second.id, parties: [second.id] });
    assert.equal(await crmOf().crm.setRegarding(email.id, null), true);
    assert.deepEqual(await regardingOf(email.id), { regarding: null, parties: [] });
    assert.equal(await crmOf().crm.setRegarding(email.id, first), true);
    const after = await crmOf().read(email.id);
    assert.deepEqual([after?.status, after?.subject, after?.regarding], [before?.status, before?.subject, before?.regarding]);
    assert.equal(await crmOf().crm.setRegarding(randomUUID(), first), false, "there is no such email");
  });

  test("relate: what is about the one is about the other then, and what somebody said meanwhile stands", async () => {
    const [first, second, third] = [
      await crmOf().contact({ addresses: [unique("a")] }),
      await crmOf().contact({ addresses: [unique("b")] }),
      await crmOf().contact({ addresses: [unique("c")] }),
    ];
    const about = [first, second, third, null];
    const emails = about.map((regarding) => incoming({ placement: { regarding, parties: [party(PARTICIPATION.to, unique("x"))] } }));
    await crmOf().crm.deliver(emails);
    const [still, already, otherwise, nothing] = emails.map(({ id }) => id);
    assert.ok(still && already && otherwise && nothing);
    const relate = async (from: typeof first | null, to: typeof first | null, ...ids: string[]) =>
      [...(await crmOf().crm.relate(ids.map((id) => ({ id, from, to }))))].sort();
    assert.deepEqual(await relate(first, second, still, already, otherwise, nothing, randomUUID()), [still, already].sort());
    assert.deepEqual(await relate(null, second, nothing, otherwise), [nothing]);
    for (const id of [still, already, nothing]) assert.deepEqual(await regardingOf(id), { regarding: second.id, parties: [second.id] });
    assert.deepEqual(await regardingOf(otherwise), { regarding: third.id, parties: [third.id] });
    assert.deepEqual(await relate(second, null, still), [still]);
    assert.deepEqual(await regardingOf(still), { regarding: null, parties: [] });
    assert.deepEqual(await relate(first, second), []);
  });

  test("remove: the email is gone with what belongs to it, those that belong to it name none, and it can be made again", async () => {
    const queueId = await crmOf().queue({ address: unique("queue") });
    const contact = await crmOf().contact({ addresses: [unique("c")] });
    const email = incoming({
      attachments: [file("a.txt", "shared bytes")],
      placement: { queueIds: [queueId], regarding: contact, parties: [party(PARTICIPATION.to, unique("x"))] },
    });
    const answer = incoming({
      attachments: [file("a.txt", "shared bytes")],
      placement: { correlatedEmailId: email.id, parentEmailId: email.id, regarding: contact },
    });
    await crmOf().crm.deliver([email, answer]);
    assert.deepEqual([...(await crmOf().crm.standing([email.id, randomUUID()]))], [email.id]);
    assert.equal(await crmOf().crm.remove(email.id), true);
    assert.equal(await crmOf().read(email.id), null);
    assert.deepEqual([...(await crmOf().crm.standing([email.id]))], []);
    assert.deepEqual([...(await crmOf().crm.deleted([email.id, answer.id]))], [email.id], "it is remembered that somebody deleted it");
    const left = await crmOf().read(answer.id);
    assert.deepEqual([left?.correlatedEmailId, left?.parentEmailId, left?.regarding?.id], [null, null, contact.id]);
    assert.equal((await crmOf().crm.attachment(left?.attachments[0]?.hash ?? "")).toString(), "shared bytes");
    assert.equal(await crmOf().crm.remove(email.id), false);
    assert.deepEqual(await crmOf().crm.deliver([email]), [{ id: email.id, result: "created" }]);
    assert.deepEqual([...(await crmOf().crm.deleted([email.id]))], [], "what was made again is not deleted any more");
    const again = await crmOf().read(email.id);
    assert.deepEqual([again?.attachments.length, again?.queueIds, again?.regarding?.id], [1, [queueId], contact.id]);
  });
}
