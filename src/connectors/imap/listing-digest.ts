import { hash } from "node:crypto";
import { setImmediate as othersTurn } from "node:timers/promises";
import type { ImapFlow } from "imapflow";
import { Flooded, isOfTheMoment, isRefusal } from "./failures.ts";

/** Rows taken before other work of the process has its turn. */
const ROWS_AT_A_TIME = 50;

/** Messages of the largest folder that is listed so: the rows are held until all are there. */
const MOST = 1_000_000;

/** Messages that may have come since the folder was opened. */
const ARRIVED = 1000;

/** Bytes of a row: a third of it is usual, whatever extensions add. */
const ROW_BYTES = 512;

/** Bytes besides the rows, for what others change in the folder meanwhile. */
const NEWS_BYTES = 1024 * 1024;

/**
 * All that servers tell of the messages of the open folder from their index: number, time of receipt, size. Where numbers mean nothing later (no
 * UIDVALIDITY), a folder with the same listing as before is taken for unchanged, so that its headers need not be read again each time. 32 hexadecimal
 * digits; null where the server refuses, or counts more messages than can be listed. Throws Flooded where far more comes than the folder can have.
 */
export async function listingDigest(client: ImapFlow, exists: number, next: number): Promise<string | null> {
  if (exists > MOST) return null;
  const rows = new Map<number, string>();
  let come = 0;
  const mostBytes = client.stats().received + exists * ROW_BYTES + NEWS_BYTES;
  try {
    // `1:*` names a message in every folder but an empty one.
    const listed = exists === 0 ? [] : client.fetch("1:*", { uid: true, internalDate: true, size: true }, { uid: true });
    for await (const { uid, internalDate, size } of listed) {
      if (uid !== undefined) rows.set(uid, `${uid} ${internalDate instanceof Date ? internalDate.getTime() : ""} ${size ?? ""}`);
      if (rows.size > exists + ARRIVED || client.stats().received > mostBytes) throw new Flooded();
      if (++come % ROWS_AT_A_TIME === 0) await othersTurn();
    }
  } catch (error) {
    if (!isRefusal(error) || isOfTheMoment(error)) throw error;
    return null;
  }
  const lines = [...rows].sort(([one], [other]) => one - other).map(([, line]) => line);
  return hash("sha256", [next, ...lines].join("\n")).slice(0, 32);
}
