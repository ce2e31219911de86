import type { Content, Cursor, Folder, MessageHead, MessageRef } from "../../model/message.ts";
import type { Applied, Listing, MailSource, MessageAction, Pull, PullOptions } from "../../ports.ts";
import { fetchContent } from "./content.ts";
import { cursorWithout, readCursor } from "./cursor.ts";
import { fetchAllHeads, type HeadSource, INBOX } from "./heads.ts";
import { Puller } from "./pull.ts";
import { removeMessages } from "./remove.ts";
import type { Session } from "./session.ts";

/** The newest messages among which one is looked for by its Message-ID: each costs a TOP. */
const LOOKED_THROUGH = 1000;

/** The port over one mailbox, which is one folder and one stream. */
export class Pop3Source implements MailSource {
  readonly #session: Session;
  readonly #heads: HeadSource;
  readonly #puller: Puller;
  readonly #onClose: () => void;

  constructor(session: Session, maximumSize: number, onClose: () => void) {
    this.#session = session;
    this.#heads = { session, maximumSize, noTop: false };
    this.#puller = new Puller(this.#heads);
    this.#onClose = onClose;
  }

  async folders(): Promise<readonly Folder[]> {
    const messages = await this.#session.run((drop) => drop.count());
    const inbox = { id: INBOX, stream: INBOX, name: INBOX, role: "inbox", selectable: true, underInbox: true } as const;
    return [{ ...inbox, namespace: "personal", messages, unreadable: null }];
  }

  pull(_stream: string, cursor: Cursor | null, options: PullOptions): Promise<Pull> {
    return this.#puller.pull(cursor, options);
  }

  /** By the listing of this session, which tells what lay there when it was opened. */
  async list(_stream: string, cursor: Cursor | null): Promise<Listing> {
    const entries = await this.#session.run((drop) => drop.entries());
    const position = cursor === null ? null : readCursor(cursor);
    if (position === null) return { covered: [], ahead: entries.length, older: 0 };
    const { known, fresh } = await position.seen.compare(entries);
    return { covered: known.map(({ id }) => id), ahead: fresh.length, older: 0 };
  }

  content(refs: readonly MessageRef[], { maximumSize }: { readonly maximumSize: number }): AsyncIterable<Content> {
    return fetchContent(this.#session, refs, maximumSize);
  }

  /** Among the newest thousand messages. */
  async find(_folder: string, messageId: string): Promise<readonly MessageRef[]> {
    const entries = await this.#session.fresh((drop) => {
      // Whoever looks again looks for what came meanwhile.
      drop.used = true;
      return drop.entries();
    });
    const found: MessageRef[] = [];
    for await (const head of fetchAllHeads(this.#heads, entries.slice(-LOOKED_THROUGH)))
      if (head.messageId === messageId) found.push(head.ref);
    return found;
  }

  async heads(refs: readonly MessageRef[]): Promise<readonly MessageHead[]> {
    const found = await this.#session.run((drop) => drop.find(refs.map((ref) => ref.id)));
    const heads: MessageHead[] = [];
    for await (const head of fetchAllHeads(this.#heads, [...found.values()])) heads.push(head);
    return heads;
  }

  async apply(refs: readonly MessageRef[], action: MessageAction): Promise<Applied> {
    if (action !== "delete") throw this.#session.failure("change not possible");
    return removeMessages(this.#session, refs);
  }

  without(cursor: Cursor, deleted: readonly MessageRef[]): Promise<Cursor> {
    return cursorWithout(cursor, deleted);
  }

  /** POP3 knows no folder for sent mail. */
  async fileSent(): Promise<"no folder"> {
    return "no folder";
  }

  close(): Promise<void> {
    this.#onClose();
    return this.#session.close();
  }
}
