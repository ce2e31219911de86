import { contentHash, partsOf } from "../../model/content-hash.ts";
import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";

/** All that is wanted of a message that is read again is its content as the CRM would keep it. */
const NOTHING_LEFT_OUT = { blockedattachments: "", maxuploadfilesize: Number.MAX_SAFE_INTEGER, maximumBodyLength: Number.MAX_SAFE_INTEGER };

/** What the content of a message shows that was processed before: its hash, and where it is asked for its fingerprint; null where it cannot be read as mail. */
export async function readAgain(
  context: EngineContext,
  mime: Buffer,
  fingerprint: boolean,
): Promise<{ readonly hash: string; readonly fingerprint: string | null } | null> {
  try {
    const read = await context.content.read(mime, { limits: NOTHING_LEFT_OUT, fingerprint });
    return { hash: contentHash(partsOf(read.storable.content)), fingerprint: read.fingerprint };
  } catch (error) {
    if (error instanceof Failure && error.scope !== "item") throw error;
    return null;
  }
}
