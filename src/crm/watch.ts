import type { Store } from "./transaction.ts";

/** Where the trigger on crm.email says that an email became Pending Send. */
const CHANNEL = "crm_email_pending";

/** Calls `wake` when an email may have become pending, also after a gap in the connection. Returns when `signal` aborts. */
export async function watchPending(store: Pick<Store, "listen">, wake: () => void, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const stop = await store.listen(CHANNEL, wake, wake);
  try {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
    });
  } finally {
    await stop();
  }
}
