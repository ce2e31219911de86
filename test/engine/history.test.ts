/** History is read by choice: what the preview counts is what then happens, and the preview itself writes nothing. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import fc from "fast-check";
import type { Database } from "../../src/database/database.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { missingServers } from "../servers/needs.ts";
import { emailsIn, type Letter, letter } from "./incoming.ts";
import { FOLDERS, INBOX, type MemoryBox, type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigUser, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";
import { everythingIn } from "./what-if-world.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

const FROM = new Date("2026-01-01T00:00:00Z");
const START = "2026-03-01T12:00:00Z";

/** How many rows each table has. */
async function rowsIn(database: Database): Promise<Record<string, number>> {
  const { rows } = await database.query<{ name: string }>(
    "select table_schema || '.' || table_name as name from information_schema.tables where table_schema in ('waypost', 'crm') and table_type = 'BASE TABLE' order by 1",
  );
  const counts: Record<string, number> = {};
  for (const { name } of rows) {
    const { rows: counted } = await database.query<{ rows: number }>(`select count(*)::int as rows from ${name}`);
    counts[name] = counted[0]?.rows ?? 0;
  }
  return counts;
}

/** The preview, which writes nothing. */
async function previewOf({ operations, database }: Pick<RigApp, "operations" | "database">, address: string, from: Date) {
  const stored = [await rowsIn(database), await everythingIn(database)];
  const preview = await operations.history(address, from, new AbortController().signal, () => undefined);
  assert.deepEqual([await rowsIn(database), await everythingIn(database)], stored, "nothing is written");
  return preview;
}

/** What became of the messages that a mailbox received in that time. */
async function becameOf(database: Database, address: string, from: Date, until: Date) {
  const { rows } = await database.query<{ outcome: string; messages: number }>(
    `select outcome, count(*)::int as messages from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id
     where address = $1 and received >= $2 and received < $3 group by outcome`,
    [address, from, until],
  );
  const counts = Object.fromEntries(rows.map((row) => [row.outcome, row.messages]));
  return { tracked: 0, skipped: 0, duplicate: 0, quarantined: 0, ...counts };
}

onOneDatabaseEach("history of a mailbox, by choice", servers, (promise) => {
  promise("is counted among sent mail too, where the organization wants that", async (database) => {
    const ann = rig.newUser();
    const contact = `${ann}-carla@customer.test`;
    const at = new Date("2026-01-10T10:00:00Z");
    for (const [id, to] of [
      ["to-contact", contact],
      ["to-stranger", "somebody@stranger.test"],
    ] as const) {
      const mime = letter({ id: `${ann}-${id}`, subject: id, from: addressOf(ann), to: [to], date: at });
      await rig.dovecot.append(ann, "Sent", { mime, internalDate: at });
    }
    const configuration = rig.configurationFor([{ name: ann, filter: "contacts" }], { settings: { AutoTrackSentFolderItems: true } });
    await using app = await rig.open(database, configuration, { now: () => new Date(START) });
    await app.crm.createRecords([{ type: "contact", lastname: "Carla", addresses: [contact] }]);
    await receive(app, ann);
    const { outcomes, until } = await previewOf(app, addressOf(ann), FROM);
    assert.deepEqual(outcomes, { tracked: 1, skipped: 1, duplicate: 0, quarantined: 0 });
    await app.operations.readHistory(addressOf(ann), FROM, "Eve");
    await receive(app, ann);
    assert.deepEqual(await becameOf(database, addressOf(ann), FROM, until), outcomes);
  });

  promise("is counted before, by folder and outcome, and becomes then what was counted", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    const contact = `${ann}-carla@customer.test`;
    const open = (at: string, users: readonly RigUser[]) => rig.open(database, rig.configurationFor(users), { now: () => new Date(at) });
    const lies = (user: string, at: string, id: string, more: Partial<Letter> = {}, folder = "INBOX") =>
      rig.dovecot.append(user, folder, {
        mime: letter({
          id: more.id === null ? null : `${ann}-${id}`,
          subject: id,
          from: "somebody@stranger.test",
          date: new Date(at),
          ...own(more),
        }),
        internalDate: new Date(at),
      });
    const own = ({ id: _, answers, ...more }: Partial<Letter>) => ({
      ...more,
      ...(answers !== undefined && { answers: `${ann}-${answers}` }),
    });
    const reader = { name: ann, filter: "contacts" } as const;
    const other = { name: ben, filter: "contacts", mailbox: { readFrom: FROM.toISOString() } } as const;

    await lies(ben, "2026-01-12T10:00:00Z", "shared", { from: contact });
    await using first = await open("2026-02-01T00:00:00Z", [other]);
    await first.crm.createRecords([{ type: "contact", lastname: "Carla", addresses: [contact] }]);
    assert.equal((await receive(first, ben)).counts.tracked, 1);

    await lies(ann, "2025-12-31T23:59:59Z", "too-old", { from: contact });
    await lies(ann, "2026-01-20T10:00:00Z", "answer", { from: `${ann}-colleague@customer.test`, answers: "question" });
    await lies(ann, "2026-01-10T10:00:00Z", "from-contact", { from: contact });
    await lies(ann, "2026-01-11T10:00:00Z", "stranger");
    await lies(ann, "2026-01-12T10:00:00Z", "shared", { from: contact });
    await lies(ann, "2026-01-13T10:00:00Z", "anonymous", { from: contact, id: null });
    await lies(ann, "2026-01-14T10:00:00Z", "copied", { from: contact });
    // Near the start, and so decided on already.
    await lies(ann, "2026-03-01T11:00:00Z", "near-stranger");
    await lies(ann, "2026-03-01T11:30:00Z", "near-contact", { from: contact });
    await lies(ann, "2026-01-19T10:00:00Z", "question", { from: contact }, "INBOX/Work");
    await rig.dovecot.withImap(ann, async (client) => {
      const date = new Date("2026-01-14T10:00:00Z");
      await client.append("INBOX/Work", Buffer.from(letter({ id: `${ann}-copied`, subject: "copied", from: contact, date })), [], date);
    });
    await using app = await open(START, [reader, other]);
    assert.equal((await receive(app, ann)).counts.tracked, 0);
    await lies(ann, "2026-03-01T13:00:00Z", "new", { from: contact });
    assert.equal((await receive(app, ann)).counts.tracked, 1);

    const preview = await previewOf(app, addressOf(ann), FROM);
    const { messages, outcomes, known, doubtful, folders, failed, from, until } = preview;
    assert.deepEqual(outcomes, { tracked: 6, skipped: 2, duplicate: 1, quarantined: 0 });
    assert.deepEqual([messages, known, doubtful, failed], [9, 0, 1, []]);
    assert.deepEqual(
      folders.filter((one) => one.messages > 0),
      [
        { folder: "INBOX", messages: 8 },
        { folder: "INBOX/Work", messages: 2 },
      ],
    );
    assert.deepEqual([from, until], [FROM, new Date(START)]);

    assert.deepEqual(await app.operations.readHistory(addressOf(ann), FROM, "Eve"), { mailbox: addressOf(ann), from: FROM, before: until });
    await receive(app, ann);
    assert.deepEqual(await becameOf(database, addressOf(ann), FROM, until), outcomes);
    const emails = (await emailsIn(database, ann)).map((one) => one.subject).sort();
    assert.deepEqual(emails, ["anonymous", "answer", "copied", "from-contact", "near-contact", "new", "question"]);
    const { rows } = await database.query("select actor from waypost.audit where action = 'read history' and subject = $1", [
      addressOf(ann),
    ]);
    assert.deepEqual(rows, [{ actor: "Eve" }]);

    await using again = await open("2026-03-02T12:00:00Z", [reader, other]);
    assert.deepEqual((await receive(again, ann)).counts.received, 0, "it stays where it was set");
    const earlier = await previewOf(again, addressOf(ann), new Date("2025-01-01T00:00:00Z"));
    assert.deepEqual([earlier.messages, earlier.outcomes.tracked], [1, 1]);
  });

  promise("of a forward mailbox is not counted: every forward would be downloaded", async (database) => {
    const [sink, ann] = [rig.newUser(), rig.newUser()];
    const configuration = rig.configurationFor([{ name: ann, mailbox: { incoming: "forward mailbox", outgoing: false } }], {
      sinks: [{ name: sink, mailbox: { trust: { forwardingServers: ["192.0.2.1"] } } }],
    });
    await using app = await rig.open(database, configuration, { now: () => new Date(START) });
    await assert.rejects(previewOf(app, addressOf(sink), FROM), { code: "history of a forward mailbox" });
    assert.equal((await app.operations.readHistory(addressOf(sink), FROM, "Eve")).mailbox, addressOf(sink));
  });

  promise("is none after the start, in a mailbox that is not read, or where the configuration says the start", async (database) => {
    const [ann, ben, carl] = [rig.newUser(), rig.newUser(), rig.newUser()];
    const users = [{ name: ann }, { name: ben, mailbox: { active: false } }, { name: carl, mailbox: { readFrom: "2026-02-01T00:00:00Z" } }];
    await using app = await rig.open(database, rig.configurationFor(users), { now: () => new Date(START) });
    const stored = await rowsIn(database);
    const read = (name: string, from: Date) => app.operations.readHistory(addressOf(name), from, "Eve");
    await assert.rejects(read(ann, new Date(START)), { code: "no history" });
    await assert.rejects(read(ben, FROM), { code: "mailbox left alone" });
    await assert.rejects(read(carl, FROM), { code: "start in the configuration" });
    await assert.rejects(read("nobody", FROM), { code: "mailbox unknown" });
    const stopped = app.operations.history(addressOf(ann), FROM, AbortSignal.abort(), () => undefined);
    await assert.rejects(stopped, { code: "interrupted" });
    const { "waypost.lease": _, ...now } = await rowsIn(database);
    const { "waypost.lease": __, ...then } = stored;
    assert.deepEqual(now, then);
  });
});

const RUNS = 8;

/** Letters of the time before; one may answer one that arrived before or after it. */
const letters = fc.array(
  fc.record({
    known: fc.boolean(),
    anonymous: fc.boolean(),
    answers: fc.option(fc.nat(11)),
    folder: fc.nat(FOLDERS.length - 1),
    twice: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

for (const kind of [exchangeKind, labelKind]) {
  onOneDatabaseEach(
    `history of any mailbox, ${kind.name}`,
    [],
    (promise) => {
      promise("becomes what was counted", async (database) => {
        await using world = await openMemoryWorld(database, kind, { mailboxes: 60, filter: "contacts" });
        await world.app.crm.createRecords([{ type: "contact", lastname: "Carla", addresses: ["carla@customer.test"] }]);
        await fc.assert(
          fc.asyncProperty(letters, async (all) => {
            const box = world.nextBox();
            const until = await startOf(world, box);
            for (const [number, one] of all.entries()) lay(box, until, number, one);
            await box.round();
            const { app } = world;
            const from = new Date(until.getTime() - 2 * 86_400_000);
            const preview = await previewOf(app, box.stored.address, from);
            await app.operations.readHistory(box.stored.address, from, "Eve");
            await box.round();
            assert.deepEqual(await becameOf(database, box.stored.address, from, until), preview.outcomes);
            const { tracked, skipped, duplicate } = preview.outcomes;
            assert.equal(tracked + skipped + duplicate, preview.messages);
          }),
          { numRuns: RUNS, endOnFailure: false },
        );
      });
    },
    { engines: ["pglite"] },
  );
}

interface Old {
  readonly known: boolean;
  readonly anonymous: boolean;
  readonly answers: number | null;
  readonly folder: number;
  readonly twice: boolean;
}

async function startOf({ database }: MemoryWorld, box: MemoryBox): Promise<Date> {
  const { rows } = await database.query<{ start: Date }>("select start_date as start from waypost.mailbox where address = $1", [
    box.stored.address,
  ]);
  const start = rows[0]?.start;
  assert.ok(start);
  return start;
}

/** A letter lies there that was received so many minutes after the day before the start. */
function lay(box: MemoryBox, until: Date, number: number, { known, anonymous, answers, folder, twice }: Old): void {
  const received = new Date(until.getTime() - 86_400_000 + number * 60_000);
  const id = box.own(String(number));
  const mime = letter({
    id: anonymous ? null : id,
    from: known ? "carla@customer.test" : "somebody@stranger.test",
    subject: id,
    date: received,
    ...(answers !== null && { answers: box.own(String(answers)) }),
  });
  const put = (name: string) => box.stored.put([box.stored.folder(name).id], Buffer.from(mime), received);
  put(FOLDERS[folder] ?? INBOX);
  if (twice && !anonymous) put(INBOX);
}
