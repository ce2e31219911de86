import { hash } from "node:crypto";

/** What is remembered of a million decisions while others are looked at: numbers, and nothing else. */

/** Entries of one list that are looked at: a stranger could give all his mail one conversation index. */
const LOOKED_AT = 1_000;

/** Lists of numbers by a number, some twenty bytes an entry beside those of the map. */
export class NumberLists {
  readonly #last = new Map<number, number>();
  #values = new Float64Array(1024);
  #before = new Int32Array(1024);
  #length = 0;

  add(key: number, value: number): void {
    if (this.#length === this.#values.length) this.#grow();
    const index = this.#length++;
    this.#values[index] = value;
    this.#before[index] = this.#last.get(key) ?? -1;
    this.#last.set(key, index);
  }

  /** Those that were added last, the last one first, of which `wanted` is true, at most so many. Old ones are not looked at for ever. */
  newest(key: number, most: number, wanted: (value: number) => boolean): number[] {
    const found: number[] = [];
    let looked = 0;
    for (const value of this.#lastFirst(key)) {
      if (found.length === most || looked++ === LOOKED_AT) break;
      if (wanted(value)) found.push(value);
    }
    return found;
  }

  /** All, and forgets them. */
  take(key: number): number[] {
    const all = [...this.#lastFirst(key)];
    this.#last.delete(key);
    return all;
  }

  *#lastFirst(key: number): Iterable<number> {
    for (let index = this.#last.get(key) ?? -1; index >= 0; index = this.#before[index] ?? -1) yield this.#values[index] ?? 0;
  }

  #grow(): void {
    const [values, before] = [new Float64Array(2 * this.#length), new Int32Array(2 * this.#length)];
    values.set(this.#values);
    before.set(this.#before);
    this.#values = values;
    this.#before = before;
  }
}

/** Hexadecimal digits of a hash that fit into a number. */
const DIGITS = 12;

/** A text as a number: two texts with the same one are as good as impossible, and whoever looks something up by it compares the text. */
export function numberOf(text: string): number {
  return Number.parseInt(hash("sha256", text).slice(0, DIGITS), 16);
}
