import { addressKey } from "../../model/address.ts";
import { CANDIDATES_PER_KEY, type Facts, type FactsQuery, type Voter } from "../../model/facts.ts";
import { Failure } from "../../model/failure.ts";
import type { Trial, TrialOptions } from "../../ports.ts";
import { addressesOf } from "../../tracking/address-keys.ts";
import { type CorrelationKeys, correlationKeys } from "../../tracking/correlation-keys.ts";
import { recordsAndMore } from "./address-index.ts";
import { earlierEmails } from "./earlier-emails.ts";
import type { Organization } from "./organization.ts";
import { ownerOf, readVoters, type Voters } from "./voters.ts";

/** Smart matching is not asked over the Web API: nobody needs to be known for it. */
export const NOBODY_IS_OWN = () => false;

/** Wanted besides what stands on the heads. */
export interface Further {
  readonly addresses: readonly string[];
}

/**
 * What the organization knows about the heads of one page: people and earlier emails are asked for at the same time, each in a few exchanges whatever the page
 * holds.
 */
export async function readFacts(organization: Organization, query: FactsQuery, { addresses }: Further = { addresses: [] }): Promise<Facts> {
  const settings = await organization.settings();
  const keys = correlationKeys(query, { ...settings, enablesmartmatching: false }, NOBODY_IS_OWN);
  const [people, emails] = await Promise.all([
    readPeople(organization, query, [settings.PlusAddressSeparator], addresses),
    earlierEmails(organization, keys, CANDIDATES_PER_KEY),
  ]);
  return { settings, ...people, ...emails };
}

/** Of a page whose heads are settled: the emails that others of its messages report about. Nobody is to be known for that. */
export async function readReported(organization: Organization, query: FactsQuery): Promise<Facts> {
  const settings = await organization.settings();
  const keys = correlationKeys({ ...query, heads: [] }, { ...settings, enablesmartmatching: false }, NOBODY_IS_OWN);
  const emails = await earlierEmails(organization, keys, CANDIDATES_PER_KEY);
  return { settings, records: new Map(), voters: new Map(), mailboxOwner: null, ...emails };
}

/** See Crm.trial. What smart matching would find under other settings is not known. */
export async function openTrial(organization: Organization, { settings, perKey }: TrialOptions): Promise<Trial> {
  return {
    facts: async (query) => {
      const separators = [...new Set(settings.map((one) => one.PlusAddressSeparator))];
      const keys = settings.map((one) => correlationKeys(query, { ...one, enablesmartmatching: false }, NOBODY_IS_OWN));
      const [stored, people, emails] = await Promise.all([
        organization.settings(),
        readPeople(organization, query, separators),
        earlierEmails(organization, together(keys), perKey),
      ]);
      return { settings: stored, ...people, ...emails };
    },
  };
}

/** Each key once. */
function together(all: readonly CorrelationKeys[]): CorrelationKeys {
  return {
    messageIds: [...new Set(all.flatMap((one) => one.messageIds))],
    tokens: [...new Set(all.flatMap((one) => one.tokens))],
    conversations: [...new Set(all.flatMap((one) => one.conversations))],
    hashes: [],
    sent: all[0]?.sent ?? [],
  };
}

/** Those who stand on the heads, by variants of their addresses with any of these separators too, and the owner of the mailbox. */
async function readPeople(
  organization: Organization,
  { mailbox, heads }: FactsQuery,
  separators: readonly string[],
  further: readonly string[] = [],
): Promise<Pick<Facts, "records" | "voters" | "mailboxOwner">> {
  const { addresses: onHeads, names } = addressesOf(heads, separators);
  const addresses = [...new Set([...onHeads, ...further])];
  const owner = mailbox.owner.address === undefined ? [] : [addressKey(mailbox.owner.address)];
  const named = mailbox.owner.id === undefined ? [] : [{ type: mailbox.owner.type, id: mailbox.owner.id.toLowerCase() }];
  const { records: found, more: voters } = await recordsAndMore(organization, [...new Set([...addresses, ...names, ...owner])], (those) =>
    readVoters(organization, [...those, ...named]),
  );
  const mailboxOwner = ownerOf(mailbox, voters);
  if (mailboxOwner === null && (named.length > 0 || owner.length > 0)) throw ownerMissing(mailbox);
  const byAddress = votersByAddress(voters);
  // A name that no user or queue bears is nobody's.
  const wanted = [...addresses, ...names.filter((name) => byAddress.has(name))];
  return {
    records: new Map(wanted.map((address) => [address, found.get(address) ?? []])),
    voters: new Map(wanted.flatMap((address) => (byAddress.has(address) ? [[address, byAddress.get(address) ?? []]] : []))),
    mailboxOwner,
  };
}

/** Those who have each address, users first. */
export function votersByAddress(voters: Voters): ReadonlyMap<string, readonly Voter[]> {
  const inOrder = [...voters.values()].sort(usersFirst);
  const places = inOrder.flatMap((voter) => voter.addresses.map((address) => ({ address, voter })));
  const byAddress = Map.groupBy(places, ({ address }) => address);
  return new Map([...byAddress].map(([address, its]) => [address, its.map(({ voter }) => voter)]));
}

function usersFirst(one: { readonly record: { readonly type: string; readonly id: string } }, other: typeof one): number {
  return Number(one.record.type === "queue") - Number(other.record.type === "queue") || (one.record.id < other.record.id ? -1 : 1);
}

function ownerMissing(mailbox: FactsQuery["mailbox"]): Failure {
  const { type, id, address } = mailbox.owner;
  return new Failure({
    scope: "mailbox",
    code: "mailbox owner missing",
    message: `The ${type} ${id ?? address ?? ""} that owns the mailbox ${mailbox.address} is not in the CRM.`,
    remedy: "Give the mailbox an owner that exists, or take it out of service.",
    waitingHelps: false,
  });
}
