import { addressKey } from "./address.ts";
import type { MessageHead } from "./message.ts";
import { isSameSubject } from "./subject.ts";

/** What a header says of whose message it is, and which: the fields that every server hands out in one way or another. */
export type Origin = Pick<MessageHead, "messageId" | "from" | "date" | "subject">;

/** One of these fields, as a person calls it. */
export type OriginField = "Message-ID" | "sender" | "date" | "subject";

/** How two headers compare: the fields that both have, parted by whether they say the same. */
export interface Comparison {
  readonly agree: readonly OriginField[];
  readonly contradict: readonly OriginField[];
}

/** The Date header counts whole seconds (RFC 5322 3.3); a store may round. */
const SAME_DATE_WITHIN = 1_000;

/** Compares two headers by what they mean, not by how they are written. A field that one of them lacks says nothing. Pure. */
export function compareOrigins(one: Origin, other: Origin): Comparison {
  const answers: readonly (readonly [OriginField, boolean | null])[] = [
    ["Message-ID", one.messageId === null || other.messageId === null ? null : one.messageId === other.messageId],
    ["sender", isSameSender(one, other)],
    ["date", one.date === null || other.date === null ? null : Math.abs(one.date.getTime() - other.date.getTime()) <= SAME_DATE_WITHIN],
    ["subject", one.subject === "" || other.subject === "" ? null : isSameSubject(one.subject, other.subject)],
  ];
  const fields = (wanted: boolean) => answers.flatMap(([field, answer]) => (answer === wanted ? [field] : []));
  return { agree: fields(true), contradict: fields(false) };
}

/**
 * Whether two headers that contradict each other can be of one message all the same, written anew by a server between two readings: the Message-ID
 * says so, or most of the rest does.
 */
export function canBeRewritten({ agree, contradict }: Comparison): boolean {
  return agree.includes("Message-ID") || (!contradict.includes("Message-ID") && agree.length > contradict.length);
}

function isSameSender(one: Origin, other: Origin): boolean | null {
  const [mine, others] = [one, other].map(({ from }) => from.map(({ address }) => addressKey(address)).filter((key) => key !== ""));
  if (mine === undefined || others === undefined || mine.length === 0 || others.length === 0) return null;
  return mine.some((key) => others.includes(key));
}
