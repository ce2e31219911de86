import { pop3System } from "../../src/connectors/pop3/system.ts";
import type { Endpoint } from "../../src/model/mailbox.ts";
import type { DovecotOptions } from "../servers/dovecot.ts";
import { ACCOUNTS, access, imapEndpoint, imapMailboxRig, PASSWORD, profileWith, startImapServer } from "./imap-rig.ts";
import type { ServerRig } from "./mail-source-rig.ts";

export const pop3Endpoint = (port: number, changes: Partial<Endpoint> = {}): Endpoint =>
  imapEndpoint(port, { protocol: "pop3", ...changes });

/** The contract suite's rig over a real Dovecot: what happens in the mailbox besides, happens over IMAP. */
export async function dovecotPop3Rig(options: DovecotOptions = {}): Promise<ServerRig> {
  const dovecot = await startImapServer(options);
  let next = 0;
  return {
    differences: { stableMime: true, keepsIdsOnMove: false, inOrder: true, repeats: false, endsLastLine: true },
    async mailbox() {
      const user = ACCOUNTS[next++];
      if (user === undefined) throw new Error("the suite needs more accounts");
      return {
        ...imapMailboxRig(dovecot, user, options),
        port: dovecot.ports.pop3,
        open: ({ password = PASSWORD, port = dovecot.ports.pop3 } = {}) =>
          pop3System({ profile: profileWith(pop3Endpoint(port)) }).source(access(user, password)),
      };
    },
    [Symbol.asyncDispose]: () => dovecot[Symbol.asyncDispose](),
  };
}
