import { hash } from "node:crypto";

/**
 * An automatic message that answers an email of ours, or calls itself an answer: one step of what may be a loop of two programs. Its conversation is who
 * sent it, and what the email that it answers is called.
 */
export interface AutomaticAnswer {
  /** Key form of the address. */
  readonly sender: string;
  /** Key form of the address of the mailbox in which it was read. */
  readonly mailbox: string;
  /** Digest of the subject of the email that it answers, without marks and tokens: it says nothing of the subject. Empty where no such email is known. */
  readonly conversation: string;
  readonly received: Date;
}

/** Which answers are counted that came in the hour before a moment: those of a sender in one conversation, or all of his in one mailbox. */
export type AnswersCounted = Pick<AutomaticAnswer, "sender" | "received"> &
  (Pick<AutomaticAnswer, "conversation"> | Pick<AutomaticAnswer, "mailbox">);

/** More automatic answers than this of one sender in one conversation within an hour are cut off: no absent person's program answers so often. */
export const AUTOMATIC_ANSWERS_AN_HOUR = 10;

/**
 * More than this of one sender in one mailbox are cut off, whatever they answer: a number in the subject of each confirmation makes another conversation
 * of it. Higher, because one program may answer for many people.
 */
export const AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR = 30;

/** The hour, in milliseconds. */
export const LOOP_WINDOW = 60 * 60 * 1_000;

/** The conversation that a subject without marks and tokens stands for. */
export function conversationDigest(subject: string): string {
  return hash("sha256", subject);
}
