import type { Facts, FactsQuery } from "../model/facts.ts";
import { Failure } from "../model/failure.ts";
import type { Sql } from "../model/sql.ts";
import { addressesOf } from "../tracking/address-keys.ts";
import { correlationKeys } from "../tracking/correlation-keys.ts";
import { votersAt } from "../tracking/recipients.ts";
import { readVoters, recordsByAddress } from "./address-index.ts";
import { type EarlierEmails, earlierEmails } from "./earlier-emails.ts";
import { readSettings } from "./settings.ts";

/** What the CRM knows about the heads of one page: four statements, whatever the page holds, unless its addresses are more than one takes. */
export async function readFacts(sql: Sql, query: FactsQuery): Promise<Facts> {
  const { settings } = await readSettings(sql);
  const people = await readPeople(sql, query, [settings.PlusAddressSeparator]);
  const isOwn = (address: string) => votersAt(address, { settings, ...people }).length > 0;
  const emails = await earlierEmails(sql, correlationKeys(query, settings, isOwn));
  return { settings, ...people, ...byKeys(emails) };
}

/** Those who stand on the heads, by variants of their addresses with any of these separators too, and the owner of the mailbox. */
export async function readPeople(
  sql: Sql,
  { mailbox, heads }: FactsQuery,
  separators: readonly string[],
): Promise<Pick<Facts, "records" | "voters" | "mailboxOwner">> {
  const { addresses, names } = addressesOf(heads, separators);
  const voters = await readVoters(sql, [...addresses, ...names], mailbox.owner);
  if (mailbox.owner.id !== undefined && !voters.owner) throw ownerMissing(mailbox);
  // A name that no user or queue bears is nobody's.
  const records = await recordsByAddress(sql, [...addresses, ...names.filter((name) => voters.byAddress.has(name))]);
  return { records, voters: voters.byAddress, mailboxOwner: voters.owner };
}

/** Earlier emails as the facts name them. */
export function byKeys({
  byMessageId,
  byToken,
  byConversation,
  byHash,
}: EarlierEmails): Pick<Facts, "emailsByMessageId" | "emailsByToken" | "emailsByConversation" | "emailsByHash"> {
  return { emailsByMessageId: byMessageId, emailsByToken: byToken, emailsByConversation: byConversation, emailsByHash: byHash };
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
