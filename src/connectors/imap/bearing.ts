import type { MessageRef } from "../../model/message.ts";
import { isRefusal } from "./failures.ts";
import type { Place } from "./heads.ts";
import { NO_VALIDITY, refOf } from "./plan.ts";
import { isOpen } from "./recognize.ts";
import { opened, type Session, searchUids } from "./session.ts";

/**
 * The messages of the folder that bear a keyword now. Every server can search for one (RFC 3501 6.4.4), and looks into its index for it; where the folder
 * has no such keyword it need not be asked (7.2.6). Undefined where it refuses, where the folder was numbered anew meanwhile, and where numbers do not last.
 */
export function bearingOf(session: Session, path: string, place: Place, keyword: string): Promise<readonly MessageRef[] | undefined> {
  return session.run(path, async (client) => {
    const { flags } = await opened(client, path);
    if (place.validity === NO_VALIDITY || !(await isOpen(client, path, place))) return undefined;
    const names: ReadonlySet<string> | undefined = flags;
    if (names !== undefined && names.size > 0 && ![...names].some((name) => name.toLowerCase() === keyword.toLowerCase())) return [];
    try {
      const uids = await searchUids(client, { keyword });
      return uids.map((uid) => refOf(place.stream, place.validity, uid));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return undefined;
    }
  });
}
