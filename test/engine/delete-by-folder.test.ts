/** Deleting what is processed where the mail server lets some folders of a mailbox be emptied and others not. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { RIGHTS_COUNT_AT_ONCE, setRights } from "../servers/access-rights.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes, theAlert } from "./alerts.ts";
import { changeSources } from "./change-sources.ts";
import { emailsIn, explained, letter } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ dovecot: { shared: true, extra: RIGHTS_COUNT_AT_ONCE } });
});
after(() => rig?.[Symbol.asyncDispose]());

/** A queue's mailbox that somebody else opens, whose rights to each folder a test chooses. */
interface SharedQueue extends AsyncDisposable {
  readonly app: RigApp;
  readonly queue: string;
  readonly colleague: string;
  /** Grants the colleague exactly these rights. */
  grant(folder: string, rights: string): Promise<void>;
  /** One round in which the mailbox itself has no trouble; tells how many messages the mail server was asked to delete. */
  round(): Promise<number>;
  /** How many messages lie in each of these folders. */
  lying(...folders: readonly string[]): Promise<number[]>;
}

/** `folders`: how many letters, and which rights. Each letter is called `<queue>-<folder>-<number>`. */
async function sharedQueue(
  database: Database,
  folders: Readonly<Record<string, readonly [count: number, rights: string]>>,
): Promise<SharedQueue> {
  const [queue, colleague] = [rig.newUser(), rig.newUser()];
  const grant = (folder: string, rights: string) => setRights(rig.dovecot, queue, folder, colleague, rights);
  for (const [folder, [count, rights]] of Object.entries(folders)) {
    await rig.dovecot.append(queue, folder, ...Array.from({ length: count }, (_, at) => letter({ id: `${queue}-${folder}-${at}` })));
    await grant(folder, rights);
  }
  const serviceAccount = { username: colleague, password: { file: rig.passwordFile(colleague) }, incoming: "sharedFolders" } as const;
  const mailbox = { username: queue, password: undefined, outgoing: false, deleteAfterProcessing: true, readFrom: "2026-01-01T00:00:00Z" };
  const configuration = rig.configurationFor([], { profile: { folders: "personal", serviceAccount }, queues: [{ name: queue, mailbox }] });
  const clock = testClock();
  const app = await rig.open(database, configuration, { now: clock.now });
  return {
    app,
    queue,
    colleague,
    grant,
    async round() {
      clock.forward(7200);
      let asked = 0;
      using _ = changeSources(app, (source) => {
        const apply = source.apply.bind(source);
        source.apply = (refs, action) => {
          asked += refs.length;
          return apply(refs, action);
        };
        return source;
      });
      assert.deepEqual((await receive(app, queue)).failures, []);
      return asked;
    },
    lying: (...names) =>
      rig.dovecot.withImap(queue, async (client) => {
        const counts: number[] = [];
        for (const name of names) counts.push((await client.mailboxOpen(name, { readOnly: true })).exists);
        return counts;
      }),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}

const deletedFrom = async (app: RigApp, queue: string) =>
  (await app.operations.status()).mailboxes.find((one) => one.address === addressOf(queue))?.deleting?.deleted;

onOneDatabaseEach(
  "deleting what is processed, folder by folder",
  servers,
  (promise) => {
    promise(
      "a folder that may not be emptied keeps no other from it, its messages say why they stay, and they go once it may be",
      async (database) => {
        await using shared = await sharedQueue(database, {
          "A-read-only": [2, "lr"],
          "B-not-marked": [2, "lrs"],
          "C-not-expunged": [2, "lrst"],
          INBOX: [2, "lrste"],
          "Z-free": [2, "lrste"],
        });
        const { app, queue, colleague } = shared;
        const all = ["A-read-only", "B-not-marked", "C-not-expunged", "INBOX", "Z-free"] as const;
        await shared.round();
        assert.deepEqual(await shared.lying(...all), [2, 2, 2, 0, 0]);
        assert.equal(await deletedFrom(app, queue), 4, "what the server only claims to have deleted does not count");
        for (const [folder, rights] of [
          ["A-read-only", "lr"],
          ["B-not-marked", "lrs"],
          ["C-not-expunged", "lrstd"],
        ] as const) {
          const { sentences, folders } = await explained(app, `${queue}-${folder}-1`, queue);
          assert.deepEqual(folders, [folder], "nothing says that it left");
          assert.doesNotMatch(sentences, /Waypost deleted it/);
          assert.match(
            sentences,
            new RegExp(
              `Waypost asked .* delete it from .*${folder}, .*${colleague} has only the rights "${rights}".*asked again at the first round after`,
            ),
          );
        }
        const alert = await theAlert(app, "deleting: no right");
        assert.match(`${alert.message} ${alert.remedy}`, /A-read-only.*t \(mark as deleted\) and e \(expunge\)/s);

        await shared.grant("B-not-marked", "lrste");
        await shared.grant("C-not-expunged", "lrste");
        await shared.round();
        assert.deepEqual(await shared.lying(...all), [2, 0, 0, 0, 0]);
        assert.deepEqual(await openCodes(app), ["deleting: no right"]);
        await shared.grant("A-read-only", "lrte");
        await shared.round();
        assert.deepEqual(await shared.lying(...all), [0, 0, 0, 0, 0]);
        assert.deepEqual([await openCodes(app), await deletedFrom(app, queue)], [[], 10]);
        assert.equal((await emailsIn(database, queue)).length, 10, "each message is one email");
      },
    );

    promise(
      "more refused messages than are asked for at a time keep no other folder from being emptied in the same round",
      async (database) => {
        await using shared = await sharedQueue(database, { "A-held": [201, "lrs"], INBOX: [0, "lrste"], "Z-free": [1, "lrste"] });
        const asked = [await shared.round()];
        assert.deepEqual(await shared.lying("A-held", "Z-free"), [201, 0]);
        // The one of which the server was not asked, once; then those that it refused, so many at a time.
        for (let round = 0; round < 2; round++) asked.push(await shared.round());
        assert.deepEqual(asked, [201, 201, 200]);
      },
    );

    promise("a folder that may not even be read any more keeps no other from being emptied", async (database) => {
      await using shared = await sharedQueue(database, { "A-closed": [2, "lrs"], INBOX: [0, "lrste"], "Z-free": [0, "lrste"] });
      await shared.round();
      await shared.grant("A-closed", "l");
      await rig.dovecot.append(shared.queue, "INBOX", letter({ id: `${shared.queue}-late` }));
      await shared.round();
      assert.deepEqual(await shared.lying("A-closed", "INBOX"), [2, 0]);
      await shared.grant("A-closed", "lrste");
      await shared.round();
      assert.deepEqual(await shared.lying("A-closed", "INBOX"), [0, 0]);
      assert.deepEqual(await openCodes(shared.app), []);
    });
  },
  { engines: ["pglite"] },
);
