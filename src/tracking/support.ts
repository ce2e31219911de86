import type { EarlierEmail } from "../model/facts.ts";
import { type Candidate, type Evidence, subjectOf } from "./evidence.ts";
import { SMART_MATCHING_WINDOW } from "./smart-matching.ts";

/**
 * What an email found by a key is believed on besides. Keys alone would join strangers: a Message-ID is used again, a counter of tokens wraps, a
 * conversation index is copied (product-behaviour 4.5, 4.6). Users and queues are on all of their mail, so they count only together with the subject.
 */
export type Support = "correspondent" | "report" | "own Message-ID" | "domain" | "subject";

/** All emails that have one key, and the message that names it. */
export interface Rivals {
  readonly candidates: readonly Candidate[];
  readonly evidence: Evidence;
  readonly received: Date;
}

/** Tells of each email with a key what supports it; null: too little. */
export type Weigh = (rivals: Rivals) => (candidate: Candidate) => Support | null;

/** How old an email may be that a token finds without a correspondent in common: within more time its counter may have wrapped. */
const TOKEN_AGE = SMART_MATCHING_WINDOW;

/**
 * Nobody guesses a Message-ID, and whoever got the mail forwarded may answer it: one that the CRM made itself is believed as it is, for it was made
 * once. Other programs use theirs again, and a stranger's is only the first that came. One that several emails have was used again: there the
 * subject alone, which comes from the same program, proves nothing.
 */
export const weighMessageId: Weigh = ({ candidates, evidence }) => {
  const isReused = !areOneConversation(candidates, evidence);
  const madeHere = candidates.filter(({ email }) => email.direction === "outgoing" && email.sent === null);
  return ({ email, tie }) => {
    if (tie.sharesCorrespondent) return "correspondent";
    if (isReused) return tie.sharesDomain && tie.sameSubject ? "domain" : null;
    if (madeHere.length === 1 && madeHere[0]?.email === email) return "own Message-ID";
    return supportOf(tie);
  };
};

/** Its GUID is made once, but who takes an old mail for a template copies it. */
export const weighConversation: Weigh =
  () =>
  ({ tie }) =>
    tie.sharesCorrespondent ? "correspondent" : supportOf(tie);

/**
 * Counters wrap, and the prefix `CRM:` is everybody's default. Without a correspondent in common it takes the same subject, and that only one
 * conversation of late comes into question: programs write the same subject to many.
 */
export const weighToken: Weigh = ({ candidates, evidence, received }) => {
  const likely = candidates.filter((one) => one.tie.sameSubject && supportOf(one.tie) !== null && isOfLate(one.email, received));
  const closer = likely.filter(({ tie }) => tie.sharesDomain);
  const left = closer.length > 0 ? closer : likely;
  const believed = new Set(areOneConversation(left, evidence) ? left : []);
  return (candidate) => {
    if (candidate.tie.sharesCorrespondent) return "correspondent";
    return believed.has(candidate) ? supportOf(candidate.tie) : null;
  };
};

/** The end of a sentence about an email that was believed. */
export function saidOf(support: Support): string {
  return SAID[support];
}

const SAID: Readonly<Record<Support, string>> = {
  correspondent: "",
  report: "",
  "own Message-ID": "; no correspondent of this message is on it, but the CRM made that Message-ID, and nobody guesses it",
  domain: "; the evidence is thin: no correspondent of this message is on it, only somebody of the same domain",
  subject: "; the evidence is thin: no correspondent of this message is on it, only the subject and a user or queue are the same",
};

/** Why no email with a Message-ID was believed: the end of a sentence. */
export function doubtAboutMessageId({ candidates, evidence }: Rivals): string {
  return areOneConversation(candidates, evidence)
    ? "nobody on this message is tied to it: no correspondent or domain is the same, nor the subject between the same people"
    : "several emails have that Message-ID and no correspondent of this message is on one of them";
}

/** The same of a tracking token. */
export function doubtAboutToken({ candidates, received }: Rivals): string {
  const alike = candidates.filter(({ tie }) => tie.sameSubject && supportOf(tie) !== null);
  const why =
    alike.length === 0
      ? "the subject or everybody is another"
      : alike.some(({ email }) => isOfLate(email, received))
        ? "several conversations have that token and subject"
        : "it is older than 90 days";
  return `no correspondent of this message is on it and ${why}: tokens repeat when their counter wraps`;
}

/** The same of a conversation index. */
export function doubtAboutConversation(): string {
  return "no correspondent of this message is on it and the subject is another: whoever takes an old mail for a template copies its index";
}

function supportOf({ sharesDomain, sharesParticipant, sameSubject }: Candidate["tie"]): Support | null {
  if (sharesDomain) return "domain";
  return sameSubject && sharesParticipant ? "subject" : null;
}

function isOfLate({ at }: EarlierEmail, received: Date): boolean {
  return received.getTime() - at.getTime() <= TOKEN_AGE;
}

/** Whether emails are about one matter between the same people, as a mail between users is that each of them has. */
function areOneConversation([first, ...others]: readonly Candidate[], evidence: Evidence): boolean {
  if (first === undefined || others.length === 0) return true;
  const subject = subjectOf(first.email);
  const people = new Set(tellingPeople(first.email, evidence));
  const isSame = ({ email }: Candidate) =>
    subjectOf(email) === subject && (tellingPeople(email, evidence).some((one) => people.has(one)) || hasSamePeople(first.email, email));
  return others.every(isSame);
}

/** Those on an email who are no users or queues of this message: these stand on all of their mail. */
function tellingPeople({ participants }: EarlierEmail, evidence: Evidence): readonly string[] {
  return participants.filter((one) => !evidence.participants.has(one) || evidence.correspondents.has(one));
}

function hasSamePeople(a: EarlierEmail, b: EarlierEmail): boolean {
  const people = new Set(a.participants);
  return people.size === new Set(b.participants).size && b.participants.every((one) => people.has(one));
}
