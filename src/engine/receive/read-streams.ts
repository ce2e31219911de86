import { alertOf, closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { noteLookedAt } from "../../ledger/folders.ts";
import { Failure } from "../../model/failure.ts";
import type { Folder } from "../../model/message.ts";
import { type Slice, SliceClock } from "../connections/slice.ts";
import { ACTIVITY } from "../trouble.ts";
import { readStream, type StoredPage } from "./read-stream.ts";
import { addCounts, type Counts, NO_COUNTS, type Reading } from "./reading.ts";

/** One stream with those of its folders that are read. */
interface Task {
  readonly stream: string;
  readonly folders: readonly Folder[];
  readonly isInbox: boolean;
}

interface ReadStreams {
  readonly counts: Counts;
  /** Others waited: there is more to read, from the cursors on. */
  readonly unfinished: boolean;
}

/**
 * Reads the streams of a mailbox in turns of one slice each, so that a folder with years of mail keeps neither the inbox nor another folder waiting:
 * the inbox has every second turn, the others follow each other, those first that were not looked at for the longest. After each slice
 * the mailbox gives way if others wait; what is unfinished goes on from its cursor when its turn comes again.
 * @param lookedAt when each stream was pulled last, or could not be
 */
export async function readStreams(
  reading: Reading,
  wanted: readonly Folder[],
  lookedAt: ReadonlyMap<string, Date>,
  slice: Slice,
): Promise<ReadStreams> {
  const { inbox, others } = inOrder(wanted, lookedAt);
  const turns = new Turns(reading, slice, inbox === undefined ? others : [inbox, ...others]);
  for (;;) {
    if (inbox !== undefined && turns.isDue(inbox)) await turns.take(inbox, others.length === 0);
    const next = others.shift();
    if (next !== undefined && !turns.mustEnd()) {
      const isAlone = others.length === 0 && (inbox === undefined || !turns.isOpen(inbox));
      if ((await turns.take(next, isAlone)) === "more") others.push(next);
    } else if (next !== undefined) others.unshift(next);
    const unfinished = others.length > 0 || (inbox !== undefined && turns.isOpen(inbox));
    if (!unfinished || turns.mustEnd() || (await turns.isOver())) {
      if (unfinished) await noteLookedAt(reading.context.database, reading.work.mailbox.id, turns.finished, reading.context.now());
      return { counts: turns.counts, unfinished: unfinished && !reading.signal.aborted };
    }
  }
}

function inOrder(wanted: readonly Folder[], lookedAt: ReadonlyMap<string, Date>): { inbox: Task | undefined; others: Task[] } {
  const tasks = [...Map.groupBy(wanted, (folder) => folder.stream)].map(
    ([stream, folders]): Task => ({ stream, folders, isInbox: folders.some((one) => one.role === "inbox") }),
  );
  const age = (task: Task) => lookedAt.get(task.stream)?.getTime() ?? 0;
  return {
    inbox: tasks.find((task) => task.isInbox),
    others: tasks.filter((task) => !task.isInbox).sort((one, other) => age(one) - age(other)),
  };
}

/** Folders in trouble that are taken to be broken, and not the mailbox, before it is the mailbox all the same: each may cost connections. */
export const MOST_BROKEN = 3;

/** The turns of the streams of one run. */
class Turns {
  readonly #reading: Reading;
  /** All of them, first the inbox. */
  readonly #tasks: readonly Task[];
  /** Streams that failed in their last turn, for any reason. */
  readonly #failed = new Set<string>();
  readonly #slice: Slice;
  /** Streams with more to read, each where its last turn ended. */
  readonly #open = new Map<string, AsyncGenerator<StoredPage, void>>();
  readonly #lookedAt = new Map<string, number>();
  readonly #clock: SliceClock;
  /** Whether the turn that was taken last is not over. */
  #goesOn: () => boolean = () => false;
  /** Whether no other stream of the mailbox waits for the turn that was taken last to end. */
  #isAlone = false;
  /** Streams in which nothing more was left. */
  readonly finished: string[] = [];
  counts: Counts = NO_COUNTS;

  constructor(reading: Reading, slice: Slice, tasks: readonly Task[]) {
    this.#reading = reading;
    this.#tasks = [...tasks];
    this.#slice = slice;
    this.#clock = new SliceClock(slice);
  }

  isOpen({ stream }: Task): boolean {
    return this.#open.has(stream);
  }

  /** It has more to read, or was not looked at for a slice. */
  isDue(task: Task): boolean {
    const looked = this.#lookedAt.get(task.stream);
    return this.isOpen(task) || looked === undefined || performance.now() - looked >= this.#slice.length;
  }

  mustEnd(): boolean {
    return this.#reading.signal.aborted;
  }

  /** It is time to give way to another mailbox. */
  isOver(): Promise<boolean> {
    return this.#clock.isOver();
  }

  /** A folder's own trouble (no right, deleted meanwhile, broken) stays its own: the others are read (invariant 6). */
  async take(task: Task, isAlone: boolean): Promise<"finished" | "more"> {
    const { context, work } = this.#reading;
    try {
      return await this.#turn(task, isAlone);
    } catch (error) {
      const failure = await this.#ofFolder(task, error);
      if (failure === null) throw error;
      context.log.warn(
        {
          mailbox: work.mailbox.address,
          folder: task.folders.map((one) => one.name).join(", "),
          code: failure.code,
          serverSaid: failure.serverSaid,
        },
        failure.message,
      );
      await openAlert(context.database, alertOf(failure, ACTIVITY.receive, subjectOf(this.#reading, task)), context.now());
      return "finished";
    }
  }

  async #turn(task: Task, isAlone: boolean): Promise<"finished" | "more"> {
    const { context, broken } = this.#reading;
    const { stream } = task;
    this.#isAlone = isAlone;
    try {
      const turn = await this.#read(task);
      this.#failed.delete(stream);
      broken.delete(stream);
      if (turn === "finished")
        await closeAlerts(context.database, "folder", subjectOf(this.#reading, task), ACTIVITY.receive, context.now());
      return turn;
    } catch (error) {
      this.#open.delete(stream);
      this.#failed.add(stream);
      throw error;
    } finally {
      this.#lookedAt.set(stream, performance.now());
    }
  }

  /**
   * The failure as one of this folder; null when it reaches further. Whether a trouble that a folder may have alone is the mailbox's is told by another
   * folder, read right after it: by the inbox, or in the inbox's trouble by the first of the others that did not fail.
   */
  async #ofFolder({ stream }: Task, error: unknown): Promise<Failure | null> {
    if (!(error instanceof Failure)) return null;
    if (error.scope === "folder") return error;
    const { broken } = this.#reading;
    const tooMany = broken.size >= MOST_BROKEN && !broken.has(stream);
    const another = this.#tasks.find((one) => !this.#failed.has(one.stream));
    if (error.ofFolder === undefined || tooMany || another === undefined || this.mustEnd()) return null;
    if (!(await this.#isRead(another))) return null;
    broken.add(stream);
    return error.ofFolder;
  }

  /** Whether it can be read now. What goes wrong with more than a folder is thrown: it is why the other one could not be read either. */
  async #isRead(task: Task): Promise<boolean> {
    try {
      await this.#turn(task, false);
      return true;
    } catch (error) {
      if (!(error instanceof Failure) || (error.scope !== "folder" && error.ofFolder === undefined)) throw error;
      return false;
    }
  }

  /** The turn is not over, or the next one is this stream's too. */
  async #goesOnSoon(): Promise<boolean> {
    return this.#goesOn() || (this.#isAlone && !(await this.#slice.isWanted()));
  }

  async #read({ stream, folders }: Task): Promise<"finished" | "more"> {
    const began = performance.now();
    this.#goesOn = () => performance.now() - began < this.#slice.length;
    const pages =
      this.#open.get(stream) ?? readStream(this.#reading, stream, new Set(folders.map((folder) => folder.id)), () => this.#goesOnSoon());
    for (;;) {
      const page = await pages.next();
      if (!page.done) this.counts = addCounts(this.counts, page.value.counts);
      if (page.done || !page.value.more) {
        this.#open.delete(stream);
        this.finished.push(stream);
        return "finished";
      }
      if (this.#goesOn()) continue;
      this.#open.set(stream, pages);
      return "more";
    }
  }
}

function subjectOf({ work }: Reading, { stream }: Task): string {
  return `${work.mailbox.id}/${stream}`;
}
