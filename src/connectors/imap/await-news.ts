import type { ImapFlow } from "imapflow";
import { pause } from "./door.ts";
import { opened } from "./session.ts";

/** How long one waits at a server without IDLE before looking again, in milliseconds. */
const WITHOUT_IDLE = 1000;

/**
 * Waits on the open connection until the server tells of a message in the folder (RFC 2177), until the time is over, or until `signal` aborts. At a
 * server without IDLE it waits for a moment. Throws what imapflow throws when the connection goes.
 */
export async function awaitNews(client: ImapFlow, path: string, milliseconds: number, signal: AbortSignal): Promise<void> {
  await opened(client, path);
  if (!client.capabilities.has("IDLE")) {
    await pause(Math.min(milliseconds, WITHOUT_IDLE), signal);
    return;
  }
  const news = new AbortController();
  const heard = () => news.abort();
  client.on("exists", heard);
  try {
    const idling = client.idle();
    idling.then(heard, heard);
    await pause(milliseconds, AbortSignal.any([signal, news.signal]));
    // Ends IDLE and has what came with its end told.
    await Promise.all([idling, client.noop()]);
  } finally {
    client.off("exists", heard);
  }
}
