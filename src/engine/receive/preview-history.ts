import type { ChosenFolder } from "../../ledger/folders.ts";
import { outcomesByIdentity } from "../../ledger/history.ts";
import type { Outcome } from "../../model/decision.ts";
import { Failure } from "../../model/failure.ts";
import { decisionKey, emailIdentityOf } from "../../model/identity.ts";
import type { Cursor, MessageHead } from "../../model/message.ts";
import { numberHash } from "../../model/number-hash.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import { emailOf, MadeEmails } from "./made-emails.ts";
import { byReceipt, decide, placeOf } from "./process-heads.ts";
import type { Candidate, Reading } from "./reading.ts";
import { markedBySentFolder } from "./sent-copies.ts";

/** What a mailbox holds of the time before its start, and what would become of it. */
export interface History {
  /** Messages; one that lies in several folders counts once. */
  readonly messages: number;
  /** What would become of them by the rules of now, as far as their heads tell. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  /** Of them, those that are emails or copies of one, or in quarantine, already: they stay what they are. */
  readonly known: number;
  /** Of those to be tracked, the ones without a Message-ID or date: only the content tells whether two are one. */
  readonly doubtful: number;
  readonly folders: readonly { readonly folder: string; readonly messages: number }[];
  /** Folders that the mail system does not let be read at the moment. */
  readonly failed: readonly { readonly folder: string; readonly because: string }[];
}

/** Messages of a page, as when a mailbox is read. */
const PAGE = 500;

/** A stream whose position is lost again and again while it is read is left. */
const MOST_RESETS = 2;

/** Answers that are asked about again when what they answer turns up: some 20 MB. */
const MOST_WAITING = 10_000;

/** A message that would be left alone because it answers nothing yet. */
interface Waiting {
  readonly candidate: Candidate;
  readonly waitingFor: readonly string[];
}

/**
 * Goes through what the mail system lists of a time and asks the rules about each message as if the mailbox started there: what an earlier one would become is a
 * fact for the later ones, and an answer that comes before what it answers is asked about again. Stores nothing.
 */
export class HistoryPreview {
  readonly #reading: Reading;
  readonly #until: Date;
  readonly #made: MadeEmails;
  readonly #outcomes: Record<Outcome, number> = { tracked: 0, skipped: 0, duplicate: 0, quarantined: 0 };
  readonly #inFolder = new Map<string, number>();
  /** Of the keys of the messages that were counted, a part that tells them apart: there may be a million. */
  readonly #seen = new Set<bigint>();
  #waiting: Waiting[] = [];
  #known = 0;
  #doubtful = 0;

  /** `reading`: of the mailbox as it is; what was received from `from` on and before its start is looked at. */
  constructor(reading: Reading, from: Date, settings: OrganizationSettings) {
    const { mailbox } = reading.work;
    this.#reading = { ...reading, work: { ...reading.work, mailbox: { ...mailbox, startDate: from } } };
    this.#until = mailbox.startDate;
    this.#made = new MadeEmails(settings);
  }

  /** Goes through the streams of these folders, which are those that are read. */
  async run(folders: readonly ChosenFolder[]): Promise<History> {
    const failed: { folder: string; because: string }[] = [];
    for (const [stream, its] of Map.groupBy(folders, (one) => one.stream)) {
      const because = await this.#stream(stream, new Map(its.map(({ id, name }) => [id, name])));
      if (because !== null) failed.push(...its.map(({ name }) => ({ folder: name, because })));
    }
    await this.#askAgain();
    return {
      messages: this.#seen.size,
      outcomes: this.#outcomes,
      known: this.#known,
      doubtful: this.#doubtful,
      folders: [...this.#inFolder].map(([folder, messages]) => ({ folder, messages })),
      failed,
    };
  }

  /** Why it cannot be read; null: it was. */
  async #stream(stream: string, folders: ReadonlyMap<string, string>): Promise<string | null> {
    const { source, signal, work, onPage } = this.#reading;
    for (const name of folders.values()) this.#inFolder.set(name, 0);
    const told = new Set<bigint>();
    let cursor: Cursor | null = null;
    try {
      for (let more = true, resets = 0; more; ) {
        assertWanted(signal);
        const pull = await source.pull(stream, cursor, { limit: PAGE, since: work.mailbox.startDate });
        if (pull.kind === "reset") {
          if (++resets > MOST_RESETS) return pull.reason;
          cursor = null;
          continue;
        }
        const meant = pull.heads.filter((head) => this.#isMeant(head, folders) && !told.has(shortened(head.ref.id)));
        for (const { ref } of meant) told.add(shortened(ref.id));
        await this.#page(meant, folders);
        onPage?.(pull.heads.length);
        ({ cursor, more } = pull);
      }
    } catch (error) {
      const failure = error instanceof Failure ? (error.scope === "folder" ? error : error.ofFolder) : undefined;
      if (failure === undefined) throw error;
      return failure.message;
    }
    return null;
  }

  #isMeant({ received, folders: lies }: MessageHead, folders: ReadonlyMap<string, string>): boolean {
    return received >= this.#reading.work.mailbox.startDate && received < this.#until && lies.some((id) => folders.has(id));
  }

  async #page(heads: readonly MessageHead[], folders: ReadonlyMap<string, string>): Promise<void> {
    for (const name of heads.flatMap((head) => head.folders.flatMap((id) => folders.get(id) ?? [])))
      this.#inFolder.set(name, (this.#inFolder.get(name) ?? 0) + 1);
    const found = this.#newOnes(heads);
    const { context, work } = this.#reading;
    const before = await outcomesByIdentity(context.database, work.mailbox.id, [...found.keys()]);
    const candidates: Candidate[] = [];
    for (const [key, candidate] of found) {
      const outcome = before.get(key);
      if (outcome !== undefined && outcome !== "skipped") this.#known++;
      else if (candidate.head.unreadable !== undefined) this.#outcomes.quarantined++;
      else candidates.push(candidate);
    }
    await this.#decide(candidates.sort(byReceipt));
  }

  /** Each once, whatever folders it lies in. */
  #newOnes(heads: readonly MessageHead[]): Map<string, Candidate> {
    const found = new Map<string, Candidate>();
    for (const read of heads) {
      const head = markedBySentFolder(this.#reading, read);
      const identity = emailIdentityOf(head);
      const key = decisionKey(identity, head);
      const twin = found.get(key);
      if (twin === undefined && this.#seen.has(shortened(key))) continue;
      this.#seen.add(shortened(key));
      found.set(key, twin ? { ...twin, places: [...twin.places, placeOf(head)] } : { head, places: [placeOf(head)], identity, key });
    }
    return found;
  }

  /** Returns how many would become emails. */
  async #decide(candidates: readonly Candidate[]): Promise<number> {
    if (candidates.length === 0) return 0;
    const earlier = this.#made.before(candidates.map(({ head }) => head));
    const { decided, tracked } = await decide(this.#reading, candidates, earlier);
    for (const one of tracked) {
      this.#outcomes.tracked++;
      const email = emailOf(one, this.#reading.work.mailbox.organization);
      if (email === null) this.#doubtful++;
      else this.#made.add(one.head, email);
    }
    const byKey = new Map(candidates.map((one) => [one.key, one]));
    for (const { outcome, identity, waitingFor } of decided) {
      this.#outcomes[outcome]++;
      const candidate = byKey.get(identity);
      if (outcome === "skipped" && waitingFor.length > 0 && candidate !== undefined && this.#waiting.length < MOST_WAITING)
        this.#waiting.push({ candidate, waitingFor });
    }
    return tracked.length;
  }

  /** What waits for a message that would become an email would be decided again, and so on. */
  async #askAgain(): Promise<void> {
    for (let made = -1; made !== 0; ) {
      assertWanted(this.#reading.signal);
      const { ready = [], others = [] } = Object.groupBy(this.#waiting, ({ waitingFor }) =>
        waitingFor.some((id) => this.#made.has(id)) ? "ready" : "others",
      );
      this.#waiting = others;
      made = 0;
      for (let from = 0; from < ready.length; from += PAGE) {
        const part = ready.slice(from, from + PAGE).map(({ candidate }) => candidate);
        this.#outcomes.skipped -= part.length;
        made += await this.#decide(part.sort(byReceipt));
      }
    }
  }
}

function shortened(key: string): bigint {
  return BigInt(numberHash(key));
}

/** Throws when nobody waits for the answer any more. */
function assertWanted(signal: AbortSignal): void {
  if (signal.aborted) throw interrupted();
}

/** Nobody waits for the preview any more. */
export function interrupted(): Failure {
  return new Failure({
    scope: "process",
    code: "interrupted",
    message: "It was interrupted before all messages were looked at.",
    remedy: "Nothing was written. Run the command again, maybe with a later date.",
    waitingHelps: false,
  });
}
