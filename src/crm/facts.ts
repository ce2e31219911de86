import type { Facts, FactsQuery } from "../model/facts.ts";
import { Failure } from "../model/failure.ts";
import type { Sql } from "../model/sql.ts";
import { votersAt } from "../tracking/recipients.ts";
import { addressesOf, readVoters, recordsByAddress } from "./address-index.ts";
import { correlationKeys, earlierEmails } from "./earlier-emails.ts";
import { readSettings } from "./settings.ts";

/** What the CRM knows about the heads of one page: four statements, whatever the page holds. */
export async function readFacts(sql: Sql, { mailbox, heads, reported = [] }: FactsQuery): Promise<Facts> {
  const { settings } = await readSettings(sql);
  const addresses = addressesOf(heads, settings.PlusAddressSeparator);
  const [records, voters] = await Promise.all([recordsByAddress(sql, addresses), readVoters(sql, addresses, mailbox.owner)]);
  if (mailbox.owner.id !== undefined && !voters.owner) throw ownerMissing(mailbox);
  const isOwn = (address: string) => votersAt(address, { settings, records, voters: voters.byAddress }).length > 0;
  const emails = await earlierEmails(sql, correlationKeys({ heads, mailbox, reported }, settings, isOwn));
  return {
    settings,
    records,
    voters: voters.byAddress,
    mailboxOwner: voters.owner,
    emailsByMessageId: emails.byMessageId,
    emailsByToken: emails.byToken,
    emailsByConversation: emails.byConversation,
    emailsByHash: emails.byHash,
  };
}

function ownerMissing(mailbox: FactsQuery["mailbox"]): Failure {
  return new Failure({
    scope: "mailbox",
    code: "mailbox owner missing",
    message: `The ${mailbox.owner.type} ${mailbox.owner.id} that owns the mailbox ${mailbox.address} is not in the CRM.`,
    remedy: "Give the mailbox an owner that exists, or take it out of service.",
    waitingHelps: false,
  });
}
