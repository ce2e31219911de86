import { z } from "zod";
import type { Cursor } from "../../model/message.ts";
import type { Witness } from "./witnesses.ts";

/** Written into every cursor; a cursor of another version is a lost one. */
const VERSION = 3;

/**
 * How far one folder is read. Reading goes in rounds: a round observes the folder once and then hands out the messages whose
 * UIDs lie from `from` up to `until`, page by page. `exists` and `modseq` are what was observed at the beginning of the
 * round, so whatever happens during it is found by the next one (invariant 2).
 */
export interface Position {
  /** UIDVALIDITY in decimal; `0` where the server gives none, which RFC 3501 forbids. */
  readonly validity: string;
  /** Lowest UID not handed out yet; equals `until` when the round is over. */
  readonly from: number;
  /** UIDNEXT at the beginning of the round: UIDs from here on belong to the next round. */
  readonly until: number;
  /** `YYYY-MM-DD`: messages received before this day are left out of the round; null for all but the first. */
  readonly since: string | null;
  /** Messages that the folder held at the beginning of the round, all with UIDs below `until`. */
  readonly exists: number;
  /** Messages that the server counted besides and gave no UID, when they were last counted. */
  readonly unnumbered: number;
  /** HIGHESTMODSEQ at the beginning of the round in decimal, or null where the folder has none (RFC 7162). */
  readonly modseq: string | null;
  /** Where the folder has no UIDVALIDITY: what it held at the beginning of the round, see listing-digest.ts. Null where it was not told, and elsewhere. */
  readonly listing: string | null;
  /**
   * The messages that lay highest below `from`, by which the folder is known again, see witnesses.ts. While a first round that leaves messages out
   * is under way: some of those that lay there.
   */
  readonly witnesses: readonly Witness[];
}

/** A UID is a 32-bit number; UIDNEXT may stand one above the last (RFC 3501 2.3.1.1). */
const uid = z
  .int()
  .min(1)
  .max(2 ** 32);
const decimal = z.string().regex(/^\d{1,20}$/);

const Stored = z.object({
  v: z.literal(VERSION),
  validity: decimal,
  from: uid,
  until: uid,
  since: z.iso.date().nullable(),
  exists: z.int().min(0),
  unnumbered: z.int().min(0),
  modseq: decimal.nullable(),
  listing: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable(),
  witnesses: z.array(
    z.tuple([
      uid,
      z
        .string()
        .regex(/^[0-9a-f]{16}$/)
        .nullable(),
    ]),
  ),
});

/** The cursor that stands for a position. */
export function writeCursor(position: Position): Cursor {
  return JSON.stringify({ v: VERSION, ...position, witnesses: position.witnesses.map(({ uid, likeness }) => [uid, likeness]) });
}

/** The position that a cursor stands for, or null when it is damaged or of another version. */
export function readCursor(cursor: Cursor): Position | null {
  let value: unknown;
  try {
    value = JSON.parse(cursor);
  } catch {
    return null;
  }
  const parsed = Stored.safeParse(value);
  if (!parsed.success || parsed.data.from > parsed.data.until) return null;
  const { v: _, witnesses, ...position } = parsed.data;
  return { ...position, witnesses: witnesses.map(([uid, likeness]) => ({ uid, likeness })) };
}
