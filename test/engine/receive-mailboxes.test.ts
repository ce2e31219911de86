import assert from "node:assert/strict";
import { after, before } from "node:test";
import { openDatabase } from "../../src/database/open.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const MAILBOXES = 5;

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** Delivers the letter to five mailboxes, receives all at once, and checks that one email came of it with five decisions. */
async function oneEmail(
  database: TestDatabase,
  letterTo: (users: readonly string[]) => string,
  check?: (app: RigApp, users: readonly string[]) => Promise<void>,
): Promise<void> {
  const users = rig.newUsers(MAILBOXES);
  await using app = await rig.open(database, rig.configurationFor(users));
  const mime = letterTo(users);
  await Promise.all(users.map((user) => rig.dovecot.deliver(user, mime)));

  const rounds = await Promise.all(users.map((user) => receive(app, user)));
  assert.deepEqual(
    rounds.flatMap((round) => round.failures),
    [],
  );
  assert.equal(sum(rounds.map((round) => round.counts.tracked)), 1);
  assert.equal(sum(rounds.map((round) => round.counts.duplicate)), MAILBOXES - 1);

  const [email, ...others] = await emailsIn(database, ...users);
  assert.ok(email);
  assert.deepEqual(others, []);
  const decisions = await decisionsIn(database, ...users);
  assert.deepEqual(decisions.map((one) => one.mailbox).sort(), users.toSorted());
  assert.deepEqual(new Set(decisions.map((one) => one.emailId)), new Set([email.id]));
  assert.deepEqual(decisions.map((one) => one.outcome).sort(), [...Array(MAILBOXES - 1).fill("duplicate"), "tracked"]);
  await check?.(app, users);

  const again = await Promise.all(users.map((user) => receive(app, user)));
  assert.equal(sum(again.map((round) => round.counts.received)), 0);
  assert.equal((await emailsIn(database, ...users)).length, 1);
}

const addresses = (users: readonly string[]) => users.map(addressOf);

onOneDatabaseEach("one message in five mailboxes", servers, (promise) => {
  promise("to all five, received at once, it is one email with all five as parties, known in each mailbox", (database) =>
    oneEmail(
      database,
      (users) => letter({ id: "to-five", to: addresses(users) }),
      async (app, users) => {
        const { incoming } = await app.operations.explain(messageIdOf("to-five"));
        assert.equal(incoming.length, MAILBOXES);
        assert.ok(incoming.every((one) => one.folders.join() === "INBOX"));
        const email = await app.crm.readEmail(incoming[0]?.emailId ?? "");
        const to = email?.parties.filter((party) => party.participation === PARTICIPATION.to) ?? [];
        assert.deepEqual(
          to.map((party) => party.address),
          addresses(users),
        );
        assert.ok(to.every((party) => party.record?.type === "systemuser"));
      },
    ),
  );

  promise("sent to a list, which names none of the five, it is one email as well", (database) =>
    oneEmail(database, () => letter({ id: "to-list", to: ["everybody@list.test"] })),
  );

  promise("sent to one with blind copies to the other four, it is one email", (database) =>
    oneEmail(database, (users) => letter({ id: "blind-copies", to: addresses(users.slice(0, 1)) })),
  );

  promise("without a Message-ID it is known again by its text", (database) =>
    oneEmail(database, (users) =>
      letter({ id: null, to: addresses(users), subject: "From an old machine", body: "The paper tray is empty." }),
    ),
  );

  promise("two different messages with the same Message-ID are two emails", async (database) => {
    const users = rig.newUsers(2);
    await using app = await rig.open(database, rig.configurationFor(users));
    const subjects = ["Invoice 1", "Invoice 2"];
    for (const subject of subjects) {
      for (const user of users) await rig.dovecot.deliver(user, letter({ id: "used-twice", to: addresses(users), subject }));
    }
    await Promise.all(users.map((user) => receive(app, user)));
    assert.deepEqual(
      (await emailsIn(database, ...users)).map((email) => email.subject),
      subjects,
    );
    const outcomes = (await decisionsIn(database, ...users)).map((one) => one.outcome);
    assert.deepEqual(outcomes.sort(), ["duplicate", "duplicate", "tracked", "tracked"]);
  });
});

onOneDatabaseEach(
  "one message in five mailboxes, over a pool of one connection",
  servers,
  (promise) => {
    promise("it is one email, and nobody waits for ever", (database) =>
      oneEmail(database, (users) => letter({ id: "pool-of-one", to: addresses(users) })),
    );
  },
  { engines: ["postgres"], poolSize: 1 },
);

onOneDatabaseEach(
  "one message in five mailboxes, worked on by two processes",
  servers,
  (promise) => {
    promise("it is one email, and each mailbox is read by one of them at a time", async (database) => {
      const users = rig.newUsers(MAILBOXES);
      const configuration = rig.configurationFor(users);
      await using second = await openDatabase({ ...database.place, report: () => {} });
      await using here = await rig.open(database, configuration);
      await using there = await rig.open(second, configuration);
      await Promise.all(users.map((user) => rig.dovecot.deliver(user, letter({ id: "two-processes", to: addresses(users) }))));
      const rounds = await Promise.all(users.flatMap((user) => [receive(here, user), receive(there, user)]));
      assert.deepEqual(
        rounds.flatMap((round) => round.failures),
        [],
      );
      assert.deepEqual(
        [sum(rounds.map((round) => round.counts.tracked)), sum(rounds.map((round) => round.counts.duplicate))],
        [1, MAILBOXES - 1],
      );
      assert.equal((await emailsIn(database, ...users)).length, 1);
    });
  },
  { engines: ["postgres"] },
);

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
