import { setImmediate as othersTurn } from "node:timers/promises";
import { type After, type StoredHead, storedHeads, storedHeadsById } from "../../ledger/stored-heads.ts";
import type { Decision, Outcome } from "../../model/decision.ts";
import { Failure } from "../../model/failure.ts";
import { identityOf } from "../../model/identity.ts";
import { numberOf } from "../../model/number-lists.ts";
import { storableText } from "../../model/text.ts";
import { threadKeys } from "../../tracking/what-if.ts";
import { answersKeys, isUntold, type KnownMailbox, otherToken, PageInWorld, type Simulated } from "./decide-rows.ts";
import { gather, type Knowledge, type Sources } from "./knowledge.ts";
import { SIDES, type Side, type Tally } from "./tally.ts";
import type { World } from "./world.ts";

/** Messages at a time, as when a mailbox is read. */
const PAGE = 500;
/** Messages whose outcome changes at a time: each is looked at by itself. */
const TOLD_AT_A_TIME = 100;

export interface SimulationOptions {
  readonly sources: Sources;
  readonly mailboxes: ReadonlyMap<string, KnownMailbox>;
  readonly worlds: Readonly<Record<Side, World>>;
  readonly tally: Tally;
  readonly signal: AbortSignal;
}

/** A message whose outcome is another one under the other settings. */
export interface ChangedMessage {
  readonly row: StoredHead;
  readonly before: Simulated;
  readonly after: Simulated;
}

/** A message that becomes an email in a world; `token`: see `PageInWorld.add`. */
interface MadeEmail {
  readonly row: StoredHead;
  readonly token: string | null;
}

/**
 * Decides the messages of a stretch once more, in both worlds, in the order in which they were received: what an earlier one becomes in a world is a
 * fact for the later ones there, and one that waits for another is decided again at once when that becomes an email. Only reads. Of what was decided no more
 * is kept than some numbers a message.
 */
export class Simulation {
  readonly #options: SimulationOptions;
  /** Messages about which their content says more than is kept. */
  #doubtful = new Set<number>();

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  /**
   * How many messages there are about which only the content would tell: without a Message-ID or date, and an email that was none so far: whether two are
   * one; like a delivery report by the header: whether it is one, and about what.
   */
  get doubtful(): number {
    return this.#doubtful.size;
  }

  async run(): Promise<void> {
    const { worlds } = this.#options;
    for await (const rows of this.#pages(PAGE)) {
      for (const row of rows) this.#index(row);
      const knowledge = await gather(this.#options.sources, rows, [worlds.before, worlds.after]);
      for (const side of SIDES) await this.#decide(worlds[side], rows, knowledge);
    }
  }

  /** The messages whose outcome changes, once all is decided, in the order in which they were received; of these mailboxes. */
  async *changes(ofMailboxes: ReadonlySet<string>): AsyncIterable<ChangedMessage> {
    for await (const rows of this.#pages(PAGE)) {
      const changed = rows.filter((row) => ofMailboxes.has(row.mailboxId) && this.#outcome(row, "before") !== this.#outcome(row, "after"));
      for (let from = 0; from < changed.length; from += TOLD_AT_A_TIME) {
        yield* await this.#told(changed.slice(from, from + TOLD_AT_A_TIME));
      }
    }
  }

  async *#pages(size: number): AsyncIterable<readonly StoredHead[]> {
    const { sources, signal } = this.#options;
    let after: After | null = null;
    for (;;) {
      assertWanted(signal);
      const rows: readonly StoredHead[] = await storedHeads(sources.database, sources.stretch, after, size);
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows;
      after = last;
    }
  }

  /** Decides the rows, each with what waited for it. The emails that come of it. */
  async #decide(world: World, rows: readonly StoredHead[], knowledge: Knowledge): Promise<readonly MadeEmail[]> {
    const { sources, mailboxes } = this.#options;
    const page = new PageInWorld(world, knowledge, mailboxes, sources.stretch.organization);
    const here = new Map(rows.map((row) => [row.id, row]));
    const emails: MadeEmail[] = [];
    for (const row of rows) {
      const next = [row];
      for (let one = next.shift(); one !== undefined; one = next.shift()) {
        const email = this.#decideOne(world, page, one, knowledge);
        if (email === null) continue;
        emails.push(email);
        const waiting = world.waiting.take(one.id).filter((id) => world.outcomes.get(id) === "skipped");
        next.push(...waiting.flatMap((id) => here.get(id) ?? []));
        for (const before of await this.#decideAgain(
          world,
          waiting.filter((id) => !here.has(id)),
        )) {
          page.add(before.row, before.token);
          emails.push(before);
        }
      }
    }
    await othersTurn();
    return emails;
  }

  /** Decides messages of earlier pages again. The emails that come of it. */
  async #decideAgain(world: World, ids: readonly number[]): Promise<readonly MadeEmail[]> {
    const { sources, signal } = this.#options;
    const emails: MadeEmail[] = [];
    for (let from = 0; from < ids.length; from += PAGE) {
      assertWanted(signal);
      const rows = await storedHeadsById(sources.database, ids.slice(from, from + PAGE));
      emails.push(...(await this.#decide(world, rows, await gather(sources, rows, [world]))));
    }
    return emails;
  }

  #decideOne(world: World, page: PageInWorld, row: StoredHead, knowledge: Knowledge): MadeEmail | null {
    const { outcome, decision } = page.decide(row);
    this.#keep(world, row, outcome);
    if (decision === null) return null;
    const { automaticAnswer } = decision;
    if (automaticAnswer !== undefined)
      for (const key of answersKeys(automaticAnswer)) world.answers.add(key, automaticAnswer.received.getTime());
    if (isUntold(row, decision, knowledge)) this.#doubtful.add(row.id);
    this.#wait(world, row, decision, knowledge);
    if (outcome !== "tracked") return null;
    if (row.emailId === null && identityOf(row.head).weak) this.#doubtful.add(row.id);
    const email = { row, token: this.#tokenOf(world, row, decision) };
    page.add(row, email.token);
    return email;
  }

  #tokenOf(world: World, row: StoredHead, decision: Decision): string | null {
    const token = otherToken(decision, row.head, world);
    if (token !== null) world.tokens.set(row.id, token);
    return token;
  }

  /** Until one of the messages becomes an email that it answers, as far as they were ever seen. */
  #wait(world: World, row: StoredHead, { waitingFor }: Decision, { byMessageId }: Knowledge): void {
    for (const id of waitingFor) {
      for (const question of byMessageId.get(storableText(id)) ?? []) {
        if (question.id !== row.id && world.outcomes.get(question.id) !== "tracked") world.waiting.add(question.id, row.id);
      }
    }
  }

  #index({ id, head }: StoredHead): void {
    const { threads, settings } = this.#options.sources;
    for (const key of threadKeys(head, settings)) threads.add(numberOf(key), id);
  }

  #keep(world: World, row: StoredHead, outcome: Outcome): void {
    const pair = { before: this.#outcome(row, "before"), after: this.#outcome(row, "after") };
    world.outcomes.set(row.id, outcome);
    this.#options.tally.set(row, world.side, outcome, pair);
  }

  #outcome({ id }: StoredHead, side: Side): Outcome | null {
    return this.#options.worlds[side].outcomes.get(id);
  }

  /** Why each is decided so, with what is known at the end. */
  async #told(rows: readonly StoredHead[]): Promise<ChangedMessage[]> {
    const { sources, mailboxes, worlds } = this.#options;
    const knowledge = await gather(sources, rows, [worlds.before, worlds.after]);
    const pageIn = (world: World) => new PageInWorld(world, knowledge, mailboxes, sources.stretch.organization);
    const [before, after] = [pageIn(worlds.before), pageIn(worlds.after)];
    return rows.map((row) => ({ row, before: this.#finally(row, "before", before), after: this.#finally(row, "after", after) }));
  }

  /** Its outcome stands; why, only if that is what the rules still say now that later messages are decided too. */
  #finally(row: StoredHead, side: Side, page: PageInWorld): Simulated {
    const outcome = this.#outcome(row, side) ?? row.outcome;
    const again = page.decideKnown(row, outcome);
    return { outcome, decision: again.outcome === outcome ? again.decision : null };
  }
}

/** Throws when nobody waits for the answer any more. */
function assertWanted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new Failure({
    scope: "process",
    code: "interrupted",
    message: "It was interrupted before all messages were looked at.",
    remedy: "Nothing was written. Run the command again, maybe with fewer days.",
    waitingHelps: false,
  });
}
