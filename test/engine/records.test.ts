/** Whose an address is: aliases and plus-addresses, records made of unresolved senders, addresses resolved by hand, owners and queue items. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { missingServers } from "../servers/needs.ts";
import { emailsIn, explained, type Letter, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
const EVE = "eve on the command line";
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 80 });
});
after(() => rig?.[Symbol.asyncDispose]());

async function round(app: RigApp, ...users: readonly string[]) {
  const { counts, failures } = await receive(app, ...users);
  assert.deepEqual(failures, []);
  return counts;
}

async function arrives(user: string, id: string, more: Omit<Letter, "id">): Promise<void> {
  await rig.dovecot.append(user, "INBOX", letter({ id, ...more }));
}

/** The email of a letter as it stands in the CRM. */
async function emailOf(app: RigApp, database: Database, id: string) {
  const { rows } = await database.query<{ id: string }>("select activityid as id from crm.email where messageid = $1", [messageIdOf(id)]);
  const email = await app.crm.readEmail(rows[0]?.id ?? "");
  assert.ok(email);
  return email;
}

type Email = Awaited<ReturnType<typeof emailOf>>;

/** Names of the records of one kind of party, or the addresses of those without. */
function parties(email: Email, kind: number): string[] {
  return email.parties.filter((one) => one.participation === kind).map(({ record, address }) => record?.name ?? address);
}

async function contactsAt(database: Database, address: string): Promise<{ id: string; name: string; ownerId: string }[]> {
  const { rows } = await database.query<{ id: string; name: string; ownerId: string }>(
    `select contactid as id, fullname as name, ownerid as "ownerId" from crm.contact where emailaddress1 = $1`,
    [address],
  );
  return rows;
}

function resolve(app: RigApp, address: string, record: string, options: { message?: string; beside?: boolean } = {}) {
  const { message = null, beside = false } = options;
  return app.operations.resolve(address, record, { message, beside }, EVE, new AbortController().signal, () => {});
}

/** Somebody said in the CRM what it is about: a conversation that is wanted. */
async function aboutARecord(database: Database, id: string): Promise<void> {
  await database.query(
    `update crm.email set regardingobjectid = gen_random_uuid(), regardingobjecttypecode = 'account', regardingobjectidname = 'Mill' where messageid = $1`,
    [messageIdOf(id)],
  );
}

onOneDatabaseEach("whose an address is", servers, (promise) => {
  promise(
    "aliases and plus-addresses of users and queues vote, own, are parties and get queue items as the address itself",
    async (database) => {
      const [ann, ben, help] = [rig.newUser(), rig.newUser(), rig.newUser()];
      const [alias, helpAlias] = [`alias-of-${ann}@example.test`, `alias-of-${help}@example.test`];
      await using app = await rig.open(
        database,
        rig.configurationFor(
          [
            { name: ann, aliases: [alias] },
            { name: ben, filter: "none" },
          ],
          {
            queues: [{ name: help, owner: ben, aliases: [helpAlias] }],
          },
        ),
      );
      // Nobody but those behind the addresses would take them: Ben, in whose mailbox they lie, takes nothing.
      await arrives(ben, `${ann}-alias`, { to: [`Sales <${alias.toUpperCase()}>`] });
      await arrives(ben, `${ann}-plus`, { to: [addressOf(ann).replace("@", "+shop@")] });
      await arrives(ben, `${ann}-queue`, { to: [helpAlias.replace("@", "+7@")] });
      await arrives(ben, `${ann}-nobody`, { to: [addressOf(`x${ann}`)] });
      assert.deepEqual((({ tracked, skipped }) => [tracked, skipped])(await round(app, ben)), [3, 1]);
      for (const id of [`${ann}-alias`, `${ann}-plus`]) {
        const email = await emailOf(app, database, id);
        assert.deepEqual([email.owner?.name, email.accepting?.name, parties(email, PARTICIPATION.to)], [ann, ann, [ann]]);
      }
      const email = await emailOf(app, database, `${ann}-queue`);
      assert.deepEqual([email.owner?.name, email.queues.map(({ name }) => name), parties(email, PARTICIPATION.to)], [ben, [help], [help]]);
    },
  );

  promise(
    "a contact of an unresolved sender is made once, however many mailboxes and processes see the sender at once",
    async (database) => {
      const users = rig.newUsers(5);
      const [first = ""] = users;
      const configuration = rig.configurationFor(users.map((name) => ({ name, autoCreate: "contact" as const })));
      await using app = await rig.open(database, configuration);
      await using other = await rig.open(database, configuration);
      await arrives(first, `${first}-begin`, { to: [addressOf(first)] });
      await round(app, first);
      await aboutARecord(database, `${first}-begin`);
      const dan = `dan-${first}@customer.test`;
      for (const user of users)
        await arrives(user, `${user}-answer`, { from: `Dan van Stranger <${dan}>`, to: [addressOf(user)], answers: `${first}-begin` });
      await Promise.all([round(app, ...users.slice(0, 3)), round(other, ...users.slice(3))]);
      const contacts = await contactsAt(database, dan);
      assert.deepEqual(
        contacts.map(({ name }) => name),
        ["Dan van Stranger"],
      );
      const said: string[] = [];
      const owners: (string | undefined)[] = [];
      for (const user of users) {
        const email = await emailOf(app, database, `${user}-answer`);
        assert.equal(email.parties.find((one) => one.participation === PARTICIPATION.sender)?.record?.id, contacts[0]?.id);
        owners.push(email.owner?.id);
        said.push((await explained(app, `${user}-answer`, user)).sentences);
      }
      const makers = said.flatMap((sentences, index) =>
        /new record: yes\. A record, the contact Dan van Stranger .* was made/.test(sentences) ? [index] : [],
      );
      assert.equal(makers.length, 1, "one decision says that it was made");
      assert.equal(contacts[0]?.ownerId, owners[makers[0] ?? -1], "and its email's owner owns it");
    },
  );

  promise("none is made of who wrote unasked, of a program, or for users who want none, and all is said", async (database) => {
    const [ann, ben] = rig.newUsers(2) as [string, string];
    await using app = await rig.open(database, rig.configurationFor([{ name: ann, autoCreate: "lead" }, ben]));
    const [dan, robot] = [`dan-${ann}@customer.test`, `no-reply@${ann}.customer.test`];
    await arrives(ann, `${ann}-unasked`, { from: `Dan <${dan}>`, to: [addressOf(ann)] });
    await round(app, ann);
    await arrives(ann, `${ann}-robot`, { from: `Shop <${robot}>`, to: [addressOf(ann)], answers: `${ann}-unasked` });
    await arrives(ben, `${ann}-ben`, { from: `Dan <${dan}>`, to: [addressOf(ben)], answers: `${ann}-unasked` });
    assert.equal((await round(app, ann, ben)).tracked, 2);
    const why = async (id: string, user: string) => (await explained(app, id, user)).sentences;
    assert.match(await why(`${ann}-unasked`, ann), /new record: no\. .*answers no email that the CRM sent or that is about a record/);
    assert.match(await why(`${ann}-robot`, ann), /new record: no\. .*a program or a list sent it/);
    assert.match(await why(`${ann}-ben`, ben), /new record: no\. Whoever owns the email wants no record made/);
    const { rows } = await database.query("select emailaddress from crm.emailsearch where emailaddress = any($1)", [[dan, robot]]);
    assert.deepEqual(rows, []);
    await arrives(ann, `${ann}-again`, { from: `Dan <${dan}>`, to: [addressOf(ann)], answers: `${ann}-unasked` });
    await round(app, ann);
    assert.match(await why(`${ann}-again`, ann), /new record: no\. .*answers no email that the CRM sent or that is about a record/);
    await aboutARecord(database, `${ann}-unasked`);
    await arrives(ann, `${ann}-asked`, { from: `Dan <${dan}>`, to: [addressOf(ann)], answers: `${ann}-unasked`, subject: "Bricks" });
    await round(app, ann);
    const { rows: leads } = await database.query("select lastname, subject from crm.lead where emailaddress1 = $1", [dan]);
    assert.deepEqual(leads, [{ lastname: "Dan", subject: "Bricks" }]);
  });

  promise("in a CRM that stands elsewhere too, also where the way to it breaks after the record was made", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([{ name: ann, autoCreate: "contact" }]));
    const dan = `dan-${ann}@customer.test`;
    await arrives(ann, `${ann}-begin`, { to: [addressOf(ann)] });
    await round(app, ann);
    await aboutARecord(database, `${ann}-begin`);
    let broken = true;
    const crm = foreignCrm(app.context.crm("CRM"), ({ verb, when }) => {
      if (broken && verb === "deliver" && when === "before") throw new Error("the line is cut");
    });
    app.context.crm = () => crm;
    await arrives(ann, `${ann}-answer`, { from: `Dan <${dan}>`, to: [addressOf(ann)], answers: `${ann}-begin` });
    assert.equal((await receive(app, ann)).failures.length, 1);
    broken = false;
    await database.query("update waypost.mailbox set receive_due_at = now(), receive_failures = 0");
    await round(app, ann);
    const contacts = await contactsAt(database, dan);
    assert.equal(contacts.length, 1);
    assert.deepEqual(parties(await emailOf(app, database, `${ann}-answer`), PARTICIPATION.sender), ["Dan"]);
  });

  promise("resolve: the address is the record's, on all emails and for those to come; what they are about stays", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, rig.configurationFor([ann]));
    const dan = `dan-${ann}@customer.test`;
    for (const n of [1, 2, 3]) await arrives(ann, `${ann}-${n}`, { from: `Dan <${dan}>`, to: [addressOf(ann)], cc: [dan.toUpperCase()] });
    await round(app, ann);
    const [contact] = await app.crm.createRecords([{ type: "contact", lastname: "Dan", addresses: [`old-${dan}`] }]);
    assert.ok(contact);
    const result = await resolve(app, dan.toUpperCase(), `old-${dan}`);
    assert.deepEqual(result, { address: dan, record: contact, place: "column", emails: 3, spreads: true, unfinished: false });
    for (const n of [1, 2, 3]) {
      const email = await emailOf(app, database, `${ann}-${n}`);
      assert.deepEqual([parties(email, PARTICIPATION.sender), parties(email, PARTICIPATION.cc), email.regarding], [["Dan"], ["Dan"], null]);
    }
    await arrives(ann, `${ann}-4`, { from: dan, to: [addressOf(ann)] });
    await round(app, ann);
    assert.deepEqual(parties(await emailOf(app, database, `${ann}-4`), PARTICIPATION.sender), ["Dan"]);
    const { rows } = await database.query("select actor, action from waypost.audit where subject = $1", [`address ${dan}`]);
    assert.deepEqual(rows, [{ actor: EVE, action: "resolve" }]);
    assert.deepEqual((await resolve(app, dan, `contact:${contact.id}`)).place, "there already");
    await assert.rejects(resolve(app, "nobody", dan), { code: "address not usable" });
    await assert.rejects(resolve(app, dan, "contact:00000000-0000-4000-8000-000000000000"), { code: "record unknown" });
  });

  promise("resolve: with resolvesimilarunresolvedemailaddress off only the email that was named changes", async (database) => {
    const ann = rig.newUser();
    const settings = { resolvesimilarunresolvedemailaddress: false };
    await using app = await rig.open(database, rig.configurationFor([ann], { settings }));
    const dan = `dan-${ann}@customer.test`;
    for (const n of [1, 2]) await arrives(ann, `${ann}-${n}`, { from: dan, to: [addressOf(ann)] });
    await round(app, ann);
    const [contact] = await app.crm.createRecords([{ type: "contact", lastname: "Dan" }]);
    const record = `contact:${contact?.id}`;
    assert.deepEqual((({ place, emails, spreads }) => [place, emails, spreads])(await resolve(app, dan, record, { beside: true })), [
      "beside the columns",
      0,
      false,
    ]);
    assert.equal((await resolve(app, dan, record, { message: messageIdOf(`${ann}-2`) })).emails, 1);
    assert.deepEqual(parties(await emailOf(app, database, `${ann}-1`), PARTICIPATION.sender), [dan]);
    assert.deepEqual(parties(await emailOf(app, database, `${ann}-2`), PARTICIPATION.sender), ["Dan"]);
    assert.match(
      (await explained(app, `${ann}-2`, ann)).sentences,
      new RegExp(`parties: yes\\. ${EVE} said on .* that ${dan} is the contact Dan\\.`),
    );
  });

  promise("who may not write emails owns none, and the owner's default queue gets an item by setting", async (database) => {
    const [ann, ben, own] = rig.newUsers(3) as [string, string, string];
    const settings = { AutoRouteToOwnerQueue: true };
    const users = [
      { name: ann, mayWriteEmails: false },
      { name: ben, defaultQueue: addressOf(own) },
    ];
    await using app = await rig.open(database, rig.configurationFor(users, { settings, queues: [{ name: own }] }));
    await arrives(ann, `${ann}-1`, { to: [addressOf(ann), addressOf(ben)] });
    await round(app, ann);
    const email = await emailOf(app, database, `${ann}-1`);
    assert.deepEqual([email.owner?.name, email.queues.map(({ name }) => name)], [ben, [own]]);
  });

  promise("a queue gets its additional item in a CRM that stands elsewhere too", async (database) => {
    const [ann, help] = rig.newUsers(2) as [string, string];
    const settings = { SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: true };
    await using app = await rig.open(database, rig.configurationFor([ann], { settings, queues: [{ name: help }] }));
    const crm = foreignCrm(app.context.crm("CRM"));
    app.context.crm = () => crm;
    const ids = Array.from({ length: 6 }, (_, n) => `${ann}-${n}`);
    const [first = "", ...atOnce] = ids;
    for (const user of [ann, help]) await arrives(user, first, { to: [addressOf(ann)] });
    await round(app, ann);
    assert.equal((await round(app, help)).duplicate, 1);
    for (const id of atOnce) for (const user of [ann, help]) await arrives(user, id, { to: [addressOf(ann)] });
    await round(app, ann, help);
    for (const id of ids)
      assert.deepEqual(
        (await emailOf(app, database, id)).queues.map(({ name }) => name),
        [help],
      );
  });

  for (const on of [false, true]) {
    promise(
      `SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail ${on}: a blind copy in a queue's mailbox of what another mailbox made ${on ? "gets an item" : "gets none"}`,
      async (database) => {
        const [ann, help] = rig.newUsers(2) as [string, string];
        const settings = { SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: on };
        await using app = await rig.open(database, rig.configurationFor([ann], { settings, queues: [{ name: help }] }));
        const text = letter({ id: `${ann}-1`, to: [addressOf(ann)] });
        for (const user of [ann, help]) await rig.dovecot.append(user, "INBOX", text);
        await round(app, ann);
        assert.equal((await round(app, help)).duplicate, 1);
        const queues = async (id: string) => (await emailOf(app, database, id)).queues.map(({ name }) => name);
        assert.deepEqual(await queues(`${ann}-1`), on ? [help] : []);
        if (on) assert.match((await explained(app, `${ann}-1`, help)).sentences, /queue items: yes\. An item goes to /);
        // Whoever is first at the same moment, with the setting the item is there.
        const many = Array.from({ length: 10 }, (_, n) => `${ann}-at-once-${n}`);
        for (const id of many) for (const user of [ann, help]) await arrives(user, id, { to: [addressOf(ann)] });
        await round(app, ann, help);
        if (on) for (const id of many) assert.deepEqual(await queues(id), [help]);
        assert.equal((await emailsIn(database, ann, help)).length, 11);
      },
    );
  }
});
