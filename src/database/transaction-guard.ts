import { AsyncLocalStorage } from "node:async_hooks";

/** A programming error: a statement outside the transaction that its own flow holds would wait for itself for ever (invariant 14). */
export class TransactionHeld extends Error {
  /** Name of the transaction that is open. */
  readonly holder: string;

  constructor(what: string, holder: string) {
    super(`${what} was asked for outside the transaction "${holder}" that the same flow holds. Use the handle of that transaction.`);
    this.name = "TransactionHeld";
    this.holder = holder;
  }
}

interface Holding {
  readonly name: string;
  /** False once it ended: what the flow started and left running may then use the database again. */
  open: boolean;
}

/** Knows for each asynchronous flow which transaction of one database it holds. */
export class TransactionGuard {
  readonly #flow = new AsyncLocalStorage<Holding>();

  /** Throws {@link TransactionHeld} when the calling flow holds a transaction. */
  refuseInside(what: string): void {
    const holding = this.#flow.getStore();
    if (holding?.open) throw new TransactionHeld(what, holding.name);
  }

  /** Runs `work` as the holder of the transaction `name`. */
  async hold<T>(name: string, work: () => Promise<T>): Promise<T> {
    const holding: Holding = { name, open: true };
    try {
      return await this.#flow.run(holding, work);
    } finally {
      holding.open = false;
    }
  }
}
