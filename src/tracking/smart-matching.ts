import { addressKey } from "../model/address.ts";
import type { EarlierEmail } from "../model/facts.ts";
import { LinearPattern } from "../model/linear-pattern.ts";
import { numberHash } from "../model/number-hash.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { tokensIn, withoutTokens } from "./token.ts";

/** How long an email is a candidate. Dynamics searches so far under load; older threads with the same words are more often chance. */
export const SMART_MATCHING_WINDOW = 90 * 24 * 60 * 60 * 1_000;

/** Subjects are compared up to here, without their tokens: none that CRMs send is longer (MaximumSubjectLengthOnMailServer). */
const COMPARED = 400;

/** Text in which tokens are looked for before the subject is cut. */
const SEARCHED = 4_000;

/** Hashes of one email. Only long lists of addresses with hashdeltasubjectcount above 0 have more; the rest of theirs are left out. */
const MAXIMUM_HASHES = 200;

/** Something with a subject and people: an earlier email, or a message as one. */
export type Mail = Pick<EarlierEmail, "subject" | "trackingToken" | "senderAddress" | "participants">;

/** What smart matching compares of an email, each list without repetition and with at most hashmaxcount entries. */
export interface Likeness {
  /** In lower case. */
  readonly words: readonly string[];
  /** Key forms, the sender's first. */
  readonly addresses: readonly string[];
}

/** How far two emails are alike. */
export interface Agreement {
  readonly sharedWords: number;
  /** Words that the longer of the two subjects has besides. */
  readonly differingWords: number;
  readonly sharedAddresses: readonly string[];
}

export type SmartMatchingSettings = Pick<
  OrganizationSettings,
  | "enablesmartmatching"
  | "DisableSmartMatching"
  | "DisableSmartMatchingEmailHashCreation"
  | "hashfilterkeywords"
  | "hashmaxcount"
  | "hashdeltasubjectcount"
  | "hashminaddresscount"
>;

/** Smart matching is asked about messages. */
export function smartMatchingIsOn(settings: SmartMatchingSettings): boolean {
  return settings.enablesmartmatching && !settings.DisableSmartMatching;
}

/** Emails get hashes, by which later messages find them. */
export function hashesAreMade(settings: SmartMatchingSettings): boolean {
  return settings.enablesmartmatching && !settings.DisableSmartMatchingEmailHashCreation;
}

/** Whether hashes made under one of these settings are of no use under the other. */
export function hashesDiffer(one: OrganizationSettings, other: OrganizationSettings): boolean {
  return hashRecipe(one) !== hashRecipe(other);
}

function hashRecipe(settings: OrganizationSettings): string {
  const { hashfilterkeywords, hashmaxcount, hashdeltasubjectcount, trackingtokensenabled, trackingprefix, trackingprefixhistory } =
    settings;
  return JSON.stringify([
    hashesAreMade(settings),
    hashfilterkeywords,
    hashmaxcount,
    hashdeltasubjectcount,
    trackingtokensenabled,
    trackingprefix,
    trackingprefixhistory,
  ]);
}

/** What counts of an email. The sender counts in any case, the others in the order of their addresses: a CRM does not keep their order. */
export function likenessOf(mail: Mail, settings: OrganizationSettings): Likeness {
  const sender = mail.senderAddress === null ? "" : addressKey(mail.senderAddress);
  const others = mail.participants.filter((one) => one !== sender).sort();
  const addresses = [...new Set([sender, ...others])].filter((one) => one !== "");
  return { words: wordsOf(mail, settings), addresses: addresses.slice(0, settings.hashmaxcount) };
}

/** The words of a subject without tracking tokens and what hashfilterkeywords calls noise. What has no letter or digit is no word. */
function wordsOf({ subject, trackingToken }: Mail, settings: OrganizationSettings): readonly string[] {
  const text = subject.slice(0, SEARCHED);
  const bare = withoutTokens(text, [...tokensIn(text, settings), ...(trackingToken === null ? [] : [trackingToken])])
    .trim()
    .slice(0, COMPARED);
  const words = (noiseOf(settings)?.takenFrom(bare) ?? bare).normalize("NFC").toLowerCase().split(/\s+/);
  return [...new Set(words.filter((word) => /[\p{L}\p{N}]/u.test(word)))].slice(0, settings.hashmaxcount);
}

/** Compiled once per settings object: they are the same for all heads of a page. Null for what is refused where settings are written and read. */
const compiled = new WeakMap<OrganizationSettings, LinearPattern | null>();

function noiseOf(settings: OrganizationSettings): LinearPattern | null {
  const known = compiled.get(settings);
  if (known !== undefined) return known;
  const read = LinearPattern.read(settings.hashfilterkeywords);
  const pattern = "problem" in read ? null : read;
  compiled.set(settings, pattern);
  return pattern;
}

/** How far two emails are alike; the same whichever comes first. */
export function agreementOf(one: Likeness, other: Likeness): Agreement {
  const words = new Set(other.words);
  const addresses = new Set(other.addresses);
  const sharedWords = one.words.filter((word) => words.has(word)).length;
  return {
    sharedWords,
    differingWords: Math.max(one.words.length, other.words.length) - sharedWords,
    sharedAddresses: one.addresses.filter((address) => addresses.has(address)),
  };
}

/**
 * What an email is found by: one hash per address and subject, and where subjects may differ by some words also per subject without as many of them.
 * Two emails whose words differ by no more, and who share an address, share a hash. It only finds them: the words and addresses themselves decide.
 * Hashes are 64-bit numbers in decimal.
 */
export function hashesOf({ words, addresses }: Likeness, settings: SmartMatchingSettings): readonly string[] {
  const hashes = new Set<string>();
  for (const subject of subjectsWithin(words.toSorted(), settings.hashdeltasubjectcount)) {
    for (const address of addresses) {
      if (hashes.size === MAXIMUM_HASHES) return [...hashes];
      hashes.add(numberHash(`${address}\n${subject.join("\n")}`));
    }
  }
  return [...hashes];
}

/** The hashes that an email is to have; none where they are switched off, or its subject has no words. */
export function emailHashes(mail: Mail, settings: OrganizationSettings): readonly string[] {
  return hashesAreMade(settings) ? hashesOf(likenessOf(mail, settings), settings) : [];
}

/** The words, then the words without each choice of one of them, of two, and so on; never without all of them. */
function* subjectsWithin(words: readonly string[], missing: number): Generator<readonly string[]> {
  let level: { readonly words: readonly string[]; readonly from: number }[] = [{ words, from: 0 }];
  for (let less = 0; less <= missing; less++) {
    const next: typeof level = [];
    for (const one of level) {
      if (one.words.length === 0) return;
      yield one.words;
      if (less === missing) continue;
      for (let index = one.from; index < one.words.length; index++) next.push({ words: one.words.toSpliced(index, 1), from: index });
    }
    level = next;
  }
}
