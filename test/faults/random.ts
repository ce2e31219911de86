/** A repeatable source of chance. */
export interface Chance {
  readonly seed: number;
  /** At least `from`, below `to`. */
  between(from: number, to: number): number;
  integer(from: number, to: number): number;
  /** True with that probability. */
  happens(probability: number): boolean;
  one<T>(list: readonly [T, ...T[]]): T;
  uuid(): string;
}

/** The seed of this run: WAYPOST_FAULT_SEED repeats an earlier one's choices, though not the moments at which the machine makes them happen. */
export function seedOfRun(): number {
  const given = process.env.WAYPOST_FAULT_SEED;
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  // Mulberry32: small, and good enough to scatter kills.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number) => from + next() * (to - from);
  const integer = (from: number, to: number) => Math.floor(between(from, to));
  const hex = (length: number) => Array.from({ length }, () => integer(0, 16).toString(16)).join("");
  return {
    seed,
    between,
    integer,
    happens: (probability) => next() < probability,
    one: (list) => list[integer(0, list.length)] ?? list[0],
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
  };
}
