import { type Reconsidered, readAfterwards, reconsiderSenders } from "../ledger/afterwards.ts";
import type { EngineContext } from "./context.ts";

/** Addresses taken at a time. */
const AT_A_TIME = 500;

const DAY = 24 * 3_600_000;

/**
 * Mail of the last days from senders that contacts, accounts and leads got as addresses is decided again where it lies: in organizations that want it so.
 * Their addresses are taken in the transaction that marks the mail, so that none is passed by.
 */
export async function dispatchAfterwards(context: EngineContext, organizations: readonly string[], signal: AbortSignal): Promise<void> {
  for (const organization of organizations) {
    for (let more = true; more && !signal.aborted; ) more = await takeSome(context, organization);
  }
}

/** True when there may be more. */
async function takeSome(context: EngineContext, organization: string): Promise<boolean> {
  const { database } = context;
  const settings = await readAfterwards(database, organization);
  const crm = context.crm(organization);
  if (settings === null || !settings.automatically || crm.newAddresses === undefined) return false;
  const now = context.now();
  const taken = await database.transaction(async (tx) => {
    const addresses = (await crm.newAddresses?.(AT_A_TIME, now, tx)) ?? [];
    const from = new Date(now.getTime() - settings.days * DAY);
    const found: Reconsidered =
      addresses.length === 0
        ? { messages: 0, mailboxIds: [] }
        : await reconsiderSenders(tx, organization, { addresses, from, to: now, mailboxIds: null });
    return { ...found, addresses: addresses.length };
  }, "reconsider new senders");
  if (taken.messages > 0)
    context.log.info(
      { organization, addresses: taken.addresses, messages: taken.messages },
      "senders became known: their mail is decided again",
    );
  for (const mailboxId of taken.mailboxIds) await context.wake("receive", mailboxId);
  return taken.addresses > 0;
}
