/** The engine over mail systems of other kinds than IMAP, without a line of it knowing them (DESIGN 4; reference wire 2, 5 and 6). */
import assert from "node:assert/strict";
import { Failure } from "../../src/model/failure.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { graphKind } from "../contract/memory/graph-kind.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { alertHistory, mailboxId, openCodes } from "./alerts.ts";
import { ASIDE, INBOX, type MemoryBox, type MemoryWorld, openMemoryWorld, WORK } from "./memory-world.ts";
import { addressOf } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const KINDS = [exchangeKind, graphKind(), graphKind({ looksUp: false }), labelKind];

/** Every message by what the user did with it, in all folders; small pages, so that each reading has several. */
async function liveOn(box: MemoryBox): Promise<void> {
  const messages = ["stays", "moves", "leaves", "returns", "thereAndBack", "deleted"].map((name) => [name, box.arrive(name)] as const);
  const { moves, leaves, returns, thereAndBack, deleted } = Object.fromEntries(messages);
  const aside = box.arrive("comesIn", [ASIDE]);
  assert.ok(moves && leaves && returns && thereAndBack && deleted);
  await box.tryRound();
  box.move(moves, WORK);
  box.move(leaves, ASIDE);
  box.move(returns, ASIDE);
  box.move(thereAndBack, WORK);
  box.move(thereAndBack, INBOX);
  box.remove(deleted);
  box.move(aside, WORK);
  box.arrive("new");
  await box.tryRound();
  box.move(returns, INBOX);
  box.arrive("late", [WORK]);
  await box.tryRound();
}

const MORE_THAN_ONE_CHUNK = 51;

const TRACKED = ["comesIn", "deleted", "late", "leaves", "moves", "new", "returns", "stays", "thereAndBack"];

function throttled(scope: "mailbox" | "profile", notBefore: Date): Failure {
  return new Failure({
    scope,
    code: "throttled",
    message: "The mail system asks for a pause.",
    remedy: "It goes on by itself.",
    waitingHelps: true,
    notBefore,
  });
}

for (const kind of KINDS) {
  onOneDatabaseEach(`receiving from a mail system, ${kind.name}`, [], (promise) => {
    const withBox = (work: (box: MemoryBox, world: MemoryWorld) => Promise<void>) => async (database: MemoryWorld["database"]) => {
      await using world = await openMemoryWorld(database, kind);
      await work(world.nextBox(), world);
    };

    promise(
      "one message is one decision and one email, however it moves, comes back, is copied or told of again",
      withBox(async (box, world) => {
        world.server.pageLimit = 2;
        await liveOn(box);
        assert.deepEqual(await box.emails(), TRACKED);
        assert.deepEqual(await box.decisions(), Object.fromEntries(TRACKED.map((name) => [name, ["tracked"]])));
        await box.assertComplete();
        assert.deepEqual(await box.foldersOf("moves"), [WORK]);
        assert.deepEqual(await box.foldersOf("returns"), [INBOX]);
        assert.deepEqual(await box.foldersOf("deleted"), []);
      }),
    );

    promise(
      "a message in a folder that is not read is none of our business until it is moved into one that is",
      withBox(async (box) => {
        const message = box.arrive("private", [ASIDE]);
        assert.equal((await box.round()).received, 0);
        assert.deepEqual(await box.decisions(), {});
        box.move(message, WORK);
        assert.equal((await box.round()).tracked, 1);
        box.move(message, ASIDE);
        await box.round();
        assert.deepEqual([await box.emails(), await box.decisions()], [["private"], { private: ["tracked"] }]);
      }),
    );

    promise(
      "one without a Message-ID makes one email, wherever it goes and however its bytes are written",
      withBox(async (box) => {
        const message = box.arrive("anonymous", [INBOX], { anonymous: true });
        await box.round();
        box.move(message, WORK);
        await box.round();
        box.copy(message.number, INBOX);
        await box.round();
        box.onCall(({ verb }) => (verb === "pull" ? "forget" : undefined));
        await box.tryRound();
        box.nothingWrong();
        await box.round();
        assert.deepEqual(await box.emails(), ["anonymous"]);
        if (kind.capabilities.keepsIdsOnMove)
          assert.deepEqual((await box.decisions()).anonymous, ["tracked", "duplicate"], "the message, and its copy");
      }),
    );

    promise(
      "one that leaves after half of its page was stored lies nowhere any more, though no tombstone may tell of it",
      withBox(async (box, world) => {
        const messages = Array.from({ length: MORE_THAN_ONE_CHUNK }, (_, index) => box.arrive(`early${index}`));
        const [first, second] = messages;
        assert.ok(first && second);
        let contents = 0;
        box.onCall(({ verb }) => {
          contents += verb === "content" ? 1 : 0;
          if (verb === "content" && contents === MORE_THAN_ONE_CHUNK) throw throttled("mailbox", world.clock.now());
        });
        await box.tryRound();
        assert.equal((await box.emails()).length, messages.length - 1, "the page was not whole");
        box.nothingWrong();
        box.remove(first);
        box.move(second, WORK);
        world.clock.forward(3600);
        await box.round();
        assert.equal((await box.emails()).length, messages.length);
        assert.deepEqual(
          [await box.foldersOf("early0"), await box.foldersOf("early1"), await box.foldersOf("early2")],
          [[], [WORK], [INBOX]],
        );
      }),
    );

    promise(
      "what is skipped stands before the rest of its page is read, and is decided once, wherever it lies by then",
      async (database) => {
        await using world = await openMemoryWorld(database, kind, { filter: "contacts" });
        const box = world.nextBox();
        const contact = `contact@${box.name}.test`;
        await world.app.crm.createRecords([{ type: "contact", firstname: "Carla", addresses: [contact] }]);
        const leaves = box.arrive("leaves");
        const moves = box.arrive("moves");
        box.arrive("wanted", [INBOX], { from: contact });
        let broken = false;
        box.onCall(({ verb }) => {
          if (verb === "content" && !broken) {
            broken = true;
            throw throttled("mailbox", world.clock.now());
          }
          return undefined;
        });
        await box.tryRound();
        assert.deepEqual(await box.decisions(), { leaves: ["skipped"], moves: ["skipped"] });
        box.remove(leaves);
        box.move(moves, WORK);
        world.clock.forward(3600);
        await box.round();
        assert.deepEqual(await box.decisions(), { leaves: ["skipped"], moves: ["skipped"], wanted: ["tracked"] });
        assert.deepEqual([await box.emails(), await box.foldersOf("leaves"), await box.foldersOf("moves")], [["wanted"], [], [WORK]]);
      },
    );

    promise("a mail system that asks for a pause is left alone until it is over, whoever asks, and the alert closes", async (database) => {
      for (const scope of ["mailbox", "profile"] as const) {
        await using world = await openMemoryWorld(database, kind);
        const box = world.nextBox();
        box.arrive("first");
        box.arrive("second");
        const over = new Date(world.clock.now().getTime() + 90_000);
        let contents = 0;
        box.onCall(({ verb }) => {
          if (verb === "content" && contents++ === 1) throw throttled(scope, over);
          return undefined;
        });
        assert.deepEqual(await box.tryRound(), ["throttled"]);
        assert.deepEqual(await openCodes(world.app), ["receiving: throttled"]);
        const { length: calls } = world.server.calls;
        world.clock.set(new Date(over.getTime() - 1));
        assert.deepEqual([await box.tryRound(), world.server.calls.length], [[], calls], "nobody asked");
        const status = (await world.app.operations.status()).mailboxes.find((one) => one.address === addressOf(box.name));
        assert.deepEqual([status?.receiving.state, status?.receiving.next], ["failing", over]);
        world.clock.set(over);
        // What came before the pause stands already.
        assert.equal((await box.round()).tracked, 1);
        assert.deepEqual(await box.emails(), ["first", "second"]);
        const subject = scope === "profile" ? "memory" : await mailboxId(database, addressOf(box.name));
        assert.equal((await alertHistory(database, subject)).at(-1), "receiving: throttled closed");
        await box.assertComplete();
      }
    });

    promise("an answer that came before its question is decided again where it lies by then", async (database) => {
      await using world = await openMemoryWorld(database, kind, { mailboxes: 2 });
      const [asked, answered] = [world.nextBox(), world.nextBox()];
      await world.app.crm.putUsers([{ name: answered.name, address: addressOf(answered.name), filter: 1 }]);
      const answer = answered.arrive("answer", [INBOX], { answers: asked.own("question"), to: [addressOf(answered.name)] });
      await answered.round();
      assert.deepEqual(await answered.decisions(), { answer: ["skipped"] });
      // Out and back in between two rounds: where tombstones lie, and are believed, it lies nowhere by now.
      answered.move(answer, ASIDE);
      answered.move(answer, INBOX);
      await answered.round();
      asked.arrive("question", [INBOX], { to: [addressOf(asked.name)] });
      await asked.round();
      await answered.round();
      assert.deepEqual(await answered.decisions(), { answer: ["tracked"] });
    });
  });
}

/** One database is enough for what takes long; of the two that differ only in what they believe, the one that is more often right. */
const ON_PGLITE = { engines: ["pglite"] } as const;

for (const kind of [exchangeKind, graphKind(), labelKind]) {
  onOneDatabaseEach(
    `a mail system in trouble, ${kind.name}`,
    [],
    (promise) => {
      promise("a position that is lost, at whichever pull, loses nothing and replays nothing", async (database) => {
        await using world = await openMemoryWorld(database, kind, { mailboxes: 60 });
        world.server.pageLimit = 3;
        for (let at = 0, reached = true; reached; at++) {
          const box = world.nextBox();
          let pulls = 0;
          box.onCall(({ verb }) => (verb === "pull" && pulls++ === at ? "forget" : undefined));
          await liveOn(box);
          box.nothingWrong();
          await box.round();
          assert.deepEqual(await box.emails(), TRACKED, `lost at pull ${at}`);
          await box.assertComplete();
          reached = pulls > at;
        }
      });

      promise("what breaks off, at whichever call, is gone on with: nothing lost, nothing double", async (database) => {
        await using world = await openMemoryWorld(database, kind, { mailboxes: 60 });
        world.server.pageLimit = 3;
        for (let at = 0, reached = true; reached; at += 2) {
          const box = world.nextBox();
          let calls = 0;
          box.onCall(() => {
            if (calls++ === at) throw throttled("mailbox", new Date(0));
            return undefined;
          });
          await liveOn(box);
          box.nothingWrong();
          await box.round();
          // What left or was deleted while it could not be read was never there for us.
          const missing = TRACKED.filter((name) => !["leaves", "deleted"].includes(name));
          for (const name of await box.emails()) if (missing.includes(name)) missing.splice(missing.indexOf(name), 1);
          assert.deepEqual(missing, [], `broken off at call ${at}`);
          await box.assertComplete();
          reached = calls > at;
        }
      });
    },
    ON_PGLITE,
  );
}

onOneDatabaseEach("labels", [], (promise) => {
  promise("a message with two labels is one decision; losing one label or getting another is no news", async (database) => {
    await using world = await openMemoryWorld(database, labelKind);
    const box = world.nextBox();
    const message = box.arrive("twice", [INBOX, WORK]);
    assert.equal((await box.round()).received, 1);
    assert.deepEqual(await box.foldersOf("twice"), [INBOX, WORK]);
    box.move(message, WORK, ASIDE);
    assert.equal((await box.round()).received, 0);
    assert.deepEqual(await box.foldersOf("twice"), [ASIDE, WORK]);
    box.move(message, ASIDE);
    await box.round();
    assert.deepEqual(await box.foldersOf("twice"), [ASIDE], "known, so that it is not said to lie where it does not");
    box.move(message);
    await box.round();
    assert.deepEqual([await box.foldersOf("twice"), await box.decisions()], [[], { twice: ["tracked"] }]);
  });

  promise("a folder that is read from now on shows what passed by while it was not", async (database) => {
    let before: { server: MemoryWorld["server"]; names: readonly string[] };
    let box: MemoryBox;
    {
      await using world = await openMemoryWorld(database, labelKind);
      before = world;
      box = world.nextBox();
      box.arrive("inbox");
      box.arrive("aside", [ASIDE]);
      await box.round();
      assert.deepEqual(await box.emails(), ["inbox"]);
    }
    await using world = await openMemoryWorld(database, labelKind, { folders: "personal", before });
    box = world.nextBox();
    const counts = await box.round();
    assert.deepEqual([counts.received, counts.tracked], [1, 1]);
    assert.deepEqual(await box.emails(), ["aside", "inbox"]);
    assert.equal((await box.round()).received, 0);
    // A label made meanwhile is read from the beginning too, whenever its messages were labelled.
    box.arrive("made", ["Made"]);
    assert.equal((await box.round()).tracked, 1);
  });
});
