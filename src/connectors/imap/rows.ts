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

/**
 * The faults that a server reported of itself where it refused messages. Only when it hands out another message afterwards is it about those that it
 * refused: else nobody can tell, and nothing may be blamed on them.
 */
export class Faults {
  last: unknown = null;

  note(error: unknown): void {
    if (isServerFault(error)) this.last = error;
  }
}

/**
 * Rows by UID that are `whole`. Asked for all at once; whatever is missing from the answer is asked for one by one, because one
 * damaged message can make the server refuse them all. Never runs a command while rows come in: that would wait for ever. `keep` sees
 * each row as it comes, those that nobody asked for too, and says what is kept of it: nothing where it is null, and then the message is
 * not asked for again. It ends it all by throwing. Throws too when the server refuses for a reason of the moment.
 */
export async function fetchRows(
  client: ImapFlow,
  uids: readonly number[],
  query: FetchQueryObject,
  whole: (row: Row) => boolean,
  keep: (row: Row) => Row | null = (row) => row,
  faults = new Faults(),
): Promise<Map<number, Row>> {
  const rows = new Map<number, Row>();
  const passed = new Set<number>();
  let come = 0;
  const wanted = new Set(uids);
  const ask = async (some: readonly number[]) => {
    try {
      for await (const row of client.fetch(sequenceSet(some), query, { uid: true })) {
        const kept = keep(row);
        // Rows that nobody asked for (a flag changed elsewhere) may come in between, without end from a hostile server; and one message may come in two.
        const { uid } = row;
        if (uid !== undefined && wanted.has(uid)) {
          if (kept === null) passed.add(uid);
          else rows.set(uid, { ...rows.get(uid), ...kept });
        }
        if (++come % ROWS_AT_A_TIME === 0) await othersTurn();
      }
    } catch (error) {
      if (!isRefusal(error) || isOfTheMoment(error)) throw error;
      faults.note(error);
    }
  };
  const missing = () => uids.filter((uid) => !passed.has(uid) && !whole(rows.get(uid) ?? {}));
  if (uids.length > 0) await ask(uids);
  for (const uid of await stillThere(client, missing())) await ask([uid]);
  const lacking = new Set(missing());
  return new Map(uids.flatMap((uid) => (lacking.has(uid) || passed.has(uid) ? [] : [[uid, rows.get(uid) ?? {}] as const])));
}

/** Which of the UIDs the open folder holds. */
export async function stillThere(client: ImapFlow, uids: readonly number[]): Promise<ReadonlySet<number>> {
  return new Set(uids.length === 0 ? [] : await searchUids(client, { uid: sequenceSet(uids) }));
}
