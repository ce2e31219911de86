import { addressKey } from "../model/address.ts";
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
  /** All are users and queues. */
  readonly isInternal: boolean;
  /** The subject without marks and tokens. */
  readonly subject: string;
}

/** How strongly an earlier email is tied to the message, apart from the key by which it was found. */
export interface Tie {
  readonly sharesParticipant: boolean;
  readonly sharesCorrespondent: boolean;
  /** Both have the same words for a subject; two empty ones prove nothing. */
  readonly sameSubject: boolean;
}

export function evidenceOf({ head, facts, context }: Question): Evidence {
  const mailbox = addressKey(whereRead(head, context.mailbox.address));
  const named = peopleOn(head);
  const isOwn = (one: string) => votersAt(one, facts).length > 0;
  return {
    participants: new Set([...named, mailbox]),
    correspondents: correspondentsOf(head, mailbox, isOwn),
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

export function tieBetween({ participants, correspondents, subject }: Evidence, earlier: EarlierEmail): Tie {
  return {
    sharesParticipant: earlier.participants.some((one) => participants.has(one)),
    sharesCorrespondent: earlier.participants.some((one) => correspondents.has(one)),
    sameSubject: subject !== "" && subject === baseSubject(earlier.subject, earlier.trackingToken === null ? [] : [earlier.trackingToken]),
  };
}

/** The better tied of two emails first: a shared correspondent, then the subject, then the newer one; never the order they came in. */
export function byStrength(a: Candidate, b: Candidate): number {
  return strength(b.tie) - strength(a.tie) || b.email.at.getTime() - a.email.at.getTime() || (a.email.id < b.email.id ? -1 : 1);
}

export interface Candidate {
  readonly email: EarlierEmail;
  readonly tie: Tie;
}

function strength(tie: Tie): number {
  return 2 * Number(tie.sharesCorrespondent) + Number(tie.sameSubject);
}
