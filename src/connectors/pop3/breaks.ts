/** More are not remembered of a mailbox: they are asked for as any other then. */
const MOST = 1000;

/**
 * The messages of a mailbox at which its server hung up, as long as the process runs: where it does not let us in again soon, another session has to
 * find out whether they are to blame, and reads the others before.
 */
export class Breaks {
  readonly #times = new Map<string, number>();

  has(id: string): boolean {
    return this.#times.has(id);
  }

  times(id: string): number {
    return this.#times.get(id) ?? 0;
  }

  note(id: string): void {
    this.#times.set(id, this.times(id) + 1);
    const [oldest] = this.#times.keys();
    if (this.#times.size > MOST && oldest !== undefined) this.#times.delete(oldest);
  }

  /** It was handed out, or is not there any more. */
  forget(id: string): void {
    this.#times.delete(id);
  }

  /** The same in the same order, but those at the end, the least suspect first. */
  last<T extends { readonly id: string }>(items: readonly T[]): readonly T[] {
    const suspects = items.filter(({ id }) => this.has(id)).sort((one, other) => this.times(one.id) - this.times(other.id));
    return suspects.length === 0 ? items : [...items.filter(({ id }) => !this.has(id)), ...suspects];
  }
}
