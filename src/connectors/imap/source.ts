import type { Content, Cursor, Folder, MessageRef } from "../../model/message.ts";
import { storableText } from "../../model/text.ts";
import type { MailSource, MessageAction, Pull, PullOptions } from "../../ports.ts";
import { deleteMessages, fileSent, findMessage, markSeen, moveMessages } from "./changes.ts";
import { fetchContent } from "./content.ts";
import { isSendable } from "./folders.ts";
import { listFolders } from "./list-folders.ts";
import { Puller } from "./pull.ts";
import type { Session } from "./session.ts";

/** The port over one connection. Every folder is a stream; ids are MAILBOXIDs or paths, see list-folders.ts. */
export class ImapSource implements MailSource {
  readonly #session: Session;
  readonly #puller: Puller;
  /** Paths by stream id, where they differ. */
  #paths: ReadonlyMap<string, string> = new Map();

  readonly #onClose: () => void;

  constructor(session: Session, onClose: () => void) {
    this.#session = session;
    this.#puller = new Puller(session);
    this.#onClose = onClose;
  }

  async folders(): Promise<readonly Folder[]> {
    const found = await this.#session.run(undefined, listFolders);
    this.#paths = new Map(found.map(({ folder, path }) => [folder.stream, path]));
    return found.map(({ folder }) =>
      folder.unreadable === null ? folder : { ...folder, unreadable: this.#session.secrets.text(folder.unreadable) },
    );
  }

  async pull(stream: string, cursor: Cursor | null, options: PullOptions): Promise<Pull> {
    return this.#puller.pull(stream, await this.#pathOf(stream), cursor, options);
  }

  async *content(refs: readonly MessageRef[], { maximumSize }: { readonly maximumSize: number }): AsyncGenerator<Content> {
    for (const [stream, some] of Map.groupBy(refs, (ref) => ref.stream)) {
      yield* fetchContent(this.#session, await this.#pathOf(stream), some, maximumSize);
    }
  }

  async find(stream: string, messageId: string): Promise<readonly MessageRef[]> {
    return findMessage(this.#session, stream, await this.#pathOf(stream), messageId);
  }

  async apply(refs: readonly MessageRef[], action: MessageAction): Promise<void> {
    for (const [stream, some] of Map.groupBy(refs, (ref) => ref.stream)) {
      const path = await this.#pathOf(stream);
      if (action === "seen") await markSeen(this.#session, path, some);
      else if (action === "delete") await deleteMessages(this.#session, path, some);
      else await moveMessages(this.#session, path, some, await this.#pathOf(action.moveTo));
    }
  }

  fileSent(messageId: string, mime: Buffer, sentOn: Date): Promise<"filed" | "already there" | "no folder"> {
    return fileSent(this.#session, messageId, mime, sentOn);
  }

  close(): Promise<void> {
    this.#onClose();
    return this.#session.close();
  }

  /** What commands name the folder by. Where folders have ids, only a listing knows the path; a source that was just opened has none yet. Elsewhere the id is the path. */
  async #pathOf(stream: string): Promise<string> {
    const path = await this.#pathNamed(stream);
    if (!isSendable(path)) throw this.#session.failure("folder unreadable", storableText(stream));
    return path;
  }

  async #pathNamed(stream: string): Promise<string> {
    const known = this.#paths.get(stream);
    if (known !== undefined) return known;
    const hasIds = await this.#session.run(undefined, async (client) => client.capabilities.has("OBJECTID"));
    if (hasIds) await this.folders();
    return this.#paths.get(stream) ?? stream;
  }
}
