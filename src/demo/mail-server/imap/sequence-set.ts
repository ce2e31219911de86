/** One range as written; `*` is Infinity until the largest number in use is known (RFC 3501 section 9, seq-range). */
export interface SequenceRange {
  readonly from: number;
  readonly to: number;
}

export type SequenceSet = readonly SequenceRange[];

/** Ascending ranges that neither overlap nor touch, with `*` replaced by the largest number in use. */
export function resolveSet(set: SequenceSet, largest: number): SequenceRange[] {
  const known = (number: number) => (number === Number.POSITIVE_INFINITY ? largest : number);
  const ranges = set
    .map(({ from, to }) => ({ from: Math.min(known(from), known(to)), to: Math.max(known(from), known(to)) }))
    .sort((left, right) => left.from - right.from);
  const merged: { from: number; to: number }[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last && range.from <= last.to + 1) last.to = Math.max(last.to, range.to);
    else merged.push({ ...range });
  }
  return merged;
}

/** Whether a resolved set holds the number. */
export function setHolds(ranges: readonly SequenceRange[], number: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle];
    if (!range) return false;
    if (number < range.from) high = middle - 1;
    else if (number > range.to) low = middle + 1;
    else return true;
  }
  return false;
}

/** `1:3,7` for ascending numbers. */
export function formatSet(numbers: readonly number[]): string {
  const ranges = resolveSet(
    numbers.map((number) => ({ from: number, to: number })),
    0,
  );
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}:${to}`)).join(",");
}
