import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { purgeOldHeads } from "../../src/engine/purge.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { FORWARDING_SERVER, type Forward, forward } from "./forwards.ts";
import { emailsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigUser, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

let rig: EngineRig;
before(async () => {
  if (!missingServers(["dovecot"])) rig = await engineRig({ accounts: 120 });
});
after(() => rig?.[Symbol.asyncDispose]());

type Protocol = "imap" | "pop3";
const BY_FORWARDS = { incoming: "forward mailbox", outgoing: false } as const;
const YEAR = { readFrom: "2026-01-01T00:00:00Z" } as const;

interface Options {
  readonly users: number;
  readonly mailbox?: RigUser["mailbox"];
  readonly maximumMessageMegabytes?: number;
  readonly marksTracked?: boolean;
  /** Of the users in order, as far as they are not the default. */
  readonly filters?: readonly NonNullable<RigUser["filter"]>[];
  /** Whose mail is read in a mailbox of its own. */
  readonly direct?: readonly RigUser[];
}

/** A forward mailbox, and users whose mail comes there. */
async function sinkFor(database: TestDatabase, protocol: Protocol, options: Options) {
  const [sink = "", ...names] = rig.newUsers(options.users + 1);
  const clock = testClock();
  const users = names.map((name, index): RigUser => {
    const filter = options.filters?.[index];
    return { name, mailbox: BY_FORWARDS, ...(filter !== undefined && { filter }) };
  });
  const open = (changes: { maximumMessageMegabytes?: number; without?: string } = {}) =>
    rig.open(
      database,
      rig.configurationFor([...users.filter(({ name }) => name !== changes.without), ...(options.direct ?? [])], {
        incoming: { protocol, port: rig.dovecot.ports[protocol] },
        profile: {
          maximumMessageMegabytes: changes.maximumMessageMegabytes ?? options.maximumMessageMegabytes ?? 40,
          marksTracked: options.marksTracked ?? false,
        },
        sinks: [{ name: sink, mailbox: { trust: { forwardingServers: [FORWARDING_SERVER] }, ...YEAR, ...options.mailbox } }],
      }),
      { now: clock.now },
    );
  const deliver = (originals: readonly string[], how: Forward) => rig.dovecot.deliver(sink, forward(originals, how));
  return { sink, names, clock, open, deliver };
}

async function round(app: RigApp, ...names: readonly string[]) {
  const { counts, failures } = await receive(app, ...names);
  assert.deepEqual(failures, []);
  return counts;
}

/** Nothing that a stranger sent, too large to be opened, is kept longer. */
async function purgeAfterAMonth(
  { context, organizations, database }: RigApp,
  clock: ReturnType<typeof testClock>,
  sink: string,
): Promise<void> {
  clock.forward(31 * 86_400);
  const retention = { headDays: 30, quarantineDays: 30, alertDays: 90, auditDays: 730 };
  await purgeOldHeads(context, organizations, retention, new AbortController().signal);
  const { rows } = await database.query<{ purged: boolean }>(
    "select head is null and sender is null as purged from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1",
    [addressOf(sink)],
  );
  assert.deepEqual(rows, [{ purged: true }]);
}

/** What is said of a message in the forward mailbox. */
async function told(app: RigApp, key: string): Promise<{ outcome: string; sentences: string }[]> {
  return (await app.operations.explain(key)).incoming.map(({ outcome, sentences }) => ({ outcome, sentences: sentences.join("\n") }));
}

async function lying(sink: string): Promise<number> {
  return rig.dovecot.withImap(sink, async (client) => (await client.mailboxOpen("INBOX", { readOnly: true })).exists);
}

for (const protocol of ["imap", "pop3"] as const)
  describe(protocol, () => {
    onOneDatabaseEach(`forward mailbox over ${protocol}`, ["dovecot"], (promises) => {
      promises("each original is an email as if it had been read in the mailbox of the user who forwarded it", async (database) => {
        const { sink, names, open, deliver } = await sinkFor(database, protocol, { users: 2 });
        const [ann = "", ben = ""] = names;
        const letters = ["one", "two", "three"].map((name) => letter({ id: `${sink}-${name}`, to: ["team@list.test"], subject: name }));
        await deliver([letters[0] ?? "", letters[1] ?? ""], { from: ann });
        await deliver([letters[2] ?? ""], { from: ben, encoding: "base64" });
        await using app = await open();
        assert.equal((await round(app, sink)).tracked, 3);
        assert.deepEqual((await emailsIn(app.database, ann)).map(({ subject }) => subject).sort(), ["one", "two"]);
        assert.deepEqual(
          (await emailsIn(app.database, ben)).map(({ messageId }) => messageId),
          [messageIdOf(`${sink}-three`)],
        );
        const [one] = await told(app, messageIdOf(`${sink}-one`));
        assert.match(one?.sentences ?? "", new RegExp(`forward: yes\\. It counts as read in the mailbox of ${ann}, ${addressOf(ann)}`));
        assert.equal((await round(app, sink)).received, 0);
      });

      promises("the same message that users forward, or that is read elsewhere too, is one email", async (database) => {
        const direct = rig.newUser();
        const { sink, names, open, deliver } = await sinkFor(database, protocol, { users: 4, direct: [{ name: direct, mailbox: YEAR }] });
        const mime = letter({ id: `${sink}-same`, to: ["team@list.test"] });
        for (const from of names) await deliver([mime], { from });
        await rig.dovecot.deliver(direct, mime);
        await using app = await open();
        await round(app, sink, direct);
        const outcomes = (await told(app, messageIdOf(`${sink}-same`))).map(({ outcome }) => outcome).sort();
        assert.deepEqual(outcomes, ["duplicate", "duplicate", "duplicate", "duplicate", "tracked"]);
        assert.equal((await emailsIn(app.database, ...names, direct)).length, 1);
      });

      promises("a stranger gets nothing in, and each refusal has its reason", async (database) => {
        const { sink, names, open, deliver } = await sinkFor(database, protocol, { users: 1 });
        const [ann = ""] = names;
        const mime = letter({ id: `${sink}-forged`, to: [addressOf(ann)] });
        await deliver([mime], { from: ann, client: "203.0.113.9" });
        await deliver([mime], { from: "somebody-else" });
        await deliver([], { from: ann });
        await using app = await open();
        const counts = await round(app, sink);
        assert.deepEqual([counts.tracked, counts.skipped], [0, 3]);
        const { rows } = await app.database.query<{ because: string }>(
          `select rules -> -1 ->> 'because' as because from (select waypost.whole_rules(rules) as rules from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1) decision`,
          [addressOf(sink)],
        );
        const reasons = rows.map((row) => row.because).join("\n");
        for (const reason of [/Nothing proves that the message is a forward/, /is no mailbox of a user/, /it was forwarded inline/])
          assert.match(reasons, reason);
        assert.deepEqual(await told(app, messageIdOf(`${sink}-forged`)), []);
      });

      if (protocol === "imap")
        promises("a category there is nobody's word about any original, and Waypost gives none", async (database) => {
          const { sink, names, open, deliver } = await sinkFor(database, protocol, { users: 2, filters: ["none"], marksTracked: true });
          const [shy = "", ann = ""] = names;
          await deliver([letter({ id: `${sink}-shy`, to: [addressOf(shy)] })], { from: shy });
          await deliver([letter({ id: `${sink}-ann`, to: [addressOf(ann)] })], { from: ann });
          await using app = await open();
          const first = await round(app, sink);
          assert.deepEqual([first.tracked, first.skipped], [1, 1]);
          const flags = await rig.dovecot.withImap(sink, async (client) => {
            await client.mailboxOpen("INBOX");
            const all = await client.fetchAll("1:*", { flags: true });
            await client.messageFlagsAdd("1:*", ["TrackedToDynamics365"]);
            return all.flatMap((one) => [...(one.flags ?? [])]);
          });
          assert.ok(!flags.includes("TrackedToDynamics365"), flags.join());
          for (let rounds = 0; rounds < 2; rounds += 1) await round(app, sink);
          assert.deepEqual(
            (await told(app, messageIdOf(`${sink}-shy`))).map(({ outcome }) => outcome),
            ["skipped"],
          );
        });

      promises(
        "what was refused for its forwarder is replayed in the place of the refusal when the configuration is mended",
        async (database) => {
          const { sink, names, open, deliver } = await sinkFor(database, protocol, { users: 2 });
          const [ann = "", late = ""] = names;
          await deliver([letter({ id: `${sink}-late`, to: ["team@list.test"] })], { from: late });
          {
            await using app = await open({ without: late });
            assert.equal((await round(app, sink)).skipped, 1);
          }
          await using app = await open();
          const window = { from: new Date("2026-01-01T00:00:00Z"), to: new Date("2100-01-01T00:00:00Z") };
          for (const tracked of [1, 0]) {
            const { counts, failures } = await app.operations.replay([addressOf(sink)], window, new AbortController().signal, () => {});
            assert.deepEqual([counts.tracked, failures], [tracked, []]);
          }
          assert.equal((await emailsIn(app.database, late, ann)).length, 1);
          const { rows } = await app.database.query<{ outcome: string }>(
            "select outcome from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1",
            [addressOf(sink)],
          );
          assert.deepEqual(rows, [{ outcome: "tracked" }]);
        },
      );

      promises(
        "a forward that was too large is opened when it is tried again after the limit was raised, also when its head was purged",
        async (database) => {
          const { sink, names, open, deliver, clock } = await sinkFor(database, protocol, { users: 1, maximumMessageMegabytes: 1 });
          const [ann = ""] = names;
          const large = letter({ id: `${sink}-large`, to: [addressOf(ann)], body: "x".repeat(70).concat("\r\n").repeat(20_000) });
          await deliver([large, letter({ id: `${sink}-beside`, to: [addressOf(ann)] })], { from: ann });
          {
            await using app = await open();
            assert.equal((await round(app, sink)).quarantined, 1);
            await purgeAfterAMonth(app, clock, sink);
            await app.operations.quarantineRetry("all");
            assert.equal((await round(app, sink)).quarantined, 1, "it is too large still");
            assert.equal((await round(app, sink)).received, 0);
            await purgeAfterAMonth(app, clock, sink);
          }
          await using app = await open({ maximumMessageMegabytes: 10 });
          await app.operations.quarantineRetry("all");
          assert.equal((await round(app, sink)).tracked, 2);
          assert.equal((await emailsIn(app.database, ann)).length, 2);
          assert.equal((await round(app, sink)).received, 0);
        },
      );
    });

    // A test run's PostgreSQL does not bring to the disk what is committed, and then nothing is deleted.
    onOneDatabaseEach(
      `deleting from a forward mailbox over ${protocol}`,
      ["dovecot"],
      (promises) => {
        promises("a forward goes only when all that it holds is in the CRM", async (database) => {
          const { sink, names, open, deliver, clock } = await sinkFor(database, protocol, {
            users: 1,
            mailbox: { deleteAfterProcessing: true },
          });
          const [ann = ""] = names;
          await using app = await open();
          await round(app, sink);
          const both = ["a", "b"].map((name) => letter({ id: `${sink}-${name}`, to: [addressOf(ann)] }));
          // An original without a sender is skipped.
          const half = [
            letter({ id: `${sink}-c`, to: [addressOf(ann)] }),
            letter({ id: `${sink}-d`, to: [addressOf(ann)] }).replace(/^From: .*\r\n/, ""),
          ];
          await deliver(both, { from: ann });
          await deliver(half, { from: ann });
          for (let rounds = 0; rounds < 2; rounds += 1) {
            clock.forward(7200);
            await round(app, sink);
          }
          assert.equal(await lying(sink), 1);
          assert.equal((await emailsIn(app.database, ann)).length, 3);
        });
      },
      { engines: ["pglite"] },
    );
  });
