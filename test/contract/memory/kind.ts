import { parseHead } from "../../../src/mime/head.ts";
import type { Folder, MessageHead, MessageRef } from "../../../src/model/message.ts";
import type { Capabilities, Pull, PullOptions } from "../../../src/ports.ts";
import type { MemoryMailbox, Stored } from "./mailbox.ts";

/** How one kind of mail system tells of its messages: what a connector for it has to cope with, and how it does. */
export interface Kind {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** The stream that tells of a folder. */
  streamOf(folder: string): string;
  /** Where a message lies, once for each place that has a ref of its own. */
  refs(message: Stored): readonly MessageRef[];
  /** The message behind a ref; undefined when nothing is there any more. */
  resolve(box: MemoryMailbox, ref: MessageRef): Stored | undefined;
  pull(box: MemoryMailbox, stream: string, cursor: string | null, options: PullOptions): Pull;
  /** Which messages of a stream a cursor covers; a lost one covers none. */
  covers(box: MemoryMailbox, stream: string, cursor: string): (message: Stored) => boolean;
}

export function foldersOf(kind: Kind, box: MemoryMailbox): Folder[] {
  return box.folders.map(({ id, name, role }) => ({
    id,
    stream: kind.streamOf(id),
    name,
    role,
    selectable: true,
    underInbox: name === "INBOX" || name.startsWith("INBOX/"),
    namespace: "personal",
    messages: box.in(id).length,
    unreadable: null,
  }));
}

export function headOf(message: Stored, ref: MessageRef, folders: readonly string[], providerId: string | null): MessageHead {
  const flags = message.seen ? ["\\Seen"] : [];
  return parseHead(message.mime, { ref, folders, received: message.received, size: message.mime.length, flags, providerId });
}

/** Message-ID of a stored message without angle brackets. */
export function messageIdOf(message: Stored): string | null {
  return headOf(message, { stream: "", id: "" }, [], null).messageId;
}

/** A cursor that only its maker reads. Undefined: it is none of ours. */
export function readToken<T>(cursor: string, isToken: (value: unknown) => value is T): T | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64").toString());
    return isToken(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function writeToken(token: object): string {
  return Buffer.from(JSON.stringify(token)).toString("base64");
}

export const COVERS_NOTHING = (): boolean => false;

export const LOST = { kind: "reset", reason: "the position is not known any more" } as const;
