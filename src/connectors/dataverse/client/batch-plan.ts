/** How much goes into one batch. Pure. */

export interface Sized<T> {
  readonly item: T;
  /** Requests that it counts as. */
  readonly count: number;
  readonly bytes: number;
}

/** In order, none with more requests or bytes than allowed; an item that is larger alone goes alone. */
export function batchPlan<T>(
  items: readonly Sized<T>[],
  most: { readonly count: number; readonly bytes: number },
): readonly (readonly T[])[] {
  const batches: T[][] = [];
  let [count, bytes] = [0, 0];
  for (const one of items) {
    const last = batches.at(-1);
    if (last !== undefined && count + one.count <= most.count && bytes + one.bytes <= most.bytes) {
      last.push(one.item);
      count += one.count;
      bytes += one.bytes;
    } else {
      batches.push([one.item]);
      [count, bytes] = [one.count, one.bytes];
    }
  }
  return batches;
}
