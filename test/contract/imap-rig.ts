import type { ImapFlow } from "imapflow";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Endpoint, Secret, ServerProfile } from "../../src/model/mailbox.ts";
import type { MailboxAccess } from "../../src/ports.ts";
import { type Dovecot, type DovecotOptions, startDovecot } from "../servers/dovecot.ts";
import type { MailboxRig, ServerRig } from "./mail-source-rig.ts";

/** Accounts of one server; each mailbox of a suite takes the next. */
export const ACCOUNTS = Array.from({ length: 60 }, (_, index) => `user${index}`);

export const PASSWORD = "correct-horse";

export function imapEndpoint(port: number, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    protocol: "imap",
    host: "127.0.0.1",
    port,
    security: "none",
    authentication: "auto",
    certificateAuthorities: null,
    verifyCertificate: true,
    timeout: 10_000,
    ...changes,
  };
}

export function profileWith(incoming: Endpoint, maximumMessageSize = 50 * 1024 * 1024): ServerProfile {
  return {
    name: "test",
    incoming,
    outgoing: null,
    folders: "inbox",
    filesSentCopy: false,
    maxConcurrentConnections: 10,
    maximumMessageSize,
  };
}

export function access(username: string, password = PASSWORD): MailboxAccess {
  const secret: Secret = { kind: "password", username, password };
  return { address: `${username}@example.test`, credentials: { current: async () => secret, refresh: async () => secret } };
}

/** A Dovecot with accounts to spare. */
export function startImapServer(options: DovecotOptions = {}): Promise<Dovecot> {
  const users = Object.fromEntries(ACCOUNTS.map((name) => [name, PASSWORD]));
  return startDovecot({ users, ...options });
}

/** The contract suite's rig over a real Dovecot. `madeFirst`: folders that each mailbox has from the beginning. */
export async function dovecotRig(options: DovecotOptions = {}, madeFirst: readonly string[] = []): Promise<ServerRig> {
  const dovecot = await startImapServer(options);
  let next = 0;
  return {
    differences: { stableMime: true, keepsIdsOnMove: false, inOrder: true, repeats: false, endsLastLine: false },
    async mailbox() {
      const user = ACCOUNTS[next++];
      if (user === undefined) throw new Error("the suite needs more accounts");
      if (madeFirst.length > 0)
        await dovecot.withImap(user, async (client) => void (await Promise.all(madeFirst.map((folder) => client.mailboxCreate(folder)))));
      return imapMailboxRig(dovecot, user, options);
    },
    [Symbol.asyncDispose]: () => dovecot[Symbol.asyncDispose](),
  };
}

export function imapMailboxRig(dovecot: Dovecot, user: string, { prefix = "" }: DovecotOptions): MailboxRig {
  const path = (folder: string) => (folder === "INBOX" ? folder : `${prefix}${folder}`);
  const find = async (client: ImapFlow, folder: string, messageId: string): Promise<string> => {
    await client.mailboxOpen(path(folder));
    const uids = await client.search({ header: { "message-id": `<${messageId}>` } }, { uid: true });
    if (!Array.isArray(uids) || uids.length === 0) throw new Error(`no ${messageId} in ${folder}`);
    return uids.join(",");
  };
  return {
    port: dovecot.ports.imap,
    open({ password = PASSWORD, port = dovecot.ports.imap } = {}) {
      return imapSystem({ profile: profileWith(imapEndpoint(port)) }).source(access(user, password));
    },
    async put(folder, ...messages) {
      await dovecot.append(
        user,
        path(folder),
        ...messages.map(({ mime, received }) => ({ mime, ...(received && { internalDate: received }) })),
      );
    },
    remove: (folder, messageId) =>
      dovecot.withImap(user, async (client) => {
        await client.messageDelete(await find(client, folder, messageId), { uid: true });
      }),
    move: (folder, messageId, destination) =>
      dovecot.withImap(user, async (client) => {
        await client.messageMove(await find(client, folder, messageId), path(destination), { uid: true });
      }),
    look: (folder) =>
      dovecot.withImap(user, async (client) => {
        await client.mailboxOpen(path(folder), { readOnly: true });
        const rows = await client.fetchAll("1:*", { uid: true, flags: true, envelope: true });
        return new Map(
          rows.map((row) => [(row.envelope?.messageId ?? "").replace(/[<>]/g, ""), { seen: row.flags?.has("\\Seen") ?? false }]),
        );
      }),
  };
}
