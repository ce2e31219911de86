import type { MessageHead, MessageRef } from "../../model/message.ts";
import { anotherSurvives } from "./another.ts";
import { fetchHeads, ITS_FIELDS, type Place, Room, unreadableHead } from "./heads.ts";
import { uidOf } from "./plan.ts";
import { isOpen } from "./recognize.ts";
import { opened, type Session } from "./session.ts";
import { askAllSurviving } from "./survivors.ts";

/** The heads of those of these messages that lie in the folder at `path`; a ref given under another UIDVALIDITY names nothing there. */
export async function headsOf(
  session: Session,
  stream: string,
  path: string,
  refs: readonly MessageRef[],
): Promise<readonly MessageHead[]> {
  const validity = await session.run(path, async (client) => String((await opened(client, path)).uidValidity ?? 0));
  const place: Place = { stream, validity };
  const uids = refs.flatMap((ref) => uidOf(ref, validity) ?? []);
  const { answers, refused } = await askAllSurviving(uids, {
    ask: (some) =>
      session.run(path, async (client) =>
        (await isOpen(client, path, place)) ? fetchHeads(client, place, some, new Room(Number.POSITIVE_INFINITY)) : [],
      ),
    reopen: (how) => session.reopen(path, how),
    another: (than) => anotherSurvives(session, path, (uid) => than.includes(uid), ITS_FIELDS),
  });
  return [...answers, ...refused.map(({ item, words }) => unreadableHead(place, item, words))];
}
