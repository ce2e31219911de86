import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../model/failure.ts";
import type { MailboxAccess } from "../../ports.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import type { Breaks } from "./breaks.ts";
import { Flooded } from "./channel.ts";
import { Collector } from "./collector.ts";
import { connect, type Target } from "./connect.ts";
import type { Answer, Connection } from "./connection.ts";
import { type Pop3Trouble, pop3Failure, type TroubleFacts } from "./failures.ts";
import type { Entry } from "./listing.ts";
import { Maildrop } from "./maildrop.ts";
import { isTemporary } from "./refusals.ts";

/** So many times the connection has to break at a message before that is to blame. */
const BLAMED = 3;

/** More damaged messages than this at a time are not a damaged message: the server goes away for another reason. */
const MOST_DAMAGED = 5;

/** A server may need a moment to let go of the mailbox that we have just left. */
const LETTING_GO = 500;
const LETTING_GO_ATTEMPTS = 3;

/** Milliseconds between two questions for the same message alone. */
const RESTARTING = 500;

/** Other messages asked for, one after the other, to see whether any is handed out: one or two of them may be damaged too. */
const MOST_WITNESSES = 3;

/** Bytes of a message that is asked for only to see whether any is handed out. */
const WITNESS_BYTES = 64 * 1024 * 1024;

/** How one message is asked for. */
export interface Question<T> {
  /** The first word of its command. */
  readonly verb: "TOP" | "RETR";
  /** The server need not know the command: if it refuses all messages, that is no trouble. */
  readonly optional?: boolean;
  /** Reads the rest of an answer that was a yes. */
  take(entry: Entry, answer: Answer, drop: Maildrop): Promise<T>;
  /** What it is when more came than `take` wanted; the connection was given up. */
  flooded(entry: Entry): T;
  /** No more messages are to be asked for; what is on its way is still taken. */
  enough?(): boolean;
}

/**
 * Why a server that has let us go does not let us in again at the moment. It may answer so for a while, and that must not cost the messages that it
 * hands out.
 */
export const NOT_YET: ReadonlySet<string> = new Set(["sign-in too soon", "mailbox in use"]);

/** What asking for messages gave. Each id stands in exactly one of them, or in none when there was `enough` before, or no way in again. */
export interface Answers<T> {
  readonly answers: ReadonlyMap<string, T>;
  /** Not in the mailbox any more. */
  readonly gone: ReadonlySet<string>;
  /** Those that the server does not hand out, with its words. */
  readonly refused: ReadonlyMap<string, string>;
  /** The server hung up at a message and does not let us in again for now: the failure that says so. */
  readonly shut: Failure | null;
}

/** What is left of earlier sessions of a mailbox. */
export interface Earlier {
  /** The messages at which the server hung up. */
  readonly breaks: Breaks;
  /** A connection that is signed in already, or null. */
  kept(): Promise<Connection | null>;
}

/** The mailbox of one source: opened when first needed, and again when it is needed after the connection broke. One command at a time. */
export class Session {
  readonly mailbox: MailboxAccess;
  readonly secrets: KeptSecrets;
  readonly #target: Target;
  readonly #breaks: Breaks;
  readonly #kept: Earlier["kept"];
  #drop: Maildrop | null = null;
  #closed = false;
  #pipelining = true;
  /** Ids under which there were several messages at any time. */
  readonly #shared = new Set<string>();
  /** Ids of some messages that were handed out in earlier rounds. */
  #vouched: readonly string[] = [];
  /** We were in it a moment ago, and the server may not have noticed yet that we left. */
  #left = false;

  constructor(target: Target, mailbox: MailboxAccess, { breaks, kept }: Earlier) {
    this.#target = target;
    this.#breaks = breaks;
    this.#kept = kept;
    this.secrets = new KeptSecrets(mailbox);
    this.mailbox = this.secrets.mailbox;
  }

  /** Works with the open mailbox; whatever goes wrong is a Failure that tells no secret. */
  async run<T>(work: (drop: Maildrop) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#ready());
    } catch (error) {
      if (error instanceof Flooded) throw this.failure("listing damaged", { cause: error });
      throw this.secrets.error(error);
    }
  }

  /** The mailbox as it is now: one that was looked at for a whole round is opened anew, because its listing never changes. */
  async fresh<T>(work: (drop: Maildrop) => Promise<T>): Promise<T> {
    if (this.#drop?.used === true) await this.leave();
    return this.run(work);
  }

  /**
   * Asks for messages by their ids. A connection that breaks is made again and asked for the rest; where it breaks at the same message again and
   * again, that message is damaged and refused, and must not stop the others. Where the mailbox cannot be opened again, that is what is thrown. So it
   * is where messages are refused for the moment and no other is handed out either; else they are asked for once more. Where a server that hung up
   * does not let us in again for now, what was answered before counts, and a message at which it hung up in earlier sessions too is refused: those
   * were asked for last.
   */
  async ask<T>(ids: readonly string[], question: Question<T>): Promise<Answers<T>> {
    const first = await this.#askAll(ids, question);
    if (first.shut !== null) return first;
    const [words] = first.temporary.values();
    if (words === undefined) {
      await this.#assertTheirs(ids, first, question);
      return first;
    }
    if ((await this.#handsOutAnother(first.refused, question)) !== "yes") throw this.failure("mailbox unavailable", { serverSaid: words });
    const again = await this.#askAll([...first.temporary.keys()], question);
    const lasting = [...first.refused].filter(([id]) => !first.temporary.has(id));
    return {
      answers: new Map([...first.answers, ...again.answers]),
      gone: new Set([...first.gone, ...again.gone]),
      refused: new Map([...lasting, ...again.refused]),
      shut: again.shut,
    };
  }

  async #askAll<T>(
    ids: readonly string[],
    question: Question<T>,
  ): Promise<Answers<T> & { readonly temporary: ReadonlyMap<string, string> }> {
    const temporary = new Map<string, string>();
    const answers = new Map<string, T>();
    const gone = new Set<string>();
    const refused = new Map<string, string>();
    const broke = new Map<string, number>();
    const enough = () => question.enough?.() === true;
    const ordered = this.#breaks.last(ids.map((id) => ({ id }))).map(({ id }) => id);
    let shut: Failure | null = null;
    while (shut === null) {
      const left = ordered.filter((id) => !answers.has(id) && !gone.has(id) && !refused.has(id));
      const [first] = left;
      if (first === undefined || enough()) break;
      let current = first;
      let asking = false;
      try {
        await this.run(async (drop) => {
          const found = await drop.find(left);
          asking = true;
          for (const id of left.filter((one) => !found.has(one))) {
            gone.add(id);
            this.#breaks.forgetAll(id);
          }
          // One at which a connection broke is asked for alone, to tell whether it is to blame.
          const some = this.#breaks.has(first) ? [first] : left.filter((id) => !this.#breaks.has(id));
          const entries = some.flatMap((id) => found.get(id) ?? []);
          const take = async (entry: Entry, answer: Answer) => {
            current = entry.id;
            if (!answer.ok) {
              refused.set(entry.id, answer.text);
              if (isTemporary(answer, question.optional === true)) temporary.set(entry.id, answer.text);
            } else {
              answers.set(entry.id, await this.#taken(entry, answer, drop, question));
              drop.lookedAt.add(entry.number);
              this.#breaks.forget(entry.id, question.verb);
            }
            current = some[some.indexOf(entry.id) + 1] ?? entry.id;
          };
          await drop.each(entries, (entry) => commandFor(question, entry), take, enough);
        });
      } catch (error) {
        if (answers.has(current)) continue;
        const isShut = !asking && broke.size > 0 && error instanceof Failure && NOT_YET.has(error.code);
        if (!isShut) await this.#judge(error, asking ? current : null, { broke, refused, question });
        else {
          shut = error;
          const words = this.failure("connection lost").message;
          for (const id of left) if (this.#breaks.times(id, question.verb) >= BLAMED) refused.set(id, words);
        }
      }
    }
    if (shut !== null && answers.size + refused.size === 0) throw shut;
    return { answers, gone, refused, shut, temporary };
  }

  /**
   * Throws where not one message came and that is the server's trouble, not theirs: it hands out no other either. Where there is no other, several are to
   * blame when it hung up at each of them before too, and when they are not too many to be damaged.
   */
  async #assertTheirs(ids: readonly string[], { refused }: Answers<unknown>, { verb, optional }: Question<unknown>): Promise<void> {
    const [words] = refused.values();
    if (words === undefined || refused.size < ids.length || optional === true) return;
    if (ids.length === 1 && !ids.some((id) => this.#breaks.has(id))) return;
    const another = await this.#handsOutAnother(refused, { verb });
    const isOld = ids.length === 1 || ids.every((id) => this.#breaks.times(id, verb) > BLAMED);
    if (another === "yes" || (another === "none" && isOld && this.#breaks.size <= MOST_DAMAGED)) return;
    throw this.failure("mailbox unavailable", { serverSaid: words });
  }

  /** Whether the mailbox hands out at this moment, of the messages that were not refused, one of those that cost least; none: there is no other. */
  async #handsOutAnother(refused: ReadonlyMap<string, string>, { verb }: Pick<Question<unknown>, "verb">): Promise<"yes" | "no" | "none"> {
    const witnesses = (await this.run((drop) => this.#witnesses(drop))).filter((id) => !refused.has(id)).slice(0, MOST_WITNESSES);
    for (const id of witnesses) {
      try {
        if (await this.run((drop) => handsOut(drop, id, verb))) return "yes";
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== "connection lost") throw error;
        this.#left = true;
      }
    }
    return witnesses.length === 0 ? "none" : "no";
  }

  /** The smallest that were never suspected, and then those that were handed out in earlier rounds all the same: what comes from them shows that the server is well. */
  async #witnesses(drop: Maildrop): Promise<readonly string[]> {
    const unsuspected = (await drop.entries()).filter(({ id }) => !this.#breaks.has(id) && !this.#vouched.includes(id));
    return [...smallest(unsuspected, MOST_WITNESSES + MOST_DAMAGED), ...this.#vouched];
  }

  /** These were handed out in earlier rounds. */
  vouchFor(known: readonly Entry[]): void {
    this.#vouched = smallest(known, MOST_WITNESSES);
  }

  /** The server hung up when it was asked for this message, also in an earlier session, and did not hand it out since. */
  breaksAt(id: string): boolean {
    return this.#breaks.has(id);
  }

  /** The same, but those at which the server hung up at the end. */
  breakingLast<T extends { readonly id: string }>(items: readonly T[]): readonly T[] {
    return this.#breaks.last(items);
  }

  /** The listing that was just used is of the past: see {@link fresh}. */
  markUsed(): void {
    if (this.#drop !== null) this.#drop.used = true;
  }

  /** A failure of a kind that the server did not report itself. */
  failure(trouble: Pop3Trouble, facts: TroubleFacts = {}): Failure {
    return pop3Failure(trouble, { endpoint: this.#target.endpoint, mailbox: this.mailbox.address }, facts);
  }

  /** Signs out; the next work opens the mailbox again. */
  async leave(): Promise<void> {
    const drop = this.#drop;
    this.#drop = null;
    if (drop === null) return;
    await drop.connection.leave();
    this.#left = true;
  }

  /** The server has answered QUIT: the next work opens the mailbox again. */
  quitted(): void {
    this.#drop = null;
    this.#left = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.leave();
  }

  async #ready(): Promise<Maildrop> {
    if (this.#closed) throw new Error(`the mail source of ${this.mailbox.address} is closed`);
    if (this.#drop !== null && !this.#drop.connection.channel.ended) return this.#drop;
    if (this.#drop !== null) {
      this.#left = true;
      this.#drop = null;
    }
    const connection = await this.#connect();
    if (this.#closed) {
      await connection.leave();
      throw new Error(`the mail source of ${this.mailbox.address} was closed while it connected`);
    }
    this.#drop = new Maildrop(connection, this.#pipelining, this.#shared);
    return this.#drop;
  }

  async #connect(): Promise<Connection> {
    const kept = await this.#kept();
    if (kept !== null) return kept;
    for (let attempt = 1; ; attempt++) {
      try {
        return await connect(this.#target, this.mailbox);
      } catch (error) {
        const ours = this.#left && error instanceof Failure && error.code === "mailbox in use" && attempt < LETTING_GO_ATTEMPTS;
        if (!ours) throw error;
        await sleep(LETTING_GO);
      }
    }
  }

  async #taken<T>(entry: Entry, answer: Answer, drop: Maildrop, question: Question<T>): Promise<T> {
    try {
      return await question.take(entry, answer, drop);
    } catch (error) {
      if (error instanceof Flooded) return question.flooded(entry);
      throw error;
    }
  }

  /** Throws on what is not about that message; null: the mailbox was not open again when it happened. */
  async #judge(error: unknown, id: string | null, { broke, refused, question }: Asking): Promise<void> {
    if (!(error instanceof Failure)) throw error;
    this.#left = true;
    if (error.code === "protocol error" && this.#drop?.pipelining === true) {
      // Some servers lose count of commands that come before they are asked for.
      this.#pipelining = false;
      return;
    }
    if (error.code !== "connection lost" || id === null) throw error;
    const times = (broke.get(id) ?? 0) + 1;
    broke.set(id, times);
    this.#breaks.note(id, question.verb);
    // Once with others, and twice alone; a server that restarts is gone for a moment only.
    if (times === 2) await sleep(RESTARTING);
    if (times < BLAMED) return;
    if (refused.size >= MOST_DAMAGED) throw error;
    refused.set(id, error.message);
  }
}

async function handsOut(drop: Maildrop, id: string, verb: Question<unknown>["verb"]): Promise<boolean> {
  const entry = (await drop.find([id])).get(id);
  const { connection } = drop;
  if (entry === undefined) return false;
  const answer = await connection.ask(commandFor({ verb }, entry));
  if (!answer.ok) return false;
  const content = new Collector(0);
  await connection.channel.body(answer.lineEnd, content, () => content.total > WITNESS_BYTES);
  return true;
}

/** Ids of the smallest, in the order of their sizes. */
function smallest(entries: readonly Entry[], most: number): readonly string[] {
  return entries
    .toSorted((one, other) => one.size - other.size)
    .slice(0, most)
    .map(({ id }) => id);
}

/** RFC 1939 5 and 7; of TOP the header and no line of the body. */
function commandFor({ verb }: Pick<Question<unknown>, "verb">, { number }: Entry): string {
  return verb === "TOP" ? `TOP ${number} 0` : `RETR ${number}`;
}

/** What came of one question so far. */
interface Asking {
  /** How often the connection broke at each. */
  readonly broke: Map<string, number>;
  readonly refused: Map<string, string>;
  readonly question: Pick<Question<unknown>, "verb">;
}
