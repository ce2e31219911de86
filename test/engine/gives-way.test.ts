/** Much to decide again, or to delete, keeps no other mailbox waiting, and neither keeps the other, or reading, from its turn. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { NEVER, type Slice } from "../../src/engine/connections/slice.ts";
import { type Received, receiveMailbox } from "../../src/engine/receive/receive-mailbox.ts";
import { leaseKey, withLease } from "../../src/jobs/lease.ts";
import { Failure } from "../../src/model/failure.ts";
import type { MessageRef } from "../../src/model/message.ts";
import type { Crm } from "../../src/ports.ts";
import { missingServers } from "../servers/needs.ts";
import { mailboxId, openCodes } from "./alerts.ts";
import { changeSources } from "./change-sources.ts";
import { decisionsIn, letter } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** Messages in two batches of deciding again, or of deleting, and one in a third. */
const MANY = 401;

/** Another mailbox waits, always, and is asked for at the end of each batch. */
const WANTED: Slice = { length: 0, isWanted: async () => true };

/** One turn of a mailbox. */
async function turn(app: RigApp, name: string, slice = WANTED): Promise<Received> {
  const { context } = app;
  const id = await mailboxId(context.database, addressOf(name));
  let received: Received | null = null;
  await withLease(context.database, leaseKey("receive", id), context.database.presence.instanceId, async (lease) => {
    received ??= await receiveMailbox(context, id, lease, new AbortController().signal, { slice });
  });
  assert.ok(received, "nobody else has the mailbox");
  return received;
}

/** Turns until nothing is left; each as its end and what `each` tells of it. */
async function turns<T>(app: RigApp, name: string, each: (received: Received) => T): Promise<(T | string)[][]> {
  const told: (T | string)[][] = [];
  for (let end = "unfinished"; end === "unfinished"; ) {
    const received = await turn(app, name);
    assert.equal(received.failure, null);
    end = received.end;
    told.push([end, each(received)]);
    assert.ok(told.length < 20, `it comes to no end: ${JSON.stringify(told)}`);
  }
  return told;
}

const REFUSAL = { scope: "folder", code: "refused", message: "Not now.", remedy: "Ask the administrator.", waitingHelps: false } as const;

/** Tells from now on how many messages were asked to be deleted, batch by batch; of each batch this many of the first are refused. */
function deletions(app: RigApp, refused: (batch: number) => number = () => 0): { readonly sizes: number[] } & Disposable {
  const sizes: number[] = [];
  const changed = changeSources(app, (source) => {
    const apply = source.apply.bind(source);
    source.apply = async (refs, action) => {
      sizes.push(refs.length);
      const count = refused(sizes.length);
      const undone = refs.slice(0, count).map((ref) => ({ ref, failure: new Failure(REFUSAL) }));
      const applied = count < refs.length ? await apply(refs.slice(count), action) : { changed: [], gone: [], undone: [] };
      return { ...applied, undone: [...undone, ...applied.undone] };
    };
    return source;
  });
  return { sizes, [Symbol.dispose]: () => changed[Symbol.dispose]() };
}

/** The CRM answers otherwise in these. */
function changeCrm(app: RigApp, change: (crm: Crm) => Partial<Crm>): Disposable {
  const crm = app.context.crm;
  app.context.crm = (organization) => {
    const its = crm.call(app.context, organization);
    const changed = change(its);
    return new Proxy(its, {
      get(target, name) {
        const value: unknown = Reflect.get(name in changed ? changed : target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  return {
    [Symbol.dispose]() {
      app.context.crm = crm;
    },
  };
}

const SETTING = { outgoing: false, readFrom: "2026-01-01T00:00:00Z" };

type Opened = Parameters<EngineRig["open"]>[0];

function openQueue(database: Opened, queue: string, now?: () => Date): Promise<RigApp> {
  const mailbox = { ...SETTING, deleteAfterProcessing: true };
  return rig.open(database, rig.configurationFor([], { queues: [{ name: queue, mailbox }] }), now && { now });
}

function append(name: string, count: number, from = 0, more: { readonly answers?: string } = {}): Promise<unknown> {
  const letters = Array.from({ length: count }, (_, index) => letter({ id: `${name}-${from + index}`, ...more }));
  return rig.dovecot.append(name, "INBOX", ...letters);
}

/** An account with many messages that were skipped, and of which all are to be decided again now. */
async function openSkipped(database: Opened, name: string): Promise<RigApp> {
  await append(name, MANY, 0, { answers: `${name}-question` });
  {
    await using app = await rig.open(database, rig.configurationFor([{ name, filter: "replies", mailbox: SETTING }]));
    assert.equal((await receive(app, name)).counts.skipped, MANY);
  }
  await decideAllAgain(database, name);
  return rig.open(database, rig.configurationFor([{ name, filter: "all", mailbox: SETTING }]));
}

async function decideAllAgain(database: Opened, name: string): Promise<void> {
  const id = await mailboxId(database, addressOf(name));
  await database.query("update waypost.decision set reconsider = true where mailbox_id = $1", [id]);
}

onOneDatabaseEach("much to decide again gives way to a mailbox that waits", servers, (promise) => {
  promise("it asks after each batch whether others wait, and the next turns go on with what is left", async (database) => {
    const name = rig.newUser();
    await using app = await openSkipped(database, name);
    assert.deepEqual(await turns(app, name, ({ tracked }) => tracked), [
      ["unfinished", 200],
      ["unfinished", 200],
      ["done", 1],
    ]);
  });

  promise("what cannot be read keeps nothing behind it from being decided again, and its turns come to an end", async (database) => {
    const name = rig.newUser();
    await using app = await openSkipped(database, name);
    // As if those that are tried first lay in a folder that nobody may read.
    const { rows } = await database.query<{ id: string }>(
      `select ref_id as id from waypost.location join waypost.mailbox on mailbox.id = mailbox_id where address = $1 order by decision_id limit 200`,
      [addressOf(name)],
    );
    const first = new Set(rows.map(({ id }) => id));
    const isRefused = ({ id }: MessageRef) => first.has(id);
    using _ = changeSources(app, (source) => {
      const content = source.content.bind(source);
      source.content = (refs, options) => {
        if (!refs.some(isRefused)) return content(refs, options);
        throw new Failure({ scope: "folder", code: "no right", message: "No.", remedy: "Ask for the right.", waitingHelps: false });
      };
      return source;
    });
    // In the end it looks once more whether what became an email lets others be decided.
    assert.deepEqual(await turns(app, name, ({ tracked }) => tracked), [
      ["unfinished", 0],
      ["unfinished", 200],
      ["unfinished", 1],
      ["done", 0],
    ]);
    const outcomes = (await decisionsIn(database, name)).map(({ outcome }) => outcome);
    assert.equal(outcomes.filter((one) => one === "skipped").length, 200, "the others wait for the next round");
  });
});

onOneDatabaseEach(
  "much to delete gives way to a mailbox that waits",
  servers,
  (promise) => {
    promise("it asks after each batch whether others wait, and the next turns go on with what is left", async (database) => {
      const queue = rig.newUser();
      await append(queue, MANY);
      await using app = await openQueue(database, queue);
      using asked = deletions(app);
      assert.deepEqual(await turns(app, queue, () => asked.sizes.splice(0).join()), [
        ["unfinished", "200"],
        ["unfinished", "200"],
        ["done", "1"],
      ]);
    });

    promise(
      "while new mail always comes and there is much to decide again, every turn reads, decides again and deletes",
      async (database) => {
        const queue = rig.newUser();
        await append(queue, MANY);
        await using app = await openQueue(database, queue);
        {
          using _ = deletions(app, () => Number.POSITIVE_INFINITY);
          await turn(app, queue, NEVER);
        }
        await decideAllAgain(database, queue);
        using _ = changeSources(app, (source) => {
          const pull = source.pull.bind(source);
          source.pull = (stream, cursor, options) => pull(stream, cursor, { ...options, limit: 20 });
          return source;
        });
        using asked = deletions(app);
        const told: (number | string)[][] = [];
        for (let round = 0; round < 3; round++) {
          await append(queue, 40, MANY + round * 40);
          const { end, received, duplicate } = await turn(app, queue);
          told.push([end, received - duplicate, duplicate, asked.sizes.splice(0).length]);
        }
        // Twenty of the forty that came are read; what is decided again is known.
        assert.deepEqual(told, [
          ["unfinished", 20, 200, 1],
          ["unfinished", 20, 200, 1],
          ["unfinished", 20, 1, 1],
        ]);
      },
    );

    promise(
      "what the CRM does not hold whole keeps nothing behind it from being deleted, and its turns come to an end",
      async (database) => {
        const queue = rig.newUser();
        await append(queue, MANY);
        await using app = await openQueue(database, queue);
        const partial = new Set<string>();
        using _ = changeCrm(app, (crm) => ({
          async whole(ids) {
            if (partial.size === 0) for (const id of ids) partial.add(id);
            return new Map([...(await crm.whole(ids))].filter(([id]) => !partial.has(id)));
          },
        }));
        using asked = deletions(app);
        assert.deepEqual(await turns(app, queue, () => asked.sizes.splice(0).join()), [
          ["unfinished", ""],
          ["unfinished", "200"],
          ["done", "1"],
        ]);
        assert.deepEqual([(await turn(app, queue)).end, asked.sizes], ["done", []], "the next round begins with them again");
      },
    );

    promise("an alert about deleting stays open until a whole round went well, however many turns it takes", async (database) => {
      const queue = rig.newUser();
      await append(queue, MANY);
      const clock = testClock();
      await using app = await openQueue(database, queue, clock.now);
      using _ = deletions(app, (batch) => (batch === 1 ? 1 : 0));
      const open: string[] = [];
      assert.equal((await turn(app, queue)).end, "unfinished");
      open.push(...(await openCodes(app)));
      while ((await turn(app, queue)).end === "unfinished") open.push(...(await openCodes(app)));
      assert.deepEqual([...new Set(open)], ["deleting: refused"]);
      // What was refused is asked for again then.
      clock.forward(2 * 3600);
      assert.deepEqual((await receive(app, queue)).failures, []);
      assert.deepEqual(await openCodes(app), []);
    });
  },
  { engines: ["pglite"] },
);
