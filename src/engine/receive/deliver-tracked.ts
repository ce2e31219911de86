import { setImmediate as othersTurn } from "node:timers/promises";
import { claim, markDelivered, readClaims } from "../../ledger/claims.ts";
import { type DecidedMessage, reconsiderWaiting, storeDecisions } from "../../ledger/decisions.ts";
import { type QuarantineStep, quarantine, release } from "../../ledger/quarantine.ts";
import { parseContent } from "../../mime/content.ts";
import { contentFingerprint } from "../../mime/fingerprint.ts";
import { REASON } from "../../model/decision.ts";
import type { IncomingEmail } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import { emailIdFor, strengthen } from "../../model/identity.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import type { Transaction } from "../../model/sql.ts";
import { step } from "../step.ts";
import { incomingEmail } from "./incoming-email.ts";
import { itemFault } from "./item-fault.ts";
import { type Counts, duplicateOf, NO_COUNTS, type Reading, type TrackedCandidate } from "./reading.ts";

/** Announced bytes of content held at a time, and messages in one transaction. A larger message goes alone. */
const CHUNK_BYTES = 16 * 1024 * 1024;
const CHUNK_MESSAGES = 100;

/** A message with its content read, ready for the CRM. */
interface Ready {
  readonly candidate: TrackedCandidate;
  /** Claimed identity. */
  readonly identity: string;
  readonly email: IncomingEmail;
}

interface Broken {
  readonly candidate: TrackedCandidate;
  readonly step: QuarantineStep;
  readonly failure: Failure;
}

/**
 * Downloads what is tracked, in chunks of bounded size, and delivers it. Each chunk's emails, claims and decisions commit together; `finish` joins
 * the last one. A message that fails alone is quarantined; anything wider aborts and leaves the cursor where it was (invariant 1).
 */
export async function deliverTracked(
  reading: Reading,
  tracked: readonly TrackedCandidate[],
  settings: OrganizationSettings,
  finish: (tx: Transaction) => Promise<void>,
): Promise<Counts> {
  let counts = NO_COUNTS;
  const chunks = chunked(tracked);
  for (const [index, chunk] of chunks.entries()) {
    const { ready, broken, slipped } = await readContent(reading, chunk, settings);
    step("receive.read");
    const done = await deliverChunk(reading, ready, broken, slipped, index === chunks.length - 1 ? finish : null);
    counts = {
      ...counts,
      tracked: counts.tracked + done.tracked,
      skipped: counts.skipped + slipped.length,
      duplicate: counts.duplicate + done.duplicate,
      quarantined: counts.quarantined + done.quarantined,
    };
  }
  return counts;
}

function chunked(tracked: readonly TrackedCandidate[]): TrackedCandidate[][] {
  const chunks: TrackedCandidate[][] = [];
  let current: TrackedCandidate[] = [];
  let bytes = 0;
  for (const candidate of tracked) {
    if (current.length > 0 && (bytes + candidate.head.size > CHUNK_BYTES || current.length >= CHUNK_MESSAGES)) {
      chunks.push(current);
      current = [];
      bytes = 0;
    }
    current.push(candidate);
    bytes += candidate.head.size;
  }
  if (current.length > 0) chunks.push(current);
  return chunks;
}

/**
 * Reads and parses a chunk's content. A message gone meanwhile slipped away: where it turns up again, it is decided as if never seen. One that the server
 * does not hand out is broken: it must not keep the others from being delivered.
 */
async function readContent(
  { work, source }: Reading,
  chunk: readonly TrackedCandidate[],
  settings: OrganizationSettings,
): Promise<{ ready: Ready[]; broken: Broken[]; slipped: DecidedMessage[] }> {
  const waiting = new Map(chunk.map((candidate) => [candidate.head.ref.id, candidate]));
  const ready: Ready[] = [];
  const broken: Broken[] = [];
  const slipped: DecidedMessage[] = [];
  const refs = chunk.map((one) => one.head.ref);
  try {
    for await (const content of source.content(refs, { maximumSize: work.profile.maximumMessageSize })) {
      const candidate = waiting.get(content.ref.id);
      if (!candidate) continue;
      waiting.delete(content.ref.id);
      if (content.kind === "gone") {
        slipped.push(slippedAway(candidate));
      } else if (content.kind === "too large") {
        broken.push({ candidate, step: "read", failure: tooLarge(work.mailbox.address, content.size, content.limit) });
      } else {
        const one = await parse(work, candidate, content.mime, settings);
        if ("email" in one) ready.push(one);
        else broken.push(one);
        // What a batch holds is parsed without any waiting in between.
        await othersTurn();
      }
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    for (const candidate of waiting.values()) broken.push({ candidate, step: "read", failure: error });
  }
  return { ready, broken, slipped };
}

async function parse(
  { mailbox }: Reading["work"],
  candidate: TrackedCandidate,
  mime: Buffer,
  settings: OrganizationSettings,
): Promise<Ready | Broken> {
  try {
    const content = await parseContent(mime);
    const identity = candidate.identity.weak ? strengthen(candidate.identity, contentFingerprint(content)).key : candidate.identity.key;
    const id = emailIdFor(mailbox.organization, identity);
    return { candidate, identity, email: incomingEmail(id, candidate, mailbox.address, content, settings) };
  } catch (error) {
    const what = `Mailbox ${mailbox.address}: a message cannot be read as mail`;
    // Nothing here asks anybody else, so whatever goes wrong is about this message.
    const failure = itemFault(error, what) ?? unreadableAsMail(what, error);
    return { candidate, step: "parse", failure };
  }
}

async function deliverChunk(
  reading: Reading,
  ready: readonly Ready[],
  broken: readonly Broken[],
  slipped: readonly DecidedMessage[],
  finish: ((tx: Transaction) => Promise<void>) | null,
): Promise<Counts> {
  const { context, work } = reading;
  const { organization, id: mailboxId } = work.mailbox;
  const now = context.now();
  const claims = await claim(
    context.database,
    organization,
    mailboxId,
    ready.map((one) => ({ identity: one.identity, emailId: one.email.id, messageId: one.email.messageId })),
    now,
  );
  step("receive.claimed");
  const [mine, others] = partition(ready, (one) => !claims.get(one.identity)?.delivered);
  const duplicates = others.flatMap((one) => {
    const first = claims.get(one.identity);
    return first ? [duplicateOf(one.candidate, first, mailboxId)] : [];
  });
  return storeChunk(reading, mine, [...duplicates, ...slipped], broken, finish);
}

/** Delivers and stores in one transaction; a fault of a single message is found by halving, and that message alone is quarantined. */
async function storeChunk(
  reading: Reading,
  ready: readonly Ready[],
  others: readonly DecidedMessage[],
  broken: readonly Broken[],
  finish: ((tx: Transaction) => Promise<void>) | null,
): Promise<Counts> {
  const { context, work } = reading;
  try {
    return await storeTogether(reading, ready, others, broken, finish);
  } catch (error) {
    const failure = itemFault(error, `Mailbox ${work.mailbox.address}: the CRM does not take a message`);
    const [only] = ready;
    if (!failure || !only) throw error;
    context.log.warn({ mailbox: work.mailbox.address, messages: ready.length, code: failure.code }, failure.message);
    if (ready.length === 1)
      return storeChunk(reading, [], others, [...broken, { candidate: only.candidate, step: "deliver", failure }], finish);
    const half = Math.ceil(ready.length / 2);
    const first = await storeChunk(reading, ready.slice(0, half), [], [], null);
    const second = await storeChunk(reading, ready.slice(half), others, broken, finish);
    return {
      ...second,
      tracked: first.tracked + second.tracked,
      duplicate: first.duplicate + second.duplicate,
      quarantined: first.quarantined + second.quarantined,
    };
  }
}

async function storeTogether(
  reading: Reading,
  ready: readonly Ready[],
  others: readonly DecidedMessage[],
  broken: readonly Broken[],
  finish: ((tx: Transaction) => Promise<void>) | null,
): Promise<Counts> {
  const { context, work, lease } = reading;
  const { organization, id: mailboxId } = work.mailbox;
  const crm = context.crm(organization);
  const emails = ready.map((one) => one.email);
  const now = context.now();
  // Into a foreign CRM the delivery goes first and is idempotent; the embedded one takes part in the transaction (DESIGN 6).
  if (!crm.joinsTransaction) await crm.deliver(emails);
  const { woken, late } = await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    if (crm.joinsTransaction) await crm.deliver(emails, tx);
    step("receive.delivered");
    const identities = ready.map((one) => one.identity);
    const first = await markDelivered(tx, organization, mailboxId, identities, now);
    // Another mailbox delivered them while we did.
    const foreign = await readClaims(
      tx,
      organization,
      identities.filter((identity) => !first.has(identity)),
    );
    const decided = ready.map((one) => {
      const claimed = foreign.get(one.identity);
      return claimed ? duplicateOf(one.candidate, claimed, mailboxId) : trackedMessage(one);
    });
    const ids = await storeDecisions(tx, organization, mailboxId, [...decided, ...others], now);
    await release(tx, [...ids.values()], now);
    const brokenIds = await storeDecisions(tx, organization, mailboxId, broken.map(quarantinedMessage), now);
    for (const one of broken) {
      const decisionId = brokenIds.get(one.candidate.key);
      if (decisionId !== undefined) await quarantine(tx, mailboxId, decisionId, one.step, one.failure, now);
    }
    await finish?.(tx);
    const mailboxes = await reconsiderWaiting(
      tx,
      organization,
      emails.flatMap((email) => email.messageId ?? []),
    );
    return { woken: mailboxes, late: decided.filter((one) => one.outcome === "duplicate").length };
  }, "deliver emails");
  step("receive.committed");
  for (const waiting of woken) await context.wake("receive", waiting);
  observeDelay(reading, emails);
  return {
    ...NO_COUNTS,
    tracked: emails.length - late,
    duplicate: others.filter((one) => one.outcome === "duplicate").length + late,
    quarantined: broken.length,
  };
}

function trackedMessage({ candidate, email }: Ready): DecidedMessage {
  const { decision } = candidate;
  return {
    head: candidate.head,
    places: candidate.places,
    identity: candidate.key,
    outcome: "tracked",
    reason: decision.reason,
    rules: decision.rules,
    emailId: email.id,
    waitingFor: [],
  };
}

function slippedAway({ head, places, key, decision }: TrackedCandidate): DecidedMessage {
  const because =
    "The message left its folder before its content could be read. Where it turns up in a folder that is read, it is decided again.";
  const rules = [...decision.rules, { rule: "content", answer: "no" as const, because }];
  return { head, places, identity: key, outcome: "skipped", reason: REASON.unknown, rules, emailId: null, waitingFor: [], undecided: true };
}

function quarantinedMessage({ candidate, failure }: Broken): DecidedMessage {
  return {
    head: candidate.head,
    places: candidate.places,
    identity: candidate.key,
    outcome: "quarantined",
    reason: REASON.unknown,
    rules: [...candidate.decision.rules, { rule: "quarantine", answer: "yes", because: `${failure.message} ${failure.remedy}` }],
    emailId: null,
    waitingFor: [],
  };
}

function observeDelay({ context }: Reading, emails: readonly IncomingEmail[]): void {
  const now = context.now().getTime();
  for (const email of emails) context.measure.observe("arrival_to_email_seconds", {}, Math.max(0, (now - email.received.getTime()) / 1000));
}

function tooLarge(mailbox: string, size: number, limit: number): Failure {
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  return new Failure({
    scope: "item",
    code: "message too large",
    message: `Mailbox ${mailbox}: a message of ${megabytes(size)} is larger than the limit of ${megabytes(limit)} and was not downloaded.`,
    remedy: "Raise maximumMessageMegabytes in the server profile, then run `waypost quarantine retry`.",
    waitingHelps: false,
  });
}

function partition<T>(list: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  return [list.filter(test), list.filter((one) => !test(one))];
}

function unreadableAsMail(what: string, cause: unknown): Failure {
  return new Failure({
    scope: "item",
    code: "message not readable as mail",
    message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy: "Nothing is lost: the message stays in its mailbox. Please report it; after an update run `waypost quarantine retry`.",
    waitingHelps: false,
    cause,
  });
}
