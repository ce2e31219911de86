import type { ImapFlow } from "imapflow";
import type { Cursor } from "../../model/message.ts";
import type { Listing } from "../../ports.ts";
import { readCursor } from "./cursor.ts";
import { dayBefore, idOf, nextRound } from "./plan.ts";
import { observe } from "./pull.ts";
import { searchUids } from "./session.ts";

/** The port's `list` of the folder at `path`: it is opened anew, and asked for all of its UIDs. */
export async function listMessages(client: ImapFlow, path: string, cursor: Cursor | null, since: Date): Promise<Listing> {
  const before = cursor === null ? null : readCursor(cursor);
  const seen = await observe(client, path, null);
  const round = nextRound(before, seen, since);
  const covered = round.kind === "reset" || before === null ? 1 : round.position.from;
  const all = await searchUids(client, { all: true });
  const day = dayBefore(since);
  const young = day === null ? null : new Set(await searchUids(client, { since: new Date(day) }));
  const passed = all.filter((uid) => uid < covered);
  const listed = young === null ? passed : passed.filter((uid) => young.has(uid));
  return {
    covered: listed.map((uid) => idOf(seen.validity, uid)),
    ahead: all.length - passed.length,
    older: passed.length - listed.length,
  };
}
