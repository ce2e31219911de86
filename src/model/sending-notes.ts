/** A note, with the number of its writing. */
export interface Noted {
  readonly revision: number;
  readonly value: unknown;
}

/**
 * Where the connector of a CRM that lets nobody write on emails on their way notes how far each is: in the ledger, which all processes of one Waypost share, and no
 * other router. What stands in a note is the connector's own; it must go through JSON.
 */
export interface SendingNotes {
  /** The notes under these keys, as far as there are any. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, Noted>>;
  /** Writes a note in the place of the one of that number; null: there is none yet. Durable when it returns. False: somebody else was quicker, and nothing is written. */
  write(key: string, before: number | null, value: unknown): Promise<boolean>;
}
