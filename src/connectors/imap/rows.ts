import { setImmediate as othersTurn } from "node:timers/promises";
import type { FetchMessageObject, FetchQueryObject, ImapFlow } from "imapflow";
import type { HeadFacts } from "../../mime/head.ts";
import type { MessageHead } from "../../model/message.ts";
import { isOfTheMoment, isRefusal, isServerFault } from "./failures.ts";
import { sequenceSet } from "./plan.ts";
import { searchUids } from "./session.ts";

/** Rows taken, and their headers parsed, before other work of the process has its turn: a few milliseconds. imapflow takes all that arrived at once. */
export const ROWS_AT_A_TIME = 10;

/** What a head has of the header alone. */
export type Header = Omit<MessageHead, keyof HeadFacts>;

/** What came of a message; of its header fields what they say, once they are read. */
export type Row = Partial<FetchMessageObject> & { readonly header?: Header | undefined };

/** What is asked for of a message, and when it has come. */
export interface Part {
  readonly query: FetchQueryObject;
  readonly whole: (row: Row) => boolean;
}

/** Which messages are in question, by their UIDs. */
export type These = (uid: number) => boolean;

/**
 * Refusals in a row, for a reason of the moment, after which no more is asked for before another message of the folder came: a server in trouble, or one that counts
 * what it is asked for, is left alone after these and the few others that are tried, however many messages are wanted.
 */
export const MOST_REFUSED = 2;

/**
 * Troubles that a server reported where it refused messages: faults of its own, and reasons of the moment. They are about those messages only where it hands out
 * another of the folder and refuses them all the same; else nobody can tell, and nothing may be blamed on them.
 */
export class Faults {
  /** What shows of another message that the server is well. */
  readonly part: Part;
  last: unknown = null;
  /** How often in a row it refused for a reason of the moment. */
  #inARow = 0;
  /** Those that it refused alone. */
  readonly #alone = new Set<number>();

  constructor(part: Part) {
    this.part = part;
  }

  get isTooMuch(): boolean {
    return this.#inARow >= MOST_REFUSED;
  }

  note(error: unknown, uids: readonly number[]): void {
    const isPassing = isOfTheMoment(error);
    if (!isPassing && !isServerFault(error)) return;
    this.last = error;
    if (isPassing) this.#inARow++;
    if (uids.length === 1) for (const uid of uids) this.#alone.add(uid);
  }

  handedOut(): void {
    this.#inARow = 0;
  }

  readonly refusedAlone: These = (uid) => this.#alone.has(uid);
}

/**
 * Rows by UID that are `whole`. Asked for all at once; whatever is missing from the answer is asked for one by one, because one
 * damaged message can make the server refuse them all. Never runs a command while rows come in: that would wait for ever. `keep` sees
 * each row as it comes, those that nobody asked for too, and says what is kept of it: nothing where it is null, and then the message is
 * not asked for again. It ends it all by throwing. Without `faults` it throws when the server refuses for a reason of the moment; with them, when it does
 * so at a few in a row and at others of the folder as well.
 */
export async function fetchRows(
  client: ImapFlow,
  uids: readonly number[],
  query: FetchQueryObject,
  whole: (row: Row) => boolean,
  keep: (row: Row) => Row | null = (row) => row,
  faults: Faults | null = null,
): Promise<Map<number, Row>> {
  const rows = new Map<number, Row>();
  const passed = new Set<number>();
  const wanted = new Set(uids);
  const take = (row: Row) => {
    const kept = keep(row);
    // Rows that nobody asked for (a flag changed elsewhere) may come in between, without end from a hostile server; and one message may come in two.
    const { uid } = row;
    if (uid === undefined || !wanted.has(uid)) return;
    if (kept === null) passed.add(uid);
    else rows.set(uid, { ...rows.get(uid), ...kept });
  };
  const ask = async (some: readonly number[]) => {
    if (faults?.isTooMuch && (await anotherIsHandedOut(client, faults.refusedAlone, faults)) !== "yes") throw faults.last;
    return askOnce(client, some, query, take, faults);
  };
  const missing = () => uids.filter((uid) => !passed.has(uid) && !whole(rows.get(uid) ?? {}));
  const answer = uids.length > 0 ? await ask(uids) : "answered";
  const isSettled = answer === "not now" && uids.length === 1;
  if (!isSettled) for (const uid of await stillThere(client, missing())) await ask([uid]);
  const lacking = new Set(missing());
  return new Map(uids.flatMap((uid) => (lacking.has(uid) || passed.has(uid) ? [] : [[uid, rows.get(uid) ?? {}] as const])));
}

/** One question for these messages. `not now`: the server refuses it for a reason of the moment, which throws without `faults`. */
async function askOnce(
  client: ImapFlow,
  uids: readonly number[],
  query: FetchQueryObject,
  take: (row: Row) => void,
  faults: Faults | null,
): Promise<"answered" | "refused" | "not now"> {
  let come = 0;
  try {
    for await (const row of client.fetch(sequenceSet(uids), query, { uid: true })) {
      take(row);
      if (++come % ROWS_AT_A_TIME === 0) await othersTurn();
    }
  } catch (error) {
    if (!isRefusal(error) || (faults === null && isOfTheMoment(error))) throw error;
    faults?.note(error, uids);
    return isOfTheMoment(error) ? "not now" : "refused";
  }
  if (come > 0) faults?.handedOut();
  return "answered";
}

/**
 * Where a server refuses messages with trouble of its own, or ends the connection at them, either they are damaged or it is in trouble itself. What it does with
 * other messages of the folder tells the one from the other.
 */
export type Another =
  /** It hands out another message. */
  | "yes"
  /** It hands out none of some others. */
  | "no"
  /** There is no other in the folder. */
  | "none";

/** Whether the server hands out, right now, another message of the open folder than these. */
export async function anotherIsHandedOut(client: ImapFlow, these: These, faults: Faults): Promise<Another> {
  const some = await othersThan(client, these);
  for (const uid of some) {
    let isThere = false;
    const take = (row: Row) => {
      isThere ||= row.uid === uid && faults.part.whole(row);
    };
    await askOnce(client, [uid], faults.part.query, take, faults);
    if (isThere) return "yes";
  }
  return some.length === 0 ? "none" : "no";
}

/** The last, the first and one in between: what is damaged often lies side by side. */
export async function othersThan(client: ImapFlow, these: These): Promise<readonly number[]> {
  const others = (await searchUids(client, { all: true })).filter((uid) => !these(uid));
  return [...new Set([others.at(-1), others[0], others[others.length >> 1]])].filter((uid) => uid !== undefined);
}

/** Which of the UIDs the open folder holds. */
export async function stillThere(client: ImapFlow, uids: readonly number[]): Promise<ReadonlySet<number>> {
  return new Set(uids.length === 0 ? [] : await searchUids(client, { uid: sequenceSet(uids) }));
}
