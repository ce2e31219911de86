import type { Content, Folder, MessageHead, MessageRef } from "../../../src/model/message.ts";
import type { Applied, Listing, ListOptions, MailboxAccess, MailSource, MessageAction, Pull, PullOptions } from "../../../src/ports.ts";
import { COVERS_NOTHING, foldersOf, headOf, messageIdOf } from "./kind.ts";
import { regenerate } from "./regenerate.ts";
import type { Call, MemoryServer } from "./server.ts";

export class MemorySource implements MailSource {
  readonly #server: MemoryServer;
  readonly #access: MailboxAccess;

  constructor(server: MemoryServer, access: MailboxAccess) {
    this.#server = server;
    this.#access = access;
  }

  async folders(): Promise<readonly Folder[]> {
    const { box } = await this.#call("folders");
    return foldersOf(this.#server.kind, box);
  }

  async pull(stream: string, cursor: string | null, options: PullOptions): Promise<Pull> {
    const { box, forgotten } = await this.#call("pull", { stream, fromStart: cursor === null });
    if (forgotten && cursor !== null) return { kind: "reset", reason: "410 Gone" };
    return this.#server.kind.pull(box, stream, cursor, { ...options, limit: Math.min(options.limit, this.#server.pageLimit) });
  }

  async list(stream: string, cursor: string | null, { folders }: ListOptions): Promise<Listing> {
    const { box } = await this.#call("list", { stream });
    const { kind } = this.#server;
    const lie = [...box.messages.values()].filter((one) => [...one.folders.keys()].some((id) => folders.has(id)));
    const listed = lie.flatMap((message) => kind.refs(message).flatMap(({ id, stream: its }) => (its === stream ? [{ id, message }] : [])));
    const isCovered = cursor === null ? COVERS_NOTHING : kind.covers(box, stream, cursor);
    const covered = listed.filter(({ message }) => isCovered(message)).map(({ id }) => id);
    return { covered, ahead: listed.length - covered.length, older: 0 };
  }

  async *content(refs: readonly MessageRef[], { maximumSize }: { readonly maximumSize: number }): AsyncGenerator<Content> {
    for (const ref of refs) {
      const { box } = await this.#call("content", { stream: ref.stream });
      const message = this.#server.kind.resolve(box, ref);
      if (message === undefined) yield { ref, kind: "gone" };
      else if (message.mime.length > maximumSize) yield { ref, kind: "too large", size: message.mime.length, limit: maximumSize };
      else yield { ref, kind: "mime", mime: this.#server.kind.capabilities.stableMime ? message.mime : regenerate(message.mime) };
    }
  }

  async find(folder: string, messageId: string): Promise<readonly MessageRef[]> {
    const { box } = await this.#call("find");
    const stream = this.#server.kind.streamOf(folder);
    const found = box.in(folder).filter((message) => messageIdOf(message) === messageId);
    return found.flatMap((message) => this.#server.kind.refs(message).filter((ref) => ref.stream === stream));
  }

  async heads(refs: readonly MessageRef[]): Promise<readonly MessageHead[]> {
    const { box } = await this.#call("content");
    const { kind } = this.#server;
    return refs.flatMap((ref) => {
      const message = kind.resolve(box, ref);
      if (message === undefined) return [];
      const folders = [...message.folders.keys()].filter((folder) => kind.streamOf(folder) === ref.stream);
      return [headOf(message, ref, folders, kind.capabilities.keepsIdsOnMove ? ref.id : null)];
    });
  }

  async apply(refs: readonly MessageRef[], action: MessageAction): Promise<Applied> {
    const { box } = await this.#call("folders");
    const gone = refs.filter((ref) => this.#server.kind.resolve(box, ref) === undefined);
    const changed = refs.filter((ref) => !gone.includes(ref));
    for (const ref of changed) {
      const message = this.#server.kind.resolve(box, ref);
      if (message === undefined) throw new Error(`there is no message ${ref.id} any more`);
      if (action === "seen") box.mark(message.number);
      else if (action === "delete") box.remove(message.number);
      else if ("moveTo" in action) box.place(message.number, [action.moveTo]);
      else throw new Error("this mail system knows no keywords");
    }
    return { changed, gone, undone: [] };
  }

  async fileSent(messageId: string, mime: Buffer, sentOn: Date): Promise<"filed" | "already there" | "no folder"> {
    const { box } = await this.#call("find");
    const sent = box.folders.find((folder) => folder.role === "sent");
    if (sent === undefined) return "no folder";
    if (box.in(sent.id).some((message) => messageIdOf(message) === messageId)) return "already there";
    box.put([sent.id], mime, sentOn, true);
    return "filed";
  }

  async close(): Promise<void> {}

  #call(verb: Call["verb"], more: Pick<Call, "stream" | "fromStart"> = {}) {
    return this.#server.signIn(this.#access, { verb, mailbox: this.#access.address, ...more });
  }
}
