import { z } from "zod";
import type { Pull, PullOptions } from "../../../src/ports.ts";
import { COVERS_NOTHING, headOf, type Kind, LOST, readToken, writeToken } from "./kind.ts";
import type { MemoryMailbox, Stored } from "./mailbox.ts";

/**
 * As EWS tells (reference wire 2.2 and 2.4): a state for each folder and nobody else's, which compares what it knew with what is there; ids first and the
 * items in a second step; an item that is moved has another id; nothing comes in any order; the MIME is written anew at each reading.
 */
export const exchangeKind: Kind = {
  name: "EWS-like",
  capabilities: { filesSentCopy: true, stableMime: false, keepsIdsOnMove: false, push: true },
  streamOf: (folder) => folder,
  refs: ({ folders }) => [...folders].map(([folder, arrival]) => ({ stream: folder, id: itemId(arrival) })),
  resolve: (box, ref) => getItem(box, ref.id),
  pull,
  covers,
};

function itemId(arrival: number): string {
  return `AAMk${arrival}=`;
}

const stateSchema = z.object({ folder: z.string(), items: z.array(z.string()) });
type SyncState = z.infer<typeof stateSchema>;
const isState = (value: unknown): value is SyncState => stateSchema.safeParse(value).success;

interface Changes {
  readonly state: SyncState;
  readonly created: readonly string[];
  readonly deleted: readonly string[];
  readonly last: boolean;
}

/** SyncFolderItems: not a log. What came and went since the state was made never shows. */
function syncFolderItems(box: MemoryMailbox, folder: string, before: SyncState, maximum: number): Changes {
  const there = box.in(folder).map((message) => itemId(message.folders.get(folder) ?? 0));
  const changes = [
    ...there.filter((id) => !before.items.includes(id)).map((id) => ({ id, created: true })),
    ...before.items.filter((id) => !there.includes(id)).map((id) => ({ id, created: false })),
  ];
  // Some order that is the same each time and neither that of arrival nor its opposite.
  changes.sort((one, other) => (turned(one.id) < turned(other.id) ? -1 : 1));
  const some = changes.slice(0, maximum);
  const created = some.flatMap((one) => (one.created ? [one.id] : []));
  const deleted = some.flatMap((one) => (one.created ? [] : [one.id]));
  const items = [...before.items.filter((id) => !deleted.includes(id)), ...created];
  return { state: { folder, items }, created, deleted, last: some.length === changes.length };
}

function turned(id: string): string {
  return [...id].reverse().join("");
}

/** GetItem: undefined is ErrorItemNotFound. */
function getItem(box: MemoryMailbox, id: string): Stored | undefined {
  return [...box.messages.values()].find((message) => [...message.folders.values()].some((arrival) => itemId(arrival) === id));
}

function pull(box: MemoryMailbox, stream: string, cursor: string | null, { limit }: PullOptions): Pull {
  const before = cursor === null ? { folder: stream, items: [] } : readToken(cursor, isState);
  if (before?.folder !== stream) return LOST;
  const { state, created, deleted, last } = syncFolderItems(box, stream, before, limit);
  const heads = created.flatMap((id) => {
    const item = getItem(box, id);
    // One that left between the two steps is told of as deleted next time.
    return item === undefined ? [] : [headOf(item, { stream, id }, [stream], null)];
  });
  return { kind: "page", heads, gone: deleted.map((id) => ({ stream, id })), present: null, cursor: writeToken(state), more: !last };
}

function covers(_box: MemoryMailbox, stream: string, cursor: string): (message: Stored) => boolean {
  const state = readToken(cursor, isState);
  if (state?.folder !== stream) return COVERS_NOTHING;
  const items = new Set(state.items);
  return ({ folders }) => items.has(itemId(folders.get(stream) ?? 0));
}
