import { Failure } from "../../model/failure.ts";
import type { Another } from "./another.ts";

/**
 * A mail store can be damaged at one message, and the server then says goodbye whenever that message is asked for (Dovecot: "BYE FETCH
 * failed"). So that one message stops neither the others nor the mailbox, those asked for are halved until it stands alone.
 */

/** More damaged messages than this at a time are not a damaged message: the server goes away for another reason. */
const MOST = 5;

/** What asking for some of them gave: answers, and those at which the server says goodbye, with its words. */
export interface Survivors<Item, Answer> {
  readonly answers: readonly Answer[];
  readonly refused: readonly { readonly item: Item; readonly words: string }[];
}

/**
 * Asks for the items together and, when the server says goodbye to that, for ever fewer of them, on new connections. `reopen` makes such a
 * connection and opens the folder on it before the next are asked for: what it throws is the server's trouble, and is thrown on. An item
 * counts as refused only when it failed twice alone. Where not one was answered, `another` tells whether the server hands out something else. Throws what
 * was thrown when it is not about some few of the items.
 */
export async function askSurviving<Item, Answer>(
  items: readonly Item[],
  ask: (some: readonly Item[]) => Promise<readonly Answer[]>,
  reopen: (some: readonly Item[]) => Promise<void>,
  another: () => Promise<Another>,
): Promise<Survivors<Item, Answer>> {
  const answers: Answer[] = [];
  const refused: { item: Item; words: string }[] = [];
  const halves: (readonly Item[])[] = items.length > 0 ? [items] : [];
  const once = new Set<Item>();
  let trouble: Failure | null = null;
  for (let some = halves.shift(); some !== undefined; some = halves.shift()) {
    if (trouble !== null) await reopen(some);
    try {
      answers.push(...(await ask(some)));
    } catch (error) {
      const [only] = some;
      if (!(error instanceof Failure) || error.code !== "server closing" || only === undefined || refused.length >= MOST) throw error;
      trouble = error;
      const half = Math.ceil(some.length / 2);
      if (some.length > 1) halves.unshift(some.slice(0, half), some.slice(half));
      else if (!once.has(only)) {
        once.add(only);
        halves.unshift(some);
      } else refused.push({ item: only, words: error.serverSaid ?? error.message });
    }
  }
  if (trouble !== null && refused.length === items.length) {
    const comes = await another();
    // Of several messages not one came, and there is no other: that is the server's trouble rather than theirs.
    if (comes === "no" || (comes === "none" && items.length > 1)) throw trouble;
  }
  return { answers, refused };
}
