import { z } from "zod";
import type { Cursor, MessageRef } from "../../model/message.ts";
import { Seen } from "./seen.ts";

/** Written into every cursor; a cursor of another version is a lost one. */
const VERSION = 2;

/**
 * What was handed out of a mailbox. POP3 has no positions, so it is the set of the ids, 16 characters a message: a mailbox of 100,000 messages has a
 * cursor of 1.6 megabytes. All but what changed lately stands in its first line, which stays the same for thousands of messages.
 */
export interface Position {
  /** Of the first reading, until it is over: messages received before this are left out. */
  readonly since: Date | null;
  readonly seen: Seen;
}

const Stored = z.object({
  v: z.literal(VERSION),
  since: z.iso.datetime().nullable(),
  salt: z.string(),
  changes: z.string(),
});

/** The cursor that stands for a position. */
export function writeCursor({ since, seen }: Position): Cursor {
  const { base, ...rest } = seen.written();
  return `${base}\n${JSON.stringify({ v: VERSION, since: since?.toISOString() ?? null, ...rest })}`;
}

/** The position that a cursor stands for, or null when it is damaged or of another version. */
export function readCursor(cursor: Cursor): Position | null {
  const end = cursor.indexOf("\n");
  let value: unknown;
  try {
    value = JSON.parse(cursor.slice(end + 1));
  } catch {
    return null;
  }
  const parsed = Stored.safeParse(value);
  if (!parsed.success || end < 0) return null;
  const { since, ...rest } = parsed.data;
  const seen = Seen.read({ base: cursor.slice(0, end), ...rest });
  return seen === null ? null : { since: since === null ? null : new Date(since), seen };
}

/** The cursor after these messages were deleted: where one lies there all the same, or its id is given to another, that is new. */
export async function cursorWithout(cursor: Cursor, deleted: readonly MessageRef[]): Promise<Cursor> {
  const position = readCursor(cursor);
  if (position === null) return cursor;
  const { since, seen } = position;
  const digests = deleted.map(({ id }) => seen.digest(id)).filter((digest) => seen.likeness(digest) !== null);
  return writeCursor({ since, seen: await seen.changed(digests, []) });
}
