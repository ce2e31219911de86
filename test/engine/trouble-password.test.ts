import assert from "node:assert/strict";
import { after, before } from "node:test";
import { takeDueMailboxes } from "../../src/ledger/mailboxes.ts";
import type { Sql } from "../../src/model/sql.ts";
import { missingServers } from "../servers/needs.ts";
import { alertHistory, mailboxId, openCodes, theAlert } from "./alerts.ts";
import { decisionsIn, letter } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, PASSWORD, type RigApp, receive, type TestClock, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

const PULL_SECONDS = 600;

/** What the service does in that time, from one due time of the ledger to the next. Resolves to how often each account was read. */
async function workFor(app: RigApp, clock: TestClock, seconds: number): Promise<Map<string, number>> {
  const end = clock.now().getTime() + seconds * 1000;
  const tries = new Map<string, number>();
  for (;;) {
    const due = await nextDue(app.database);
    if (due.getTime() > end) break;
    if (due > clock.now()) clock.set(due);
    const ids = await takeDueMailboxes(app.database, clock.now(), PULL_SECONDS);
    const { rows } = await app.database.query<{ name: string }>(
      "select split_part(address, '@', 1) as name from waypost.mailbox where id = any($1::uuid[]) order by 1",
      [ids],
    );
    for (const { name } of rows) {
      await receive(app, name);
      tries.set(name, (tries.get(name) ?? 0) + 1);
    }
  }
  clock.set(new Date(end));
  return tries;
}

async function nextDue(sql: Sql): Promise<Date> {
  const { rows } = await sql.query<{ due: Date }>("select min(receive_due_at) as due from waypost.mailbox where active");
  return rows[0]?.due ?? new Date(Number.NaN);
}

onOneDatabaseEach("a password that is wrong for a while", servers, (promise) => {
  promise(
    "password wrong for two hours, then right: the mailbox recovers without a click, with one alert; the others never noticed",
    async (database) => {
      const [ann, bob] = [rig.newUser(), rig.newUser()];
      const clock = testClock();
      await using app = await rig.open(database, rig.configurationFor([ann, bob]), { now: clock.now });
      await workFor(app, clock, 60);
      rig.writePassword(ann, "wrong");
      for (const name of [ann, bob]) await rig.dovecot.deliver(name, letter({ id: `${name}-meanwhile`, to: [addressOf(name)] }));
      const tries = await workFor(app, clock, 2 * 3600);
      assert.ok((tries.get(ann) ?? 0) >= 8 && (tries.get(ann) ?? 0) <= 16, `it was tried ${tries.get(ann)} times`);
      assert.equal(tries.get(bob), (2 * 3600) / PULL_SECONDS, "the other mailbox of the profile is read as ever");
      const alert = await theAlert(app, "receiving: sign-in refused");
      assert.deepEqual([alert.scope, alert.subject, alert.times], ["mailbox", await mailboxId(database, addressOf(ann)), tries.get(ann)]);
      assert.match(alert.remedy, /Enter user name and password of the mailbox again/);
      const states = async () =>
        (await app.operations.status()).mailboxes.filter((one) => one.receiving.state !== "off").map((one) => one.receiving.state);
      assert.deepEqual(await states(), ["failing", "works"]);
      assert.deepEqual(
        (await decisionsIn(database)).map((one) => [one.mailbox, one.outcome]),
        [[bob, "tracked"]],
      );
      rig.writePassword(ann, PASSWORD);
      await workFor(app, clock, 15 * 60);
      assert.deepEqual(await states(), ["works", "works"]);
      assert.deepEqual(await openCodes(app), []);
      assert.deepEqual(await alertHistory(database, alert.subject), ["receiving: sign-in refused closed"]);
      assert.deepEqual(await alertHistory(database, "test"), [], "a wrong password is not the server's trouble");
      const found = (await decisionsIn(database)).find((one) => one.mailbox === ann);
      assert.equal(found?.outcome, "tracked", "what came meanwhile is there");
      assert.equal((await workFor(app, clock, 3600)).get(ann), 3600 / PULL_SECONDS, "it is read as often as before");
    },
  );

  promise("a server that is away for an hour: one alert for all its mailboxes, which closes, and all of them recover", async (database) => {
    const names = rig.newUsers(3);
    const clock = testClock();
    await using app = await rig.open(database, rig.configurationFor(names), { now: clock.now });
    await workFor(app, clock, 60);
    for (const name of names) await rig.dovecot.deliver(name, letter({ id: `${name}-before` }));
    await rig.dovecot.stop("crash");
    const tries = await workFor(app, clock, 3600);
    const alert = await theAlert(app, "receiving: connection refused");
    assert.deepEqual([alert.scope, alert.subject], ["profile", "test"]);
    const failed = app.logged.filter((one) => "code" in one.fields && one.fields.code === "connection refused").length;
    assert.ok(failed <= 12, `the server was asked ${failed} times, by ${tries.size} mailboxes`);
    await rig.dovecot.start();
    await workFor(app, clock, 15 * 60 + PULL_SECONDS);
    assert.deepEqual(await openCodes(app), []);
    assert.deepEqual(await alertHistory(database, "test"), ["receiving: connection refused closed"]);
    const mine = (await decisionsIn(database)).filter((one) => names.includes(one.mailbox));
    assert.deepEqual(
      mine.map((one) => one.outcome),
      ["tracked", "tracked", "tracked"],
    );
    const { mailboxes } = await app.operations.status();
    for (const name of names) assert.equal(mailboxes.find((one) => one.address === addressOf(name))?.receiving.state, "works");
  });
});
