import type { ImapFlow } from "imapflow";
import { z } from "zod";

/** A command for which imapflow has no method, or one that keeps to itself what the server said. Its own commands go the same way; rejects where the server refuses. */
export async function execute(client: ImapFlow, ...command: readonly unknown[]): Promise<void> {
  const exec: unknown = Reflect.get(client, "exec");
  if (typeof exec !== "function") throw new Error("imapflow has no exec any more");
  const { next } = z
    .object({ next: z.custom<() => void>((value) => typeof value === "function") })
    .parse(await Reflect.apply(exec, client, command));
  next();
}
