import type { Content, Folder, MessageRef } from "../../src/model/message.ts";
import type { MailSource, MailSystem, Pull } from "../../src/ports.ts";
import { headOf, madeMime } from "./heads.ts";

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

/** An inbox of so many made messages in memory, given away in pages of this many: what is measured is what becomes of them. `onPull` is called for each page. */
export function madeMailSystem(messages: number, directory: number, perPage: number, onPull: () => void = () => undefined): MailSystem {
  const heads = (from: number) =>
    Array.from({ length: Math.min(perPage, messages - from) }, (_, index) => headOf(from + index, madeMime(from + index, directory)));
  const source: MailSource = {
    folders: async () => [INBOX],
    async pull(_stream, cursor): Promise<Pull> {
      onPull();
      const from = Number(cursor ?? 0);
      const next = Math.min(messages, from + perPage);
      return { kind: "page", heads: heads(from), gone: [], present: null, cursor: String(next), more: next < messages };
    },
    list: refuse,
    async *content(refs): AsyncGenerator<Content> {
      for (const ref of refs) yield { ref, kind: "mime", mime: madeMime(numberOf(ref), directory) };
    },
    find: async () => [],
    heads: async (refs) => refs.map((ref) => headOf(numberOf(ref), madeMime(numberOf(ref), directory))),
    apply: refuse,
    fileSent: async () => "no folder",
    close: async () => undefined,
  };
  return {
    capabilities: { filesSentCopy: false, stableMime: true, keepsIdsOnMove: false, push: false },
    source: () => source,
    sender: refuse,
    check: refuse,
    watch: async () => undefined,
    async [Symbol.asyncDispose]() {},
  };
}

function numberOf({ id }: MessageRef): number {
  return Number(id.slice("1.".length));
}

function refuse(): never {
  throw new Error("This mail system can only be read.");
}
