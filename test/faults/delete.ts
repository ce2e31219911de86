import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { missingServers } from "../servers/needs.ts";
import type { Facts } from "./facts.ts";
import { runUntilQuiet, stepsOf } from "./kills.ts";
import type { Service } from "./service.ts";
import { addressOf, type Dynamics, type EngineName, makeWorld, serversFor, type World, whereIs } from "./world.ts";

const DESK = "desk";
const MESSAGES_PER_LIFE = 3;
const DATE = new Date().toUTCString();

/**
 * The suite of a queue's mailbox that is kept empty, with the service killed between each two steps: what is deleted is always an email. A message with
 * the head of another and other content lies there all the time, and is never deleted.
 */
export function killsWhileDeleting(engine: EngineName, protocol: "imap" | "pop3", dynamics?: Dynamics): void {
  const skip = missingServers(serversFor(engine, dynamics));
  const where = whereIs(engine, dynamics);
  describe(`deleting processed messages by ${protocol.toUpperCase()} survives SIGKILL at any step (${where})`, { skip }, () => {
    let world: World | undefined;
    const delivered: string[] = [];
    const atKills: { readonly step: string; readonly facts: Facts }[] = [];
    let atEnd: Facts;

    before(async () => {
      world = await makeWorld(engine, {
        mailboxes: [{ name: DESK, kind: "queue", filter: "all", pop3: protocol === "pop3", deletes: true }],
        durable: true,
        ...(dynamics && { dynamics }),
      });
      await world.prepare();
      await deliver(world, "twin@customer.test");
      await deliver(world, "twin@customer.test", "Another body.");
      for (const step of stepsOf("delete")) {
        for (let number = 0; number < MESSAGES_PER_LIFE; number++) await deliver(world, `${step}-${number}@customer.test`);
        const service = world.start({ killAt: step });
        await service.until(`killed at ${step}`, (one) => !one.running());
        assert.equal((await service.ended).signal, "SIGKILL", `${step}: ${service.said()}`);
        atKills.push({ step, facts: await world.count() });
      }
      await runUntilQuiet(world, isQuiet);
      atEnd = await world.count();
    });
    after(() => world?.[Symbol.asyncDispose]());

    async function deliver({ dovecot }: World, id: string, body = `The body of ${id}.`): Promise<void> {
      const header = `From: carla@customer.test\r\nTo: ${addressOf(DESK)}\r\nSubject: ${id}\r\nDate: ${DATE}\r\nMessage-ID: <${id}>\r\n`;
      await dovecot.deliver(DESK, `${header}\r\n${body}\r\n`);
      if (!delivered.includes(id)) delivered.push(id);
    }

    const lying = (facts: Facts) => facts.mailboxes.flatMap(({ messages }) => messages.map(({ messageId }) => messageId));
    const emails = (facts: Facts) => facts.emails.map(({ messageId }) => messageId);

    test("at each kill every message that came by then lies in the mailbox or is an email", () => {
      assert.deepEqual(
        atKills.map((one) => one.step),
        stepsOf("delete"),
      );
      for (const [life, { step, facts }] of atKills.entries()) {
        const known = new Set([...lying(facts), ...emails(facts)]);
        const lost = delivered.slice(0, 1 + (life + 1) * MESSAGES_PER_LIFE).filter((id) => !known.has(id));
        assert.deepEqual(lost, [], step);
      }
    });

    test("nothing is deleted before the step that deletes, and what it deleted is told after it", () => {
      for (const { step, facts } of atKills) {
        const its = lying(facts).filter((id) => id?.startsWith(step));
        assert.equal(its.length, ["delete.deleted", "delete.stored"].includes(step) ? 0 : MESSAGES_PER_LIFE, step);
      }
    });

    test("in the end the mailbox holds nothing but what no email holds, and each message is one email", () => {
      assert.deepEqual(lying(atEnd), ["twin@customer.test"]);
      assert.deepEqual(emails(atEnd).sort(), delivered.toSorted());
      assert.deepEqual([atEnd.quarantine, atEnd.openClaims, atEnd.alerts], [[], [], []]);
      assert.deepEqual(
        atEnd.locations.map((one) => one.messageId),
        ["twin@customer.test"],
      );
    });
  });
}

/** The mailbox was read twice in a row without anything new. */
function isQuiet(service: Service): boolean {
  const rounds = service.log.filter((line) => line.msg === "mailbox read").slice(-2);
  return rounds.length === 2 && rounds.every((line) => ["received", "tracked", "duplicate", "moved"].every((count) => line[count] === 0));
}
