import type { Outcome } from "../../model/decision.ts";

const OUTCOMES: readonly Outcome[] = ["tracked", "skipped", "duplicate", "quarantined"];

/** Ids of one piece of an {@link OutcomesById}. */
const PIECE = 65_536;

/** The outcome of each decision by its id: a byte each. */
export class OutcomesById {
  readonly #pieces = new Map<number, Uint8Array>();

  get(id: number): Outcome | null {
    return OUTCOMES[(this.#pieces.get(Math.floor(id / PIECE))?.[id % PIECE] ?? 0) - 1] ?? null;
  }

  set(id: number, outcome: Outcome): void {
    const number = Math.floor(id / PIECE);
    let piece = this.#pieces.get(number);
    if (piece === undefined) {
      piece = new Uint8Array(PIECE);
      this.#pieces.set(number, piece);
    }
    piece[id % PIECE] = OUTCOMES.indexOf(outcome) + 1;
  }
}
