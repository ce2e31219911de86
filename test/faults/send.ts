import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { missingServers } from "../servers/needs.ts";
import type { Facts, SeededEmail } from "./facts.ts";
import {
  atWork,
  KILLS,
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
import { type Chance, chanceOf, seedOfRun } from "./random.ts";
import type { RequestMoment } from "./request-kills.ts";
import { type LogLine, SERVES } from "./service.ts";
import { printTable } from "./table.ts";
import { addressOf, type Dynamics, type EngineName, makeWorld, serversFor, type World, type WorldMailbox, whereIs } from "./world.ts";

const SENDERS: readonly WorldMailbox[] = [
  { name: "ann", kind: "user", filter: "replies" },
  { name: "bob", kind: "user", filter: "replies" },
  { name: "desk", kind: "queue", filter: "replies" },
];
const RECIPIENTS = ["carol", "dave"] as const;

/** Enough for the kills at the named steps. */
const EMAILS_FOR_STEPS = 24;
/** So many kills long a batch of emails becomes due, a few for each life of the service. */
const KILLS_PER_BATCH = 10;
const BATCH = { emails: 70, dueWithinSeconds: 12 };
const LARGEST_ATTACHMENT = 400_000;
/** Pending emails are looked for every 5 s: when nothing is sent for longer, nothing is left. */
const QUIET_MS = 7_000;
/** Another process of the same database counts as dead only after 10 s, and what it had in hand is then found at the next look. */
const DEAD_FOR_SURE_MS: Readonly<Record<EngineName, number>> = { pglite: 0, postgres: 16_000 };

const RECORDED = /^POST emails\(.*\)\/Microsoft\.Dynamics\.CRM\.SendEmail /;
const CHANGED = /^PATCH emails\(/;

/** Dynamics lets the status be written: a claim is that, under the version of the row. */
const BY_STATUS: readonly RequestMoment[] = [
  { name: "it is claimed in Dynamics", after: "send.intended", request: CHANGED },
  { name: "it is Sent in Dynamics", after: "send.stored", request: CHANGED },
];
/** It does not: a claim is a note in the ledger, and what left is recorded with SendEmail. */
const BY_NOTE: readonly RequestMoment[] = [
  { name: "the email on which it is tried is made", after: "send.intended", request: /^POST emails / },
  { name: "its tracking token is written", after: "send.intended", request: CHANGED },
  { name: "its Message-ID is written", after: "send.stored", request: CHANGED },
  { name: "it is recorded as sent", after: "send.stored", request: RECORDED },
  { name: "all is told but the ledger", after: "send.stored", request: CHANGED, nth: 2 },
];

/** The suite of the send path: emails become pending all the time while the service is killed again and again. `dynamics`: the CRM stands elsewhere, see World. */
export function killsWhileSending(engine: EngineName, dynamics?: Dynamics): void {
  const skip = missingServers(serversFor(engine, dynamics));
  // Where claims are notes, the kills at requests and steps are those that differ.
  const isNoted = dynamics?.behaviour?.changesCompletedStatus === false;
  const kills = dynamics === undefined ? KILLS : isNoted ? 0 : KILLS_FAR;
  const where = whereIs(engine, dynamics);
  const byNote = dynamics?.behaviour?.changesCompletedStatus === false;
  const moments = dynamics === undefined ? [] : byNote ? BY_NOTE : BY_STATUS;
  describe(`sending survives SIGKILL at any moment (${where})`, { skip }, () => {
    const seed = seedOfRun();
    let world: World | undefined;
    const seeded: (SeededEmail & { readonly dueAt: number })[] = [];
    let facts: Facts;
    let atRequests: readonly KilledLife[] = [];
    let atSteps: readonly KilledLife[] = [];
    let atRandom: readonly KilledLife[] = [];
    let phases: readonly string[] = [];
    let errors: readonly LogLine[] = [];
    let fates: readonly Fate[] = [];

    before(async () => {
      const made = await makeWorld(engine, { mailboxes: SENDERS, outsiders: RECIPIENTS, ...(dynamics && { dynamics }) });
      world = made;
      const { firstStart, start } = await made.prepare();
      const chance = chanceOf(seed);
      let seeding: Promise<void> = Promise.resolve();
      const add = (emails: readonly SeededEmail[]) => {
        seeded.push(...emails.map((email) => ({ ...email, dueAt: Date.now() + email.dueInSeconds * 1000 })));
        return made.seed(emails);
      };
      // From one sender, so that one email at a time is in hand and each step has its own.
      await add(Array.from({ length: EMAILS_FOR_STEPS }, () => writeEmail(chance, "ann", 0)));
      atRequests = await killAtRequests(made, "send", moments);
      atSteps = await killAtEachStep(made, "send");
      atRandom = await killAtRandom(made, "send", chance, kills, async (kill) => {
        await seeding;
        if (kill % KILLS_PER_BATCH !== 0) return;
        const due = () => chance.between(0, BATCH.dueWithinSeconds);
        const batch = Array.from({ length: BATCH.emails }, () => writeEmail(chance, chance.one(["ann", "bob", "desk"]), due()));
        seeding = add(batch);
        // A server's database takes them while the service runs; the embedded one has room for one process only.
        if (engine === "pglite" && dynamics === undefined) await seeding;
      });
      await seeding;
      const allDueAt = Math.max(...seeded.map((email) => email.dueAt));
      errors = await runUntilQuiet(made, (service) => {
        const servesSince = service.log.find((line) => line.msg === SERVES)?.time;
        const last = service.steps().findLast(({ name }) => name.startsWith("send"))?.at ?? 0;
        if (servesSince === undefined || Date.now() < Math.max(last, servesSince + DEAD_FOR_SURE_MS[engine], allDueAt) + QUIET_MS)
          return false;
        return made.postfix.queue().length === 0;
      });
      facts = await made.count();
      fates = seeded.map((email) => fateOf(email, facts));
      const waits = seeded.map(({ dueAt }, index) => ({ from: dueAt, to: fates[index]?.settledAt ?? 0 }));
      phases = phasesOf(atRandom, (at) => waits.some(({ from, to }) => from < at && at < to));
      const counted = (fate: (one: Fate) => boolean) => fates.filter(fate).length;
      printTable(`Sending under SIGKILL, ${where} (WAYPOST_FAULT_SEED=${seed})`, {
        emails: seeded.length,
        "delivered once": counted((one) => one.stage === "accepted" && one.copies.every((copies) => copies === 1)),
        unknown: counted((one) => one.stage === "unknown"),
        "of these delivered": counted((one) => one.stage === "unknown" && one.copies.every((copies) => copies === 1)),
        lost: counted((one) => one.stage !== "unknown" && one.copies.some((copies) => copies === 0)),
        doubled: counted((one) => one.copies.some((copies) => copies > 1)),
        "kills when Dynamics had done something": atRequests.length,
        "kills at a named step": atSteps.length,
        "kills at random": atRandom.length,
        "of these at work": atWork(phases),
        "of these between DATA and the stored answer": atRandom.filter((life) => openWindows(life) > 0).length,
        "kills fell into": shares(phases),
        "start in ms": `${start} (the very first ${firstStart})`,
        "median of a life in ms": timesOf(atRandom),
        "errors logged": [...atRequests, ...atRandom].flatMap((life) => life.errors).length + errors.length,
      });
    });
    after(async () => world?.[Symbol.asyncDispose]());

    test("each named step was killed at", () => assert.deepEqual(atSteps.map(lastStep), stepsOf("send")));

    if (kills > 0)
      test("at least half of the random kills hit a process at work", () => {
        assert.equal(phases.length, kills);
        assert.ok(atWork(phases) >= kills / 2, shares(phases));
      });

    test("each email was delivered exactly once to each recipient and is Sent, or stands as unknown", () => {
      const inHand = byNote ? PENDING_SEND : SENDING;
      const wrong = fates.filter(
        ({ stage, status, copies }) =>
          !(stage === "accepted" && status === SENT && copies.every((one) => one === 1)) &&
          !(stage === "unknown" && status === inHand && copies.every((one) => one === copies[0] && one <= 1)),
      );
      assert.deepEqual(wrong, []);
    });

    test("the CRM holds no email that nobody wrote", () => {
      const written = new Set(seeded.map(({ id }) => id));
      assert.deepEqual(
        facts.emails.filter(({ id }) => !written.has(id)),
        [],
      );
    });

    test("Postfix says the same: nobody was handed an email twice, and nothing was sent that nobody wrote", () => {
      const written = new Map(fates.map((fate) => [fate.messageId, fate]));
      const handed = Map.groupBy(facts.deliveries, ({ messageId, recipient }) => `${messageId} ${recipient}`);
      assert.deepEqual(
        [...handed].filter(([, times]) => times.length > 1).map(([what]) => what),
        [],
      );
      assert.deepEqual(
        facts.deliveries.filter(({ messageId }) => !written.has(messageId ?? "")),
        [],
      );
      const copies = fates.flatMap((fate) => fate.copies).reduce((sum, one) => sum + one, 0);
      assert.equal(facts.deliveries.length, copies);
    });

    test("every unknown email has exactly one open alert, and nothing else has one", () => {
      const unknown = fates.filter((fate) => fate.stage === "unknown").map((fate) => `item ${fate.id} sending: outcome unknown`);
      assert.deepEqual(facts.alerts.map(({ scope, subject, code }) => `${scope} ${subject} ${code}`).sort(), unknown.sort());
    });

    test("only kills between DATA and the stored answer made an email unknown", () => {
      const lives = new Map([...atRequests, ...atSteps, ...atRandom].map((life) => [life.pid, life]));
      for (const [pid, those] of Map.groupBy(
        fates.filter((fate) => fate.stage === "unknown"),
        (fate) => fate.process,
      )) {
        const life = lives.get(pid ?? 0);
        assert.ok(
          life && openWindows(life) >= those.length,
          `${those.length} unknown of a life that ended in ${life && lastStep(life)}: ${JSON.stringify(those)}`,
        );
      }
    });

    test("a kill at a named step makes an email unknown exactly when its content was about to go out or had gone out", () => {
      const made = atSteps.map((life) => {
        const unknown = fates.filter((fate) => fate.stage === "unknown" && fate.process === life.pid);
        return [lastStep(life), unknown.map((fate) => fate.copies.every((copies) => copies === 1))];
      });
      const delivered: Readonly<Record<string, readonly boolean[]>> = { "send.transmitting": [false], "send.answered": [true] };
      assert.deepEqual(
        made,
        stepsOf("send").map((name) => [name, delivered[name] ?? []]),
      );
    });

    test("each email that was sent has exactly one copy in its sender's Sent folder, and no other has one", () => {
      for (const { id, stage, sentCopy, copiesInSent } of fates) {
        assert.equal(copiesInSent, stage === "accepted" ? 1 : 0, id);
        if (stage === "accepted") assert.match(sentCopy ?? "", /^(filed|already there)$/, id);
      }
    });
  });
}

const SENT = 3;
const PENDING_SEND = 6;
const SENDING = 7;

/** What became of one email. */
interface Fate {
  readonly id: string;
  readonly messageId: string;
  readonly stage: string;
  readonly settledAt: number | null;
  readonly status: number;
  /** Copies in the inbox of each recipient, by Message-ID or by the marker in the body. */
  readonly copies: readonly number[];
  readonly copiesInSent: number;
  readonly sentCopy: string | null;
  /** The process that had it in hand last. */
  readonly process: number | null;
}

function fateOf({ id, from, to, marker }: SeededEmail, facts: Facts): Fate {
  const rows = facts.outbox.filter((row) => row.emailId === id);
  const [row] = rows;
  assert.ok(row && rows.length === 1 && row.generation === 1, `${id} has ${rows.length} rows in the outbox`);
  const copiesIn = (address: string, folder: string) => {
    const lying = facts.mailboxes.filter((one) => addressOf(one.user) === address && one.folder === folder).flatMap((one) => one.messages);
    return lying.filter((message) => message.messageId === row.messageId || message.marker === marker).length;
  };
  return {
    id,
    messageId: row.messageId,
    stage: row.settledAt === null ? `${row.stage}, not settled` : row.stage,
    settledAt: row.settledAt,
    status: facts.emails.find((email) => email.id === id)?.status ?? 0,
    copies: to.map((address) => copiesIn(address, "INBOX")),
    copiesInSent: copiesIn(from, "Sent"),
    sentCopy: row.sentCopy,
    process: row.process,
  };
}

/**
 * Emails that may have been between DATA and the stored answer when the process ended: composed and not stored. The step `send.transmitting`
 * comes only after the database has it, so a kill between the two leaves an email unknown whose last known step is `send.composed`.
 */
function openWindows({ steps }: KilledLife): number {
  const passed = (wanted: string) => steps.filter(({ name }) => name === wanted).length;
  return passed("send.composed") - passed("send.stored");
}

function lastStep({ steps }: KilledLife): string | undefined {
  return steps.at(-1)?.name;
}

function writeEmail(chance: Chance, sender: string, dueInSeconds: number): SeededEmail {
  const id = chance.uuid();
  return {
    id,
    from: addressOf(sender),
    to: (chance.happens(0.3) ? RECIPIENTS : [chance.one(RECIPIENTS)]).map(addressOf),
    subject: `Email ${id}`,
    marker: `marker-${id}`,
    attachmentBytes: chance.happens(0.3) ? chance.integer(1, LARGEST_ATTACHMENT) : 0,
    dueInSeconds,
  };
}
