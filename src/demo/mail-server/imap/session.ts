import type { Folder } from "../folder.ts";
import type { Account, MailStore } from "../store.ts";
import type { Command } from "./command.ts";
import type { Chunk } from "./respond.ts";
import { Selection } from "./selection.ts";

/** How a command ended; becomes its tagged response (RFC 3501 7.1). */
export interface Outcome {
  readonly status: "OK" | "NO" | "BAD";
  /** Response code with its arguments, without brackets. */
  readonly code?: string;
  readonly text: string;
}

/** What a command's code may do with the connection it came by. */
export interface Wire {
  send(chunks: readonly Chunk[]): void;
  /** The client's next line, where the protocol goes on within a command (AUTHENTICATE, IDLE); null at the end. */
  nextLine(): Promise<string | null>;
  /** Ends the connection after what was sent. */
  close(): void;
}

export type Handler<C extends Command = Command> = (command: C, session: Session) => Outcome | Promise<Outcome>;

/** The state of one connection (RFC 3501 section 3). */
export class Session {
  readonly store: MailStore;
  readonly wire: Wire;
  account: Account | null = null;
  /** RFC 7162 3.1: once a client showed that it knows mod-sequences, it is told them. */
  condstore = false;
  qresync = false;
  leaving = false;
  #selection: Selection | null = null;
  #idle = false;
  #busy = false;

  constructor(store: MailStore, wire: Wire) {
    this.store = store;
    this.wire = wire;
  }

  get selection(): Selection | null {
    return this.#selection;
  }

  /** The account; a command that needs one is not run without (see `commands/run-command.ts`). */
  signedIn(): Account {
    if (!this.account) throw new Error("Command needs a signed-in session");
    return this.account;
  }

  /** The selected folder; a command that needs one is not run without. */
  selected(): Selection {
    if (!this.#selection) throw new Error("Command needs a selected mailbox");
    return this.#selection;
  }

  send(...chunks: readonly Chunk[]): void {
    this.wire.send(chunks);
  }

  select(folder: Folder, readOnly: boolean): Selection {
    this.deselect();
    this.#selection = new Selection(folder, readOnly, {
      onNews: () => this.#tellAtOnce(),
      onRemoved: () => this.#farewell(),
    });
    return this.#selection;
  }

  deselect(): void {
    this.#selection?.close();
    this.#selection = null;
  }

  /** While a command runs, news waits for its end. */
  async whileBusy<T>(work: () => Promise<T>): Promise<T> {
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  /** While idling, everything is told at once, expunges too (RFC 2177). */
  async whileIdle<T>(work: () => Promise<T>): Promise<T> {
    this.#idle = true;
    this.tellNews(true);
    try {
      return await work();
    } finally {
      this.#idle = false;
    }
  }

  tellNews(mayExpunge: boolean): void {
    const chunks = this.#selection?.takeNews(this, mayExpunge) ?? [];
    if (chunks.length > 0) this.wire.send(chunks);
  }

  /** Between commands EXISTS and FETCH may come, EXPUNGE may not (RFC 3501 5.2, 7.4.1). */
  #tellAtOnce(): void {
    if (this.#idle) this.tellNews(true);
    else if (!this.#busy) this.tellNews(false);
  }

  /** RFC 2180 section 3: a session whose mailbox is deleted may be disconnected. */
  #farewell(): void {
    this.#selection = null;
    this.send("* BYE Selected mailbox was deleted\r\n");
    this.leaving = true;
    this.wire.close();
  }
}
