import type { MailboxAccess, MailSystem, Step, WatchTarget } from "../../../src/ports.ts";
import { MemorySender } from "./sender.ts";
import type { MemoryServer } from "./server.ts";
import { MemorySource } from "./source.ts";

/** A mail system in memory with real state, which tells of it as its kind does; `server.onCall` makes it fail. */
export function memoryMailSystem(server: MemoryServer): MailSystem {
  return {
    capabilities: server.kind.capabilities,
    source: (access) => new MemorySource(server, access),
    sender: (access) => new MemorySender(server, access),
    check: (access) => check(server, access),
    watch: (targets, signal) => watch(server, targets, signal),
    async [Symbol.asyncDispose]() {},
  };
}

async function* check(server: MemoryServer, access: MailboxAccess): AsyncGenerator<Step> {
  await server.signIn(access, { verb: "folders", mailbox: access.address });
  yield { name: "sign-in", result: "ok", message: `Signed in as ${access.address}.` };
}

async function watch(server: MemoryServer, targets: readonly WatchTarget[], signal: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const watched = targets.map((target) => ({ box: server.mailbox(target.mailbox.address), wake: () => target.wake() }));
  for (const { box, wake } of watched) box.watchers.add(wake);
  if (!signal.aborted) await stopped;
  for (const { box, wake } of watched) box.watchers.delete(wake);
}
