/** How many connections real servers see, whoever wants them. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../src/app.ts";
import type { Configuration } from "../../src/config.ts";
import { openDatabase } from "../../src/database/open.ts";
import { type Engine, type Role, startEngine } from "../../src/engine/engine.ts";
import { STATUS } from "../../src/model/email.ts";
import type { Sql } from "../../src/model/sql.ts";
import { type TestDatabase, testDatabase } from "../databases.ts";
import { startService } from "../faults/service.ts";
import { RIGHTS_COUNT_AT_ONCE, setRights } from "../servers/access-rights.ts";
import { startCuttingProxy } from "../servers/cutting-proxy.ts";
import { missingServers } from "../servers/needs.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { startScriptedSmtp } from "../servers/scripted-smtp.ts";
import { alertHistory, mailboxId, theAlert } from "./alerts.ts";
import { decisionsIn, letter } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, pressSend } from "./outgoing.ts";
import { addressOf, check, type EngineRig, engineRig, receive, send, testClock } from "./rig.ts";

const skip = missingServers(["dovecot", "postfix", "postgres"]);
let rig: EngineRig;
before(async () => {
  if (!skip) rig = await engineRig({ postfix: {} });
});
after(() => rig?.[Symbol.asyncDispose]());

const PATIENCE = 60_000;

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`not yet: ${what}`);
    await sleep(50);
  }
}

async function started(app: App, pullSeconds: number, roles: readonly Role[] = ["worker", "watcher"]): Promise<Engine & AsyncDisposable> {
  const { context, queue, organizations } = app;
  const engine = await startEngine(context, queue, { roles: new Set(roles), organizations, pullSeconds, concurrency: 8 });
  return { ...engine, [Symbol.asyncDispose]: () => engine.stop(10) };
}

async function watchers(sql: Sql): Promise<Map<string, string>> {
  const { rows } = await sql.query<{ name: string; holder: string }>(
    `select split_part(address, '@', 1) as name, holder from waypost.connection join waypost.mailbox on mailbox.id = mailbox_id where use = 'watch'`,
  );
  return new Map(rows.map((row) => [row.name, row.holder]));
}

/** A real `waypost serve` that is killed in the middle of watching, with its connections open. */
async function killedWhileItWatched(database: TestDatabase, configuration: Configuration): Promise<void> {
  if (!("url" in database.place)) throw new Error("one process alone has an embedded database");
  const folder = temporaryFolder("killed");
  mkdirSync(folder, { recursive: true });
  try {
    const config = path.join(folder, "waypost.yaml");
    // JSON is YAML.
    writeFileSync(config, JSON.stringify({ ...configuration, database: { url: { env: "WAYPOST_TEST_SERVICE_URL" } } }));
    const environment = { WAYPOST_TEST_SERVICE_URL: database.place.url };
    const service = startService({ config, trace: path.join(folder, "steps"), environment, roles: "worker,watcher" });
    await until("it watches", async () => {
      if (!service.running()) throw new Error(service.said());
      return (await watchers(database)).size === 2;
    });
    await service.kill();
  } finally {
    removeFolder(folder);
  }
  assert.equal((await watchers(database)).size, 2, "nobody has noticed yet");
}

test("two processes keep to the limit together, watch each mailbox once, and take over what a dead one watched", { skip }, async () => {
  await using database = await testDatabase("postgres");
  await using second = await openDatabase({ ...database.place, report: () => {} });
  await using proxy = await startCuttingProxy(rig.dovecot.ports.imap);
  const names = rig.newUsers(5);
  const configuration = rig.configurationFor(names, { incoming: { port: proxy.port }, profile: { maxConcurrentConnections: 3 } });
  await using app = await rig.open(database, configuration);
  await using other = await rig.open(second, configuration);
  await killedWhileItWatched(database, configuration);
  await using _one = await started(app, 5);
  await using _two = await started(other, 5);
  const living = [database, second].map((one) => one.presence.instanceId);
  await until("two mailboxes are watched by living processes", async () => {
    const holders = [...(await watchers(database)).values()];
    return holders.length === 2 && holders.every((one) => living.includes(one));
  });
  for (const name of names) await rig.dovecot.deliver(name, letter({ id: `${name}-1`, to: [addressOf(name)] }));
  await until("all mail is decided", async () => (await decisionsIn(database, ...names)).length === names.length);
  // What comes into an unwatched mailbox makes it one of the most active ones.
  const now = await watchers(database);
  const active = names.find((name) => !now.has(name)) ?? "";
  await rig.dovecot.deliver(active, letter({ id: `${active}-2`, to: [addressOf(active)] }));
  await until("the most active mailbox is watched", async () => (await watchers(database)).has(active));
  assert.ok(proxy.mostAtOnce() <= 3, "the server never saw more");
  // While a watch goes from one mailbox or process to another, neither has it, and the reason is another one.
  await until("the other three are told why they are not watched", async () => {
    const reasons = (await app.operations.status()).mailboxes.flatMap((one) => one.notWatchedBecause ?? []);
    return reasons.length === 3 && reasons.every((one) => /Of the 3 connections of the server profile "test", 2 may wait/.test(one));
  });
});

test("reading, sending, filing copies and a check get by with one connection at a time", { skip }, async () => {
  await using database = await testDatabase("pglite");
  const gauge = { open: 0, most: 0 };
  await using imap = await startCuttingProxy(rig.dovecot.ports.imap, gauge);
  await using smtp = await startCuttingProxy(rig.postfix.ports.smtp, gauge);
  const names = rig.newUsers(3);
  const outsider = rig.newUser();
  const ports = { incoming: { port: imap.port }, outgoing: { port: smtp.port } };
  await using app = await rig.open(database, rig.configurationFor(names, { ...ports, profile: { maxConcurrentConnections: 1 } }));
  await contactsFor(app, outsider);
  await using _engine = await started(app, 5);
  for (const name of names) await rig.dovecot.deliver(name, letter({ id: `${name}-1`, to: [addressOf(name)] }));
  const ids = await Promise.all(names.map((name) => pressSend(app, draftFrom(name, [outsider]))));
  const [check] = await app.operations.check([addressOf(names[0] ?? "")], { testMessage: false }, new AbortController().signal, () => {});
  assert.deepEqual(
    check?.steps.filter((step) => step.result === "failed"),
    [],
  );
  await until("all is done", async () => {
    const sent = await Promise.all(ids.map(async (id) => (await emailOf(app, id)).status === STATUS.sent));
    const { rowCount: copies } = await database.query("select from waypost.outbox where sent_copy = 'waiting'");
    return sent.every(Boolean) && copies === 0 && (await decisionsIn(database, ...names)).length === names.length;
  });
  assert.equal(gauge.most, 1, "on both ways together");
  await until("nobody is left in the line", async () => (await database.query("select from waypost.connection_line")).rowCount === 0);
});

test("a server that takes one connection of a user is read all the same, with one alert that says what to set", { skip }, async () => {
  await using own = await engineRig({ dovecot: { extra: "protocol imap {\n  mail_max_userip_connections = 1\n}" }, accounts: 1 });
  await using database = await testDatabase("pglite");
  const ann = own.newUser();
  await using app = await own.open(database, own.configurationFor([ann]));
  await using _engine = await started(app, 5);
  await until("it is read once or refused", async () => {
    const [mailbox] = (await app.operations.status()).mailboxes;
    return mailbox?.receiving.lastSuccess !== null || mailbox.receiving.error !== null;
  });
  await until("the limit is learned", async () => (await database.query("select from waypost.learned_limit")).rowCount === 1);
  const alert = await theAlert(app, "connections: too many");
  assert.deepEqual([alert.scope, alert.subject], ["profile", "test"]);
  assert.match(alert.remedy, /mail_max_userip_connections/);
  assert.match(alert.serverSaid ?? "", /Maximum number of connections/);
  await own.dovecot.deliver(ann, letter({ id: `${ann}-1`, to: [addressOf(ann)] }));
  await until("its mail is read", async () => (await decisionsIn(database, ann)).length === 1);
  assert.equal((await watchers(database)).size, 0, "its one connection is for reading");
  assert.deepEqual(await alertHistory(database, await mailboxId(database, addressOf(ann))), [], "it is no trouble of the mailbox");
});

test("where all mailboxes are read by one account that signs in as itself, what the server takes of it is learned for that account", {
  skip,
}, async () => {
  const extra = `${RIGHTS_COUNT_AT_ONCE}protocol imap {\n  mail_max_userip_connections = 1\n}`;
  await using own = await engineRig({ dovecot: { shared: true, extra }, accounts: 3 });
  await using database = await testDatabase("pglite");
  const [colleague = "", ...names] = own.newUsers(3);
  for (const name of names) await setRights(own.dovecot, name, "INBOX", colleague, "lr");
  const serviceAccount = { username: colleague, password: { file: own.passwordFile(colleague) }, incoming: "sharedFolders" } as const;
  const users = names.map((name) => ({ name, mailbox: { username: name, password: undefined, outgoing: false } }));
  await using app = await own.open(database, own.configurationFor(users, { profile: { serviceAccount } }));
  await using _engine = await started(app, 5);
  await until("the limit is learned", async () => (await database.query("select from waypost.learned_limit")).rowCount === 1);
  const { rows } = await database.query<{ account: string }>("select account from waypost.learned_limit");
  assert.deepEqual(rows, [{ account: colleague }]);
  assert.match((await theAlert(app, "connections: too many")).message, new RegExp(`for ${colleague}`));
  for (const name of names) await own.dovecot.deliver(name, letter({ id: `${name}-1`, to: [addressOf(name)] }));
  await until("all mail is read, one mailbox after the other", async () => (await decisionsIn(database, ...names)).length === names.length);
});

test("a server that is away sees one mailbox try, not all; when it is back, all are read within their spread", { skip }, async () => {
  await using database = await testDatabase("pglite");
  await using proxy = await startCuttingProxy(rig.dovecot.ports.imap);
  const names = rig.newUsers(6);
  const clock = testClock();
  await using app = await rig.open(database, rig.configurationFor(names, { incoming: { port: proxy.port, timeoutSeconds: 1 } }), {
    now: clock.now,
  });
  assert.deepEqual((await receive(app, ...names)).failures, []);
  proxy.freeze(true);
  const dueAll = () => database.query("update waypost.mailbox set receive_due_at = $1", [clock.now()]);
  const both = () => Promise.all(names.map((name) => receive(app, name)));
  // The first round meets the trouble unprepared; from then on its waits are the profile's.
  await receive(app, names[0] ?? "");
  for (let round = 0; round < 3; round++) {
    clock.forward(20 * 60);
    await dueAll();
    const before = proxy.accepted();
    const results = await both();
    assert.equal(proxy.accepted() - before, 1, "all want to read, one tries");
    const left = results.flatMap((one) => one.left);
    assert.deepEqual([left.length, results.flatMap((one) => one.failures).length], [names.length - 1, 1], "the others are told to wait");
    for (const { state, because, until } of left) {
      assert.deepEqual([state, until !== null && until > clock.now()], ["waits", true]);
      assert.match(because, /server profile "test" is (finding out whether|in trouble)/);
    }
  }
  proxy.freeze(false);
  clock.forward(20 * 60);
  await database.query("update waypost.mailbox set receive_due_at = $1", [new Date(clock.now().getTime() + 900_000)]);
  const [prober = "", ...others] = names;
  await receive(app, prober);
  const { rows } = await database.query<{ due: Date }>("select receive_due_at as due from waypost.mailbox where address = any($1)", [
    others.map(addressOf),
  ]);
  const waits = rows.map(({ due }) => due.getTime() - clock.now().getTime());
  assert.ok(
    waits.every((wait) => wait >= 0 && wait <= 600),
    `soon: ${waits}`,
  );
  assert.ok(new Set(waits).size > 1, "not all at the same moment");
  assert.deepEqual((await receive(app, ...others)).failures, []);
  assert.deepEqual((await send(app, prober)).failures, [], "the other direction never knew");
});

test("a check that sends its test message holds a connection of the outgoing host, and none of the incoming one meanwhile", {
  skip,
}, async () => {
  await using database = await testDatabase("pglite");
  const ann = rig.newUser();
  let held: Promise<readonly string[]> | undefined;
  await using smtp = await startScriptedSmtp({
    script({ step }) {
      if (step === "MAIL") held = hostsHeld(database);
      return undefined;
    },
  });
  const configuration = rig.configurationFor([ann], {
    incoming: { host: "localhost" },
    outgoing: { port: smtp.port, authentication: "none" },
  });
  await using app = await rig.open(database, configuration);
  const [checked] = await check(app, [ann], { waitSeconds: 1 });
  // Nothing is delivered by this server.
  assert.deepEqual(
    checked?.steps.filter((step) => step.result === "failed").map((step) => step.code),
    ["test message not arrived"],
  );
  assert.deepEqual(await held, ["127.0.0.1"]);
});

test("two checks whose hosts cross, and take one connection each, do not wait for each other's", { skip }, async () => {
  await using database = await testDatabase("pglite");
  const [ann, ben] = [rig.newUser(), rig.newUser()];
  const leading = (incoming: string, outgoing: string) =>
    rig.configurationFor([ann, ben], { incoming: { host: incoming }, outgoing: { host: outgoing } });
  const there = leading("127.0.0.1", "localhost");
  const back = leading("localhost", "127.0.0.1");
  const serverProfiles = [...there.serverProfiles, ...back.serverProfiles.map((one) => ({ ...one, name: "back" }))];
  const mailboxes = there.mailboxes.map((one, index) => (index === 0 ? one : { ...one, profile: "back" }));
  const hosts = { "127.0.0.1": { maxConcurrentConnections: 1 }, localhost: { maxConcurrentConnections: 1 } };
  await using app = await rig.open(database, { ...there, serverProfiles, mailboxes, hosts });
  const failed = (await check(app, [ann, ben])).flatMap((one) => one.steps.filter((step) => step.result === "failed"));
  assert.deepEqual(failed, []);
});

async function hostsHeld(sql: Sql): Promise<readonly string[]> {
  return (await sql.query<{ host: string }>("select host from waypost.connection")).rows.map((row) => row.host);
}
