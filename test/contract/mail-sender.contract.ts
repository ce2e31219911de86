/** What every `MailSender` promises, whatever the mail system behind it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { Failure } from "../../src/model/failure.ts";
import type { Envelope, MailSender, SubmitAttempt } from "../../src/ports.ts";

/** One message as it lies with one recipient. */
export interface Arrived {
  readonly recipient: string;
  readonly mime: string;
}

/** A broken wire to a mail system that works. */
export type SenderFault = "cut before the content" | "cut after the content";

/** A mail system to send through, and a look at what arrived behind it. */
export interface MailSenderRig extends AsyncDisposable {
  readonly from: string;
  /** Addresses that take mail. */
  readonly good: readonly [string, string];
  readonly refusedForGood: string;
  readonly refusedForNow: string;
  /** Bytes; a larger message is not taken. */
  readonly sizeLimit: number;
  /** False where the system takes any address: then nothing is refused for SMTPUTF8. */
  readonly refusesInternational: boolean;
  /** A sender for `from`; each call may make a new mail system connection. */
  sender(fault?: SenderFault): Promise<MailSender>;
  /** All that arrived with the good addresses since the start, once nothing is on its way any more. */
  arrived(): Promise<readonly Arrived[]>;
}

/** Messages at a time in the test of doubling. */
const PARALLEL = 20;

export function mailSenderContract(
  name: string,
  setup: () => Promise<MailSenderRig>,
  {
    skip = false,
    asksEachRecipient = true,
  }: {
    readonly skip?: string | false;
    /** The system tells of each recipient whether it takes mail for it, before the content. Else it takes a message as a whole and bounces later. */
    readonly asksEachRecipient?: boolean;
  } = {},
): void {
  describe(`MailSender: ${name}`, { skip }, () => {
    let rig: MailSenderRig;
    before(async () => {
      rig = await setup();
    });
    after(async () => {
      await rig[Symbol.asyncDispose]();
    });

    const envelope = (...recipients: readonly string[]): Envelope => ({ from: rig.from, recipients, needsSmtpUtf8: false });

    test("a message for two people is accepted and arrives with both, byte for byte", async () => {
      const message = newMessage(rig.from, "A line\r\n.\r\n..two dots\r\n.one dot\r\nlast line without an end");
      const attempt = counted();
      const submission = await (await rig.sender()).submit(envelope(...rig.good), message.mime, attempt);
      assert.equal(submission.kind, "accepted");
      assert.deepEqual(submission.refused, []);
      assert.notEqual(submission.response, "");
      assert.equal(attempt.calls, 1);
      const copies = await copiesOf(rig, message);
      assert.deepEqual(copies.map(({ recipient }) => recipient).sort(), [...rig.good].sort());
      for (const copy of copies) {
        assert.ok(copy.mime.includes("A line\r\n.\r\n..two dots\r\n.one dot\r\nlast line without an end"), copy.mime);
      }
    });

    // A promise that a kind of system does not make is not a test left out.
    if (asksEachRecipient) {
      test("one refused recipient of three does not keep the message from the others, and is named", async () => {
        const message = newMessage(rig.from, "for two of three");
        const [first, second] = rig.good;
        const submission = await (await rig.sender()).submit(envelope(first, rig.refusedForGood, second), message.mime, counted());
        assert.equal(submission.kind, "accepted");
        assert.deepEqual(
          submission.refused.map(({ address, permanent }) => ({ address, permanent })),
          [{ address: rig.refusedForGood, permanent: true }],
        );
        assert.match(submission.refused[0]?.response ?? "", /\S/);
        assert.equal((await copiesOf(rig, message)).length, 2);
      });

      test("a message that nobody takes, for good, is refused for good and never transmitted", async () => {
        const attempt = counted();
        const submission = await (await rig.sender()).submit(envelope(rig.refusedForGood), newMessage(rig.from, "no").mime, attempt);
        assert.equal(submission.kind, "refused");
        assert.equal(submission.permanent, true);
        assert.deepEqual(
          submission.refused.map(({ address }) => address),
          [rig.refusedForGood],
        );
        assert.equal(attempt.calls, 0);
      });

      test("a message that somebody may take later is refused for now", async () => {
        const attempt = counted();
        const submission = await (await rig.sender()).submit(
          envelope(rig.refusedForGood, rig.refusedForNow),
          newMessage(rig.from, "not now").mime,
          attempt,
        );
        assert.equal(submission.kind, "refused");
        assert.equal(submission.permanent, false);
        assert.deepEqual(
          submission.refused.map(({ address, permanent }) => [address, permanent]),
          [
            [rig.refusedForGood, true],
            [rig.refusedForNow, false],
          ],
        );
        assert.equal(attempt.calls, 0);
      });
    }

    test("a connection lost after the content is an unknown outcome, and the message is there at most once", async () => {
      const message = newMessage(rig.from, "did it arrive?");
      const attempt = counted();
      const submission = await (await rig.sender("cut after the content")).submit(envelope(rig.good[0]), message.mime, attempt);
      assert.equal(submission.kind, "unknown");
      assert.match(submission.reason, /\S/);
      assert.equal(attempt.calls, 1);
      assert.ok((await copiesOf(rig, message)).length <= 1);
    });

    test("a connection lost before the content is a failure, and nothing arrives", async () => {
      const message = newMessage(rig.from, "never sent");
      const attempt = counted();
      const sender = await rig.sender("cut before the content");
      await assert.rejects(sender.submit(envelope(rig.good[0]), message.mime, attempt), (error) => {
        assert.ok(error instanceof Failure);
        assert.ok(error.scope === "profile" || error.scope === "mailbox", error.scope);
        assert.equal(error.waitingHelps, true);
        assert.notEqual(error.remedy, "");
        return true;
      });
      assert.equal(attempt.calls, 0);
      assert.equal((await copiesOf(rig, message)).length, 0);
    });

    test("nothing is transmitted when leave to transmit is not given, and the reason comes back as it was", async () => {
      const message = newMessage(rig.from, "held back");
      const no = new Error("the intent could not be stored");
      const sender = await rig.sender();
      await assert.rejects(sender.submit(envelope(rig.good[0]), message.mime, { transmitting: () => Promise.reject(no) }), no);
      assert.equal((await copiesOf(rig, message)).length, 0);
      const next = newMessage(rig.from, "the next one");
      const submission = await sender.submit(envelope(rig.good[0]), next.mime, counted());
      assert.equal(submission.kind, "accepted");
      assert.equal((await copiesOf(rig, next)).length, 1);
    });

    test("a message larger than the system takes is refused for good, with both sizes named", async () => {
      const message = newMessage(
        rig.from,
        "x"
          .repeat(60)
          .concat("\r\n")
          .repeat(Math.ceil(rig.sizeLimit / 60)),
      );
      const attempt = counted();
      const submission = await (await rig.sender()).submit(envelope(rig.good[0]), message.mime, attempt);
      assert.equal(submission.kind, "refused");
      assert.equal(submission.permanent, true);
      assert.ok(submission.response.includes(String(rig.sizeLimit)), submission.response);
      assert.ok(submission.response.includes(String(message.mime.length)), submission.response);
      assert.equal(attempt.calls, 0);
    });

    test("an international address is sent to, or refused for good in plain words", async () => {
      const address = "jürgen@example.test";
      const envelopeOfIt = { ...envelope(address), needsSmtpUtf8: true };
      const submission = await (await rig.sender()).submit(envelopeOfIt, newMessage(rig.from, "hallo").mime, counted());
      if (rig.refusesInternational) {
        assert.equal(submission.kind, "refused");
        assert.equal(submission.permanent, true);
        assert.match(submission.response, /jürgen@example\.test/);
      } else {
        assert.equal(submission.kind, "accepted");
      }
    });

    test("an address with a line break is refused for good before anything is sent", async () => {
      const sender = await rig.sender();
      for (const address of [`${rig.good[0]}>\r\nRCPT TO:<${rig.good[1]}`, "a\u0000b@example.test", "no-at-sign", "a@b\u2028c"]) {
        const attempt = counted();
        const submission = await sender.submit(envelope(rig.good[0], address), newMessage(rig.from, "no").mime, attempt);
        assert.equal(submission.kind, "refused", address);
        assert.equal(submission.permanent, true);
        assert.deepEqual(
          submission.refused.map((refusal) => refusal.address),
          [address],
        );
        assert.equal(attempt.calls, 0);
      }
    });

    test(`${PARALLEL} messages at once arrive once each`, async () => {
      const sender = await rig.sender();
      const messages = Array.from({ length: PARALLEL }, (_, i) => newMessage(rig.from, `number ${i}`));
      const submissions = await Promise.all(messages.map(({ mime }) => sender.submit(envelope(rig.good[0]), mime, counted())));
      assert.deepEqual(
        submissions.map(({ kind }) => kind),
        messages.map(() => "accepted"),
      );
      const arrived = await rig.arrived();
      for (const { id } of messages) {
        assert.equal(arrived.filter(({ mime }) => mime.includes(id)).length, 1, id);
      }
    });

    test("whether a message was sent is answered, or said to be unanswerable; never a false no", async () => {
      const message = newMessage(rig.from, "was it sent?");
      const sender = await rig.sender();
      assert.equal((await sender.submit(envelope(rig.good[0]), message.mime, counted())).kind, "accepted");
      assert.notEqual(await sender.wasSent(message.id), false);
      assert.notEqual(await sender.wasSent(newMessage(rig.from, "never sent").id), true);
      await sender.close();
    });
  });
}

interface TestMessage {
  /** Message-ID without angle brackets. */
  readonly id: string;
  readonly mime: Buffer;
}

function newMessage(from: string, text: string): TestMessage {
  const id = `${randomUUID()}@example.test`;
  const head = [
    `From: ${from}`,
    "To: undisclosed-recipients:;",
    `Subject: contract`,
    `Message-ID: <${id}>`,
    `Date: ${new Date().toUTCString()}`,
  ];
  return { id, mime: Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`) };
}

async function copiesOf(rig: MailSenderRig, { id }: TestMessage): Promise<readonly Arrived[]> {
  return (await rig.arrived()).filter(({ mime }) => mime.includes(id));
}

/** Gives leave to transmit and counts how often it was asked. */
export function counted(): SubmitAttempt & { readonly calls: number } {
  let calls = 0;
  return {
    get calls() {
      return calls;
    },
    transmitting: async () => {
      calls++;
    },
  };
}
