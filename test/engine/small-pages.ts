import { changeSources } from "./change-sources.ts";
import type { RigApp } from "./rig.ts";

/** Each page holds two messages, and `act` is called before each, with `address/stream` and the number of the page, from 1. */
export function inSmallPages(app: RigApp, act: (folder: string, page: number) => Promise<void>): Disposable {
  const pages = new Map<string, number>();
  return changeSources(app, (source, mailbox) => ({
    folders: () => source.folders(),
    async pull(stream, cursor, options) {
      const key = `${mailbox.address}/${stream}`;
      const page = (pages.get(key) ?? 0) + 1;
      pages.set(key, page);
      await act(key, page);
      return source.pull(stream, cursor, { ...options, limit: 2 });
    },
    list: (stream, cursor, options) => source.list(stream, cursor, options),
    content: (refs, options) => source.content(refs, options),
    heads: (refs) => source.heads(refs),
    find: (stream, messageId) => source.find(stream, messageId),
    apply: (refs, action) => source.apply(refs, action),
    fileSent: (messageId, mime, sentOn) => source.fileSent(messageId, mime, sentOn),
    close: () => source.close(),
  }));
}
