import { hash } from "node:crypto";
import { setImmediate as othersTurn } from "node:timers/promises";

/** To sort 100,000 ids at once would hold up everything else for a tenth of a second. */
const PARTS = 0x100;

/** Ids parted before other work of the process has its turn: a millisecond or two. */
const AT_A_TIME = 2000;

/**
 * Ids in pages of at most `size`, in an order that depends on nothing but the ids: whoever goes on behind one later gets exactly those that were not in a
 * page before, whatever came or went meanwhile. `after` null: from the first.
 */
export async function* inPages(ids: readonly string[], size: number, after: string | null): AsyncGenerator<readonly string[]> {
  const parts: string[][] = Array.from({ length: PARTS }, () => []);
  for (const [index, id] of ids.entries()) {
    if (index % AT_A_TIME === AT_A_TIME - 1) await othersTurn();
    parts[partOf(id)]?.push(id);
  }
  const last = after === null ? -1 : partOf(after);
  let page: string[] = [];
  for (const [number, part] of parts.entries()) {
    if (number < last) continue;
    const rest = number === last && after !== null ? part.filter((id) => id > after) : part;
    for (const id of rest.sort()) {
      page.push(id);
      if (page.length < size) continue;
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

/** By a digest, which spreads ids evenly, however alike they are. */
function partOf(id: string): number {
  return Number.parseInt(hash("sha256", id).slice(0, 2), 16);
}
