import { type Claim, type ClaimRow, claim, claimDelivered, markDelivered, readClaims } from "../../ledger/claims.ts";
import { type Coverage, type DecidedMessage, holdWaiting, reconsiderWaiting, storeDecisions } from "../../ledger/decisions.ts";
import { type SaidRegarding, storeSaidRegarding } from "../../ledger/email-regarding.ts";
import { quarantine } from "../../ledger/quarantine.ts";
import { holdWishes } from "../../ledger/wishes.ts";
import { REASON, type RuleAnswer } from "../../model/decision.ts";
import type { IncomingEmail } from "../../model/email.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import type { Sql, Transaction } from "../../model/sql.ts";
import { untrackedAnswer } from "../../tracking/asked-for.ts";
import { step } from "../step.ts";
import { type Additional, addQueueItems } from "./additional-queue-items.ts";
import { itemFault } from "./item-fault.ts";
import { noteMarking } from "./mark-tracked.ts";
import { withNewRecords } from "./new-records.ts";
import { type Broken, type Chunk, type Ready, readChunks } from "./read-content.ts";
import { addCounts, type Counts, duplicateOf, NO_COUNTS, type Reading, type TrackedCandidate } from "./reading.ts";
import { foundedTogether, storeUnfounded } from "./resting.ts";
import { withSaidRegarding } from "./said-regarding.ts";
import { assertNothingSaidSince, type DecidedWith, isWordGiven, untrackedEmails, unwantedOf } from "./wishes.ts";

/** What else of a page is stored beside its deliveries. */
export interface Beside {
  /** In a transaction before them, ahead of the cursor, while the first content is read; null: nothing. */
  readonly first: ((tx: Transaction) => Promise<void>) | null;
  /** What the cursor is to the deliveries before the last. */
  readonly before: Coverage;
  /** In the transaction of the last of them; `made`: ids of the emails that are there then. */
  readonly finish: (tx: Transaction, made: ReadonlySet<string>) => Promise<void>;
}

/** How far the deliveries of a page are. */
interface Progress {
  /** Ids of the emails that are made of its messages. */
  readonly made: Set<string>;
  /** Null before the last. */
  readonly finish: Beside["finish"] | null;
  readonly before: Coverage;
}

/**
 * Delivers what is tracked, in chunks of bounded size; while one is stored, the next is downloaded and read. Each chunk's emails, claims and
 * decisions commit together. A message that fails alone is quarantined; anything wider aborts and leaves the cursor where it was (invariant 1).
 * `onRead` is called when all is downloaded.
 */
export async function deliverTracked(
  reading: Reading,
  tracked: readonly TrackedCandidate[],
  settings: OrganizationSettings,
  { first, finish, before }: Beside,
  onRead: () => void,
): Promise<Counts> {
  let counts = NO_COUNTS;
  const made = new Set<string>();
  const deliver = (chunk: Chunk) => deliverChunk(reading, chunk, { made, finish: chunk.last ? finish : null, before });
  const begun = first === null ? null : storeFirst(reading, first);
  begun?.catch(() => undefined);
  let storing: Promise<Counts> | null = null;
  try {
    for await (const chunk of readChunks(reading, tracked, settings)) {
      if (chunk.last) onRead();
      if (storing !== null) counts = addCounts(counts, await storing);
      step("receive.read");
      // The first chunk stands in line behind what is stored before it, while the second is read: no more than two are ever held.
      storing = storing === null && begun !== null ? begun.then(() => deliver(chunk)) : deliver(chunk);
      // It is awaited after the next chunk was read, and may have failed by then.
      storing.catch(() => undefined);
    }
    return storing === null ? counts : addCounts(counts, await storing);
  } finally {
    // Whatever failed, nothing is stored any more when the caller hears of it.
    await Promise.allSettled([begun, storing]);
  }
}

async function storeFirst({ context, lease }: Reading, first: (tx: Transaction) => Promise<void>): Promise<void> {
  await context.database.transaction((tx) => Promise.all([lease.assertHeld(tx), first(tx)]), "store decisions");
  step("receive.committed");
}

async function deliverChunk(reading: Reading, { ready, broken, slipped }: Chunk, progress: Progress): Promise<Counts> {
  const { mine, duplicates } = await claimAhead(reading, ready);
  // Of one that was decided before nothing new is known: see leaveDecided in ledger/pending-decisions.ts.
  const skipped = slipped.filter((one) => !one.isDecided).map(slippedAway);
  return storeChunk(reading, mine, [...duplicates, ...skipped], broken, progress);
}

/** A foreign CRM is told only what nobody delivered before; in the embedded one the claims are part of the delivery's transaction. */
async function claimAhead(
  reading: Reading,
  ready: readonly Ready[],
): Promise<{ readonly mine: readonly Ready[]; readonly duplicates: readonly (DecidedMessage & Additional)[] }> {
  const {
    context,
    work: { mailbox },
  } = reading;
  if (context.crm(mailbox.organization).joinsTransaction) return { mine: ready, duplicates: [] };
  const claims = await claim(context.database, mailbox.organization, mailbox.id, ready.map(claimOf), context.now());
  step("receive.claimed");
  const [mine, others] = partition(ready, (one) => !claims.get(one.identity)?.delivered);
  return { mine, duplicates: await duplicatesOf(reading, context.database, others, claims) };
}

function claimOf({ identity, email }: Ready): Claim {
  return { identity, emailId: email.id, messageId: email.messageId };
}

/** Delivers and stores in one transaction; a fault of a single message is found by halving, and that message alone is quarantined. */
async function storeChunk(
  reading: Reading,
  ready: readonly Ready[],
  others: readonly (DecidedMessage & Additional)[],
  broken: readonly Broken[],
  progress: Progress,
): Promise<Counts> {
  const { context, work } = reading;
  try {
    return await storeTogether(reading, ready, others, broken, progress);
  } catch (error) {
    const failure = itemFault(error, `Mailbox ${work.mailbox.address}: the CRM does not take a message`);
    const [only] = ready;
    if (!failure || !only) throw error;
    context.log.warn({ mailbox: work.mailbox.address, messages: ready.length, code: failure.code }, failure.message);
    if (ready.length === 1)
      return storeChunk(reading, [], others, [...broken, { candidate: only.candidate, step: "deliver", failure }], progress);
    const half = Math.ceil(ready.length / 2);
    const first = await storeChunk(reading, ready.slice(0, half), [], [], { ...progress, finish: null });
    const second = await storeChunk(reading, ready.slice(half), others, broken, progress);
    return {
      ...second,
      tracked: first.tracked + second.tracked,
      skipped: first.skipped + second.skipped,
      duplicate: first.duplicate + second.duplicate,
      quarantined: first.quarantined + second.quarantined,
    };
  }
}

async function storeTogether(
  reading: Reading,
  ready: readonly Ready[],
  others: readonly (DecidedMessage & Additional)[],
  broken: readonly Broken[],
  { made, finish, before }: Progress,
): Promise<Counts> {
  const { context, work, lease } = reading;
  const { organization, id: mailboxId } = work.mailbox;
  const crm = context.crm(organization);
  const now = context.now();
  const there = new Set([...made, ...others.flatMap(({ emailId }) => emailId ?? [])]);
  const { firm, unfounded } = foundedTogether(ready, there);
  for (const { email } of firm) there.add(email.id);
  // Into a foreign CRM the delivery goes first and is idempotent; the embedded one takes part in the transaction (DESIGN 6).
  const isAgain = firm.some(({ candidate }) => candidate.isDecided === true);
  const worded = isAgain ? await withSaidRegarding(context.database, organization, firm) : firm;
  const named = crm.joinsTransaction ? worded : await withNewRecords(crm, worded);
  const created = crm.joinsTransaction ? [] : await deliverElsewhere(reading, named, others);
  const storing = context.database.transaction(async (tx) => {
    const [, , , fulfilled] = await Promise.all([
      holdWishes(tx, organization),
      isAgain ? holdWaiting(tx, organization) : null,
      lease.assertHeld(tx),
      fulfil(reading, tx, named, now),
    ]);
    const { duplicates } = fulfilled;
    const fresh = crm.joinsTransaction ? await withNewRecords(crm, fulfilled.fresh, tx) : fulfilled.fresh;
    await assertNothingSaidSince(reading, tx, fresh.map(decidedWith));
    const emails = fresh.map((one) => one.email);
    const decided = [...fresh.map(trackedMessage), ...duplicates, ...others];
    const coverage = finish === null ? before : "covered";
    const delivery = crm.joinsTransaction ? crm.deliver(emails, tx) : null;
    const [, ids] = await Promise.all([
      delivery,
      storeDecisions(tx, organization, mailboxId, decided, now, coverage),
      storeSaidRegarding(tx, organization, fresh.flatMap(saidByFolder)),
    ]);
    await noteMarking(reading, tx, decided, ids);
    step("receive.delivered");
    const brokenIds = await storeDecisions(tx, organization, mailboxId, broken.map(quarantinedMessage), now, coverage);
    const entries = broken.flatMap(({ candidate, step: failedAt, failure }) => {
      const decisionId = brokenIds.get(candidate.key);
      return decisionId === undefined ? [] : [{ decisionId, step: failedAt, failure }];
    });
    await quarantine(tx, mailboxId, entries, now);
    await storeUnfounded(
      reading,
      tx,
      unfounded.map(({ candidate }) => ({ ...candidate, identity: candidate.key })),
      coverage,
    );
    if (crm.joinsTransaction) await addQueueItems(crm, [...duplicates, ...others], tx);
    await finish?.(tx, there);
    const mailboxes = await reconsiderWaiting(
      tx,
      organization,
      emails.flatMap((email) => email.messageId ?? []),
    );
    return { woken: mailboxes, delivered: emails, late: duplicates };
  }, "deliver emails");
  const { woken, delivered, late } = await storing.catch(async (error: unknown) => {
    if (isWordGiven(error)) await takeBack(reading, created);
    throw error;
  });
  if (late.length > 0) await takeBack(reading, created);
  for (const id of there) made.add(id);
  step("receive.committed");
  for (const waiting of woken) await context.wake("receive", waiting);
  observeDelay(reading, delivered);
  const known = [...others, ...late];
  return {
    ...NO_COUNTS,
    tracked: delivered.length,
    skipped: known.filter((one) => one.outcome === "skipped").length,
    duplicate: known.filter((one) => one.outcome === "duplicate").length,
    quarantined: broken.length,
  };
}

/**
 * Delivers into a CRM that joins no transaction, and returns those of which an email was made now. One that was there before is another mailbox's, or of an attempt
 * that came to no end. What a person said by then counts; what is said during it, {@link takeBack} heeds.
 */
async function deliverElsewhere(
  reading: Reading,
  ready: readonly Ready[],
  others: readonly (DecidedMessage & Additional)[],
): Promise<readonly Ready[]> {
  const { context, work } = reading;
  const crm = context.crm(work.mailbox.organization);
  await assertNothingSaidSince(reading, context.database, ready.map(decidedWith));
  const delivered = await crm.deliver(ready.map((one) => one.email));
  const existed = new Set(delivered.filter((one) => one.result === "existed").map((one) => one.id));
  const [known, created] = partition(ready, ({ email }) => existed.has(email.id));
  await addQueueItems(crm, [
    ...others,
    ...known.map(({ email, candidate }) => ({ emailId: email.id, additionalQueueId: candidate.decision.additionalQueueId })),
  ]);
  return created;
}

/** A person wanted none of these emails while they were being made elsewhere: then they are not left there. */
async function takeBack(reading: Reading, created: readonly Ready[]): Promise<void> {
  const { context, work } = reading;
  const crm = context.crm(work.mailbox.organization);
  for (const id of await unwantedOf(reading, context.database, created.map(decidedWith))) await crm.remove(id);
}

function decidedWith({ candidate, email }: Ready): DecidedWith {
  return { key: candidate.key, head: candidate.head, wish: candidate.wish, emailId: email.id };
}

/** Fulfils the claims. Another mailbox may have delivered first, and of twins that are one message the first counts: the others are duplicates. */
async function fulfil(
  reading: Reading,
  tx: Transaction,
  ready: readonly Ready[],
  now: Date,
): Promise<{ readonly fresh: readonly Ready[]; readonly duplicates: readonly (DecidedMessage & Additional)[] }> {
  const {
    context,
    work: { mailbox },
  } = reading;
  const { organization, id } = mailbox;
  const identities = ready.map((one) => one.identity);
  const { joinsTransaction } = context.crm(organization);
  const fulfilled = joinsTransaction
    ? await claimDelivered(tx, organization, id, ready.map(claimOf), now)
    : await markDelivered(tx, organization, id, identities, now);
  if (joinsTransaction) step("receive.claimed");
  const [fresh, late] = partition(ready, (one) => fulfilled.delete(one.identity));
  const claims = await readClaims(
    tx,
    organization,
    late.map((one) => one.identity),
  );
  return { fresh, duplicates: await duplicatesOf(reading, tx, late, claims) };
}

/** Of those that only their content showed to be an email that a person untracked, no mailbox makes or links one. */
async function duplicatesOf(
  { work: { mailbox } }: Reading,
  sql: Sql,
  late: readonly Ready[],
  claims: ReadonlyMap<string, ClaimRow>,
): Promise<(DecidedMessage & Additional)[]> {
  const emailIds = late.flatMap(({ identity }) => claims.get(identity)?.emailId ?? []);
  const untracked = await untrackedEmails(sql, mailbox.organization, emailIds);
  return late.flatMap(({ candidate, identity, contentHash }): (DecidedMessage & Additional)[] => {
    const first = claims.get(identity);
    if (first === undefined) return [];
    const duplicate = { ...duplicateOf(candidate, first, mailbox.id), contentHash };
    const wish = untracked.get(first.emailId);
    return wish === undefined
      ? [{ ...duplicate, additionalQueueId: candidate.decision.additionalQueueId }]
      : [
          {
            ...duplicate,
            outcome: "skipped" as const,
            reason: REASON.unknown,
            rules: [...candidate.decision.rules, untrackedAnswer(wish)],
          },
        ];
  });
}

/** What the folder says that an email is about, where nobody said it by hand. */
function saidByFolder({ candidate: { folder, wish }, email }: Ready): readonly SaidRegarding[] {
  const regarding = folder?.rule.regarding ?? null;
  return folder === undefined || regarding === null || wish?.regarding ? [] : [{ emailId: email.id, ruleId: folder.rule.id, regarding }];
}

function trackedMessage({ candidate, email, contentHash, remarks, handedOut }: Ready): DecidedMessage {
  const { decision } = candidate;
  return {
    head: candidate.head,
    places: candidate.places,
    identity: candidate.key,
    outcome: "tracked",
    reason: decision.reason,
    rules: [
      ...decision.rules,
      ...(handedOut === null ? [] : [{ rule: "content", answer: "yes" as const, because: handedOut }]),
      ...(remarks.length === 0 ? [] : [notWhole(remarks)]),
    ],
    emailId: email.id,
    waitingFor: [],
    automaticAnswer: decision.automaticAnswer,
    contentHash,
  };
}

/** Where it turns up again, it is decided as if never seen. */
function slippedAway({ head, places, key, decision }: TrackedCandidate): DecidedMessage {
  const because =
    "The message left its folder before its content could be read. Where it turns up in a folder that is read, it is decided again.";
  const rules = [...decision.rules, { rule: "content", answer: "no" as const, because }];
  return { head, places, identity: key, outcome: "skipped", reason: REASON.unknown, rules, emailId: null, waitingFor: [], undecided: true };
}

/** Also keeps the message in its mailbox where processed ones are deleted: see deletable in ledger/deletions.ts. */
function notWhole(remarks: readonly string[]): RuleAnswer {
  return { rule: "content", answer: "no", because: `The email does not hold the whole message. ${remarks.join(" ")}` };
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

function partition<T>(list: readonly T[], test: (one: T) => boolean): [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const one of list) parts[test(one) ? 0 : 1].push(one);
  return parts;
}
