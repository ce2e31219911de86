import type { BatchItem, BatchRequest } from "./batch-message.ts";

/** Calls that are answered together: what they need is read into memory at once. */
const MOST = 100;

/** `CheckIncomingEmail(…)`, also behind the service root. */
const CALL = /^(?:[^?#(]*\/)?([A-Za-z]\w*)\(/;

/** The request at a place of a batch and those right behind it that call the same function in the same name; it alone where it is no such call. */
export function alikeFrom(items: readonly BatchItem[], place: number): readonly BatchRequest[] {
  const alike: BatchRequest[] = [];
  for (const item of items.slice(place, place + MOST)) {
    const name = functionOf(item);
    if (item.kind !== "request" || (alike.length > 0 && (name === null || name !== functionOf(alike[0])))) break;
    alike.push(item);
    if (name === null) break;
  }
  return alike;
}

/** Null where it calls none, or for somebody else than who has signed in. */
function functionOf(item: BatchItem | undefined): string | null {
  if (item?.kind !== "request" || item.method !== "GET") return null;
  if (item.headers.has("callerobjectid") || item.headers.has("mscrmcallerid")) return null;
  return CALL.exec(item.url)?.[1] ?? null;
}
