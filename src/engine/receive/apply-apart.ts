import { isWiderThanFolder } from "../../model/failure.ts";
import type { Applied, Undone } from "../../ports.ts";

/**
 * A mail system may end the connection, or refuse all with a reason of its own, whenever one certain message is among those that it is to change. So
 * that this one stops no other, those asked for are halved until it stands alone.
 */

/** Attempts in a row that may change nothing before no smaller parts are made: more than it takes to come down to one of a batch. */
const PATIENCE = 12;

/**
 * Asks for a change to the items together, and for those that the mail system may have ended the work because of, by itself or another of them, in ever smaller
 * parts: `apply` makes the change, `itemsOf` gives the items to ask for again. Throws the trouble when it is wider than a folder and nothing at all could be changed.
 */
export async function applyApart<Item>(
  items: readonly Item[],
  apply: (some: readonly Item[]) => Promise<Applied>,
  itemsOf: (undone: readonly Undone[]) => readonly Item[],
): Promise<Applied> {
  const changed: Applied["changed"][number][] = [];
  const gone: Applied["gone"][number][] = [];
  const undone: Undone[] = [];
  const parts: (readonly Item[])[] = [items];
  let patience = PATIENCE;
  for (let some = parts.pop(); some !== undefined; some = parts.pop()) {
    const applied = await apply(some);
    changed.push(...applied.changed);
    gone.push(...applied.gone);
    patience = applied.changed.length > 0 ? PATIENCE : patience - 1;
    const apart = applied.undone.filter((one) => one.apart === true);
    const isSplit = apart.length > 1 && patience > 0;
    undone.push(...(isSplit ? applied.undone.filter((one) => one.apart !== true) : applied.undone));
    if (!isSplit) continue;
    const half = Math.ceil(apart.length / 2);
    // The last ones first: those that were tried the longest ago come first the next time, so that each side has its turn.
    parts.push(itemsOf(apart.slice(0, half)), itemsOf(apart.slice(half)));
  }
  const trouble = undone.find(({ failure, apart }) => apart === true && isWiderThanFolder(failure));
  if (trouble !== undefined && changed.length === 0) throw trouble.failure;
  return { changed, gone, undone };
}
