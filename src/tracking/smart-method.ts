import { CORRELATION } from "../model/decision.ts";
import { CANDIDATES_PER_KEY, type EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { type Asked, barsForward, latestAnswered, type Method } from "./correlation-method.ts";
import { mailOf } from "./email-fact.ts";
import type { Evidence } from "./evidence.ts";
import type { Question } from "./question.ts";
import { RULE } from "./rule.ts";
import { quote, when } from "./sentence.ts";
import {
  type Agreement,
  agreementOf,
  hashesOf,
  type Likeness,
  likenessOf,
  SMART_MATCHING_WINDOW,
  smartMatchingIsOn,
} from "./smart-matching.ts";

/**
 * Smart matching, the last method: an email of the last 90 days with the same words in its subject and some of the same addresses
 * (product-behaviour 4.7). Dynamics counts all addresses alike, its own too. Here the emails must also share a correspondent, for strangers share
 * the queue that they write to, and words like "Order" with it.
 */
export const SMART_MATCHING: Method = {
  rule: RULE.smartMatching,
  number: CORRELATION.smartMatching,
  makesParent: false,
  settings: (settings) => {
    const { enablesmartmatching, DisableSmartMatching } = settings;
    if (!smartMatchingIsOn(settings)) return { enablesmartmatching, DisableSmartMatching };
    const { hashfilterkeywords, hashmaxcount, hashdeltasubjectcount, hashminaddresscount } = settings;
    return { enablesmartmatching, hashfilterkeywords, hashmaxcount, hashdeltasubjectcount, hashminaddresscount };
  },
  barred,
  ask,
};

function barred(head: MessageHead, settings: OrganizationSettings): string | null {
  return smartMatchingIsOn(settings) ? barsForward(head, settings) : "Smart matching is switched off.";
}

/**
 * The hashes under which emails are looked for that a head may belong to: those of its correspondents, who are asked for only then. None where smart
 * matching is not asked.
 */
export function hashesToFind(
  head: MessageHead,
  settings: OrganizationSettings,
  correspondents: () => ReadonlySet<string>,
): readonly string[] {
  if (barred(head, settings) !== null) return [];
  return hashesFor(likenessOf(mailOf(head), settings), settings, correspondents());
}

/** The time within which an email lies that a head can belong to. */
export function smartMatchingWindow(head: MessageHead): { readonly from: Date; readonly to: Date } {
  return { from: new Date(head.received.getTime() - SMART_MATCHING_WINDOW), to: new Date(latestAnswered(head)) };
}

function hashesFor(likeness: Likeness, settings: OrganizationSettings, correspondents: ReadonlySet<string>): readonly string[] {
  return hashesOf({ ...likeness, addresses: likeness.addresses.filter((one) => correspondents.has(one)) }, settings);
}

interface Candidate {
  readonly email: EarlierEmail;
  readonly agreement: Agreement;
}

function ask({ head, facts }: Question, weigh: () => Evidence): Asked {
  const likeness = likenessOf(mailOf(head), facts.settings);
  if (likeness.words.length === 0) return { hit: null, because: "The subject holds no words that could be compared.", isGeneral: true };
  const evidence = weigh();
  const candidates = candidatesFor(head, hashesFor(likeness, facts.settings, evidence.correspondents), facts.emailsByHash)
    .map((email) => ({ email, agreement: agreementOf(likeness, likenessOf(email, facts.settings)) }))
    .sort(byLikeness);
  let refusal: string | null = null;
  for (const candidate of candidates) {
    const doubt = doubtAbout(candidate, evidence, facts.settings);
    if (doubt === null) return { hit: { email: candidate.email, token: null }, because: described(candidate, likeness) };
    refusal ??= `${named(candidate.email)} has a subject like this, but ${doubt}.`;
  }
  if (refusal !== null) return { hit: null, because: refusal };
  const because = "No email of the 90 days before has the words of the subject and a correspondent in common with this message.";
  return { hit: null, because, isGeneral: true };
}

function candidatesFor(
  head: MessageHead,
  hashes: readonly string[],
  known: ReadonlyMap<string, readonly EarlierEmail[]>,
): readonly EarlierEmail[] {
  const latest = latestAnswered(head);
  const found = new Map<string, EarlierEmail>();
  const isWithin = ({ at }: EarlierEmail) => at.getTime() <= latest && head.received.getTime() - at.getTime() <= SMART_MATCHING_WINDOW;
  const isItself = ({ messageId }: EarlierEmail) => head.messageId !== null && messageId === head.messageId;
  for (const one of hashes) {
    for (const email of newest((known.get(one) ?? []).filter((each) => isWithin(each) && !isItself(each)))) found.set(email.id, email);
  }
  return [...found.values()];
}

/** As many as the CRM gives to a head: it knows nothing of the others on the page, of which any number may be alike. */
function newest(emails: readonly EarlierEmail[]): readonly EarlierEmail[] {
  if (emails.length <= CANDIDATES_PER_KEY) return emails;
  return [...emails]
    .sort((one, other) => other.at.getTime() - one.at.getTime() || (one.id < other.id ? 1 : -1))
    .slice(0, CANDIDATES_PER_KEY);
}

/** The fewest other words first, then the newest. */
function byLikeness(a: Candidate, b: Candidate): number {
  return (
    a.agreement.differingWords - b.agreement.differingWords ||
    b.email.at.getTime() - a.email.at.getTime() ||
    (a.email.id < b.email.id ? -1 : 1)
  );
}

/** Why an email that is like the message is not believed to belong to it, as the end of a sentence; null when it is believed. */
function doubtAbout(
  { email, agreement }: Candidate,
  { correspondents, isInternal }: Evidence,
  settings: OrganizationSettings,
): string | null {
  const { sharedWords, differingWords, sharedAddresses } = agreement;
  const { hashdeltasubjectcount, hashminaddresscount } = settings;
  if (sharedWords === 0 || differingWords > hashdeltasubjectcount)
    return `${count(differingWords, "word")} of it differ, and hashdeltasubjectcount allows ${hashdeltasubjectcount}`;
  if (sharedAddresses.length < hashminaddresscount)
    return `only ${count(sharedAddresses.length, "address")} on it ${sharedAddresses.length === 1 ? "stands" : "stand"} on this message too, and hashminaddresscount asks for ${hashminaddresscount}`;
  if (!sharedAddresses.some((one) => correspondents.has(one))) return "no correspondent of this message is on it";
  if (sharedWords > 1 && !isInternal) return null;
  const everybody = new Set(email.participants);
  if ([...correspondents].every((one) => everybody.has(one))) return null;
  return sharedWords > 1
    ? "between users it takes all of them, and not all people on this message are on it"
    : "one word proves little, and not all correspondents of this message are on it";
}

function described({ email, agreement }: Candidate, { words }: Likeness): string {
  const { sharedWords, differingWords, sharedAddresses } = agreement;
  const same =
    differingWords === 0
      ? `all words of the subject (${words.length})`
      : `${count(sharedWords, "word")} of the subject, all but ${differingWords},`;
  const others = sharedAddresses.length > NAMED_ADDRESSES ? ` and ${sharedAddresses.length - NAMED_ADDRESSES} more` : "";
  const addresses = sharedAddresses
    .slice(0, NAMED_ADDRESSES)
    .map((one) => quote(one))
    .join(", ");
  return `${named(email)} has ${same} and ${count(sharedAddresses.length, "address")} in common with this message: ${addresses}${others}.`;
}

/** Addresses that a sentence names. */
const NAMED_ADDRESSES = 3;

function named(email: EarlierEmail): string {
  const who = email.senderAddress === null ? "" : ` from ${quote(email.senderAddress)}`;
  return `The ${email.direction} email${who} of ${when(email.at)}`;
}

function count(number: number, what: "word" | "address"): string {
  return `${number} ${number === 1 ? what : `${what}${what === "address" ? "es" : "s"}`}`;
}
