import type { MailboxAccess } from "../../../src/ports.ts";
import type { MailSenderRig } from "../mail-sender.contract.ts";
import type { MailboxRig, ServerRig } from "../mail-source-rig.ts";
import { type Kind, messageIdOf } from "./kind.ts";
import type { MemoryMailbox, Stored } from "./mailbox.ts";
import { memoryMailSystem } from "./memory-mail-system.ts";
import { MemoryServer } from "./server.ts";

const PASSWORD = "correct-horse";

export function memoryAccess(address: string, password = PASSWORD): MailboxAccess {
  const secret = { kind: "password", username: address, password } as const;
  return { address, credentials: { current: async () => secret, refresh: async () => secret } };
}

/** The contract suite's rig over a mail system in memory. */
export async function memoryServerRig(kind: Kind): Promise<ServerRig> {
  const server = new MemoryServer(kind);
  const { stableMime, keepsIdsOnMove } = kind.capabilities;
  let made = 0;
  return {
    differences: { stableMime, keepsIdsOnMove, inOrder: false, repeats: true, endsLastLine: false },
    mailbox: async () => mailboxRig(server, server.mailbox(`user${made++}@example.test`, PASSWORD)),
    async [Symbol.asyncDispose]() {},
  };
}

function mailboxRig(server: MemoryServer, box: MemoryMailbox): MailboxRig {
  const system = memoryMailSystem(server);
  const named = (folder: string, messageId: string): Stored => {
    const found = box.in(box.folder(folder).id).find((message) => messageIdOf(message) === messageId);
    if (found === undefined) throw new Error(`no ${messageId} in ${folder}`);
    return found;
  };
  return {
    port: null,
    open: ({ password = PASSWORD } = {}) => system.source(memoryAccess(box.address, password)),
    async put(folder, ...messages) {
      const { id } = box.folder(folder);
      for (const { mime, received } of messages) box.put([id], mime, received);
    },
    remove: async (folder, messageId) => box.remove(named(folder, messageId).number),
    move: async (folder, messageId, destination) => box.place(named(folder, messageId).number, [box.folder(destination).id]),
    look: async (folder) => new Map(box.in(box.folder(folder).id).map((message) => [messageIdOf(message) ?? "", { seen: message.seen }])),
  };
}

/** The sender suite's rig: everybody is outside. */
export async function memorySenderRig(kind: Kind): Promise<MailSenderRig> {
  const server = new MemoryServer(kind);
  server.sizeLimit = 100_000;
  const from = "ann@example.test";
  server.mailbox(from, PASSWORD);
  const system = memoryMailSystem(server);
  const good = ["bob@outside.test", "carl@outside.test"] as const;
  return {
    from,
    good,
    refusedForGood: "nobody@outside.test",
    refusedForNow: "later@outside.test",
    sizeLimit: server.sizeLimit,
    refusesInternational: false,
    async sender(fault) {
      if (fault !== undefined) server.fates.push(fault === "cut after the content" ? "silent" : "unreachable");
      return system.sender(memoryAccess(from));
    },
    arrived: async () =>
      server.outside
        .filter(({ recipient }) => good.some((address) => address === recipient))
        .map(({ recipient, mime }) => ({ recipient, mime: mime.toString("latin1") })),
    async [Symbol.asyncDispose]() {},
  };
}
