import assert from "node:assert/strict";
import { after, before } from "node:test";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { emailsIn, explained, letter } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

const ON = { enablesmartmatching: true };
const CARLA = "carla@customer.test";
const DAN = "dan@customer.test";

async function round(app: RigApp, user: string) {
  const { counts, failures } = await receive(app, user);
  assert.deepEqual(failures, []);
  return counts;
}

/** Ann takes all mail, Ben only answers to email of the CRM; the queue takes all. */
async function openOffice(database: TestDatabase, settings: RigChanges["settings"]) {
  const [ann, ben, queue] = [rig.newUser(), rig.newUser(), rig.newUser()];
  const configuration = (own: RigChanges["settings"]) =>
    rig.configurationFor([ann, { name: ben, filter: "replies" }], { queues: [{ name: queue }], ...(own && { settings: own }) });
  const app = await rig.open(database, configuration(settings));
  return { app, ann, ben, queue, configuration };
}

/** A subject that no other test has: the tests share a database. */
const subjectOf = (words: string, user: string) => `${words} number ${user}`;

onOneDatabaseEach("answers that only their subject and their people tie to an email", servers, (promise) => {
  promise(
    "without headers and token an answer belongs to the email before it, in another mailbox and on the same page",
    async (database) => {
      const { app, ann, ben } = await openOffice(database, ON);
      await using _ = app;
      const subject = subjectOf("Offer for the mill", ann);
      await rig.dovecot.deliver(ann, letter({ id: `${ann}-first`, from: CARLA, to: [addressOf(ann)], cc: [DAN], subject }));
      // Nobody but Ben is asked about these, and he takes answers only.
      const both = { from: CARLA, to: [addressOf(ben)], cc: [DAN] };
      await round(app, ann);
      const received = [`${ann}-second`, `${ann}-third`];
      for (const [index, id] of received.entries())
        await rig.dovecot.deliver(ben, letter({ ...both, id, subject: `RE: ${subject}`, date: new Date(Date.UTC(2026, 2, 3 + index)) }));
      await rig.dovecot.deliver(ben, letter({ ...both, id: `${ann}-else`, subject: subjectOf("Quite another", ann) }));
      const { tracked, skipped } = await round(app, ben);
      assert.deepEqual([tracked, skipped], [2, 1]);
      const emails = await emailsIn(database, ann, ben);
      const first = emails.find((one) => one.subject === subject);
      const answers = emails.filter((one) => one.subject === `RE: ${subject}`);
      assert.equal(answers.length, 2);
      for (const one of answers)
        assert.ok(one.correlatedTo === first?.id || answers.some(({ id }) => id === one.correlatedTo && id !== one.id));
      const { rows } = await database.query(
        "select correlationmethod as method, parentactivityid as parent from crm.email where correlatedactivityid is not null and subject = $1",
        [`RE: ${subject}`],
      );
      assert.deepEqual(rows, [
        { method: 6, parent: null },
        { method: 6, parent: null },
      ]);
      const { sentences } = await explained(app, `${ann}-second`, ben);
      assert.match(
        sentences,
        /smart matching: yes\. The incoming email from carla@customer\.test of .* has all words of the subject \(6\) and 2 addresses in common/,
      );
    },
  );

  promise("switched off, as by default, it is skipped; switched on, what came before is found", async (database) => {
    await using stack = new AsyncDisposableStack();
    const { app, ann, ben, configuration } = await openOffice(database, {});
    stack.defer(() => app.close());
    const subject = subjectOf("Order of stones", ann);
    await rig.dovecot.deliver(ann, letter({ id: `${ann}-first`, from: CARLA, to: [addressOf(ann)], cc: [DAN], subject }));
    // Nobody but Ben is asked about these, and he takes answers only.
    const both = { from: CARLA, to: [addressOf(ben)], cc: [DAN] };
    await round(app, ann);
    await rig.dovecot.deliver(ben, letter({ ...both, id: `${ann}-before`, subject: `Re: ${subject}` }));
    assert.equal((await round(app, ben)).skipped, 1);
    assert.match((await explained(app, `${ann}-before`, ben)).sentences, /smart matching: not asked\. Smart matching is switched off\./);
    await stack.disposeAsync();
    await using later = await rig.open(database, configuration(ON));
    await rig.dovecot.deliver(ben, letter({ ...both, id: `${ann}-after`, subject: `Re: ${subject}` }));
    assert.equal((await round(later, ben)).tracked, 1);
  });

  promise("an answer to an email that the CRM sent is known by it", async (database) => {
    const { app, ben } = await openOffice(database, ON);
    await using _ = app;
    const crm = openEmbeddedCrm(database);
    const subject = subjectOf("Your visit", ben);
    const at = (address: string) => ({ address: { name: "", address } });
    const [id = ""] = await crm.createEmails([{ from: at(addressOf(ben)), to: [at(CARLA)], subject }]);
    await crm.sendEmail(id, null, { issueSend: false });
    await rig.dovecot.deliver(ben, letter({ id: `${ben}-answer`, from: CARLA, to: [addressOf(ben)], subject: `AW: ${subject}` }));
    await round(app, ben);
    assert.deepEqual(
      (await emailsIn(database, ben)).map((one) => one.correlatedTo),
      [id],
    );
  });

  promise("two strangers who write to one queue under the same words are not joined", async (database) => {
    const { app, queue } = await openOffice(database, { ...ON, hashminaddresscount: 1 });
    await using _ = app;
    for (const [who, subject] of [
      ["dora", "Order"],
      ["emil", "Order"],
      ["dora", "Question about stones"],
      ["emil", "Question about stones"],
    ] as const)
      await rig.dovecot.deliver(
        queue,
        letter({ id: `${queue}-${who}-${subject.length}`, from: `${who}@${queue}.test`, to: [addressOf(queue)], subject }),
      );
    assert.equal((await round(app, queue)).tracked, 4);
    assert.deepEqual(
      (await emailsIn(database, queue)).map((one) => one.correlatedTo),
      [null, null, null, null],
    );
  });
});
