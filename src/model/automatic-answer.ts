import { hash } from "node:crypto";

/**
 * An automatic message that answers an email of ours: one step of what may be a loop of two programs. Its conversation is who sent it, and what the email
 * that it answers is called.
 */
export interface AutomaticAnswer {
  /** Key form of the address. */
  readonly sender: string;
  /** Digest of the subject of the email that it answers, without marks and tokens: it says nothing of the subject. */
  readonly conversation: string;
  readonly received: Date;
}

/** More automatic answers than this of one sender in one conversation within an hour are cut off: no absent person's program answers so often. */
export const AUTOMATIC_ANSWERS_AN_HOUR = 10;

/** The hour, in milliseconds. */
export const LOOP_WINDOW = 60 * 60 * 1_000;

/** The conversation that a subject without marks and tokens stands for. */
export function conversationDigest(subject: string): string {
  return hash("sha256", subject);
}
