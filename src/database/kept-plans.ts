/** Statements that are kept; of more the one that was not asked for longest goes. Their texts depend on what callers write, so there is no end of them. */
const MOST = 100;

/** After so many times it is planned anew: the tables have grown, and what was good for ten rows may read ten thousand. */
const RENEWED_AFTER = 500;

/** How a statement is asked for. */
export interface Kept {
  /** The name under which it is prepared. */
  readonly name: string;
  /** It is: it need not be parsed. */
  readonly isPrepared: boolean;
  /** Names of statements that are given up. */
  readonly replaced: readonly string[];
}

interface Entry {
  readonly name: string;
  uses: number;
}

/** Which statements of a session are prepared, and under which names (PostgreSQL manual 53.2.3). Says what is to be asked; asks nothing itself. */
export class KeptPlans {
  /** By text; the one asked for last stands last. */
  readonly #entries = new Map<string, Entry>();
  #names = 0;

  /** The statement is asked for. */
  take(text: string): Kept {
    const known = this.#entries.get(text);
    this.#entries.delete(text);
    if (known !== undefined && known.uses < RENEWED_AFTER) {
      known.uses += 1;
      this.#entries.set(text, known);
      return { name: known.name, isPrepared: true, replaced: [] };
    }
    const replaced = known === undefined ? [] : [known.name];
    const [oldest] = this.#entries;
    if (oldest !== undefined && this.#entries.size >= MOST) {
      this.#entries.delete(oldest[0]);
      replaced.push(oldest[1].name);
    }
    const name = `kept ${this.#names++}`;
    this.#entries.set(text, { name, uses: 1 });
    return { name, isPrepared: false, replaced };
  }

  /** It failed, and nobody knows whether it is prepared: it will be anew. */
  doubt(text: string): void {
    const entry = this.#entries.get(text);
    if (entry !== undefined) entry.uses = RENEWED_AFTER;
  }
}
