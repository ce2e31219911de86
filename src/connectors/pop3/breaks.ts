/** Of a mailbox with more, those at which it hung up first are asked for as any other again. */
const REMEMBERED = 1000;

/**
 * The messages of a mailbox at which its server hung up, as long as the process runs: where it does not let us in again soon, another session has to
 * find out whether they are to blame, and reads the others before. It may hang up at the whole of a message (RETR) and hand out its header (TOP).
 */
export class Breaks {
  readonly #times = new Map<string, Map<string, number>>();

  /** How many there are. */
  get size(): number {
    return this.#times.size;
  }

  has(id: string): boolean {
    return this.#times.has(id);
  }

  /** How often it hung up at this command (its first word) about the message, since it handed that out. */
  times(id: string, verb: string): number {
    return this.#times.get(id)?.get(verb) ?? 0;
  }

  note(id: string, verb: string): void {
    const its = this.#times.get(id) ?? new Map<string, number>();
    this.#times.set(id, its.set(verb, this.times(id, verb) + 1));
    const [oldest] = this.#times.keys();
    if (this.#times.size > REMEMBERED && oldest !== undefined) this.#times.delete(oldest);
  }

  /** It was handed out. */
  forget(id: string, verb: string): void {
    const its = this.#times.get(id);
    its?.delete(verb);
    if (its?.size === 0) this.#times.delete(id);
  }

  /** It is not there any more. */
  forgetAll(id: string): void {
    this.#times.delete(id);
  }

  /** The same in the same order, but those at the end, the least suspect first. */
  last<T extends { readonly id: string }>(items: readonly T[]): readonly T[] {
    if (this.#times.size === 0) return items;
    const most = ({ id }: T) => Math.max(...(this.#times.get(id)?.values() ?? []));
    const suspects = items.filter(({ id }) => this.has(id)).sort((one, other) => most(one) - most(other));
    return [...items.filter(({ id }) => !this.has(id)), ...suspects];
  }
}
