import { hasPlacesAhead, markAbsent, markGone, settlePlaces } from "../../ledger/decisions.ts";
import { type Position, readPosition, storePosition, storeRemark } from "../../ledger/folders.ts";
import { dropFormerPlaces, forgetPlaces, isReadAgain } from "../../ledger/former-places.ts";
import { Failure } from "../../model/failure.ts";
import type { Cursor } from "../../model/message.ts";
import type { Transaction } from "../../model/sql.ts";
import type { PullOptions } from "../../ports.ts";
import { step } from "../step.ts";
import { processHeads } from "./process-heads.ts";
import { type Begin, type Counts, NO_COUNTS, type Reading } from "./reading.ts";
import { compareTold } from "./told-again.ts";
import { PositionLost } from "./verify-content.ts";

/** Heads in one page: enough to keep the look-ups few, little enough to keep memory and transactions small. */
export const PAGE_SIZE = 1000;

/** What was stored of a stream, page by page. */
export interface StoredPage {
  readonly counts: Counts;
  /** There is another page. */
  readonly more: boolean;
}

/** Begins to pull a stream from where it was read to, for whoever reads it next; one that is read from its beginning is left to him. */
export async function pullAhead(reading: Reading, stream: string, folders: ReadonlySet<string>): Promise<void> {
  const { source, nextPage, begins } = reading;
  const begin = begins.get(stream) ?? (await readBegin(reading, stream));
  begins.set(stream, begin);
  const { position } = begin;
  if (position === null || readsMore(position, folders)) return;
  nextPage.begin(stream, position.cursor, () => source.pull(stream, position.cursor, optionsOf(reading)));
}

/** Asks the ledger. */
export async function readBegin({ context: { database }, work: { mailbox } }: Reading, stream: string): Promise<Begin> {
  const [position, leftAhead] = await Promise.all([
    readPosition(database, mailbox.id, stream),
    hasPlacesAhead(database, mailbox.id, stream),
  ]);
  return { position, leftAhead };
}

function optionsOf({ work, bearing }: Reading): PullOptions {
  return { limit: PAGE_SIZE, since: work.mailbox.startDate, keyword: bearing.keyword };
}

/**
 * Pulls one stream page by page until nothing more is there, and tells of each page once it is stored; whoever stops asking goes on from the cursor
 * another time. Each page's decisions, what left the stream, and the cursor that covers both commit in one transaction (invariants 1 and 2): the
 * server tells of a departure only once. Of a stream of many folders, messages that lie in none of `folders` are none of our business until they are moved into one. A lost cursor starts again from the beginning and reconciles by
 * identity: known messages are recognized, not replayed (invariant 3); no place of before counts, for the server may give its numbers a second
 * time. A folder of the stream that is read only from now on makes it start again too: the messages in it have passed by.
 * While a page is stored, the next one is pulled, if `goesOn` tells that it will be asked for at once.
 */
export async function* readStream(
  reading: Reading,
  stream: string,
  folders: ReadonlySet<string>,
  goesOn: () => Promise<boolean>,
): AsyncGenerator<StoredPage, void> {
  const { context, work, source, nextPage, begins, lease, signal } = reading;
  const options = optionsOf(reading);
  const startedAt = context.now();
  const { position, leftAhead } = begins.get(stream) ?? (await readBegin(reading, stream));
  // Read again in the same round, it begins where it was left.
  begins.delete(stream);
  if (leftAhead) reading.ahead.add(stream);
  const grown = position !== null && readsMore(position, folders);
  // An earlier round gave it up, and its heads are read anew in this one.
  if (position === null && (await isReadAgain(context.database, work.mailbox.id, stream))) reading.lostOnce.add(stream);
  if (grown) reading.startedAnew.push({ stream, because: "A folder is read that was not read before." });
  let cursor = grown ? null : (position?.cursor ?? null);
  const reread: string[] | null = grown ? [] : null;
  let resets = 0;
  const begin = async (reason: string, expected = false) => {
    if (++resets > 2) throw lostAgain(work.mailbox.address, stream, reason);
    await forgetPosition(reading, stream, reason, expected);
    cursor = null;
  };
  for (;;) {
    const pull = (await nextPage.take(stream, cursor)) ?? (await source.pull(stream, cursor, options));
    if (pull.kind === "reset") {
      await begin(pull.reason, pull.expected);
      continue;
    }
    const { another, undecided } = await compareTold(reading, stream, pull.again ?? []);
    if (another !== null) {
      await begin(`The server gave numbers a second time (${another.ref.id} is another message now).`);
      continue;
    }
    step("receive.pulled");
    if (pull.bearing !== undefined) reading.bearing.byStream.set(stream, pull.bearing);
    reread?.push(...pull.heads.map((head) => head.ref.id));
    // What a folder read again from its beginning does not show is not there any more; half a reading proves nothing.
    const listing =
      pull.present !== null
        ? { present: pull.present, since: null }
        : reread !== null && !pull.more
          ? { present: reread, since: work.mailbox.startDate }
          : null;
    const covered: Cursor = pull.cursor;
    const stored = cursor;
    let counts: Counts = NO_COUNTS;
    const heads = [...pull.heads, ...undecided];
    const unsettled = !pull.more && reading.ahead.has(stream);
    if (heads.length > 0 || unsettled || pull.gone.length > 0 || covered !== cursor || pull.remark !== undefined) {
      const store = async (tx: Transaction) => {
        const now = context.now();
        await Promise.all([
          lease.assertHeld(tx),
          markGone(tx, work.mailbox.id, pull.gone, now),
          listing === null ? null : markAbsent(tx, work.mailbox.id, stream, { ...listing, listedAt: startedAt }, now),
          reading.ahead.has(stream)
            ? settlePlaces(tx, work.mailbox.id, stream, { told: heads.map((head) => head.ref.id), end: !pull.more }, now)
            : null,
          pull.more ? null : dropFormerPlaces(tx, work.mailbox.id, stream),
          pull.remark === undefined ? null : storeRemark(tx, work.mailbox.id, stream, pull.remark),
          storePosition(tx, work.mailbox.id, stream, { cursor: covered, folders: [...folders] }, now, stored),
        ]);
      };
      const lookAhead = () => {
        if (!pull.more || signal.aborted) return;
        nextPage.begin(stream, covered, async () => ((await goesOn()) ? source.pull(stream, covered, options) : null));
      };
      try {
        counts = await processHeads(
          reading,
          heads,
          { newIn: folders, changed: new Set(undecided.map((head) => head.ref.id)) },
          store,
          lookAhead,
        );
        if (!pull.more) reading.ahead.delete(stream);
      } catch (error) {
        if (!(error instanceof PositionLost)) throw error;
        reading.lostOnce.add(stream);
        await begin(error.message);
        continue;
      }
    }
    cursor = covered;
    reading.onPage?.(pull.heads.length);
    const more = pull.more && !signal.aborted;
    yield { counts, more };
    if (!more) return;
  }
}

/** The stream is read from its beginning. */
export async function forgetPosition(
  { context, work, lease, startedAnew }: Reading,
  stream: string,
  reason: string,
  expected = false,
): Promise<void> {
  if (!expected) startedAnew.push({ stream, because: reason });
  context.log[expected ? "debug" : "warn"](
    { mailbox: work.mailbox.address, stream, reason },
    "cursor lost: the folder is read again and its messages recognized by identity",
  );
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await forgetPlaces(tx, work.mailbox.id, stream);
  }, "forget places");
}

function readsMore(before: Position, folders: ReadonlySet<string>): boolean {
  const readBefore = new Set(before.folders);
  return [...folders].some((folder) => !readBefore.has(folder));
}

function lostAgain(mailbox: string, stream: string, reason: string): Failure {
  return new Failure({
    scope: "folder",
    code: "cursor lost again",
    message: `Mailbox ${mailbox}, folder ${stream}: the server gave up the position in this folder again while it was being read: ${reason}`,
    remedy:
      "No message is lost, but those of this folder that are not in the CRM yet wait: it is read from its beginning at the next round. If this goes on, the mail server's index of the folder is damaged and needs its administrator.",
    waitingHelps: true,
  });
}
