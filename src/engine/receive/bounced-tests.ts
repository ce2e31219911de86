import { sentTests, type TestTrace } from "../../ledger/mailbox-tests.ts";
import { Failure } from "../../model/failure.ts";
import type { MessageHead } from "../../model/message.ts";
import { bounceOf, lookedLikeBounce } from "../check/bounce.ts";
import type { Reading } from "./reading.ts";

/** Servers give up on a message after five days as a rule (RFC 5321 4.5.4.1); no bounce of a test is looked for after that and a little more. */
const BOUNCED_WITHIN_MS = 6 * 24 * 60 * 60 * 1000;
/** Bounces of a page that are opened for it, and the bytes of one. */
const OPENED = 20;
const BOUNCE_BYTES = 1024 * 1024;

/**
 * Bounces of the test messages of this mailbox among the heads, by their place: most servers name the message that they send back in the content
 * only (RFC 3464). Nothing is opened unless the mailbox was tested in the last days and the head looks like a bounce.
 * @param told heads of which it is known already what they have to do with a test
 */
export async function bouncedTests(
  { context, work, source }: Reading,
  heads: readonly MessageHead[],
  told: ReadonlyMap<number, TestTrace>,
): Promise<Map<number, TestTrace>> {
  const found = new Map<number, TestTrace>();
  const suspects = heads.flatMap((head, index) => (told.has(index) || !lookedLikeBounce(head) ? [] : [{ head, index }])).slice(0, OPENED);
  if (suspects.length === 0) return found;
  const tests = await sentTests(context.database, work.mailbox.id, new Date(context.now().getTime() - BOUNCED_WITHIN_MS));
  if (tests.length === 0) return found;
  const places = new Map(suspects.map(({ head, index }) => [head.ref.id, index]));
  try {
    const refs = suspects.map(({ head }) => head.ref);
    for await (const content of source.content(refs, { maximumSize: BOUNCE_BYTES })) {
      const index = places.get(content.ref.id);
      if (content.kind !== "mime" || index === undefined) continue;
      const test = tests.find(({ messageId }) => bounceOf(content.mime, messageId) !== null);
      if (test !== undefined) found.set(index, { kind: "bounce", mailbox: work.mailbox.address, sentAt: test.sentAt });
    }
  } catch (error) {
    // One that is not handed out is decided by its head; if it is wanted in the CRM, it is asked for again and told of then.
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
  }
  return found;
}
