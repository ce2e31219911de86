import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { missingServers } from "../servers/needs.ts";
import type { Facts } from "./facts.ts";
import { type FedMail, type Feed, FOLDERS, startFeed } from "./feed.ts";
import {
  atWork,
  KILLS,
  KILLS_BESIDE,
  KILLS_FAR,
  type KilledLife,
  killAtEachStep,
  killAtRandom,
  killAtRequests,
  phasesOf,
  runUntilQuiet,
  shares,
  stepsOf,
  timesOf,
} from "./kills.ts";
import { chanceOf, seedOfRun } from "./random.ts";
import type { RequestMoment } from "./request-kills.ts";
import type { LogLine, Service } from "./service.ts";
import { printTable } from "./table.ts";
import { addressOf, type Dynamics, type EngineName, makeWorld, serversFor, type World, type WorldMailbox, whereIs } from "./world.ts";

const MAILBOXES: readonly WorldMailbox[] = [
  { name: "ann", kind: "user", filter: "all" },
  { name: "bob", kind: "user", filter: "replies" },
  { name: "desk", kind: "queue", filter: "all" },
];

/** Where Dynamics is asked which messages become emails; all other moments are those of the connector whoever decides. */
const AROUND_VERDICTS = {
  steps: ["receive.pulled", "receive.decided", "receive.claimed"],
  requests: [
    { name: "it has said what it takes", request: /ShouldDeliver/ },
    { name: "it has an email", after: "receive.claimed", request: /^POST \$batch [\s\S]*OData-EntityId: \S+\/emails\(/i },
  ] satisfies RequestMoment[],
};

/** The suite of the receive path: mail arrives all the time while the service is killed again and again. `dynamics`: the CRM stands elsewhere, see World. */
export function killsWhileReceiving(engine: EngineName, dynamics?: Dynamics): void {
  const skip = missingServers(serversFor(engine, dynamics));
  const asksDynamics = dynamics?.decides === "dynamics";
  const kills = dynamics === undefined ? KILLS : asksDynamics ? KILLS_BESIDE : KILLS_FAR;
  const named = asksDynamics ? AROUND_VERDICTS.steps : stepsOf("receive");
  const where = whereIs(engine, dynamics);
  describe(`receiving survives SIGKILL at any moment (${where})`, { skip }, () => {
    const seed = seedOfRun();
    let world: World | undefined;
    let feed: Feed | undefined;
    let fed: readonly FedMail[] = [];
    let facts: Facts;
    let atSteps: readonly KilledLife[] = [];
    let phases: readonly string[] = [];
    let errors: readonly LogLine[] = [];

    before(async () => {
      world = await makeWorld(engine, { mailboxes: MAILBOXES, ...(dynamics && { dynamics }) });
      const { firstStart, start } = await world.prepare();
      const chance = chanceOf(seed);
      feed = startFeed(world.dovecot, chanceOf(seed + 1));
      const atRequests = asksDynamics ? await killAtRequests(world, "receive", AROUND_VERDICTS.requests) : [];
      atSteps = await killAtEachStep(world, "receive", named);
      const atRandom = await killAtRandom(world, "receive", chance, kills);
      fed = await feed.stop();
      errors = await runUntilQuiet(world, isQuiet);
      facts = await world.count();
      phases = phasesOf(atRandom, backlogOf(fed, facts));
      printTable(`Receiving under SIGKILL, ${where} (WAYPOST_FAULT_SEED=${seed})`, {
        ...judgement(fed, facts),
        "kills when Dynamics had done something": atRequests.length,
        "kills at a named step": atSteps.length,
        "kills at random": atRandom.length,
        "of these at work": atWork(phases),
        "kills fell into": shares(phases),
        "start in ms": `${start} (the very first ${firstStart})`,
        "median of a life in ms": timesOf(atRandom),
        "errors logged": [...atRequests, ...atRandom].flatMap((life) => life.errors).length + errors.length,
      });
    });
    after(async () => {
      await feed?.stop();
      await world?.[Symbol.asyncDispose]();
    });

    test("each named step was killed at", () =>
      assert.deepEqual(
        atSteps.map((life) => life.steps.at(-1)?.name),
        named,
      ));

    test("at least half of the random kills hit a process at work", () => {
      assert.equal(phases.length, kills);
      assert.ok(atWork(phases) >= kills / 2, shares(phases));
    });

    test("no message is lost and none is doubled", () => {
      assert.ok(fed.length >= kills, `only ${fed.length} messages arrived`);
      const emails = Map.groupBy(facts.emails, (email) => email.messageId);
      const wrong = fed.filter(({ messageId, tracked }) => (emails.get(messageId)?.length ?? 0) !== (tracked ? 1 : 0));
      assert.deepEqual(wrong, []);
      assert.equal(facts.emails.length, fed.filter((one) => one.tracked).length, "emails that no message became");
    });

    test("each email is whole: sender, recipients, attachments, and the email that it answers", () => {
      const emails = new Map(facts.emails.map((email) => [email.messageId, email]));
      for (const { messageId, tracked, mailboxes, answers, attachment } of fed) {
        const email = emails.get(messageId);
        if (!tracked || !email) continue;
        assert.deepEqual(
          [email.senders, email.recipients, email.attachments, email.parentId],
          [1, mailboxes.length, attachment === null ? [] : [attachment], answers === null ? null : (emails.get(answers)?.id ?? "lost")],
          messageId,
        );
      }
    });

    test("each mailbox has one decision about each of its messages, linked to the one email", () => {
      const emails = new Map(facts.emails.map((email) => [email.messageId, email.id]));
      const decisions = Map.groupBy(facts.decisions, ({ mailbox, messageId }) => `${mailbox} ${messageId}`);
      for (const { messageId, mailboxes, tracked } of fed) {
        for (const name of mailboxes) {
          const made = decisions.get(`${addressOf(name)} ${messageId}`) ?? [];
          assert.deepEqual(
            made.map(({ emailId, reconsider }) => ({ emailId, reconsider })),
            [{ emailId: emails.get(messageId) ?? null, reconsider: false }],
            messageId,
          );
          assert.ok((tracked ? ["tracked", "duplicate"] : ["skipped"]).includes(made[0]?.outcome ?? ""), messageId);
        }
      }
      assert.equal(facts.decisions.length, fed.flatMap((one) => one.mailboxes).length);
    });

    test("the queue has each of its emails once", () => {
      const wanted = fed.filter((one) => one.toQueue).map((one) => one.messageId);
      const ids = new Map(facts.emails.map((email) => [email.id, email.messageId]));
      assert.deepEqual(facts.queueItems.map((item) => ids.get(item.emailId)).sort(), wanted.sort());
    });

    test("the ledger knows where each message lies, moved ones too", () => {
      const known = facts.locations.map(({ mailbox, folder, ref, messageId }) => `${mailbox} ${folder} ${ref} ${messageId}`);
      const lying = facts.mailboxes.flatMap(({ user, folder, validity, messages }) =>
        messages.map(({ uid, messageId }) => `${addressOf(user)} ${folder} ${validity}.${uid} ${messageId}`),
      );
      // What differs, instead of two lists of thousands.
      const less = (some: readonly string[], others: readonly string[]) => some.filter((one) => !others.includes(one)).sort();
      assert.deepEqual({ onlyKnown: less(known, lying), onlyLying: less(lying, known) }, { onlyKnown: [], onlyLying: [] });
      assert.deepEqual(known.sort(), lying.sort());
    });

    test("every cursor stands at the end of its folder, and nothing is left over", () => {
      for (const { user, folder, validity, next } of facts.mailboxes.filter((one) => FOLDERS.some((name) => name === one.folder))) {
        const stream = facts.streams.find((one) => one.mailbox === addressOf(user) && one.folder === folder);
        const { validity: read, from, until } = JSON.parse(stream?.cursor ?? "{}");
        assert.deepEqual([stream?.read, read, from, until], [true, validity, next, next], `${user} ${folder}`);
      }
      assert.deepEqual([facts.quarantine, facts.openClaims, facts.alerts], [[], [], []]);
    });
  });
}

/** Each mailbox was read twice in a row without anything new. */
function isQuiet(service: Service): boolean {
  const rounds = Map.groupBy(
    service.log.filter((line) => line.msg === "mailbox read"),
    (line) => line.mailbox,
  );
  const nothingNew = (line: LogLine) => ["received", "tracked", "skipped", "duplicate", "moved"].every((count) => line[count] === 0);
  return MAILBOXES.every(({ name }) => {
    const last = rounds.get(addressOf(name))?.slice(-2) ?? [];
    return last.length === 2 && last.every(nothingNew);
  });
}

/** Whether something had arrived at a moment that no decision had been made about. */
function backlogOf(fed: readonly FedMail[], facts: Facts): (at: number) => boolean {
  const decisions = Map.groupBy(facts.decisions, (decision) => decision.messageId);
  const waits = fed.map(({ messageId, arrivedAt }) => {
    return { from: arrivedAt, to: Math.max(...(decisions.get(messageId) ?? []).map((decision) => decision.firstSeenAt)) };
  });
  return (at) => waits.some(({ from, to }) => from < at && at < to);
}

function judgement(fed: readonly FedMail[], facts: Facts): Record<string, number> {
  const emails = Map.groupBy(facts.emails, (email) => email.messageId);
  const tracked = fed.filter((one) => one.tracked);
  const found = (one: FedMail) => emails.get(one.messageId)?.length ?? 0;
  return {
    "messages arrived": fed.length,
    "to become emails": tracked.length,
    "emails made once": tracked.filter((one) => found(one) === 1).length,
    lost: tracked.filter((one) => found(one) === 0).length,
    doubled: fed.filter((one) => found(one) > 1).length,
    decisions: facts.decisions.length,
    quarantined: facts.quarantine.length,
  };
}
