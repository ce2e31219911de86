/** Mail that was decided before is decided anew: a window of time, or what came from a sender who became known. Nothing is doubled, and no word of a person is passed over. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { dispatchAfterwards } from "../../src/engine/afterwards.ts";
import type { AuditResult } from "../../src/engine/operations/audit.ts";
import { missingServers } from "../servers/needs.ts";
import { changeSources } from "./change-sources.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { OVER_DYNAMICS } from "./over-web-api.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 80 });
});
after(() => rig?.[Symbol.asyncDispose]());

type Opened = Parameters<EngineRig["open"]>[0];
type Filter = "all" | "replies" | "contacts";

const SETTING = { outgoing: false, readFrom: "2026-01-01T00:00:00Z" };

/** Where the letters come to by their names. */
const DAYS = { first: "2026-05-01", second: "2026-05-02", third: "2026-05-03", fourth: "2026-05-04" } as const;
type Name = keyof typeof DAYS;
const NAMES: readonly Name[] = ["first", "second", "third", "fourth"];

const own = (user: string, name: string) => `${user}-${name}`;
const noon = (name: Name) => new Date(`${DAYS[name]}T12:00:00Z`);
const sender = (user: string) => `${user}-carl@customer.test`;

function open(database: Opened, user: string, filter: Filter, changes: RigChanges = {}, now?: () => Date): Promise<RigApp> {
  return rig.open(database, rig.configurationFor([{ name: user, filter, mailbox: SETTING }], changes), now && { now });
}

async function arrive(user: string, ...names: readonly Name[]): Promise<void> {
  for (const name of names) {
    // A server that tells no moment of receipt is told by the topmost Received line.
    const trace = `Received: from relay.test by mail.test; ${noon(name).toUTCString()}\r\n`;
    const mime = trace + letter({ id: own(user, name), subject: name, from: `Carl <${sender(user).toUpperCase()}>`, date: noon(name) });
    await rig.dovecot.append(user, "INBOX", { mime, internalDate: noon(name) });
  }
}

async function round(app: RigApp, user: string) {
  const { counts, failures } = await receive(app, user);
  assert.deepEqual(failures, []);
  return counts;
}

async function replay(app: RigApp, user: string, from: Name, to: Name | null = null): Promise<AuditResult["counts"]> {
  const window = { from: noon(from), to: to && noon(to) };
  const { counts, failures, left } = await app.operations.replay([addressOf(user)], window, new AbortController().signal, () => {});
  assert.deepEqual([failures, left], [[], []]);
  return counts;
}

const subjectsIn = async (database: Opened, user: string) => (await emailsIn(database, user)).map(({ subject }) => subject).sort();

const contactFor = (app: RigApp, ...addresses: readonly string[]) =>
  app.crm.createRecords([{ type: "contact", lastname: "Carl", addresses: [...addresses] }]);

/** What clocks of the service do: new addresses are taken where the CRM tells of them, else its changes are followed. */
async function newSenders(app: RigApp): Promise<void> {
  const { signal } = new AbortController();
  await dispatchAfterwards(app.context, app.organizations, signal);
  await app.context.crm("CRM").keepIndex?.(signal);
}

const PROTOCOLS = {
  IMAP: () => ({}),
  POP3: () => ({ protocol: "pop3", port: rig.dovecot.ports.pop3 }) as const,
} as const;

onOneDatabaseEach("replaying a window of time", servers, (promise) => {
  for (const [protocol, incoming] of Object.entries(PROTOCOLS)) {
    promise(`${protocol}: what was received in it is decided by the settings of now, once, and nothing else is`, async (database) => {
      const user = rig.newUser();
      const changes = { incoming: incoming() };
      await arrive(user, ...NAMES);
      {
        await using app = await open(database, user, "replies", changes);
        assert.equal((await round(app, user)).skipped, 4);
        await app.operations.untrack(messageIdOf(own(user, "third")), false, "Eve");
      }
      await using app = await open(database, user, "all", changes);
      assert.equal((await round(app, user)).tracked, 0, "other settings replay nothing by themselves");
      const counts = await replay(app, user, "second", "third");
      assert.deepEqual([counts.tracked, counts.skipped], [1, 1]);
      assert.deepEqual(await subjectsIn(database, user), ["second"]);
      assert.equal((await replay(app, user, "first")).tracked, 2);
      assert.deepEqual(await subjectsIn(database, user), ["first", "fourth", "second"]);
      const outcomes = (await decisionsIn(database, user)).map(({ outcome }) => outcome);
      assert.deepEqual(outcomes, ["tracked", "tracked", "skipped", "tracked"]);
      assert.deepEqual([(await replay(app, user, "first")).tracked, (await subjectsIn(database, user)).length], [0, 3]);
    });
  }

  promise("an email stays what it is, a deleted one stays deleted, and what was passed by is decided at last", async (database) => {
    const user = rig.newUser();
    await using app = await open(database, user, "all");
    await arrive(user, ...NAMES);
    {
      using _ = changeSources(app, (source) => {
        const pull = source.pull.bind(source);
        source.pull = async (stream, cursor, options) => {
          const answer = await pull(stream, cursor, options);
          return answer.kind === "page" ? { ...answer, heads: answer.heads.filter(({ subject }) => subject !== "fourth") } : answer;
        };
        return source;
      });
      assert.equal((await round(app, user)).tracked, 3);
    }
    const [first, second] = await emailsIn(database, user);
    assert.ok(first && second);
    await app.context.crm("CRM").remove(first.id);
    const before = await decisionsIn(database, user);
    assert.equal((await replay(app, user, "first", "third")).received, 0, "it came after the window");
    assert.deepEqual(await decisionsIn(database, user), before);
    assert.equal((await replay(app, user, "first")).tracked, 1);
    assert.deepEqual(await subjectsIn(database, user), ["fourth", "second", "third"]);
  });

  promise("what is in quarantine is tried again", async (database) => {
    const user = rig.newUser();
    const large = letter({ id: own(user, "large"), subject: "large", body: `${"x".repeat(76)}\r\n`.repeat(16_000) });
    await rig.dovecot.append(user, "INBOX", { mime: large, internalDate: noon("second") });
    {
      await using app = await open(database, user, "all", { profile: { maximumMessageMegabytes: 1 } });
      assert.equal((await round(app, user)).quarantined, 1);
    }
    await using app = await open(database, user, "all");
    assert.equal((await replay(app, user, "third")).tracked, 0);
    assert.equal((await replay(app, user, "first")).tracked, 1);
    assert.deepEqual(await app.operations.quarantineList(), []);
  });
});

onOneDatabaseEach("a sender who becomes known", servers, (promise) => {
  const AUTOMATIC = { trackAfterwards: { automatically: true, days: 3 } } as const;

  /** Letters of four days, none of them wanted, four days and an hour after the first. */
  async function prepare(database: Opened, user: string, afterwards: RigChanges = {}) {
    const clock = testClock(new Date("2026-05-05T13:00:00Z"));
    const app = await open(database, user, "contacts", afterwards, clock.now);
    await arrive(user, ...NAMES);
    assert.equal((await round(app, user)).skipped, 4);
    // Time passes, and with it the clocks of the service: what becomes known now does so long after.
    await newSenders(app);
    return { app, clock };
  }

  promise("with the setting on, the mail of the last days is tracked when a contact appears", async (database) => {
    const user = rig.newUser();
    const { app, clock } = await prepare(database, user, AUTOMATIC);
    await using _ = app;
    await app.operations.untrack(messageIdOf(own(user, "fourth")), false, "Eve");
    await contactFor(app, "", sender(user));
    await newSenders(app);
    assert.equal((await round(app, user)).tracked, 1);
    assert.deepEqual(await subjectsIn(database, user), ["third"], "the first two are older, and the last was untracked");
    clock.forward(3600);
    await newSenders(app);
    const { received, tracked } = await round(app, user);
    assert.deepEqual([received, tracked], [0, 0], "what is told a second time is no news");
  });

  /** Users whose filter takes mail of contacts, with a letter each that is wanted only once something `happens` to whoever wrote it. */
  async function becomesKnown(database: Opened, users: readonly string[], happens: (app: RigApp) => Promise<() => Promise<unknown>>) {
    const clock = testClock(new Date("2026-05-05T13:00:00Z"));
    const configuration = rig.configurationFor(
      users.map((name) => ({ name, filter: "contacts" as const, mailbox: SETTING })),
      AUTOMATIC,
    );
    await using app = await rig.open(database, configuration, { now: clock.now });
    for (const user of users) await arrive(user, "fourth");
    const happen = await happens(app);
    await newSenders(app);
    assert.equal((await receive(app, ...users)).counts.skipped, users.length);
    await happen();
    await newSenders(app);
    assert.equal((await receive(app, ...users)).counts.tracked, users.length);
    assert.equal((await emailsIn(database, ...users)).length, users.length);
  }

  promise("so it is when a contact gets an address, or an account or lead appears", async (database) => {
    const [got = "", account = "", lead = ""] = rig.newUsers(3);
    await becomesKnown(database, [got, account, lead], async (app) => {
      const [contact] = await contactFor(app, `${got}-other@customer.test`);
      return async () => {
        await database.query("update crm.contact set emailaddress3 = $2 where contactid = $1", [
          contact?.id,
          ` ${sender(got).toUpperCase()}`,
        ]);
        await app.crm.createRecords([
          { type: "account", name: "Customer", addresses: [sender(account)] },
          { type: "lead", lastname: "Lead", addresses: [sender(lead)] },
        ]);
      };
    });
  });

  promise("so it is when a contact is activated", async (database) => {
    const user = rig.newUser();
    await becomesKnown(database, [user], async (app) => {
      const [contact] = await contactFor(app, `${user}-other@customer.test`);
      await database.query("update crm.contact set statecode = 1, emailaddress1 = $2 where contactid = $1", [contact?.id, sender(user)]);
      return () => database.query("update crm.contact set statecode = 0 where contactid = $1", [contact?.id]);
    });
  });

  promise("another name of a contact is no new address", async (database) => {
    const user = rig.newUser();
    await using app = await open(database, user, "contacts", AUTOMATIC);
    const [contact] = await contactFor(app, sender(user));
    await newSenders(app);
    await database.query("update crm.contact set firstname = 'Carl' where contactid = $1", [contact?.id]);
    assert.deepEqual((await database.query("select 1 from crm.newaddress where toldon is null")).rows, []);
  });

  promise("with the setting off nothing is noted, and a person asks for the sender's mail", async (database) => {
    const [user, other] = [rig.newUser(), rig.newUser()];
    const { app } = await prepare(database, user);
    await using _ = app;
    await contactFor(app, sender(user));
    assert.deepEqual((await database.query("select 1 from crm.newaddress")).rows, []);
    await newSenders(app);
    assert.equal((await round(app, user)).tracked, 0);
    const ask = (address: string, from: Date | null, ...mailboxes: readonly string[]) =>
      app.operations.replaySender(mailboxes, address, from);
    assert.equal((await ask(sender(other), null)).messages, 0);
    await assert.rejects(ask(sender(user), null, "nobody@example.test"), /no mailbox/);
    assert.equal((await ask(` ${sender(user).toUpperCase()}`, noon("third"), addressOf(user))).messages, 2);
    assert.equal((await round(app, user)).tracked, 2);
    assert.equal((await ask(sender(user), null)).messages, 2, "thirty days, if nothing else is said");
    assert.equal((await round(app, user)).tracked, 2);
    assert.equal((await ask(sender(user), null)).messages, 0);
  });

  promise("mail that is stored only after its sender was told of is found when that is told again", async (database) => {
    const user = rig.newUser();
    const clock = testClock(new Date("2026-05-05T13:00:00Z"));
    await using app = await open(database, user, "contacts", AUTOMATIC, clock.now);
    await arrive(user, "fourth");
    const crm = app.context.crm("CRM");
    const facts = crm.facts.bind(crm);
    app.context.crm = () => ({
      ...crm,
      async facts(query) {
        const found = await facts(query);
        await contactFor(app, sender(user));
        await newSenders(app);
        return found;
      },
    });
    const first = await round(app, user);
    assert.equal(first.skipped, 1);
    app.context.crm = () => crm;
    clock.forward(3600);
    await newSenders(app);
    const second = await round(app, user);
    // Of Dynamics it is noted on which keys a decision rests, so that the same round makes it again.
    assert.deepEqual([first.tracked, second.tracked], OVER_DYNAMICS ? [1, 0] : [0, 1]);
  });
});
