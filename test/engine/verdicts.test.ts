/** A CRM that decides about messages itself: its word counts, it is asked once a page, and never about what it cannot want. */
import assert from "node:assert/strict";
import { REASON } from "../../src/model/decision.ts";
import { Failure } from "../../src/model/failure.ts";
import type { MessageHead } from "../../src/model/message.ts";
import type { CrmVerdict } from "../../src/model/verdict.ts";
import type { Crm } from "../../src/ports.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import type { TestDatabase } from "../databases.ts";
import { explained } from "./incoming.ts";
import { type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { contactsFor } from "./outgoing.ts";
import { addressOf } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

interface DecidingWorld extends MemoryWorld {
  /** Subjects that the CRM was asked about, a list for each time. */
  readonly asked: string[][];
}

/** A world whose filters take answers, and whose CRM says this of each message. */
async function openDecidingWorld(database: TestDatabase, says: (head: MessageHead) => CrmVerdict | null): Promise<DecidingWorld> {
  const world = await openMemoryWorld(database, labelKind, { filter: "replies" });
  const asked: string[][] = [];
  const verdicts: Crm["verdicts"] = async ({ heads }) => {
    asked.push(heads.map(({ subject }) => subject));
    return heads.map(says);
  };
  const crm: Crm = { ...foreignCrm(world.app.context.crm("CRM")), verdicts };
  world.app.context.crm = () => crm;
  return Object.assign(world, { asked });
}

onOneDatabaseEach("a CRM that decides itself", [], (promise) => {
  promise("its word stands above the filters; mail of strangers it is not asked about; a page is one question", async (database) => {
    const word = (head: MessageHead): CrmVerdict | null =>
      head.subject.endsWith("silent")
        ? null
        : head.subject.endsWith("wanted")
          ? { delivers: true, reason: REASON.senderMatch }
          : { delivers: false, reason: REASON.invalidSender };
    await using world = await openDecidingWorld(database, word);
    const box = world.nextBox();
    const from = `customer-of-${box.name}`;
    await contactsFor(world.app, from);
    for (const name of ["wanted", "refused", "silent"]) box.arrive(name, undefined, { from: addressOf(from) });
    box.arrive("strange", undefined, { from: "nobody@stranger.test" });
    await box.round();
    assert.deepEqual(await box.decisions(), { wanted: ["tracked"], refused: ["skipped"], silent: ["skipped"], strange: ["skipped"] });
    assert.deepEqual(
      world.asked.map((one) => one.toSorted()),
      [["refused", "silent", "wanted"].map((name) => box.own(name))],
    );
    const { sentences } = await explained(world.app, box.own("refused"), box.name);
    assert.match(sentences, /The CRM does not take the message, for its sender's address/);
    await box.round();
    assert.equal(world.asked.length, 1, "nothing new, nothing asked");
  });

  promise(
    "an answer that it finds no earlier email for is tracked by its headers, and is about what that email is about",
    async (database) => {
      await using world = await openDecidingWorld(database, ({ subject }) =>
        subject.endsWith("question")
          ? { delivers: true, reason: REASON.acceptAll }
          : { delivers: false, reason: REASON.noCorrelationMatch },
      );
      const box = world.nextBox();
      const from = addressOf(`writer-to-${box.name}`);
      await contactsFor(world.app, `writer-to-${box.name}`);
      box.arrive("question", undefined, { from });
      await box.round();
      box.arrive("answer", undefined, { from, answers: box.own("question") });
      await box.round();
      assert.deepEqual(await box.decisions(), { question: ["tracked"], answer: ["tracked"] });
      await box.assertComplete();
    },
  );

  promise("what it took before is delivered to its end, though it calls its own email of it a duplicate by now", async (database) => {
    const there = new Set<string>();
    await using world = await openDecidingWorld(database, ({ subject }) =>
      there.has(subject) ? { delivers: false, reason: REASON.duplicate } : { delivers: true, reason: REASON.senderMatch },
    );
    const box = world.nextBox();
    await contactsFor(world.app, `friend-of-${box.name}`);
    box.arrive("letter", undefined, { from: addressOf(`friend-of-${box.name}`) });
    const crm = world.app.context.crm("CRM");
    const died: Crm = {
      ...crm,
      deliver: async (emails) => {
        await crm.deliver(emails);
        there.add(box.own("letter"));
        throw new Failure({ scope: "organization", code: "crm away", message: "Away.", remedy: "Wait.", waitingHelps: true });
      },
    };
    world.app.context.crm = () => died;
    assert.deepEqual(await box.tryRound(), ["crm away"]);
    world.app.context.crm = () => crm;
    world.clock.forward(60);
    await box.round();
    assert.deepEqual(await box.decisions(), { letter: ["tracked"] });
    await box.assertComplete();
  });

  promise("where it cannot be asked nothing is decided, and everything is when it can", async (database) => {
    let away = true;
    await using world = await openDecidingWorld(database, () => {
      if (!away) return { delivers: true, reason: REASON.acceptAll };
      throw new Failure({ scope: "organization", code: "crm away", message: "Away.", remedy: "Wait.", waitingHelps: true });
    });
    const box = world.nextBox();
    await contactsFor(world.app, `friend-of-${box.name}`);
    box.arrive("letter", undefined, { from: addressOf(`friend-of-${box.name}`) });
    assert.deepEqual(await box.tryRound(), ["crm away"]);
    assert.deepEqual(await box.decisions(), {});
    away = false;
    world.clock.forward(60);
    await box.round();
    assert.deepEqual(await box.decisions(), { letter: ["tracked"] });
    await box.assertComplete();
  });
});
