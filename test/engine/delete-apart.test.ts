/** Deleting what is processed where the mail server ends the work, or refuses it with a reason of its own, whenever one certain message is among those asked for. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { missingServers } from "../servers/needs.ts";
import { type ScriptedImap, startScriptedImap } from "../servers/scripted-imap.ts";
import { alertHistory, mailboxId, openCodes } from "./alerts.ts";
import { changeSources } from "./change-sources.ts";
import { explained, letter } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

type Verb = "STORE" | "EXPUNGE";
type Answer = string | { readonly cut: string } | undefined;

/** A queue's mailbox with some letters, called `<queue>-<uid>`, on a server that deletes honestly where it is not told what to answer. */
interface Queue extends AsyncDisposable {
  readonly server: ScriptedImap;
  readonly app: RigApp;
  readonly queue: string;
  /** One round, two hours after the one before where nothing else is said, in which the mailbox itself has no trouble. */
  round(secondsLater?: number): Promise<void>;
  /** The round is ended before it deletes anything. */
  roundEndedEarly(): Promise<void>;
  lying(): number[];
}

async function queueWith(database: Database, count: number, answer: (verb: Verb, uids: readonly number[]) => Answer): Promise<Queue> {
  await using opening = new AsyncDisposableStack();
  const queue = rig.newUser();
  const marked = new Set<number>();
  const messages = Array.from({ length: count }, (_, at) => ({ uid: at + 1, mime: Buffer.from(letter({ id: `${queue}-${at + 1}` })) }));
  const script = (command: string) => {
    const [, verb, set = ""] = /^UID (STORE|EXPUNGE) (\S+)/.exec(command) ?? [];
    if (verb !== "STORE" && verb !== "EXPUNGE") return undefined;
    const uids = uidsOf(set);
    const said = answer(verb, uids);
    if (said !== undefined) return said;
    if (verb === "STORE") for (const uid of uids) marked.add(uid);
    else server.inbox.messages = server.inbox.messages.filter(({ uid }) => !(marked.has(uid) && uids.includes(uid)));
    return "OK done";
  };
  const server = opening.use(await startScriptedImap({ inbox: { uidNext: count + 1, messages }, script }));
  const mailbox = { outgoing: false, deleteAfterProcessing: true, readFrom: "2026-01-01T00:00:00Z" };
  const configuration = rig.configurationFor([], { incoming: { port: server.port }, queues: [{ name: queue, mailbox }] });
  const clock = testClock();
  const app = opening.use(await rig.open(database, configuration, { now: clock.now }));
  const stack = opening.move();
  return {
    server,
    app,
    queue,
    async round(secondsLater = 7200) {
      clock.forward(secondsLater);
      assert.deepEqual((await receive(app, queue)).failures, []);
    },
    async roundEndedEarly() {
      clock.forward(7200);
      const end = new AbortController();
      using _ = changeSources(app, (source) => {
        const folders = source.folders.bind(source);
        source.folders = async () => {
          const found = await folders();
          end.abort();
          return found;
        };
        return source;
      });
      await app.operations.receive([addressOf(queue)], end.signal, () => {});
    },
    lying: () => server.inbox.messages.map(({ uid }) => uid),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function uidsOf(set: string): number[] {
  return set.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

const deletedOf = async ({ app, queue }: Queue) =>
  (await app.operations.status()).mailboxes.find((one) => one.address === addressOf(queue))?.deleting?.deleted;

onOneDatabaseEach(
  "deleting is stopped by no single message",
  servers,
  (promise) => {
    for (const [verb, say, code] of [
      ["STORE", { cut: "" }, "connection lost"],
      ["EXPUNGE", { cut: "* BYE Internal error\r\n" }, "server closing"],
      ["STORE", "NO [LIMIT] too many", "limit reached"],
      ["EXPUNGE", "NO [UNAVAILABLE] object store lost it", "mailbox unavailable"],
    ] as const)
      promise(`"${code}" at ${verb} of one message keeps no other from going in the same round`, async (database) => {
        const its = (asked: Verb, uids: readonly number[]) => (asked === verb && uids.includes(2) ? say : undefined);
        await using all = await queueWith(database, 5, its);
        await all.round();
        assert.deepEqual([all.lying(), await deletedOf(all)], [[2], 4]);
        for (const uid of [1, 5])
          assert.match((await explained(all.app, `${all.queue}-${uid}`, all.queue)).sentences, /Waypost deleted it/);
        assert.match((await explained(all.app, `${all.queue}-2`, all.queue)).sentences, /Waypost asked .* not known to be done: "/);
        await all.round();
        assert.deepEqual(await openCodes(all.app), [`deleting: ${code}`]);
      });

    promise("what was deleted before the server hung up counts, and explain says so of each message", async (database) => {
      const its = (verb: Verb, uids: readonly number[]) =>
        verb === "STORE" && uids.includes(3) ? (uids.length > 1 ? "NO held" : { cut: "" }) : undefined;
      await using all = await queueWith(database, 5, its);
      await all.round();
      assert.deepEqual([all.lying(), await deletedOf(all)], [[3], 4]);
      for (const uid of [1, 2, 4, 5])
        assert.match((await explained(all.app, `${all.queue}-${uid}`, all.queue)).sentences, /Waypost deleted it/, `${uid}`);
    });

    promise(
      "a server in trouble at every message is left alone after a few attempts, says why of each, and empties all later",
      async (database) => {
        let inTrouble = true;
        await using all = await queueWith(database, 40, () => (inTrouble ? "NO [INUSE] locked" : undefined));
        await all.round();
        const asked = all.server.heard.filter((command) => command.startsWith("UID STORE")).length;
        assert.ok(asked <= 25, `asked ${asked} times`);
        assert.equal(all.lying().length, 40);
        for (const uid of [1, 20, 40])
          assert.match((await explained(all.app, `${all.queue}-${uid}`, all.queue)).sentences, /not known to be done: "locked"/);
        await all.round();
        assert.deepEqual(await openCodes(all.app), ["deleting: mailbox in use"]);
        inTrouble = false;
        await all.round();
        assert.deepEqual([all.lying(), await deletedOf(all), await openCodes(all.app)], [[], 40, []]);
      },
    );

    promise(
      "what was refused is not downloaded and asked for again within the hour; the alert stays, and explain says when",
      async (database) => {
        let refused = true;
        await using all = await queueWith(database, 3, (verb, uids) =>
          verb === "STORE" && refused && uids.includes(2) ? "NO message is held" : undefined,
        );
        const { heard } = all.server;
        const about = () => heard.filter((command) => /BODY\.PEEK\[\]|^UID STORE/.test(command)).length;
        await all.round();
        await all.round();
        assert.deepEqual([all.lying(), await openCodes(all.app)], [[2], ["deleting: folder unreadable"]]);
        const before = about();
        for (let round = 0; round < 3; round++) await all.round(1100);
        assert.deepEqual([about() - before, await openCodes(all.app)], [0, ["deleting: folder unreadable"]]);
        const { sentences } = await explained(all.app, `${all.queue}-2`, all.queue);
        assert.match(sentences, /"message is held"\. It is asked again at the first round after \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\./);
        refused = false;
        await all.round(400);
        assert.deepEqual([all.lying(), await openCodes(all.app)], [[], []]);
      },
    );

    promise("a round that is ended before it deletes does not close the alert about deleting", async (database) => {
      await using all = await queueWith(database, 2, (verb) => (verb === "STORE" ? "NO [NOPERM] not here" : undefined));
      await all.round();
      const history = async () => alertHistory(database, await mailboxId(database, addressOf(all.queue)));
      assert.deepEqual(await history(), ["deleting: no right open"]);
      await all.roundEndedEarly();
      assert.deepEqual(await history(), ["deleting: no right open"]);
      await all.round();
      assert.deepEqual(await history(), ["deleting: no right open"]);
    });
  },
  { engines: ["pglite"] },
);
