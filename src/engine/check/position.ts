import type { Cursor, Folder } from "../../model/message.ts";
import { accessTo } from "../context.ts";
import type { TestSearch } from "./test-message.ts";

/** Heads of one page, and pages at most: a mailbox too large to be passed over is searched by Message-ID instead. */
const PAGE = 500;
const PAGES = 20;

/** Where the inbox stands before the test message is sent. */
export interface Position {
  readonly inbox: Folder;
  /** Null: the end of the inbox was too far away. */
  readonly cursor: Cursor | null;
}

/** Goes to the end of the inbox, so that whatever arrives from now on can be looked at, under whatever Message-ID it comes. */
export async function positionOf({ context, work, options }: TestSearch): Promise<Position> {
  const source = context.mailSystem(work.profile).source(accessTo(context, work.mailbox));
  try {
    const folders = await source.folders();
    const inbox = folders.find((folder) => folder.role === "inbox");
    if (!inbox) throw new Error("The mail system shows no inbox.");
    let cursor: Cursor | null = null;
    const since = context.now();
    for (let page = 0; page < PAGES && !options.signal.aborted; page++) {
      const pull = await source.pull(inbox.stream, cursor, { limit: PAGE, since });
      if (pull.kind === "reset") break;
      cursor = pull.cursor;
      if (!pull.more) return { inbox, cursor };
    }
    return { inbox, cursor: null };
  } finally {
    await source.close();
  }
}
