import type { Cursor } from "../../model/message.ts";
import type { Pull } from "../../ports.ts";

/**
 * The page that is pulled while the one before it is stored, so that the mail server and the database work at the same time. One for all streams
 * of a mailbox: no more than one is ever held, and whoever asks the mail system for something else waits for {@link settled} first, for there is
 * one connection, with one folder open.
 */
export class NextPage {
  #begun: { readonly stream: string; readonly cursor: Cursor; readonly pull: Promise<Pull | null> } | null = null;

  /** Begins to pull what follows `cursor`, or tells that it does not. Nothing else may be asked of the mail system until it was taken or has settled. */
  begin(stream: string, cursor: Cursor, pull: () => Promise<Pull | null>): void {
    const begun = pull();
    // Whether it fails is the matter of whoever takes it; whoever does not reads the page another time.
    begun.catch(() => undefined);
    this.#begun = { stream, cursor, pull: begun };
  }

  /** What was begun for this position, once; null where nothing was, and then the mail system is free. */
  async take(stream: string, cursor: Cursor | null): Promise<Pull | null> {
    const begun = this.#begun;
    if (begun === null) return null;
    if (begun.stream !== stream || begun.cursor !== cursor) {
      await this.settled();
      return null;
    }
    this.#begun = null;
    return begun.pull;
  }

  /** Drops what was begun and not taken; resolves when the mail system is free. */
  async settled(): Promise<void> {
    const begun = this.#begun;
    this.#begun = null;
    if (begun !== null) await Promise.allSettled([begun.pull]);
  }
}
