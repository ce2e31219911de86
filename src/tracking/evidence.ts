import { addressKey, domainOf } from "../model/address.ts";
import type { EarlierEmail } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import { baseSubject } from "../model/subject.ts";
import type { Question } from "./question.ts";
import { recipientFields, votersAt } from "./recipients.ts";
import { tokensIn } from "./token.ts";
import { whereRead } from "./where-read.ts";

/** What a message has in common with the emails that it might answer. */
export interface Evidence {
  /** Key forms of everybody on the message, the mailbox in which it is read too: blind copies and lists name it nowhere. */
  readonly participants: ReadonlySet<string>;
  /**
   * The participants who tell one conversation from another: those who are no user or queue. A user is on all of his mail, so his name
   * joins nothing. Where all are users, those other than the mailbox's.
   */
  readonly correspondents: ReadonlySet<string>;
  /** Domains of the correspondents that are none of a user, a queue or the mailbox. */
  readonly domains: ReadonlySet<string>;
  /** All are users and queues. */
  readonly isInternal: boolean;
  /** The subject without marks and tokens. */
  readonly subject: string;
}

/** How strongly an earlier email is tied to the message, apart from the key by which it was found. */
export interface Tie {
  readonly sharesParticipant: boolean;
  readonly sharesCorrespondent: boolean;
  /** Somebody on it has a correspondent's domain. */
  readonly sharesDomain: boolean;
  /** Both have the same words for a subject; two empty ones prove nothing. */
  readonly sameSubject: boolean;
}

export function evidenceOf({ head, facts, context }: Question): Evidence {
  const mailbox = addressKey(whereRead(head, context.mailbox.address));
  const named = peopleOn(head);
  const isOwn = (one: string) => votersAt(one, facts).length > 0;
  const participants = new Set([...named, mailbox]);
  const correspondents = correspondentsOf(head, mailbox, isOwn);
  const ownDomains = new Set([...participants].filter((one) => one === mailbox || isOwn(one)).map(domainOf));
  return {
    participants,
    correspondents,
    domains: new Set([...correspondents].map(domainOf).filter((one) => one !== "" && !ownDomains.has(one))),
    isInternal: [...named].every(isOwn),
    subject: baseSubject(head.subject, tokensIn(head.subject, facts.settings)),
  };
}

/** Key forms of everybody whom a head names. */
function peopleOn(head: MessageHead): ReadonlySet<string> {
  const people = new Set<string>();
  for (const one of head.from) people.add(addressKey(one.address));
  if (head.sender !== null) people.add(addressKey(head.sender.address));
  for (const [, list] of recipientFields(head)) for (const one of list) people.add(addressKey(one.address));
  people.delete("");
  return people;
}

/**
 * The participants of a message in a mailbox who tell one conversation from another; see Evidence. `mailbox` in key form; `isOwn` tells the key
 * forms of users' and queues' addresses.
 */
export function correspondentsOf(head: MessageHead, mailbox: string, isOwn: (address: string) => boolean): ReadonlySet<string> {
  const others = [...peopleOn(head)].filter((one) => one !== mailbox);
  const outsiders = others.filter((one) => !isOwn(one));
  return new Set(outsiders.length > 0 ? outsiders : others);
}

export function tieBetween({ participants, correspondents, domains, subject }: Evidence, earlier: EarlierEmail): Tie {
  return {
    sharesParticipant: earlier.participants.some((one) => participants.has(one)),
    sharesCorrespondent: earlier.participants.some((one) => correspondents.has(one)),
    sharesDomain: earlier.participants.some((one) => domains.has(domainOf(one))),
    sameSubject: subject !== "" && subject === subjectOf(earlier),
  };
}

/** The subject of an earlier email without marks and tokens. */
export function subjectOf({ subject, trackingToken }: EarlierEmail): string {
  return baseSubject(subject, trackingToken === null ? [] : [trackingToken]);
}

/** The better tied of two emails first: a shared correspondent, then a shared domain, then the subject, then the newer one; never the order they came in. */
export function byStrength(a: Candidate, b: Candidate): number {
  return strength(b.tie) - strength(a.tie) || b.email.at.getTime() - a.email.at.getTime() || (a.email.id < b.email.id ? -1 : 1);
}

export interface Candidate {
  readonly email: EarlierEmail;
  readonly tie: Tie;
}

function strength(tie: Tie): number {
  return 4 * Number(tie.sharesCorrespondent) + 2 * Number(tie.sharesDomain) + Number(tie.sameSubject);
}
