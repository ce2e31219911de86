import type { Content, Folder, MessageHead, MessageRef } from "../src/model/message.ts";
import type { MailSource, MailSystem, Pull } from "../src/ports.ts";

const INBOX: Folder = {
  id: "INBOX",
  stream: "INBOX",
  name: "INBOX",
  role: "inbox",
  selectable: true,
  underInbox: true,
  namespace: "personal",
  messages: null,
  unreadable: null,
};

/** The inbox of one mailbox: messages numbered from 0 on, which are made when they are asked for. */
export interface MadeInbox {
  /** How many are there by now. */
  arrived(): number;
  mime(number: number): Buffer;
  /** Its `ref` is that of {@link refOf}. */
  head(number: number): MessageHead;
}

export interface InMemoryOptions {
  /** Heads of a page; left out: as many as are asked for. */
  readonly perPage?: number;
  readonly onPull?: () => void;
}

/** A mail system in memory that can only be read: what is measured is what becomes of its messages. */
export function mailInMemory(inboxOf: (address: string) => MadeInbox, { perPage, onPull }: InMemoryOptions = {}): MailSystem {
  return {
    capabilities: { filesSentCopy: false, stableMime: true, keepsIdsOnMove: false, push: false },
    source: ({ address }) => sourceOf(inboxOf(address), perPage, onPull),
    sender: refuse,
    check: refuse,
    watch: async () => undefined,
    async [Symbol.asyncDispose]() {},
  };
}

function sourceOf(inbox: MadeInbox, perPage: number | undefined, onPull: (() => void) | undefined): MailSource {
  return {
    folders: async () => [INBOX],
    async pull(_stream, cursor, { limit }): Promise<Pull> {
      onPull?.();
      const from = Number(cursor ?? 0);
      const arrived = inbox.arrived();
      const next = Math.min(arrived, from + (perPage ?? limit));
      const heads = Array.from({ length: next - from }, (_, index) => inbox.head(from + index));
      return { kind: "page", heads, gone: [], present: null, cursor: String(next), more: next < arrived };
    },
    list: refuse,
    async *content(refs): AsyncGenerator<Content> {
      for (const ref of refs) yield { ref, kind: "mime", mime: inbox.mime(numberOf(ref)) };
    },
    find: async () => [],
    heads: async (refs) => refs.map((ref) => inbox.head(numberOf(ref))),
    apply: refuse,
    fileSent: async () => "no folder",
    close: async () => undefined,
  };
}

export function refOf(number: number): MessageRef {
  return { stream: INBOX.stream, id: `1.${number}` };
}

function numberOf({ id }: MessageRef): number {
  return Number(id.slice("1.".length));
}

function refuse(): never {
  throw new Error("This mail system can only be read.");
}
