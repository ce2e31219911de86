import type { ImapFlow } from "imapflow";
import type { Step } from "../../ports.ts";
import { isRefusal } from "./failures.ts";

/**
 * What is said of a mailbox whose messages cannot be given keywords (PERMANENTFLAGS without `\*`, RFC 3501 7.1), else null: they can, or the server does not
 * tell. It tells only to somebody who opens the folder for writing, which changes nothing but what is "recent", a mark of that one opening.
 */
export async function keywordStep(client: ImapFlow, path: string, address: string): Promise<Step | null> {
  const permanent = await permanentFlags(client, path);
  if (permanent === undefined || permanent.has("\\*")) return null;
  return {
    name: "look for keywords",
    result: "warning",
    code: "no keywords",
    message: `The server keeps no keywords of one's own in the inbox of ${address}: no mail program can give a message a category there.`,
    remedy: "Nothing, if nobody is to track by category. Folders with a rule do the same: `waypost folder track`.",
  };
}

async function permanentFlags(client: ImapFlow, path: string): Promise<ReadonlySet<string> | undefined> {
  try {
    const { permanentFlags, readOnly } = await client.mailboxOpen(path);
    return readOnly === true ? undefined : permanentFlags;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return undefined;
  }
}
