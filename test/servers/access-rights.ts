import { encodePath } from "imapflow/lib/tools.js";
import type { Dovecot } from "./dovecot.ts";

/** Lines for dovecot.conf: each change of rights counts at once, where Dovecot would go by what it knew for half a minute. */
export const RIGHTS_COUNT_AT_ONCE = "plugin {\n  acl = vfile::cache_secs=0\n}\n";

/** Lines for dovecot.conf: the rights to the inbox are those to every folder without rights of its own. */
export const INBOX_RIGHTS_ARE_DEFAULT = "plugin {\n  acl_defaults_from_inbox = yes\n}\n";

/** Grants `user` exactly these rights to a folder of `owner`, who signs in for it (SETACL, RFC 4314). imapflow has no command for that. */
export async function setRights(dovecot: Dovecot, owner: string, folder: string, user: string, rights: string): Promise<void> {
  await dovecot.withImap(owner, async (client) => {
    const run = client as unknown as { exec(command: string, attributes: readonly object[]): Promise<{ next(): void }> };
    const attributes = [encodePath(client, folder), user, rights].map((value) => ({ type: "STRING", value }));
    (await run.exec("SETACL", attributes)).next();
  });
}
