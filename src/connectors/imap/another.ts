import type { FetchQueryObject, ImapFlow } from "imapflow";
import { isHangUp } from "./failures.ts";
import { fetchRows, type Row } from "./rows.ts";
import { opened, type Session, searchUids } from "./session.ts";

/**
 * Where a server refuses messages with a fault of its own, or ends the connection at them, either they are damaged or it is in trouble itself. What it does with
 * other messages of the folder tells the one from the other.
 */
export type Another =
  /** It hands out another message. */
  | "yes"
  /** It hands out none of some others. */
  | "no"
  /** There is no other in the folder. */
  | "none";

/** What is asked for of another message, and when it has come. */
export interface Part {
  readonly query: FetchQueryObject;
  readonly whole: (row: Row) => boolean;
}

/** Which messages are in question, by their UIDs. */
type These = (uid: number) => boolean;

/** Whether the server hands out, right now, another message of the open folder than these. */
export async function anotherIsHandedOut(client: ImapFlow, these: These, { query, whole }: Part): Promise<Another> {
  const some = await othersThan(client, these);
  if (some.length === 0) return "none";
  return (await fetchRows(client, some, query, whole)).size > 0 ? "yes" : "no";
}

/** The same after the server ended the connection, as it may again: each is asked for on a connection of its own. */
export async function anotherSurvives(session: Session, path: string, these: These, { query, whole }: Part): Promise<Another> {
  const reopen = () => session.reopen(path, { patient: true });
  await reopen();
  const some = await session.run(path, async (client) => {
    await opened(client, path);
    return othersThan(client, these);
  });
  for (const uid of some) {
    try {
      const rows = await session.run(path, async (client) => {
        await opened(client, path);
        return fetchRows(client, [uid], query, whole);
      });
      if (rows.size > 0) return "yes";
    } catch (error) {
      if (!isHangUp(error)) throw error;
      await reopen();
    }
  }
  return some.length === 0 ? "none" : "no";
}

/** The last, the first and one in between: what is damaged often lies side by side. */
async function othersThan(client: ImapFlow, these: These): Promise<readonly number[]> {
  const others = (await searchUids(client, { all: true })).filter((uid) => !these(uid));
  return [...new Set([others.at(-1), others[0], others[others.length >> 1]])].filter((uid) => uid !== undefined);
}
