/** An open mailbox: its listing, and commands about many messages at once. The listing is of the moment of sign-in and stays so (RFC 1939 5). */
import { setImmediate as othersTurn } from "node:timers/promises";
import { Collector } from "./collector.ts";
import type { Answer, Connection } from "./connection.ts";
import { type Entry, entriesOf, LISTING_BYTES, type Lines, linesOf } from "./listing.ts";

/**
 * Commands on the way before the first is answered, where the server has PIPELINING. They fit into the buffers of any network, so that
 * nobody waits for the other while both write.
 */
const PIPELINE = 64;

/** Messages noted before other work of the process has its turn. */
const AT_A_TIME = 5000;

export class Maildrop {
  readonly connection: Connection;
  /** The listing was used for a whole round: whoever wants to know what is new has to sign in again. */
  used = false;
  /** Numbers of the messages whose whole content was handed out in this session. */
  readonly handedOut = new Set<number>();
  /** Numbers of the messages of which something was handed out in this session. */
  readonly lookedAt = new Set<number>();
  #entries: readonly Entry[] | null = null;
  #byId: ReadonlyMap<string, Entry> = new Map();
  /** Set when the server lost count of what it was asked. */
  readonly #pipeline: number;
  readonly #shared: Set<string>;

  /** `shared` collects the ids under which any listing had several messages. */
  constructor(connection: Connection, pipelining: boolean, shared: Set<string>) {
    this.connection = connection;
    this.#shared = shared;
    this.#pipeline = pipelining && connection.capabilities.pipelining ? PIPELINE : 1;
  }

  get pipelining(): boolean {
    return this.#pipeline > 1;
  }

  /** How many messages it holds. */
  async count(): Promise<number> {
    const answer = await this.#accepted("STAT");
    const count = /^(\d{1,9})[ \t]+\d+/.exec(answer.text)?.[1];
    if (count === undefined) throw this.connection.failure("protocol error", { serverSaid: answer.text });
    return Number(count);
  }

  /** All messages, in the server's order. */
  async entries(): Promise<readonly Entry[]> {
    if (this.#entries !== null) return this.#entries;
    const uidl = await this.connection.ask("UIDL");
    if (!uidl.ok) {
      // Some servers say so when there is nothing to list.
      if ((await this.count()) > 0) throw this.connection.failure("no message ids", { serverSaid: uidl.text });
      return this.#keep(new Map());
    }
    const ids = await this.#listing(uidl);
    const sizes = await this.#listing(await this.#accepted("LIST"));
    const entries = ids !== null && sizes !== null ? await entriesOf(ids, sizes) : null;
    if (entries === null) throw this.connection.failure("listing damaged");
    return this.#keep(entries);
  }

  /** Those of these ids that it holds. */
  async find(ids: readonly string[]): Promise<ReadonlyMap<string, Entry>> {
    await this.entries();
    return new Map(
      ids.flatMap((id) => {
        const entry = this.#byId.get(id);
        return entry === undefined ? [] : [[id, entry] as const];
      }),
    );
  }

  /** That id stands for the message whose content was handed out under it: it was always one message's alone, or it was handed out in this session. */
  isCertain({ id, number }: Entry): boolean {
    return !this.#shared.has(id) || this.handedOut.has(number);
  }

  /** It was looked at in this session: between two sessions, however the first one ended, a server may give an id to another message. */
  isOfThisSession({ number }: Entry): boolean {
    return this.lookedAt.has(number);
  }

  /** One command for each item until there is `enough`, as many on the way as the server allows; `take` reads the whole answer of each, in order. */
  async each<T>(
    items: readonly T[],
    command: (item: T) => string,
    take: (item: T, answer: Answer) => Promise<void>,
    enough: () => boolean = () => false,
  ): Promise<void> {
    let asked = 0;
    for (const [index, item] of items.entries()) {
      if (enough()) {
        if (index === asked) return;
      } else if (asked - index <= this.#pipeline / 2) {
        const more = items.slice(asked, index + this.#pipeline);
        if (more.length > 0) this.connection.channel.write(...more.map(command));
        asked += more.length;
      }
      await take(item, await this.connection.answer());
    }
  }

  async #accepted(command: string): Promise<Answer> {
    const answer = await this.connection.ask(command);
    if (!answer.ok) throw this.connection.refusal(answer, "later");
    return answer;
  }

  async #listing(answer: Answer): Promise<Lines | null> {
    const listing = new Collector(LISTING_BYTES);
    await this.connection.channel.body(answer.lineEnd, listing, () => listing.over);
    return linesOf(listing.content());
  }

  async #keep(byId: ReadonlyMap<string, Entry>): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    for (const entry of byId.values()) {
      if (entries.length % AT_A_TIME === 0) await othersTurn();
      entries.push(entry);
      if (entry.shared) this.#shared.add(entry.id);
    }
    this.#byId = byId;
    this.#entries = entries;
    return entries;
  }
}
