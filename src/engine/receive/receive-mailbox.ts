import type { Lease } from "../../jobs/lease.ts";
import { readFolderRules } from "../../ledger/folder-rules.ts";
import { type ChosenFolder, listFolders, whenLookedAt } from "../../ledger/folders.ts";
import { forwardersAmong, originalsAt } from "../../ledger/forwarders.ts";
import { noteArrival } from "../../ledger/mailboxes.ts";
import { readListing, type StoredListing } from "../../ledger/stored-listing.ts";
import { storeUnfinished, type Unfinished } from "../../ledger/unfinished.ts";
import type { AuditReport } from "../../model/audit-report.ts";
import type { Failure } from "../../model/failure.ts";
import type { FolderRule } from "../../model/folder-rule.ts";
import type { Folder } from "../../model/message.ts";
import type { Sql } from "../../model/sql.ts";
import type { MailSource } from "../../ports.ts";
import { onBehalfOf } from "../../wire/on-behalf-of.ts";
import { NEVER, type Slice } from "../connections/slice.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { waitForCrm } from "../crm-away.ts";
import { keptFromReading } from "../elsewhere.ts";
import { readWork } from "../read-work.ts";
import { heldBack, mustWait, noteAnswer, noteRecovery, noteTrouble } from "../trouble.ts";
import { type LeftAlone, whyNot } from "../why-not.ts";
import { type Audited, type AuditRequest, auditMailbox, LOOK } from "./audit-mailbox.ts";
import { chooseFolders, foldersOfSentMail } from "./choose-folders.ts";
import { decideAgain } from "./decide-again.ts";
import { deleteProcessed } from "./delete-processed.ts";
import { followCategories } from "./follow-categories.ts";
import { followFolders } from "./follow-folders.ts";
import { ForwardSource } from "./forward-source.ts";
import { markTracked } from "./mark-tracked.ts";
import { NextPage } from "./next-page.ts";
import { pullAhead, readBegin } from "./read-stream.ts";
import { readStreams } from "./read-streams.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading, type StartedAnew } from "./reading.ts";
import { ruledFolders, whereNow } from "./ruled-folders.ts";
import { storeListing } from "./store-listing.ts";

/** How a round is run. */
export interface ReceiveOptions {
  /** Told after each page how many messages it held. */
  readonly onPage?: ((messages: number) => void) | undefined;
  /** When it gives way to others; by default never. */
  readonly slice?: Slice;
  /** A person asked for it: it waits in line for a connection instead of being woken when its turn comes. */
  readonly inPerson?: boolean;
  /** What is gone through besides, from the mail system's own listing. */
  readonly audit?: AuditRequest | undefined;
  /** Hours after which the mailbox is compared with the CRM by itself; left out: it is not. */
  readonly auditHours?: number | undefined;
}

export interface Received extends Counts {
  readonly failure: Failure | null;
  /** `unfinished`: it gave way to others, and there is more to read, to decide again or to delete. `in line`: there was no connection, and it is woken when there is. */
  readonly end: "done" | "unfinished" | "in line";
  /** Why it was not touched; null when it was. */
  readonly left: LeftAlone | null;
  /** What was found where an audit was asked for; null: it was not come to. */
  readonly report: AuditReport | null;
}

const NOTHING: Received = { ...NO_COUNTS, failure: null, end: "done", left: null, report: null };

/**
 * One round of one mailbox: every stream with a folder that is read is pulled, now and then all that lies there is compared with the CRM, decisions are made
 * again, and what is processed is deleted. Each of these goes on until nothing is left, or gives way after a slice when others wait: each has its turn in every round. Runs under the mailbox's lease. Ends
 * normally whatever happens to the mailbox: what went wrong stands in the ledger with the time of the next try, and is returned for the command line.
 */
export function receiveMailbox(
  context: EngineContext,
  mailboxId: string,
  lease: Lease,
  signal: AbortSignal,
  options: ReceiveOptions = {},
): Promise<Received> {
  return onBehalfOf(`receive ${mailboxId}`, () => readRound(context, mailboxId, lease, signal, options));
}

async function readRound(
  context: EngineContext,
  mailboxId: string,
  lease: Lease,
  signal: AbortSignal,
  options: ReceiveOptions,
): Promise<Received> {
  const work = await readWork(context, mailboxId);
  if (work === null) return NOTHING;
  const { mailbox, profile } = work;
  const off = whyNot("receive", mailbox, profile);
  if (off !== null) return { ...NOTHING, left: { state: "off", because: off, until: null } };
  const waiting = (await waitForCrm(context, "receive", work)) ?? (await mustWait(context, "receive", work));
  if (waiting !== null) return { ...NOTHING, left: waiting };
  const kept = await keptFromReading(context, work);
  if (kept !== null) return { ...NOTHING, failure: kept };
  const { connections } = context;
  const place = options.inPerson ? await connections.takeInTurn(work, "receive", signal) : await connections.take(work, "receive");
  if (place === null) return { ...NOTHING, end: "in line" };
  const held = await heldBack(context, "receive", work);
  if (held !== null) {
    await place.release();
    return { ...NOTHING, left: held };
  }
  const started = performance.now();
  const source = sourceOf(context, work);
  const startedAnew: StartedAnew[] = [];
  try {
    const reading: Reading = {
      context,
      work,
      source,
      nextPage: new NextPage(),
      lease,
      signal,
      startedAnew,
      lostOnce: new Set(),
      ahead: new Set(),
      begins: new Map(),
      broken: new Set(),
      ruled: new Map(),
      sent: new Set(),
      bearing: { keyword: null, byStream: new Map() },
      onPage: options.onPage,
    };
    const { counts, unfinished, report } = await readMailboxOnce(reading, options);
    await Promise.all([source.close().then(() => place.release()), noteRecovery(context, "receive", work)]);
    if (counts.received > 0) await noteArrival(context.database, mailbox.id, context.now());
    const seconds = (performance.now() - started) / 1000;
    context.measure.observe("job_seconds", { work: "receive" }, seconds);
    context.log.info({ mailbox: mailbox.address, ...counts, startedAnew, seconds, unfinished }, "mailbox read");
    return { ...counts, failure: null, end: unfinished ? "unfinished" : "done", left: null, report };
  } catch (error) {
    await noteTrouble(context, "receive", work, error);
    return { ...NOTHING, failure: asFailure(error, mailbox.address) };
  } finally {
    await source.close();
    await place.release();
  }
}

/** What is read: of a forward mailbox what users forwarded to it. */
export function sourceOf(context: EngineContext, { mailbox, profile }: Work): MailSource {
  const source = context.mailSystem(profile).source(accessTo(context, mailbox));
  if (mailbox.owner.type !== "forward") return source;
  const { database } = context;
  return new ForwardSource(source, {
    address: mailbox.address,
    reader: context.content,
    trust: mailbox.forwardTrust ?? { authenticationResults: null, forwardingServers: [] },
    maximumSize: profile.maximumMessageSize,
    forwarders: (addresses) => forwardersAmong(database, mailbox.organization, addresses),
    originalsAt: (stream, ids) => originalsAt(database, mailbox.id, stream, ids),
  });
}

interface Round {
  readonly counts: Counts;
  readonly unfinished: boolean;
  readonly report: AuditReport | null;
}

async function readMailboxOnce(opened: Reading, options: ReceiveOptions): Promise<Round> {
  const { slice = NEVER } = options;
  const { context, work } = opened;
  const { mailbox, profile } = work;
  // What the database knows is asked for while the server lists.
  const [listed, stored, ruledBefore, lookedAt, settings] = await Promise.all([
    listFoldersOf(opened),
    readListingBefore(opened),
    readRulesBefore(context.database, mailbox.id),
    whenLookedAt(context.database, mailbox.id),
    context.crm(mailbox.organization).organizationSettings(),
  ]);
  const rules = whereNow(ruledBefore.rules, listed, ruledBefore.marks);
  const { TrackCategorizedItems, CategoryKeyword } = settings;
  const bearing = { keyword: TrackCategorizedItems ? CategoryKeyword : null, byStream: new Map() };
  const sent = foldersOfSentMail(listed, settings, mailbox.owner);
  const reading: Reading = { ...opened, ruled: ruledFolders(rules, listed), sent, bearing };
  const folders = chooseFolders(listed, profile.folders, reading);
  const wanted = folders.filter((folder) => folder.wanted);
  await pullInboxAhead(reading, wanted);
  await storeListing(reading, folders, rules, stored);
  // A folder that the server refuses is tried all the same: the failure makes the alert, and the day when it works closes it.
  const { counts, unfinished } = await readStreams(reading, wanted, lookedAt, slice);
  // When it is to end, nothing more is asked, and closing the connection ends what was begun.
  if (!reading.signal.aborted) await reading.nextPage.settled();
  // What is to be read is read first: there is no hurry to compare it.
  const request = unfinished ? null : (options.audit ?? dueAudit(reading, options));
  const audited = request === null ? null : await auditMailbox(reading, folders, request, slice);
  // After the folders, so that a moved message is looked for where it lies now.
  await followCategories(reading);
  const followed = await followFolders(reading, slice);
  const again = await decideAgain(reading, slice);
  await markTracked(
    reading,
    CategoryKeyword,
    wanted.filter(({ stream }) => !reading.broken.has(stream)).map((folder) => folder.stream),
  );
  // Last: what was read in this round is deleted in it, while the mailbox is open.
  const deleting = await deleteProcessed(
    reading,
    wanted.filter(({ id, stream }) => !reading.broken.has(stream) && !sent.has(id)).map((folder) => folder.id),
    slice,
  );
  const isUnfinished = [again.goesOnAfter, deleting, audited?.goesOn ?? null].some((one) => one !== null);
  const auditing = options.audit === undefined ? goesOnWith(audited, mailbox.unfinished) : null;
  const goesOn = isUnfinished || auditing !== null ? { deciding: again.goesOnAfter, deleting, auditing } : null;
  if (goesOn !== null || mailbox.unfinished !== null) await noteUnfinished(reading, goesOn);
  const all = addCounts(addCounts(counts, audited?.counts ?? NO_COUNTS), again.counts);
  return { counts: all, unfinished: unfinished || isUnfinished || !followed, report: audited?.report ?? null };
}

/** The comparison that is due by itself, or that gave way. */
function dueAudit({ context, work: { mailbox } }: Reading, { auditHours }: ReceiveOptions): AuditRequest | null {
  if (auditHours === undefined) return null;
  const isDue = context.now().getTime() - mailbox.auditedAt.getTime() >= auditHours * HOUR;
  return isDue || (mailbox.unfinished?.auditing ?? null) !== null ? LOOK : null;
}

const HOUR = 3_600_000;

/** One that was begun by itself waits while it has no turn. */
function goesOnWith(audited: Audited | null, before: Unfinished | null): Unfinished["auditing"] {
  return audited === null ? (before?.auditing ?? null) : audited.goesOn;
}

async function listFoldersOf({ context, work, source }: Reading): Promise<readonly Folder[]> {
  const listed = await source.folders();
  await noteAnswer(context, "receive", work);
  return listed;
}

/** With where the reading of the inbox begins, if it is what it was. */
async function readListingBefore(reading: Reading): Promise<StoredListing> {
  const { context, work, begins } = reading;
  const listing = await readListing(context.database, work.mailbox.id);
  const inbox = listing.folders.find(({ role }) => role === "inbox");
  if (inbox !== undefined) begins.set(inbox.stream, await readBegin(reading, inbox.stream));
  return listing;
}

/** What is read first is asked for while the folders are stored. */
async function pullInboxAhead(reading: Reading, wanted: readonly ChosenFolder[]): Promise<void> {
  const inbox = wanted.find(({ role }) => role === "inbox");
  if (inbox === undefined) return;
  await pullAhead(reading, inbox.stream, new Set(wanted.filter(({ stream }) => stream === inbox.stream).map(({ id }) => id)));
}

/** The rules about folders, and the marks of the folders that were listed before by their ids. */
export async function readRulesBefore(
  sql: Sql,
  mailboxId: string,
): Promise<{ readonly rules: readonly FolderRule[]; readonly marks: ReadonlyMap<string, string | null> }> {
  const rules = await readFolderRules(sql, mailboxId);
  if (rules.length === 0) return { rules, marks: new Map() };
  const before = (await listFolders(sql, mailboxId)).filter(({ missingSince }) => missingSince === null);
  return { rules, marks: new Map(before.map(({ id, mark }) => [id, mark])) };
}

async function noteUnfinished({ context, work, lease }: Reading, unfinished: Unfinished | null): Promise<void> {
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await storeUnfinished(tx, work.mailbox.id, unfinished);
  }, "note what is unfinished");
}
