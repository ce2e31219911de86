import { setImmediate as othersTurn } from "node:timers/promises";
import type { ClaimRow } from "../../ledger/claims.ts";
import {
  type Coverage,
  type DecidedMessage,
  type DecidedPlace,
  decisionsByIdentity,
  holdWaiting,
  reconsiderAnswered,
  storeDecisions,
  storeLocations,
} from "../../ledger/decisions.ts";
import { readKnown } from "../../ledger/earlier-copies.ts";
import { fileSeen } from "../../ledger/folder-rules.ts";
import { noteUnasked } from "../../ledger/key-index.ts";
import { testTraces } from "../../ledger/mailbox-tests.ts";
import { noteRule } from "../../ledger/note-rule.ts";
import type { PendingDecision } from "../../ledger/pending-decisions.ts";
import { placesBefore } from "../../ledger/places-before.ts";
import { quarantine } from "../../ledger/quarantine.ts";
import { LOOK_ALIKE } from "../../ledger/told-before.ts";
import { holdWishes } from "../../ledger/wishes.ts";
import type { AnswersCounted } from "../../model/automatic-answer.ts";
import type { EarlierEmail, Known } from "../../model/facts.ts";
import { ruledAmong } from "../../model/folder-rule.ts";
import { decisionKey, emailIdentityOf, emailIdFor } from "../../model/identity.ts";
import type { MessageHead, Place } from "../../model/message.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import type { Transaction } from "../../model/sql.ts";
import type { Wish } from "../../model/wish.ts";
import { emailFact } from "../../tracking/email-fact.ts";
import { countBefore } from "../../tracking/mail-loop.ts";
import { PageFacts } from "../../tracking/page-facts.ts";
import { track } from "../../tracking/track.ts";
import type { EngineContext } from "../context.ts";
import { step } from "../step.ts";
import { type Additional, addQueueItems } from "./additional-queue-items.ts";
import { deliverTracked } from "./deliver-tracked.ts";
import { knownAgain } from "./known-again.ts";
import { alertLoops, answersBefore } from "./loops.ts";
import { noteMarking } from "./mark-tracked.ts";
import { messageIdsIn, readReports, reportedEmails } from "./read-reports.ts";
import { type Candidate, type Counts, NO_COUNTS, type Reading, type TrackedCandidate } from "./reading.ts";
import { founded, type Resting, storeUnfounded } from "./resting.ts";
import { asSentCopy, keyElsewhere, knownAsSent, markedByDecision, markedBySentFolder, sentByWaypost } from "./sent-copies.ts";
import { undecidable, unreadable } from "./unreadable-heads.ts";
import { verdictsOn } from "./verdicts.ts";
import { assertNothingSaidSince, wishesOf } from "./wishes.ts";
import { knownByPlace, WRITTEN_ANEW } from "./written-anew.ts";

/** What is known of earlier decisions, by the ids of the refs: their keys, and the emails that were made. */
type Earlier = ReadonlyMap<
  string,
  Pick<PendingDecision, "identity" | "emailId" | "isGone"> & Partial<Pick<PendingDecision, "lies">> & { readonly isSentCopy?: boolean }
>;

/** Which messages of the heads are decided. `passed`: the cursor passed by their places long ago, so that no later page tells of them. */
export type Which = {
  readonly passed?: true;
} /** Those that the mailbox has not seen and that lie in one of these folders. Of known ones only the place is kept up to date. */ & (
  | {
      readonly newIn: ReadonlySet<string>;
      /** Ids of the refs of messages that lie where another was decided, and are to be decided for themselves. */
      readonly changed: ReadonlySet<string>;
    }
  /** All, although each was decided before. */
  | { readonly again: Earlier }
);

/**
 * Decides a page of heads of one stream and stores what follows. `finish` runs inside the last transaction: there the cursor moves, so that it
 * never covers what is not stored. Known messages only get a new place: a move is not news. `onRead` is called once, when nothing more is asked of
 * the mail system for this page, while it is still being stored.
 */
export async function processHeads(
  reading: Reading,
  heads: readonly MessageHead[],
  which: Which,
  finish: (tx: Transaction) => Promise<void>,
  onRead: () => void = () => undefined,
): Promise<Counts> {
  const { context, work } = reading;
  const { candidates, known, writtenAnew } =
    "again" in which ? { candidates: again(heads, which.again), known: [], writtenAnew: [] } : await sortOut(reading, heads, which);
  const moved = known.filter((one) => one.moved).length;
  const storeRest = async (tx: Transaction) => {
    await storeLocations(tx, work.mailbox.id, known, context.now());
    await noteRule(tx, work.mailbox.id, writtenAnew, WRITTEN_ANEW);
    await fileRuled(reading, tx, heads, known);
    await finish(tx);
  };
  // A folder in which nothing is new is what most rounds find: nothing is asked of the CRM for it.
  if (candidates.length === 0) return { ...(await commit(context, storeRest, onRead)), moved };
  const factsReadAt = context.now();
  const withheld = candidates.filter((one) => one.head.unreadable !== undefined);
  const { decided, tracked, settings } = await decide(
    reading,
    candidates.filter((one) => one.head.unreadable === undefined),
  );
  step("receive.decided");
  const crm = context.crm(work.mailbox.organization);
  if (!crm.joinsTransaction) await addQueueItems(crm, decided);
  const store = async (tx: Transaction, some: readonly Decided[], coverage: Coverage) => {
    // Of what nobody can name yet nobody says anything.
    if ("again" in which) {
      await holdWishes(tx, work.mailbox.organization);
      await holdWaiting(tx, work.mailbox.organization);
      await assertNothingSaidSince(
        reading,
        tx,
        some.map((one) => ({ ...one, key: one.identity, emailId: undefined })),
      );
    }
    if (crm.joinsTransaction) await addQueueItems(crm, some, tx);
    const ids = await storeDecisions(tx, work.mailbox.organization, work.mailbox.id, some, context.now(), coverage);
    await noteMarking(reading, tx, some, ids);
    const waiting = some.flatMap((one) => (one.waitingFor.length > 0 ? (ids.get(one.identity) ?? []) : []));
    const unasked = some.flatMap(({ identity, unasked: keys }) => {
      const decisionId = keys.length > 0 ? ids.get(identity) : undefined;
      return decisionId === undefined ? [] : [{ decisionId, keys }];
    });
    return {
      reconsider: async () => {
        await reconsiderAnswered(tx, work.mailbox.organization, waiting, factsReadAt);
        await noteUnasked(tx, work.mailbox.organization, unasked);
      },
    };
  };
  // With the first content, or what is stored while it is read, places stand there before the cursor covers them.
  const before: Coverage = which.passed === true ? "covered" : "ahead";
  if (tracked.length > 0 && before === "ahead")
    for (const { places } of candidates) for (const { ref } of places) reading.ahead.add(ref.stream);
  const { early = [], late = [] } = Object.groupBy(decided, (one) => (tracked.length > 0 && one.restsOn.size === 0 ? "early" : "late"));
  let settled: readonly Decided[] = early;
  const storeLate = async (tx: Transaction, made: ReadonlySet<string>) => {
    const { firm, unfounded } = founded(late, made);
    settled = [...early, ...firm];
    const { reconsider } = await store(tx, firm, "covered");
    await storeUnfounded(reading, tx, unfounded, "covered");
    await alertLoops(tx, work.mailbox, settled, context.now());
    await quarantineWithheld(reading, tx, withheld);
    await storeRest(tx);
    await reconsider();
  };
  const storeEarly = async (tx: Transaction) => (await store(tx, early, before)).reconsider();
  const delivered =
    tracked.length > 0
      ? await deliverTracked(reading, tracked, settings, { first: early.length > 0 ? storeEarly : null, finish: storeLate, before }, onRead)
      : await commit(context, (tx) => storeLate(tx, new Set()), onRead);
  const counts: Counts = {
    ...delivered,
    received: candidates.length,
    skipped: delivered.skipped + settled.filter((one) => one.outcome === "skipped").length,
    duplicate: delivered.duplicate + settled.filter((one) => one.outcome === "duplicate").length,
    quarantined: delivered.quarantined + withheld.length,
    moved,
  };
  for (const outcome of ["tracked", "skipped", "duplicate", "quarantined"] as const) {
    if (counts[outcome] > 0) context.measure.count("messages_decided", { outcome }, counts[outcome]);
  }
  return counts;
}

/** What lies in a folder with a rule is looked at once it is stored: see follow-folders.ts. */
async function fileRuled(
  { work: { mailbox }, ruled }: Reading,
  tx: Transaction,
  heads: readonly MessageHead[],
  known: readonly KnownMessage[],
): Promise<void> {
  const isRuled = ({ folders }: Pick<Place, "folders">) => folders.some((id) => ruled.has(id));
  const [first, ...others] = ruled.size === 0 ? [] : heads.filter(isRuled);
  if (first === undefined) return;
  const moved = known.filter((one) => one.moved && isRuled(one)).map(({ decisionId }) => decisionId);
  await fileSeen(tx, mailbox.id, { moved, stream: first.ref.stream, refs: [first, ...others].map(({ ref }) => ref.id) });
}

async function quarantineWithheld({ context, work: { mailbox } }: Reading, tx: Transaction, withheld: readonly Candidate[]): Promise<void> {
  const failures = new Map(withheld.map((one) => [one.key, unreadable(mailbox.address, one.head)]));
  const now = context.now();
  const ids = await storeDecisions(
    tx,
    mailbox.organization,
    mailbox.id,
    withheld.flatMap((one) => {
      const failure = failures.get(one.key);
      return failure ? [undecidable(one, failure)] : [];
    }),
    now,
  );
  const entries = [...failures].flatMap(([key, failure]) => {
    const decisionId = ids.get(key);
    return decisionId === undefined ? [] : [{ decisionId, step: "read" as const, failure }];
  });
  await quarantine(tx, mailbox.id, entries, now);
}

async function commit(context: EngineContext, store: (tx: Transaction) => Promise<void>, onRead: () => void): Promise<Counts> {
  onRead();
  await context.database.transaction(store, "store decisions");
  step("receive.committed");
  return NO_COUNTS;
}

function again(heads: readonly MessageHead[], earlier: Earlier): Candidate[] {
  const candidates = heads.map((read) => {
    const decision = earlier.get(read.ref.id);
    const head = markedByDecision(read, decision);
    const identity = emailIdentityOf(head);
    const key = decision?.identity ?? decisionKey(identity, head);
    const places = decision?.isGone ? [] : [placeOf(head)];
    const lies = [...new Set([...places.flatMap((place) => place.folders), ...(decision?.lies ?? [])])];
    return { head, places, identity, key, isDecided: true, formerEmailId: decision?.emailId ?? null, lies };
  });
  return candidates.sort(byReceipt);
}

/** The order in which messages are decided. */
export function byReceipt(one: Candidate, other: Candidate): number {
  return one.head.received.getTime() - other.head.received.getTime();
}

/** A message that was decided before, with its place now. */
interface KnownMessage extends DecidedPlace {
  /** It lay elsewhere. */
  readonly moved: boolean;
}

/** Where a message lies. */
export function placeOf({ ref, folders }: MessageHead): Place {
  return { ref, folders: [...folders].sort() };
}

/** What is to be done about the messages of a page. */
interface Sorted {
  readonly candidates: Candidate[];
  readonly known: KnownMessage[];
  /** Decisions about known messages whose headers the server wrote anew. */
  readonly writtenAnew: readonly number[];
}

/** Parts heads into messages to decide, oldest first, and known ones that lie elsewhere now. Places known as they are are dropped. */
async function sortOut(
  reading: Reading,
  heads: readonly MessageHead[],
  { newIn: folders, changed }: Extract<Which, { readonly newIn: unknown }>,
): Promise<Sorted> {
  const { context, work } = reading;
  const first = heads[0];
  if (!first) return { candidates: [], known: [], writtenAnew: [] };
  // Mail systems repeat themselves; what a page says last of a message is how it is now.
  const latest = new Map(heads.map((head) => [head.ref.id, head]));
  const ids = [...latest.keys()];
  const before = await placesBefore(context.database, work.mailbox.id, first.ref.stream, ids);
  const byKey = new Map<string, Candidate>();
  const known: KnownMessage[] = [];
  // One that lies where it lay before the position was lost was not moved.
  const lies = (place: Place, decisionId: number) =>
    known.push({ ...place, decisionId, moved: before.get(place.ref.id)?.lay !== decisionId });
  for (const one of latest.values()) {
    const head = markedBySentFolder(reading, one);
    const place = placeOf(head);
    const there = before.get(head.ref.id)?.known ?? null;
    // At a place that a message left, another may lie now: some servers give their ids again.
    if (there !== null && !there.gone && !changed.has(head.ref.id)) {
      if (there.folders.join("\n") !== place.folders.join("\n")) lies(place, there.decisionId);
      continue;
    }
    if (!head.folders.some((folder) => folders.has(folder))) continue;
    const identity = emailIdentityOf(head);
    const key = decisionKey(identity, head);
    const twin = byKey.get(key);
    byKey.set(key, twin ? { ...twin, places: [...twin.places, place] } : { head, places: [place], identity, key });
  }
  const { all, decisionOf } = await knownByIdentity(reading, [...byKey.values()]);
  const unknown = all.filter((candidate) => decisionOf(candidate) === undefined);
  const recognized = await knownAgain(reading, unknown);
  const alike = new Map([...recognized].filter(([, one]) => !one.undecided));
  const { same, lookAlikes } = await knownByPlace(
    reading,
    unknown.filter(({ key, head }) => !recognized.has(key) && before.has(head.ref.id)),
  );
  for (const candidate of all) {
    const { key, places: its } = candidate;
    const decisionId = decisionOf(candidate) ?? alike.get(key)?.id ?? same.get(key);
    if (decisionId !== undefined) for (const place of its) lies(place, decisionId);
  }
  const candidates = unknown
    .filter(({ key }) => !alike.has(key) && !same.has(key))
    .map((candidate) => ({
      ...candidate,
      // One that slipped away is decided as if never seen, and in the place of what was kept of it.
      key: recognized.get(candidate.key)?.identity ?? candidate.key,
      isLookAlike: lookAlikes.has(candidate.key),
    }))
    .sort(byReceipt);
  return { candidates, known, writtenAnew: [...same.values()] };
}

/**
 * The candidates with the decisions about them, as far as they are known by their identities. What was moved out of the sent mail is known by that which it had
 * there; where it slipped away undecided, it is decided now as the copy that its sender keeps. What was moved into it after it became an email is known by that.
 */
async function knownByIdentity(
  { context, work: { mailbox } }: Reading,
  candidates: readonly Candidate[],
): Promise<{ readonly all: readonly Candidate[]; readonly decisionOf: (candidate: Candidate) => number | undefined }> {
  const other = new Map(candidates.map((one) => [one.key, keyElsewhere(mailbox, one) ?? ""]));
  const otherOf = ({ key }: Candidate) => other.get(key) ?? "";
  const keys = candidates.map(({ key }) => key);
  const otherKeys = (isSent: boolean) => candidates.filter(({ head }) => (head.isSentCopy === true) === isSent).map(otherOf);
  const elsewhere = { sent: otherKeys(false), received: otherKeys(true).filter((key) => !other.has(key)) };
  const { decided, slipped } = await decisionsByIdentity(context.database, mailbox.id, keys, elsewhere);
  const all = candidates.map((one) => (!decided.has(one.key) && slipped.has(otherOf(one)) ? asSentCopy(one) : one));
  return { all, decisionOf: (one) => decided.get(one.key) ?? decided.get(otherOf(one)) };
}

/** A message that becomes no email, with what a person had said of it by hand. */
type Decided = DecidedMessage &
  Resting &
  Additional & {
    readonly wish: Wish | undefined;
    /** See Facts.unasked. */
    readonly unasked: readonly number[];
  };

/** Messages decided before other work of the process has its turn: a few milliseconds. */
const DECIDED_AT_A_TIME = 100;

/**
 * Asks the rules about each message in date order; what an earlier one becomes is a fact for the later ones, as are the emails that are given. One look-up for
 * the whole page. Stores nothing.
 */
export async function decide(
  reading: Reading,
  candidates: readonly Candidate[],
  given: readonly EarlierEmail[] = [],
): Promise<{ decided: Decided[]; tracked: TrackedCandidate[]; settings: OrganizationSettings }> {
  const { context, work } = reading;
  const { mailbox } = work;
  const heads = candidates.map((one) => one.head);
  const firm = candidates.filter((one) => !one.identity.weak);
  const { claims, copies: earlierCopies } = await readKnown(context.database, mailbox.organization, {
    identities: firm.map((one) => one.identity.key),
    decisionKeys: candidates.map((one) => one.key),
    messageIds: firm.flatMap(({ head }) => head.messageId ?? []),
  });
  // A delivery that was not brought to its end may have left its email in the CRM: it is no earlier email, it is this one.
  const unfinished = new Set([...claims.values()].filter((one) => !one.delivered).map((one) => one.emailId));
  const claimOf = ({ identity }: Candidate) => (identity.weak ? undefined : claims.get(identity.key));
  const isReport = ({ head }: Candidate) => !head.isSentCopy && head.received >= mailbox.startDate;
  const reports = await readReports(reading, candidates, (one) => !claimOf(one)?.delivered && isReport(one));
  const sent = await sentByWaypost(context.database, mailbox.organization, heads);
  const found = await context.crm(mailbox.organization).facts({ mailbox, heads, reported: reportedEmails(reports), mayRestOnIndex: true });
  const facts = new PageFacts(found, unfinished);
  for (const email of given) facts.add(email);
  const verdicts = await verdictsOn(reading, candidates, found, claimOf);
  const tests = await testTraces(context.database, heads, messageIdsIn(reports));
  const automaticAnswers = await answersBefore(context.database, mailbox.organization, heads);
  const before = (counted: AnswersCounted) => countBefore(automaticAnswers, counted);
  const { wishes, untracked, copies } = await wishesOf(reading, candidates, found, earlierCopies);
  const decided: Decided[] = [];
  const tracked: TrackedCandidate[] = [];
  for (const [index, candidate] of candidates.entries()) {
    if (index % DECIDED_AT_A_TIME === DECIDED_AT_A_TIME - 1) await othersTurn();
    const claim = claimOf(candidate);
    const wish = wishes[index];
    const report = reports.evidence.get(index);
    const known = knownAsSent(candidate.head, sent) ?? knownBy(claim);
    const folder = ruledAmong(candidate.lies ?? candidate.places.flatMap((place) => place.folders), reading.ruled);
    const said = { test: tests.get(index), report, verdict: verdicts.get(index), answersBefore: before, wish, untracked, copies, folder };
    const { result, restsOn } = facts.resting(() => track(candidate.head, facts, { mailbox, known, ...said }));
    if (result.automaticAnswer !== undefined) automaticAnswers.push(result.automaticAnswer);
    const decision = candidate.isLookAlike ? { ...result, rules: [...result.rules, LOOK_ALIKE] } : result;
    if (decision.placement === null) {
      // What was untracked goes on to name its email: under that id alone it is made again.
      const emailId = decision.emailId ?? (wish?.verb === "untrack" ? (candidate.formerEmailId ?? claim?.emailId ?? null) : null);
      const unasked = found.unasked?.get(index) ?? [];
      decided.push({ ...candidate, identity: candidate.key, ...decision, emailId, restsOn, wish, unasked });
      continue;
    }
    tracked.push({ ...candidate, decision, restsOn, report: report?.report ?? null, wish, folder });
    // A message without a Message-ID cannot be answered by id; its email id is not known before its content is.
    if (!candidate.identity.weak)
      facts.add(emailFact(candidate.head, decision.placement, emailIdFor(mailbox.organization, candidate.identity.key)));
  }
  return { decided, tracked, settings: facts.settings };
}

/** What the ledger knows of a message: an email made from it, or deleted since. A claim that was never fulfilled proves nothing. */
function knownBy(claim: ClaimRow | undefined): Known {
  if (!claim?.delivered) return { emailId: null, how: null };
  return { emailId: claim.emailId, how: `read in mailbox ${claim.mailboxAddress} before` };
}
