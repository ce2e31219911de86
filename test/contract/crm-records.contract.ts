import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { Failure } from "../../src/model/failure.ts";
import type { NewRecord, RecordRef } from "../../src/model/record.ts";
import { votersAt } from "../../src/tracking/recipients.ts";
import { head, incoming, party, query, unique } from "./crm-fixtures.ts";
import type { CrmUnderTest, Lack } from "./crm-under-test.ts";

function wanted(address: string, change: Partial<NewRecord> = {}): NewRecord {
  return { type: "contact", address, firstname: "Carl", lastname: "Ray", topic: "An offer", ownerId: null, ...change };
}

type Register = (name: string, work: () => Promise<void>) => void;
const registered: Register = (name, work) => void test(name, work);
const leftOut: Register = () => {};

/** What the port promises about addresses and the records that they stand for; of what the CRM lacks, that it is refused. */
export function recordsPromises(crmOf: () => CrmUnderTest, lacks: ReadonlySet<Lack>): void {
  const recordsAt = async (address: string) =>
    ((await crmOf().crm.facts(query([head({ from: [address] })]))).records.get(address.toLowerCase()) ?? []).map(({ record }) => record);
  const senderOf = async (id: string): Promise<RecordRef | null> =>
    (await crmOf().read(id))?.parties.find((one) => one.participation === PARTICIPATION.sender)?.record ?? null;

  test("facts: an alias of a user or queue is an address like the others, in any spelling", async () => {
    const [ann, alias, support, help] = [unique("ann"), unique("Sales"), unique("support"), unique("help")];
    const userId = await crmOf().user({ address: ann, aliases: [unique("x"), unique("y"), unique("z"), alias] });
    const queueId = await crmOf().queue({ address: support, aliases: [help] });
    const facts = await crmOf().crm.facts(query([head({ to: [alias.toUpperCase(), help] })]));
    assert.deepEqual(
      [alias, help].map((one) => facts.voters.get(one.toLowerCase())?.map(({ record }) => record.id)),
      [[userId], [queueId]],
    );
    assert.deepEqual(
      (await recordsAt(alias)).map(({ id }) => id),
      [userId],
    );
    await crmOf().user({ address: ann });
    assert.deepEqual(await recordsAt(alias), [], "what is taken away stands for nobody");
  });

  test("facts: hold what it takes to know a plus-address of a user or queue", async () => {
    const ann = unique("ann");
    const userId = await crmOf().user({ address: ann });
    const plus = ann.replace("@", "+a+b@");
    const meant = async () => votersAt(plus, await crmOf().crm.facts(query([head({ to: [plus] })]))).map(({ record }) => record.id);
    assert.deepEqual(await meant(), [userId]);
    await crmOf().settings({ PlusAddressSeparator: "" });
    assert.deepEqual(await meant(), []);
    await crmOf().settings({});
  });

  test("facts: of a page with more addresses than one statement takes, each is known whatever stands between", async () => {
    const [ann, alias, last] = [unique("ann"), unique("alias"), unique("bob")];
    const userId = await crmOf().user({ address: ann, aliases: [alias] });
    const bob = await crmOf().contact({ addresses: [last] });
    const strangers = Array.from({ length: 12 }, (_, n) =>
      head({ to: Array.from({ length: 1900 }, (__, index) => `u${n}x${index}@x.example`) }),
    );
    const heads = [head({ to: [ann] }), ...strangers, head({ to: [alias.replace("@", "+a@"), last] })];
    const facts = await crmOf().crm.facts(query(heads));
    const voters = [ann, alias.replace("@", "+a@")].map((one) => votersAt(one, facts).map(({ record }) => record.id));
    assert.deepEqual(voters, [[userId], [userId]]);
    assert.deepEqual(
      facts.records.get(last)?.map(({ record }) => record.id),
      [bob.id],
    );
    assert.deepEqual([facts.voters.size, facts.records.get("u11x1899@x.example")], [2, []]);
  });

  test("makeRecords: a contact or lead with name, address and owner, and by address whose it is", async () => {
    const ownerId = await crmOf().user({ address: unique("owner") });
    const contact = wanted(unique("Carl"), { ownerId });
    const lead = wanted(unique("lead"), { type: "lead", firstname: "", lastname: "Ünïcode 🦆" });
    const made = await crmOf().crm.makeRecords([contact, lead]);
    assert.deepEqual(
      [contact, lead]
        .map((one) => made.get(one.address.toLowerCase()))
        .map((one) => [one?.record.type, one?.record.name, one?.column, one?.made]),
      [
        ["contact", "Carl Ray", 1, true],
        ["lead", "Ünïcode 🦆", 1, true],
      ],
    );
    const facts = await crmOf().crm.facts(query([head({ from: [contact.address] })]));
    assert.deepEqual(
      facts.records.get(contact.address.toLowerCase())?.map(({ record, ownerId, active }) => [record.id, ownerId, active]),
      [[made.get(contact.address.toLowerCase())?.record.id, contact.ownerId, true]],
    );
    assert.deepEqual([...(await crmOf().crm.makeRecords([]))], []);
  });

  test("makeRecords: one record of an address, whoever asks at once and in whatever spelling", async () => {
    const addresses = Array.from({ length: 20 }, () => unique("One"));
    const asked = Array.from({ length: 5 }, (_, n) =>
      crmOf().crm.makeRecords(
        (n % 2 === 0 ? addresses : addresses.toReversed()).flatMap((address) => [
          wanted(address, { type: n % 2 === 0 ? "contact" : "lead" }),
          wanted(address.toUpperCase()),
        ]),
      ),
    );
    const answers = await Promise.all(asked);
    for (const address of addresses) {
      const found = await recordsAt(address);
      assert.equal(found.length, 1);
      assert.deepEqual([...new Set(answers.map((one) => one.get(address.toLowerCase())?.record.id))], [found[0]?.id]);
      assert.equal(answers.filter((one) => one.get(address.toLowerCase())?.made).length, 1);
    }
  });

  test("makeRecords: an address that somebody has by now is that record's", async () => {
    const address = unique("carl");
    const contact = await crmOf().contact({ addresses: ["", address] });
    const made = await crmOf().crm.makeRecords([wanted(address)]);
    assert.deepEqual([...made], [[address, { record: contact, column: 2, made: false }]]);
  });

  const onlyWith = (lack: Lack) => (lacks.has(lack) ? registered : leftOut);
  const onlyWithout = (lack: Lack) => (lacks.has(lack) ? leftOut : registered);

  onlyWith("beside the columns")(
    "addAddress: where there is nothing beside the columns, it is refused with a reason when none is free, and nothing changes",
    async () => {
      const [first, second, third, fourth] = Array.from({ length: 4 }, () => unique("Mail"));
      assert.ok(first && second && third && fourth);
      const contact = await crmOf().contact({ addresses: [first] });
      const add = (address: string, where: "column" | "beside" = "column") => crmOf().crm.addAddress(contact, address, where);
      const isRefused = (error: unknown) => error instanceof Failure && error.scope === "item" && error.remedy !== "";
      await assert.rejects(add(second, "beside"), isRefused);
      assert.deepEqual(await add(second), { column: 2, place: "column" });
      assert.deepEqual(await add(third), { column: 3, place: "column" });
      await assert.rejects(add(fourth), isRefused);
      assert.deepEqual(await add(first.toUpperCase()), { column: 1, place: "there already" });
      for (const one of [first, second, third]) assert.deepEqual(await recordsAt(one), [contact]);
      assert.deepEqual(await recordsAt(fourth), []);
      assert.equal(await crmOf().crm.addAddress({ ...contact, id: randomUUID() }, unique("x"), "column"), null);
      assert.equal(await crmOf().crm.addAddress({ ...contact, type: "systemuser" }, unique("x"), "column"), null);
    },
  );

  onlyWithout("beside the columns")("addAddress: the first free column, then beside the columns, and never twice", async () => {
    const [first, second, third, fourth, fifth] = Array.from({ length: 5 }, () => unique("Mail"));
    assert.ok(first && second && third && fourth && fifth);
    const contact = await crmOf().contact({ addresses: [first] });
    const add = (address: string, where: "column" | "beside" = "column") => crmOf().crm.addAddress(contact, address, where);
    assert.deepEqual(await add(fifth, "beside"), { column: 4, place: "beside the columns" });
    assert.deepEqual(await add(second), { column: 2, place: "column" });
    assert.deepEqual(await add(third), { column: 3, place: "column" });
    assert.deepEqual(await add(fourth), { column: 5, place: "beside the columns" });
    assert.deepEqual(await add(first.toUpperCase()), { column: 1, place: "there already" });
    assert.deepEqual(await add(fourth), { column: 5, place: "there already" });
    for (const one of [first, second, third, fourth, fifth]) assert.deepEqual(await recordsAt(one), [contact]);
    assert.equal(await crmOf().crm.addAddress({ ...contact, id: randomUUID() }, unique("x"), "column"), null);
    assert.equal(await crmOf().crm.addAddress({ ...contact, type: "systemuser" }, unique("x"), "column"), null);
  });

  onlyWith("resolving parties")(
    "resolveParties: where the parties of an email cannot be changed, it is refused with a reason and they stay",
    async () => {
      const carl = unique("Carl");
      const email = incoming({ placement: { parties: [party(PARTICIPATION.sender, carl)] } });
      await crmOf().crm.deliver([email]);
      const contact = await crmOf().contact({ addresses: [carl] });
      await assert.rejects(
        crmOf().crm.resolveParties({ address: carl, record: contact, column: 1, emailId: null, limit: 2 }),
        (error) => error instanceof Failure && error.scope === "item" && error.remedy !== "",
      );
      assert.equal(await senderOf(email.id), null);
    },
  );

  onlyWithout("resolving parties")(
    "resolveParties: some at a time until none is left; resolved parties, other addresses and the regarding stay",
    async () => {
      const [carl, other] = [unique("Carl"), unique("other")];
      const [contact, regarding, known] = [
        await crmOf().contact({ addresses: [carl] }),
        await crmOf().contact({ addresses: [unique("r")] }),
        await crmOf().contact({ addresses: [unique("k")] }),
      ];
      const emails = Array.from({ length: 5 }, () =>
        incoming({
          placement: {
            regarding,
            duplicateSenderUnresolved: true,
            parties: [
              party(PARTICIPATION.sender, carl.toUpperCase()),
              party(PARTICIPATION.cc, carl, known),
              party(PARTICIPATION.to, other),
            ],
          },
        }),
      );
      await crmOf().crm.deliver(emails);
      const resolving = { address: carl, record: contact, column: 1, emailId: null, limit: 2 };
      const [last] = emails.slice(-1);
      assert.deepEqual(await crmOf().crm.resolveParties({ ...resolving, emailId: last?.id ?? "" }), { parties: 1, emails: 1 });
      const counts: number[] = [];
      for (let parties = 1; parties > 0; counts.push(parties)) ({ parties } = await crmOf().crm.resolveParties(resolving));
      assert.deepEqual(counts, [2, 2, 0]);
      for (const { id } of emails) {
        const seen = await crmOf().read(id);
        assert.deepEqual(await senderOf(id), contact);
        assert.deepEqual(
          seen?.parties.slice(0, 3).map(({ address, record }) => [address, record?.id ?? null]),
          [
            [carl.toUpperCase(), contact.id],
            [carl, known.id],
            [other, null],
          ],
        );
        assert.equal(seen?.regarding?.id, regarding.id);
      }
    },
  );

  test("addQueueItems: one item of each email that is there, however often", async () => {
    const queueId = await crmOf().queue({ address: unique("queue") });
    const email = incoming({});
    await crmOf().crm.deliver([email]);
    for (let times = 0; times < 2; times++) await crmOf().crm.addQueueItems(queueId, [email.id, randomUUID()]);
    assert.deepEqual((await crmOf().read(email.id))?.queueIds, [queueId]);
  });
}
