import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { PasswordSecret } from "../../src/model/mailbox.ts";
import type { Credentials, MailboxAccess, ServiceAccountAccess } from "../../src/ports.ts";
import { INBOX_RIGHTS_ARE_DEFAULT, setRights } from "../servers/access-rights.ts";
import type { Dovecot, DovecotOptions } from "../servers/dovecot.ts";
import { ACCOUNTS, imapEndpoint, imapMailboxRig, PASSWORD, profileWith, startImapServer } from "./imap-rig.ts";
import type { ServerRig } from "./mail-source-rig.ts";

export type Access = Exclude<ServiceAccountAccess["access"], "itself">;

/** The account that may sign in for everybody, and the one with which people share. */
const MASTER = { name: "router", password: "masterpass" };
export const COLLEAGUE = "colleague";

/** The mailbox of `user`, reached by the service account. `others`: further users for whom it signs in. */
export function serviceAccess(
  access: Access,
  user: string,
  { password, others = [] }: { readonly password?: string | undefined; readonly others?: readonly string[] } = {},
): MailboxAccess {
  const name = access === "sharedFolders" ? COLLEAGUE : MASTER.name;
  const credentials = (of: string): Credentials => {
    const secret: PasswordSecret = {
      kind: "password",
      username: access === "masterUser" ? `${of}*${name}` : name,
      password: password ?? (access === "sharedFolders" ? PASSWORD : MASTER.password),
      ...(access === "authorizationIdentity" && { authorizationIdentity: of }),
    };
    return { current: async () => secret, refresh: async () => secret };
  };
  return {
    address: `${user}@example.test`,
    credentials: credentials(user),
    serviceAccount: { name, user, access, others: () => (access === "sharedFolders" ? [] : others.map(credentials)) },
  };
}

/** A Dovecot with accounts to spare, whose users share folders. */
export function startSharingServer(options: DovecotOptions = {}): Promise<Dovecot> {
  const users = Object.fromEntries([...ACCOUNTS, COLLEAGUE].map((name) => [name, PASSWORD]));
  return startImapServer({ users, shared: true, ...options });
}

/** The contract suite's rig: each mailbox is opened by the service account, and looked at and changed by its own user. */
export async function serviceAccountRig(access: Access, options: DovecotOptions = {}): Promise<ServerRig> {
  const dovecot = await startSharingServer({ extra: INBOX_RIGHTS_ARE_DEFAULT, ...options });
  let next = 0;
  return {
    differences: { stableMime: true, keepsIdsOnMove: false, inOrder: true, repeats: false, endsLastLine: false, serviceAccount: true },
    async mailbox() {
      const user = ACCOUNTS[next++];
      if (user === undefined) throw new Error("the suite needs more accounts");
      if (access === "sharedFolders") {
        await setRights(dovecot, user, "INBOX", COLLEAGUE, "lrswipkxte");
        // Dovecot makes it at the first use, but only for its own user.
        await dovecot.withImap(user, async (client) => void (await client.mailboxCreate(`${options.prefix ?? ""}Sent`)));
      }
      return {
        ...imapMailboxRig(dovecot, user, options),
        open: ({ password, port = dovecot.ports.imap } = {}) =>
          imapSystem({ profile: profileWith(imapEndpoint(port)) }).source(serviceAccess(access, user, { password })),
      };
    },
    [Symbol.asyncDispose]: () => dovecot[Symbol.asyncDispose](),
  };
}
