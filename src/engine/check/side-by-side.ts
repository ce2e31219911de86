/** How many pieces of work run at a time: over all, and of one group. */
export interface Width<T> {
  readonly atATime: number;
  groupOf(one: T): string;
  ofGroup(one: T): number;
}

/**
 * Does the work for each of them, some side by side, and gives what came of it in their order. The first ones begin first; one whose group has no
 * room yet lets later ones of other groups go before it. After `signal` aborts nothing more begins, and what did not begin is missing. Rejects
 * with the first error, once what was begun has ended.
 */
export async function sideBySide<T, R>(
  all: readonly T[],
  { atATime, groupOf, ofGroup }: Width<T>,
  signal: AbortSignal,
  work: (one: T) => Promise<R>,
): Promise<R[]> {
  const waiting = [...all.entries()];
  const running = new Map<number, Promise<void>>();
  const groups = new Map<string, number>();
  const results = new Map<number, R>();
  const errors: unknown[] = [];
  const begin = (index: number, one: T) => {
    const group = groupOf(one);
    groups.set(group, (groups.get(group) ?? 0) + 1);
    const done = work(one)
      .then(
        (result) => void results.set(index, result),
        (error: unknown) => void errors.push(error),
      )
      .finally(() => {
        groups.set(group, (groups.get(group) ?? 0) - 1);
        running.delete(index);
      });
    running.set(index, done);
  };
  for (;;) {
    while (running.size < atATime && !signal.aborted && errors.length === 0) {
      const next = waiting.findIndex(([, one]) => (groups.get(groupOf(one)) ?? 0) < Math.max(1, ofGroup(one)));
      const [taken] = next < 0 ? [] : waiting.splice(next, 1);
      if (taken === undefined) break;
      begin(...taken);
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (errors.length > 0) throw errors[0];
  return [...results].sort(([one], [other]) => one - other).map(([, result]) => result);
}
