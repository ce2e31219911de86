import { alertOf, closeAlerts, openAlert } from "../../ledger/alerts.ts";
import {
  askedAgainAt,
  type Deletable,
  deletable,
  intendDeletion,
  noteDeleted,
  noteGone,
  noteNotDeleted,
  wasTriedBefore,
} from "../../ledger/deletions.ts";
import { type Position, readPosition, storePosition } from "../../ledger/folders.ts";
import type { UnfinishedDeletion } from "../../ledger/unfinished.ts";
import { Failure, isWiderThanFolder } from "../../model/failure.ts";
import type { Cursor, MessageRef } from "../../model/message.ts";
import type { Applied, Undone } from "../../ports.ts";
import { type Slice, SliceClock } from "../connections/slice.ts";
import { step } from "../step.ts";
import { applyApart } from "./apply-apart.ts";
import { proveContent } from "./prove-content.ts";
import type { Reading } from "./reading.ts";
import { whyNotDurable } from "./why-not-durable.ts";

/** Messages deleted at a time: in POP3 a broken connection takes back all that were marked. */
const BATCH = 200;

/** Begins the code of alerts about it. */
const ACTIVITY = "deleting";

/**
 * Deletes messages from the mailbox whose content is proven to stand in the CRM (`processanddeleteemails`; invariant 11). What a kill leaves undone, or the
 * mail system refuses, is done the next time: the ledger's rows say what is to be deleted, and to delete what is gone already does no harm. Trouble
 * with it makes an alert and keeps nobody from reading. After a slice the mailbox gives way if others wait: returns where its next turn goes on, or
 * null when all had their turn.
 */
export async function deleteProcessed(reading: Reading, folders: readonly string[], slice: Slice): Promise<UnfinishedDeletion | null> {
  const { context, work } = reading;
  const { mailbox } = work;
  if (mailbox.deleteSince === null || mailbox.owner.type === "systemuser") return null;
  const progress: Progress = {
    clock: new SliceClock(slice),
    batches: 0,
    deleted: 0,
    began: context.now(),
    triedBefore: false,
    failure: undefined,
    undone: new Set(),
    withheld: new Set(),
    unreadable: new Map(),
    isRefusalInForce: false,
  };
  let unfinished: UnfinishedDeletion | null = null;
  try {
    unfinished = await deleteInTurn(reading, folders, progress);
    const isWhole = unfinished === null && !mailbox.unfinished?.deleting?.failed;
    if (progress.failure !== undefined) await noteFailure(reading, progress.failure, progress);
    // Where what was refused was not asked for again, or the round is ended early, nobody knows whether it would be refused again.
    else if (isWhole && !progress.isRefusalInForce && !reading.signal.aborted)
      await closeAlerts(context.database, "mailbox", mailbox.id, ACTIVITY, context.now());
  } catch (error) {
    if (!(error instanceof Failure) || error.scope === "process" || error.scope === "organization") throw error;
    await noteFailure(reading, error, progress);
  }
  const { deleted } = progress;
  if (deleted > 0) context.log.info({ mailbox: mailbox.address, deleted }, "processed messages deleted from the mailbox");
  return unfinished;
}

/** From where the last turn ended. What was refused before keeps nothing else from being deleted. */
async function deleteInTurn(reading: Reading, folders: readonly string[], progress: Progress): Promise<UnfinishedDeletion | null> {
  const before = reading.work.mailbox.unfinished?.deleting ?? null;
  for (const refused of before?.refused ? [true] : [false, true]) {
    const from = before?.refused === refused ? before.after : null;
    const end = await deleteInBatches(reading, folders, { refused, after: from }, progress);
    if (end !== "done") return { refused, after: end.after, failed: progress.failure !== undefined || before?.failed === true };
  }
  return null;
}

/** How far one round of deleting has come. */
interface Progress {
  readonly clock: SliceClock;
  /** How many were looked at. */
  batches: number;
  deleted: number;
  readonly began: Date;
  /** Some of the messages were tried in earlier rounds. */
  triedBefore: boolean;
  /** The first one. */
  failure: Failure | undefined;
  /** Keys of the messages that were not deleted: none is asked for a second time in a round. */
  readonly undone: Set<string>;
  /** Keys of those of them that could not be compared: the mail system was not asked to delete them. */
  readonly withheld: Set<string>;
  /** Streams that cannot be looked at, and why. */
  readonly unreadable: Map<string, Failure>;
  /** Some that were refused before are not asked for again yet. */
  isRefusalInForce: boolean;
}

/**
 * Deletes those that were refused before, or the others. A stream of which nothing is deleted though it was asked for keeps no other from its turn. Of those
 * that were refused before, which may be many in many streams, no more are asked for after a batch of which nothing is deleted, and none before its time.
 * Returns behind which message it goes on when it gave way.
 */
async function deleteInBatches(
  reading: Reading,
  folders: readonly string[],
  { refused, after: from }: Pick<UnfinishedDeletion, "refused" | "after">,
  progress: Progress,
): Promise<"done" | Pick<UnfinishedDeletion, "after">> {
  const { context, work, signal } = reading;
  const except = new Set(progress.unreadable.keys());
  let after = from;
  while (!signal.aborted) {
    const found: readonly Deletable[] = await deletable(context.database, work.mailbox.id, {
      folders,
      except: [...except],
      refused,
      after,
      limit: BATCH,
    });
    const last = found.at(-1);
    if (last === undefined) return "done";
    const [due, early] = parted(found, ({ triedAt }) => !refused || triedAt === null || askedAgainAt(triedAt) <= context.now());
    progress.isRefusalInForce ||= early.length > 0;
    if (due.length === 0) return "done";
    if (progress.batches++ > 0 && (await progress.clock.isOver())) return { after };
    after = { ref: last.ref, triedAt: last.triedAt };
    const batch = due.filter(({ ref }) => !progress.undone.has(keyOf(ref)));
    progress.triedBefore ||= batch.some((one) => one.triedAt !== null);
    step("delete.chosen");
    const { changed, undone } = await deleteBatch(reading, batch, progress);
    for (const { ref } of undone) progress.undone.add(keyOf(ref));
    progress.failure ??= undone[0]?.failure ?? progress.unreadable.values().next().value;
    if (refused && changed.length === 0 && undone.length > 0) return "done";
    const asked = undone.filter(({ ref }) => !progress.withheld.has(keyOf(ref)));
    for (const stream of [...progress.unreadable.keys(), ...fruitless(changed, asked)]) except.add(stream);
  }
  return "done";
}

/** Streams that were asked to delete and deleted nothing: they are not asked for more. */
function fruitless(changed: readonly MessageRef[], undone: Applied["undone"]): string[] {
  const deleting = new Set(changed.map(({ stream }) => stream));
  return undone.flatMap(({ ref: { stream } }) => (deleting.has(stream) ? [] : [stream]));
}

const NOTHING: Applied = { changed: [], gone: [], undone: [] };

/** Throws the trouble that keeps anything else from being deleted at the moment. */
async function deleteBatch(reading: Reading, batch: readonly Deletable[], progress: Progress): Promise<Applied> {
  const { context, work } = reading;
  if (batch.length === 0) return NOTHING;
  const crm = context.crm(work.mailbox.organization);
  const whole = await crm.whole(batch.map((one) => one.emailId));
  const ready = batch.filter((one) => whole.has(one.emailId));
  if (ready.length === 0) return NOTHING;
  const notDurable = await whyNotDurable(context, work);
  if (notDurable !== null) throw notDurable;
  step("delete.durable");
  const byKey = new Map(ready.map((one) => [keyOf(one.ref), one]));
  const tried = (undone: readonly Undone[]) =>
    undone.flatMap(({ ref }) => byKey.get(keyOf(ref)) ?? []).map((one) => ({ ...one, triedAt: context.now() }));
  const once = async (some: readonly Deletable[]) => {
    const applied = await deleteProven(reading, some, whole, progress);
    progress.deleted += applied.changed.length;
    const trouble = applied.undone.find(({ failure, apart }) => apart !== true && isWiderThanFolder(failure));
    if (trouble !== undefined) throw trouble.failure;
    return applied;
  };
  return applyApart(
    ready,
    async (some) => {
      if (reading.signal.aborted) return NOTHING;
      const first = await once(some);
      const [again, undone] = parted(first.undone, ({ lookAgain }) => lookAgain === true);
      if (again.length === 0) return first;
      // Once, and without those that were not proven: what the server does not hand out may be why the mailbox was opened anew.
      const second = await once(tried(again));
      return {
        changed: [...first.changed, ...second.changed],
        gone: [...first.gone, ...second.gone],
        undone: [...undone, ...second.undone],
      };
    },
    tried,
  );
}

function keyOf({ stream, id }: MessageRef): string {
  return `${stream}\n${id}`;
}

function parted<T>(list: readonly T[], test: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [list.filter(test), list.filter((one) => !test(one))];
}

/** Deletes of messages whose emails are whole those that are proven to be in them. Those that could not be looked at are undone too. */
async function deleteProven(
  reading: Reading,
  ready: readonly Deletable[],
  whole: ReadonlyMap<string, string>,
  progress: Progress,
): Promise<Applied> {
  const { context, work, source, lease } = reading;
  const { proven, withheld } = await proveContent(reading, ready, whole, progress.unreadable);
  for (const { ref } of withheld) progress.withheld.add(keyOf(ref));
  step("delete.verified");
  if (proven.length === 0) return { ...NOTHING, undone: withheld };
  const { id } = work.mailbox;
  const refs = await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    return intendDeletion(
      tx,
      id,
      proven.map((one) => one.ref),
      context.now(),
    );
  }, "intend deletion");
  step("delete.intended");
  if (refs.length === 0) return { ...NOTHING, undone: withheld };
  const applied = await source.apply(refs, "delete");
  step("delete.deleted");
  await storeDeletion(reading, applied);
  step("delete.stored");
  return { ...applied, undone: [...applied.undone, ...withheld] };
}

/** The cursor knows of it too: that all messages of a mailbox left tells of a migration only where it was not us. */
async function storeDeletion({ context, work, source, lease }: Reading, { changed, gone, undone }: Applied): Promise<void> {
  const { id } = work.mailbox;
  const moved: { readonly stream: string; readonly before: Position; readonly cursor: Cursor }[] = [];
  for (const [stream, refs] of Map.groupBy(changed, (ref) => ref.stream)) {
    const before = source.without === undefined ? null : await readPosition(context.database, id, stream);
    const cursor = before === null ? undefined : await source.without?.(before.cursor, refs);
    if (before !== null && cursor !== undefined) moved.push({ stream, before, cursor });
  }
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await noteDeleted(tx, id, changed, context.now());
    await noteGone(tx, id, gone, context.now());
    await noteNotDeleted(
      tx,
      id,
      undone.map(({ ref, failure }) => ({ ref, because: failure.serverSaid ?? failure.message })),
    );
    for (const { stream, before, cursor } of moved)
      await storePosition(tx, id, stream, { ...before, cursor }, context.now(), before.cursor);
  }, "store deletion");
}

/** What passes by itself makes an alert only when it came before: something was tried in an earlier round and stays, though this round may not have come to it. */
async function noteFailure({ context, work: { mailbox } }: Reading, failure: Failure, { triedBefore, began }: Progress): Promise<void> {
  context.log.warn({ mailbox: mailbox.address, code: failure.code, serverSaid: failure.serverSaid }, failure.message);
  if (failure.waitingHelps && !triedBefore && !(await wasTriedBefore(context.database, mailbox.id, began))) return;
  const { message, serverSaid, remedy, code, waitingHelps } = failure;
  const ofMailbox = new Failure({ scope: "mailbox", code, message, serverSaid, remedy, waitingHelps });
  await openAlert(context.database, alertOf(ofMailbox, ACTIVITY, mailbox.id), context.now());
}
