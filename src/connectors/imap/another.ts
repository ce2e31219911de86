/** Whether the server or a message is in trouble, told by what comes of another message, and of the same one a moment later. */
import { setTimeout as sleep } from "node:timers/promises";
import { isHangUp } from "./failures.ts";
import { type Another, fetchRows, othersThan, type Part, type These } from "./rows.ts";
import { MOMENT, opened, type Session } from "./session.ts";

/** Whether the server hands out another message than these after it ended the connection, as it may again: each is asked for on a connection of its own. */
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

/** How a message that was refused is asked for again. */
export interface AskingAgain<T> {
  /** What comes of it when it is asked for alone; null: nothing. */
  readonly alone: () => Promise<T | null>;
  /** Throws the server's trouble unless it hands out another message right now. */
  readonly assertWell: () => Promise<void>;
}

/**
 * What comes after all of a message that the server refused with trouble that may be its own; null where the message is to blame: it is refused each time, right after another one
 * was handed out, a moment later, and after another one once more. A server that is away for a moment, or now and then, or lets only so much be asked for at a time, refuses it not
 * at all of these. Throws the trouble where no other is handed out.
 */
export async function askAgain<T>({ alone, assertWell }: AskingAgain<T>): Promise<T | null> {
  await assertWell();
  const first = await alone();
  if (first !== null) return first;
  await sleep(MOMENT);
  const second = await alone();
  if (second !== null) return second;
  await assertWell();
  return alone();
}
