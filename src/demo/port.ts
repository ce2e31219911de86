import { once } from "node:events";
import { createServer } from "node:net";

/** The port when this machine's loopback address has it free, else 0, which stands for any free one. */
export async function portOrAny(port: number): Promise<number> {
  const probe = createServer().listen({ host: "127.0.0.1", port });
  try {
    await once(probe, "listening");
  } catch {
    // Taken, or not for this user: whatever the reason, the demo does not need this very port.
    return 0;
  }
  probe.close();
  await once(probe, "close");
  return port;
}
