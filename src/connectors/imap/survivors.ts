import { Failure } from "../../model/failure.ts";
import { hungUpAtAll, isHangUp } from "./failures.ts";
import type { Another } from "./rows.ts";

/**
 * A mail store can be damaged at one message, and the server then ends the connection whenever that message is asked for: with a goodbye (Dovecot: "BYE
 * FETCH failed"), or without a word where its process crashes. So that one message stops neither the others nor the mailbox, those asked for are halved until it
 * stands alone.
 */

/** Messages at which the connection ended that are looked into at a time: each costs connections. */
const MOST = 5;

/** What asking for some of them gave: answers, and those at which the server ends the connection, with its words. */
export interface Survivors<Item, Answer> {
  readonly answers: readonly Answer[];
  readonly refused: readonly { readonly item: Item; readonly words: string }[];
}

/** How they are asked for. */
export interface Asking<Item, Answer> {
  readonly ask: (some: readonly Item[]) => Promise<readonly Answer[]>;
  /** Makes a new connection, `patient` after a moment, and opens the folder on it: what it throws is the server's trouble, and is thrown on. */
  readonly reopen: (how: { readonly patient: boolean }) => Promise<void>;
  /** Whether the server hands out anything else than these, on a new connection. */
  readonly another: (than: readonly Item[]) => Promise<Another>;
}

/**
 * Asks for the items together and, when the server ends the connection at that, for ever fewer of them, on new connections. An item counts as refused
 * only when that happened twice to it alone, and the server handed out another one in between: else it is in trouble itself, which is thrown as a failure of the folder.
 * `unasked` are those at the end that were left when enough were refused. Throws what was thrown when it is not about some of the items.
 */
export async function askSurviving<Item, Answer>(
  items: readonly Item[],
  asking: Asking<Item, Answer>,
): Promise<Survivors<Item, Answer> & { readonly unasked: readonly Item[] }> {
  const { answers, suspects, isWell, trouble, unasked } = await narrowDown(items, asking);
  if (trouble !== null && !isWell) {
    const comes = await asking.another(suspects);
    // Of several messages not one came, and there is no other: that is the server's trouble rather than theirs.
    if (comes === "no" || (comes === "none" && suspects.length > 1 && answers.length === 0)) throw hungUpAtAll(trouble);
  }
  const refused: { item: Item; words: string }[] = [];
  for (const item of suspects) {
    await asking.reopen({ patient: true });
    const again = await orHangUp(asking.ask([item]));
    if (again instanceof Failure) refused.push({ item, words: again.serverSaid ?? again.message });
    else answers.push(...again);
  }
  return { answers, refused, unasked };
}

/** The same until all were asked for. Each time some were refused, the server has handed out another one, or the trouble is its own and thrown. */
export async function askAllSurviving<Item, Answer>(
  items: readonly Item[],
  asking: Asking<Item, Answer>,
): Promise<Survivors<Item, Answer>> {
  const answers: Answer[] = [];
  const refused: Survivors<Item, Answer>["refused"][number][] = [];
  for (let left = items; left.length > 0; ) {
    const some = await askSurviving(left, asking);
    answers.push(...some.answers);
    refused.push(...some.refused);
    left = some.unasked;
  }
  return { answers, refused };
}

interface Narrowed<Item, Answer> {
  readonly answers: Answer[];
  /** Those at which the connection ended when they were asked for alone. */
  readonly suspects: readonly Item[];
  /** Whether something was handed out after the last of them. */
  readonly isWell: boolean;
  /** With what the connection ended last. */
  readonly trouble: Failure | null;
  readonly unasked: readonly Item[];
}

async function narrowDown<Item, Answer>(items: readonly Item[], { ask, reopen }: Asking<Item, Answer>): Promise<Narrowed<Item, Answer>> {
  const answers: Answer[] = [];
  const suspects: Item[] = [];
  const halves: (readonly Item[])[] = items.length > 0 ? [items] : [];
  let isWell = true;
  let trouble: Failure | null = null;
  for (let some = halves.shift(); some !== undefined; some = halves.shift()) {
    if (trouble !== null) await reopen({ patient: false });
    const come = await orHangUp(ask(some));
    if (!(come instanceof Failure)) {
      answers.push(...come);
      isWell ||= come.length > 0;
      continue;
    }
    trouble = come;
    if (suspects.length >= MOST) return { answers, suspects, isWell, trouble, unasked: [...some, ...halves.flat()] };
    const half = Math.ceil(some.length / 2);
    if (some.length > 1) halves.unshift(some.slice(0, half), some.slice(half));
    else {
      suspects.push(...some);
      isWell = false;
    }
  }
  return { answers, suspects, isWell, trouble, unasked: [] };
}

/** What is answered, or the failure with which the server ended the connection. */
async function orHangUp<T>(answer: Promise<T>): Promise<T | Failure> {
  try {
    return await answer;
  } catch (error) {
    if (!isHangUp(error)) throw error;
    return error;
  }
}
