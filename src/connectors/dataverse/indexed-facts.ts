import { setTimeout } from "node:timers/promises";
import { addressKey } from "../../model/address.ts";
import type { EarlierEmail, Facts, FactsQuery, Voter } from "../../model/facts.ts";
import { Failure } from "../../model/failure.ts";
import { type IndexState, keyNumber } from "../../model/key-index.ts";
import type { MessageHead } from "../../model/message.ts";
import type { AddressMatch } from "../../model/record.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import { addressesOf } from "../../tracking/address-keys.ts";
import { correlationKeys } from "../../tracking/correlation-keys.ts";
import { smartMatchingIsOn } from "../../tracking/smart-matching.ts";
import { isStranger } from "../../tracking/stranger.ts";
import { storedMessageId } from "./email-row.ts";
import { NOBODY_IS_OWN, readFacts, readReported } from "./facts.ts";
import { addressNumber, followedTables } from "./followed-tables.ts";
import { isComplete, updateIndex } from "./keep-index.ts";
import { type KnownPeople, knownPeople } from "./known-people.ts";
import type { IndexOptions, Organization } from "./organization.ts";
import { storable } from "./storable.ts";
import { CHECK } from "./verdicts.ts";
import { ownerOf } from "./voters.ts";

/** How old the index may be when a page is judged by it. */
const INDEX_MILLISECONDS = 30_000;

/** Milliseconds of waiting for another process that brings it up to date. */
const LOOK_FOR = 3_000;
const LOOK_EVERY = 100;

/** A head with what is looked up for it. */
interface Keyed {
  readonly at: number;
  readonly head: MessageHead;
  readonly addresses: readonly string[];
  readonly names: readonly string[];
  /** Of those that may have written it. */
  readonly writers: readonly number[];
  /** Of the emails that it may belong to. */
  readonly emails: readonly number[];
}

/**
 * See Crm.facts. Mail of strangers is settled without asking the organization: who wrote it is nobody there, and it belongs to no email there, as far as the index of
 * keys knows; what the facts of such a head rest on is told with them. All other heads are asked for as ever. The facts are the same as without the index, as of the
 * last time that it was brought up to date.
 */
export async function indexedFacts(organization: Organization, query: FactsQuery): Promise<Facts> {
  const { index } = organization;
  if (index === null || query.mayRestOnIndex !== true || query.heads.length === 0) return readFacts(organization, query);
  const settings = await organization.settings();
  const judged = await judgedBy(organization, settings);
  const state = judged === null ? null : await freshState(organization, index);
  const people = state === null ? null : await knownPeople(organization, state);
  if (judged === null || people === null) return readFacts(organization, query);
  const mailboxOwner = ownerOf(query.mailbox, people.voters);
  if (mailboxOwner === null && query.mailbox.owner.type !== "forward") return readFacts(organization, query);
  const keyed = query.heads.map((head, at) => keysOf(head, at, query, settings));
  const held = await index.keys.held(keyed.flatMap(numbersOf));
  const isOpen = ({ writers, emails }: Keyed) => [...writers, ...emails].some((key) => held.has(key));
  const isKnown = (address: string) => people.byAddress.has(address) && (held.get(addressNumber(address)) ?? 0) <= people.round;
  const { open = [], settled = [] } = Object.groupBy(keyed, (one) => (isOpen(one) ? "open" : "settled"));
  // Others on mail of strangers who are in the CRM are asked for too: a queue that takes everything may be among them.
  const further = settled.flatMap(({ addresses, names }) =>
    [...addresses, ...names].filter((address) => held.has(addressNumber(address)) && !isKnown(address)),
  );
  const asked = await askFor(organization, query, open, [...new Set(further)]);
  const local = localFacts(settled, { settings, people, mailboxOwner: asked?.mailboxOwner ?? mailboxOwner, isKnown, asked });
  const strangers = settled.filter(({ head }) => isStranger(head, { ...local, settings: judged }));
  const known = new Set(strangers);
  const others = settled.filter((one) => !known.has(one));
  const askedThen = await askFor(organization, { ...query, reported: [] }, others, []);
  const unasked = strangers.map((one) => [one.at, [...new Set(numbersOf(one))].filter((key) => !held.has(key))] as const);
  const onHeads = new Set(keyed.flatMap(({ addresses }) => addresses));
  return { ...together([local, asked, askedThen], onHeads), unasked: new Map(unasked) };
}

/**
 * The settings by which it is judged who is a stranger. Of smart matching this side knows nothing: where the organization decides, it is asked about every message; where
 * it does not, nobody asks for hashes. Null: there are no strangers.
 */
async function judgedBy(organization: Organization, settings: OrganizationSettings): Promise<OrganizationSettings | null> {
  if (!smartMatchingIsOn(settings)) return settings;
  const decides = organization.decides && (await organization.tables()).can(CHECK);
  return decides ? null : { ...settings, enablesmartmatching: false };
}

/** Null where the index cannot be used: it is not complete, or cannot be brought up to date now. */
async function freshState(organization: Organization, index: IndexOptions): Promise<IndexState | null> {
  const { milliseconds = INDEX_MILLISECONDS } = index;
  const state = await index.keys.state();
  const tables = await followedTables(organization, state);
  if (!isComplete(organization, tables, state)) return null;
  if (state.age !== null && state.age <= milliseconds) return state;
  const since = state.finished;
  try {
    organization.updating ??= updateIndex(organization, index).finally(() => {
      organization.updating = null;
    });
    await organization.updating;
  } catch (error) {
    // Then everything is asked for, and whatever keeps the organization from answering is told there.
    if (!(error instanceof Failure)) throw error;
    return null;
  }
  // Where another process is at it, it is waited for: that costs no request.
  for (let waited = 0; ; waited += LOOK_EVERY) {
    const now = await index.keys.state();
    if (!isComplete(organization, tables, now)) return null;
    if (now.finished > since) return now;
    if (waited >= LOOK_FOR) return null;
    await setTimeout(LOOK_EVERY);
  }
}

function keysOf(head: MessageHead, at: number, { mailbox }: FactsQuery, settings: OrganizationSettings): Keyed {
  const { addresses, names } = addressesOf([head], [settings.PlusAddressSeparator]);
  const keys = correlationKeys({ heads: [head], mailbox }, { ...settings, enablesmartmatching: false }, NOBODY_IS_OWN);
  const forwarder = head.forwarded?.kind === "original" ? [head.forwarded.forwarder] : [];
  const writers = [...head.from, ...(head.sender === null ? [] : [head.sender])].map(({ address }) => address);
  return {
    ...{ at, head, addresses, names },
    writers: [...writers, ...forwarder].map((address) => addressNumber(addressKey(address))),
    emails: [
      ...keys.messageIds.map((id) => keyNumber("messageId", storedMessageId(id))),
      ...keys.tokens.map((token) => keyNumber("token", storable(token))),
      ...keys.conversations.map((base) => keyNumber("conversation", base)),
    ],
  };
}

function numbersOf({ addresses, names, writers, emails }: Keyed): readonly number[] {
  return [...addresses.map(addressNumber), ...names.map(addressNumber), ...writers, ...emails];
}

/** Null where there is nothing to ask for. */
async function askFor(
  organization: Organization,
  query: FactsQuery,
  heads: readonly Keyed[],
  addresses: readonly string[],
): Promise<Facts | null> {
  if (heads.length === 0 && addresses.length === 0) return (query.reported ?? []).length === 0 ? null : readReported(organization, query);
  return readFacts(organization, { ...query, heads: heads.map(({ head }) => head) }, { addresses });
}

interface LocalKnowledge {
  readonly settings: OrganizationSettings;
  readonly people: KnownPeople;
  readonly mailboxOwner: Voter | null;
  isKnown(address: string): boolean;
  /** What was asked for besides. */
  readonly asked: Facts | null;
}

/** What is known of heads that no email is held for. */
function localFacts(heads: readonly Keyed[], { settings, people, mailboxOwner, isKnown, asked }: LocalKnowledge): Facts {
  const records = new Map<string, readonly AddressMatch[]>();
  const voters = new Map<string, readonly Voter[]>();
  const votersAt = (address: string) => (isKnown(address) ? people.byAddress : asked?.voters)?.get(address) ?? [];
  for (const { addresses, names } of heads) {
    for (const address of [...addresses, ...names.filter((name) => votersAt(name).length > 0)]) {
      records.set(address, (isKnown(address) ? people.records : asked?.records)?.get(address) ?? []);
      const its = votersAt(address);
      if (its.length > 0) voters.set(address, its);
    }
  }
  const none = new Map<string, readonly EarlierEmail[]>();
  return {
    ...{ settings, records, voters, mailboxOwner },
    ...{ emailsByMessageId: none, emailsByToken: none, emailsByConversation: none, emailsByHash: none },
  };
}

/** Later ones were asked for later. Of a name that no user or queue bears nothing is told. */
function together(parts: readonly [Facts, ...(Facts | null)[]], onHeads: ReadonlySet<string>): Facts {
  const all = parts.filter((one) => one !== null);
  const merged = <Value>(of: (facts: Facts) => ReadonlyMap<string, Value>) => new Map(all.flatMap((facts) => [...of(facts)]));
  const voters = merged((facts) => facts.voters);
  const records = merged((facts) => facts.records);
  return {
    settings: parts[0].settings,
    mailboxOwner: all.at(-1)?.mailboxOwner ?? parts[0].mailboxOwner,
    records: new Map([...records].filter(([address]) => onHeads.has(address) || voters.has(address))),
    voters,
    emailsByMessageId: merged((facts) => facts.emailsByMessageId),
    emailsByToken: merged((facts) => facts.emailsByToken),
    emailsByConversation: merged((facts) => facts.emailsByConversation),
    emailsByHash: new Map(),
  };
}
