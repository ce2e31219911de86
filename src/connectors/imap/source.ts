import { Failure, isWiderThanFolder } from "../../model/failure.ts";
import type { Content, Cursor, Folder, MessageHead, MessageRef } from "../../model/message.ts";
import { storableText } from "../../model/text.ts";
import type { Applied, Listing, ListOptions, MailSource, MessageAction, Pull, PullOptions } from "../../ports.ts";
import { awaitNews } from "./await-news.ts";
import { addFlag, deleteMessages, fileCopy, findMessage, moveMessages, undoneBy } from "./changes.ts";
import { fetchContent } from "./content.ts";
import { isFlooded, isHangUp } from "./failures.ts";
import { isSendable } from "./folders.ts";
import { type FoundFolder, folderOfRole, listFolders, type Opening } from "./list-folders.ts";
import { listMessages } from "./list-messages.ts";
import { sharedWith } from "./listing.ts";
import { headsOf } from "./named-heads.ts";
import { Puller } from "./pull.ts";
import { hindranceTo } from "./remove.ts";
import { type Right, rightsOf, TO_FILE, TO_READ, toDelete, withRights } from "./rights.ts";
import type { Session } from "./session.ts";

/** How a server refuses a folder to somebody who lacks a right. */
const MAY_BE_RIGHTS: ReadonlySet<string> = new Set(["no right", "folder gone", "folder unreadable"]);

/** Folders that may cost the connection before all others are given up as well: each takes its time. */
const MOST_BROKEN = 3;

const ENDLESS = "The server comes to no end when the folder is opened.";

const HANGS_UP = "The server ends the connection when the folder is opened";

/** The rights that are needed for something, which may be others on another server. */
type Needed = readonly Right[] | typeof toDelete;

/** The port over one connection. Every folder is a stream; ids are MAILBOXIDs or paths, see list-folders.ts. */
export class ImapSource implements MailSource {
  readonly #session: Session;
  readonly #puller: Puller;
  /** Paths by stream id, where they differ. */
  #paths: ReadonlyMap<string, string> = new Map();
  /** Sizes of the heads handed out last, by stream and id: their contents are asked for next. */
  #sizes: ReadonlyMap<string, number> = new Map();

  readonly #onClose: () => void;

  constructor(session: Session, onClose: () => void) {
    this.#session = session;
    this.#puller = new Puller(session);
    this.#onClose = onClose;
  }

  async folders(): Promise<readonly Folder[]> {
    const found = await this.#found();
    this.#paths = new Map(found.map(({ folder, path }) => [folder.stream, path]));
    return found.map(({ folder }) =>
      folder.unreadable === null ? folder : { ...folder, unreadable: this.#session.secrets.text(folder.unreadable) },
    );
  }

  /**
   * Folders that the server comes to no end with, or at which it hangs up twice, as one that restarts does not, cost connections; of too many the mailbox
   * is not read. A server that hangs up and opens no folder at all is in trouble itself.
   */
  async #found(): Promise<readonly FoundFolder[]> {
    const { mailbox, target } = this.#session;
    const broken = new Map<string, string>();
    const hungUpOnce = new Set<string>();
    let hangUp: Failure | null = null;
    for (;;) {
      const opening: Opening = { broken, path: null, succeeded: false };
      try {
        const found = await this.#session.run(undefined, (client) => listFolders(client, mailbox, target.endpoint, opening));
        if (hangUp !== null && !opening.succeeded) throw hangUp;
        return found;
      } catch (error) {
        const { path } = opening;
        const reason = whyBroken(error);
        if (path === null || reason === null) throw error;
        const isFirst = isHangUp(error) && !hungUpOnce.has(path);
        if ((isFirst ? hungUpOnce : broken).size >= MOST_BROKEN) throw error;
        if (isFirst) hungUpOnce.add(path);
        else broken.set(path, reason);
        if (isHangUp(error)) hangUp = error;
      }
    }
  }

  async pull(stream: string, cursor: Cursor | null, options: PullOptions): Promise<Pull> {
    const path = await this.#pathOf(stream);
    const pull = await this.#explaining(path, TO_READ, () => this.#puller.pull(stream, path, cursor, options));
    if (pull.kind !== "page") return pull;
    this.#remember(pull.heads);
    return { ...pull, heads: this.#shown(pull.heads) };
  }

  async list(stream: string, cursor: Cursor | null, { since }: ListOptions): Promise<Listing> {
    const path = await this.#pathOf(stream);
    return this.#explaining(path, TO_READ, () => this.#session.run(path, (client) => listMessages(client, path, cursor, since)));
  }

  async *content(refs: readonly MessageRef[], { maximumSize }: { readonly maximumSize: number }): AsyncGenerator<Content> {
    for (const [stream, some] of Map.groupBy(refs, (ref) => ref.stream)) {
      const path = await this.#pathOf(stream);
      try {
        yield* fetchContent(this.#session, path, some, maximumSize, (ref) => this.#sizes.get(keyOf(ref)));
      } catch (error) {
        throw await this.#explained(error, path, TO_READ);
      }
    }
  }

  async find(stream: string, messageId: string): Promise<readonly MessageRef[]> {
    const path = await this.#pathOf(stream);
    return this.#explaining(path, TO_READ, () => findMessage(this.#session, stream, path, messageId));
  }

  async awaitNews(stream: string, milliseconds: number, signal: AbortSignal): Promise<void> {
    const path = await this.#pathOf(stream);
    await this.#session.run(path, (client) => awaitNews(client, path, milliseconds, signal));
  }

  async heads(refs: readonly MessageRef[]): Promise<readonly MessageHead[]> {
    const heads: MessageHead[] = [];
    for (const [stream, some] of Map.groupBy(refs, (ref) => ref.stream)) {
      const path = await this.#pathOf(stream);
      heads.push(...(await headsOf(this.#session, stream, path, some)));
    }
    this.#remember(heads);
    return this.#shown(heads);
  }

  async apply(refs: readonly MessageRef[], action: MessageAction): Promise<Applied> {
    const parts: Applied[] = [];
    let trouble: Failure | undefined;
    for (const [stream, some] of Map.groupBy(refs, (ref) => ref.stream)) {
      const part = trouble === undefined ? await this.#applyIn(stream, some, action) : noneOf(some, trouble);
      trouble ??= part.undone.find(({ failure }) => isWiderThanFolder(failure))?.failure;
      parts.push(part);
    }
    return {
      changed: parts.flatMap(({ changed }) => changed),
      gone: parts.flatMap(({ gone }) => gone),
      undone: parts.flatMap(({ undone }) => undone),
    };
  }

  async hindranceToDeleting(stream: string): Promise<Failure | "not told" | null> {
    const path = await this.#pathOf(stream);
    return this.#session.run(path, (client) => hindranceTo(client, this.#session, path));
  }

  async fileSent(messageId: string, mime: Buffer, sentOn: Date): Promise<"filed" | "already there" | "no folder"> {
    const { mailbox, target } = this.#session;
    const folder = await this.#session.run(undefined, (client) => folderOfRole(client, mailbox, target.endpoint, "sent"));
    if (folder === null) return "no folder";
    return this.#explaining(folder.path, TO_FILE, () => fileCopy(this.#session, folder.path, messageId, mime, sentOn));
  }

  close(): Promise<void> {
    this.#onClose();
    return this.#session.close();
  }

  /** What keeps messages from being changed is their result, however wide it is. */
  async #applyIn(stream: string, refs: readonly MessageRef[], action: MessageAction): Promise<Applied> {
    try {
      const path = await this.#pathOf(stream);
      const work = () => this.#change(path, refs, action);
      return await (action === "delete" ? this.#explaining(path, toDelete, work) : work());
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      return noneOf(refs, failure);
    }
  }

  async #change(path: string, refs: readonly MessageRef[], action: MessageAction): Promise<Applied> {
    if (action === "seen") return addFlag(this.#session, path, refs, "\\Seen");
    if (action === "delete") return deleteMessages(this.#session, path, refs);
    if ("addKeyword" in action) return addFlag(this.#session, path, refs, action.addKeyword);
    return moveMessages(this.#session, path, refs, await this.#pathOf(action.moveTo));
  }

  /** A server may repeat in its words what it was told. */
  #shown(heads: readonly MessageHead[]): readonly MessageHead[] {
    return heads.map((head) =>
      head.unreadable === undefined ? head : { ...head, unreadable: this.#session.secrets.text(head.unreadable) },
    );
  }

  #remember(heads: readonly MessageHead[]): void {
    // A size of zero is no size: what is known of a message that the server does not describe.
    this.#sizes = new Map(heads.filter(({ size }) => size > 0).map(({ ref, size }) => [keyOf(ref), size]));
  }

  /** What commands name the folder by. Where folders have ids or are somebody else's, only a listing knows the path; a source that was just opened has none yet. Elsewhere the id is the path. */
  async #pathOf(stream: string): Promise<string> {
    const path = await this.#pathNamed(stream);
    if (!isSendable(path)) throw this.#session.failure("folder unreadable", storableText(stream));
    return path;
  }

  async #pathNamed(stream: string): Promise<string> {
    const known = this.#paths.get(stream);
    if (known !== undefined) return known;
    const listed =
      sharedWith(this.#session.mailbox) !== null ||
      (await this.#session.run(undefined, async (client) => client.capabilities.has("OBJECTID")));
    if (listed) await this.folders();
    const found = this.#paths.get(stream);
    // By its id it would be a folder of whoever is signed in.
    if (found === undefined && sharedWith(this.#session.mailbox) !== null)
      throw this.#session.failure("folder not shown", storableText(stream));
    return found ?? stream;
  }

  async #explaining<T>(path: string, needed: Needed, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#explained(error, path, needed);
    }
  }

  /** The failure with the right that is lacking. To somebody without any right a folder looks as if it were not there (RFC 4314 6). */
  async #explained(error: unknown, path: string, needed: Needed): Promise<unknown> {
    if (!(error instanceof Failure) || !MAY_BE_RIGHTS.has(error.code)) return error;
    const { mailbox } = this.#session;
    const { serverSaid, cause } = error;
    try {
      const { rights, wanted } = await this.#session.run(undefined, async (client) => ({
        rights: await rightsOf(client, path),
        wanted: typeof needed === "function" ? needed(client) : needed,
      }));
      const hidden =
        sharedWith(mailbox) !== null && (error.code === "folder gone" || (error.code === "folder unreadable" && rights === ""));
      if (hidden) return this.#session.failure("folder not shown", path, { serverSaid, cause });
      return error.code === "no right" ? withRights(error, path, mailbox.serviceAccount?.name ?? mailbox.address, rights, wanted) : error;
    } catch (trouble) {
      // The connection went meanwhile: then the failure has to do without.
      if (trouble instanceof Failure) return error;
      throw trouble;
    }
  }
}

/** The words about a folder at which the connection ended; null where it ended for another reason. */
function whyBroken(error: unknown): string | null {
  if (isFlooded(error, "answer too large")) return ENDLESS;
  if (!isHangUp(error)) return null;
  return error.serverSaid === undefined ? `${HANGS_UP}.` : `${HANGS_UP}: ${error.serverSaid}`;
}

function noneOf(refs: readonly MessageRef[], failure: Failure): Applied {
  return { changed: [], gone: [], undone: refs.map((ref) => undoneBy(failure, ref)) };
}

function keyOf({ stream, id }: MessageRef): string {
  return `${stream}\n${id}`;
}
