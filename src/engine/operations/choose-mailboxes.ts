import { listMailboxes, type MailboxRow } from "../../ledger/mailboxes.ts";
import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";

/** The mailboxes with these addresses, or all when none is given. Throws a Failure `mailbox unknown` that names the first that is not there. */
export async function chooseMailboxes({ database }: EngineContext, addresses: readonly string[]): Promise<MailboxRow[]> {
  const all = await listMailboxes(database);
  const wanted = addresses.map(addressKey);
  const unknown = wanted.find((address) => !all.some((one) => one.address === address));
  if (unknown !== undefined) {
    throw new Failure({
      scope: "mailbox",
      code: "mailbox unknown",
      message: `There is no mailbox ${unknown}.`,
      remedy: "`waypost status` lists the mailboxes; add it to the configuration.",
      waitingHelps: false,
    });
  }
  return wanted.length === 0 ? all : all.filter((one) => wanted.includes(one.address));
}
