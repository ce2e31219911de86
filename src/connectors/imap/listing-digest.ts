import { hash } from "node:crypto";
import { setImmediate as othersTurn } from "node:timers/promises";
import type { ImapFlow } from "imapflow";
import { isOfTheMoment, isRefusal } from "./failures.ts";

/** Rows taken before other work of the process has its turn. */
const ROWS_AT_A_TIME = 50;

/**
 * All that servers tell of the messages of the open folder from their index: number, time of receipt, size. Where numbers mean nothing later (no
 * UIDVALIDITY), a folder with the same listing as before is taken for unchanged, so that its headers need not be read again each time. 32 hexadecimal
 * digits; null where the server refuses.
 */
export async function listingDigest(client: ImapFlow, exists: number, next: number): Promise<string | null> {
  const rows = new Map<number, string>();
  let come = 0;
  try {
    // `1:*` names a message in every folder but an empty one.
    const listed = exists === 0 ? [] : client.fetch("1:*", { uid: true, internalDate: true, size: true }, { uid: true });
    for await (const { uid, internalDate, size } of listed) {
      if (uid !== undefined) rows.set(uid, `${uid} ${internalDate instanceof Date ? internalDate.getTime() : ""} ${size ?? ""}`);
      if (++come % ROWS_AT_A_TIME === 0) await othersTurn();
    }
  } catch (error) {
    if (!isRefusal(error) || isOfTheMoment(error)) throw error;
    return null;
  }
  const lines = [...rows].sort(([one], [other]) => one - other).map(([, line]) => line);
  return hash("sha256", [next, ...lines].join("\n")).slice(0, 32);
}
