/** Who waits, by caller: callers take turns, each with what it asked for first. Every operation takes the same time, however many wait. */
export class Turns<T> {
  readonly #byCaller = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(caller: string, item: T): void {
    const own = this.#byCaller.get(caller) ?? new Set();
    if (own.has(item)) return;
    own.add(item);
    this.#byCaller.set(caller, own);
    this.#size++;
  }

  /** Whoever has nothing left gives up its turn. */
  remove(caller: string, item: T): void {
    const own = this.#byCaller.get(caller);
    if (own?.delete(item) !== true) return;
    this.#size--;
    if (own.size === 0) this.#byCaller.delete(caller);
  }

  /** Takes out whose turn it is; undefined where nobody waits. */
  next(): T | undefined {
    for (const [caller, own] of this.#byCaller) {
      for (const item of own) {
        own.delete(item);
        this.#size--;
        // Behind all others.
        this.#byCaller.delete(caller);
        if (own.size > 0) this.#byCaller.set(caller, own);
        return item;
      }
    }
    return undefined;
  }
}
