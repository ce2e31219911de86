import { closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { type ChosenFolder, readPosition } from "../../ledger/folders.ts";
import { noteAudited } from "../../ledger/mailboxes.ts";
import type { UnfinishedAudit } from "../../ledger/unfinished.ts";
import { type AuditReport, addReports, NOTHING_FOUND } from "../../model/audit-report.ts";
import { Failure } from "../../model/failure.ts";
import { type Slice, SliceClock } from "../connections/slice.ts";
import { type Compared, comparePage, type DecidedThere, type Listed, reportOf } from "./compare-page.ts";
import { lookedAtTogether } from "./forward-source.ts";
import { inPages } from "./in-pages.ts";
import { MISSING, missingAlert } from "./missing-alert.ts";
import { readPlaces, type Wanted } from "./read-places.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";

/** Messages compared at a time. */
const AT_A_TIME = 500;

/** What is done besides comparing. */
export interface AuditRequest {
  /** What is missing is read again where it lies. */
  readonly repair: boolean;
  /** What was received within it (both ends count) and is no email is decided anew, and what is missing is read again; null: nothing is. */
  readonly window: { readonly from: Date; readonly to: Date } | null;
}

/** Compares and changes nothing. */
export const LOOK: AuditRequest = { repair: false, window: null };

export interface Audited {
  readonly report: AuditReport;
  /** Of what was read again. */
  readonly counts: Counts;
  /** Where the next turn goes on; null: it came to the end. */
  readonly goesOn: UnfinishedAudit | null;
}

/**
 * Goes through all messages that the mail system lists in the folders that are read, and compares them with the decisions about them and those with the
 * CRM: what the ledger remembers of the listing takes no part in it. What the cursor covers and nothing was decided about was passed by; an email that was
 * made and is gone without anybody having deleted it is lost. Either is read again where that is asked for. When it comes to its end, an alert is opened if
 * messages are missing, and closed if none is. After a slice it gives way if others wait.
 */
export async function auditMailbox(
  reading: Reading,
  folders: readonly ChosenFolder[],
  request: AuditRequest,
  slice: Slice,
): Promise<Audited> {
  const begun = request === LOOK ? (reading.work.mailbox.unfinished?.auditing ?? null) : null;
  const walk = new Walk(reading, request, new SliceClock(slice), begun?.found ?? { ...NOTHING_FOUND, notCounted: notRead(folders) });
  const streams = Map.groupBy(
    folders.filter((one) => one.wanted),
    (one) => one.stream,
  );
  const inOrder = [...streams].map(([stream, its]): Listed => ({ stream, folders: new Map(its.map(({ id, name }) => [id, name])) }));
  for (const listed of inOrder.sort((one, other) => (one.stream < other.stream ? -1 : 1))) {
    if (begun !== null && listed.stream < begun.stream) continue;
    const after = begun?.stream === listed.stream ? begun.after : null;
    const goesOn = await walk.take(listed, after);
    if (goesOn !== null) return { report: walk.report, counts: walk.counts, goesOn };
  }
  if (request.window === null) await conclude(reading, walk.report);
  return { report: walk.report, counts: walk.counts, goesOn: null };
}

function notRead(folders: readonly ChosenFolder[]): AuditReport["notCounted"] {
  return folders
    .filter(({ wanted, selectable }) => !wanted && selectable)
    .map(({ name, messages, notReadBecause }) => ({ folder: name, messages, because: notReadBecause ?? "", failed: false }));
}

class Walk {
  readonly #reading: Reading;
  readonly #request: AuditRequest;
  readonly #clock: SliceClock;
  report: AuditReport;
  counts: Counts = NO_COUNTS;

  constructor(reading: Reading, request: AuditRequest, clock: SliceClock, found: AuditReport) {
    this.#reading = reading;
    this.#request = request;
    this.#clock = clock;
    this.report = found;
  }

  /** Goes through one stream, behind `after` in the order of `inPages`. A folder's own trouble stays its own. */
  async take(listed: Listed, after: string | null): Promise<UnfinishedAudit | null> {
    if (this.#reading.signal.aborted) return this.#stopAt(listed, after);
    if (this.#reading.broken.has(listed.stream)) return this.#leaveOut(listed, "The mail system does not let it be read at the moment.");
    try {
      return await this.#goThrough(listed, after);
    } catch (error) {
      const failure = error instanceof Failure ? (error.scope === "folder" ? error : error.ofFolder) : undefined;
      if (failure === undefined) throw error;
      return this.#leaveOut(listed, failure.message);
    }
  }

  #leaveOut({ folders }: Listed, because: string): null {
    const failed = [...folders.values()].map((folder) => ({ folder, messages: null, because, failed: true }));
    this.#add({ ...NOTHING_FOUND, notCounted: failed });
    return null;
  }

  async #goThrough(listed: Listed, after: string | null): Promise<UnfinishedAudit | null> {
    const { context, work, source } = this.#reading;
    const folders = new Set(listed.folders.keys());
    const position = await readPosition(context.database, work.mailbox.id, listed.stream);
    // A folder that the position does not cover is read from its beginning in the next round.
    const isWhole = position !== null && [...folders].every((id) => position.folders.includes(id));
    const { covered, ahead, older } = await source.list(listed.stream, isWhole ? position.cursor : null, {
      since: work.mailbox.startDate,
      folders,
    });
    if (after === null) this.#add({ ...NOTHING_FOUND, there: ahead + older, beforeStart: older, notReadYet: ahead });
    for await (const page of inPages(covered, lookedAtTogether(work.mailbox, AT_A_TIME), after)) {
      if (!(await this.#page(listed, page))) return null;
      this.#reading.onPage?.(page.length);
      if (this.#reading.signal.aborted || (await this.#clock.isOver())) return this.#stopAt(listed, page.at(-1) ?? null);
    }
    return null;
  }

  /** False: all that is left of the stream is read again from its beginning. */
  async #page(listed: Listed, ids: readonly string[]): Promise<boolean> {
    const compared = await comparePage(this.#reading, listed, ids);
    this.#add(reportOf(listed, compared));
    const wanted = wantedOf(compared, this.#request);
    if (wanted.lost.length + wanted.anew.length + wanted.unseen.length === 0) return true;
    if (!(await this.#read(listed, wanted))) return false;
    const missing = [...wanted.lost.map(({ id }) => id), ...wanted.unseen.map(({ ref }) => ref.id)];
    if (missing.length === 0) return true;
    let left = await comparePage(this.#reading, listed, missing);
    // One that was passed by may turn out to be known all the same, by an email that is gone too.
    const passedBy = new Set(wanted.unseen.map(({ ref }) => ref.id));
    const lost = left.decided.filter(({ id, state }) => state === "lost" && passedBy.has(id));
    if (lost.length > 0) {
      if (!(await this.#read(listed, { lost, anew: [], unseen: [] }))) return false;
      left = await comparePage(this.#reading, listed, missing);
    }
    this.#add({ ...NOTHING_FOUND, repaired: missing.length - reportOf(listed, left).missing });
    return true;
  }

  async #read(listed: Listed, wanted: Wanted): Promise<boolean> {
    const counts = await readPlaces(this.#reading, listed, wanted);
    if (counts !== null) this.counts = addCounts(this.counts, counts);
    return counts !== null;
  }

  #stopAt({ stream }: Listed, after: string | null): UnfinishedAudit {
    return { stream, after, found: this.report };
  }

  #add(part: AuditReport): void {
    this.report = addReports(this.report, part);
  }
}

function wantedOf({ decided, unseen }: Compared, { repair, window }: AuditRequest): Wanted {
  const isWithin = ({ received }: { readonly received: Date }) => window !== null && received >= window.from && received <= window.to;
  const isNoEmail = ({ state }: DecidedThere) => state === "skipped" || state === "quarantined";
  return {
    lost: decided.filter(({ state, decision }) => state === "lost" && (repair || isWithin(decision))),
    anew: decided.filter((one) => isNoEmail(one) && isWithin(one.decision)),
    unseen: unseen.filter((head) => repair || isWithin(head)),
  };
}

async function conclude({ context, work: { mailbox }, lease }: Reading, report: AuditReport): Promise<void> {
  const now = context.now();
  const alert = missingAlert(mailbox.address, report);
  context.log[alert === null ? "info" : "warn"](
    { mailbox: mailbox.address, ...report, examples: undefined },
    "mailbox compared with the CRM",
  );
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await noteAudited(tx, mailbox.id, now);
    if (alert !== null) await openAlert(tx, { ...alert, scope: "mailbox", subject: mailbox.id }, now);
    // What could not be looked at may be what the alert is about.
    else if (!report.notCounted.some((one) => one.failed)) await closeAlerts(tx, "mailbox", mailbox.id, MISSING, now);
  }, "note audit");
}
