import { originOf } from "../../mime/head.ts";
import { Failure } from "../../model/failure.ts";
import { identityOf, momentOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import { type Comparison, canBeRewritten, compareOrigins, type Origin, type OriginField } from "../../model/origin.ts";
import { tooLarge } from "./item-failures.ts";
import type { Reading, TrackedCandidate } from "./reading.ts";

/**
 * What a head was decided on and the content that came under its number need not be one message: numbers are given a second time, and servers mix up
 * answers. So the content's own header is compared with the head before an email is made of the two.
 */

/** The server gave a number to another message while its folder was read: nothing that was read of it can be trusted any more. */
export class PositionLost extends Error {
  readonly stream: string;

  constructor(stream: string, id: string) {
    super(`The server gave a number to another message while the folder was read (${id}).`);
    this.stream = stream;
  }
}

/** What became of a message whose content contradicted its head. */
export type Verified =
  /** The content, asked for again, is that of the head, or the server writes this message's header anew; then `remark` says so. */
  | { readonly kind: "same"; readonly mime: Buffer; readonly remark: string | null }
  | { readonly kind: "gone" }
  /** It is not the content of this message, or there is too much of it. */
  | { readonly kind: "another"; readonly failure: Failure };

/** The fields in which the content says something else than the head that was decided on; empty when they are one message. */
export function contradictions(head: MessageHead, content: Origin): readonly OriginField[] {
  return compareOrigins(head, content).contradict;
}

/**
 * Asks the mail system for the head and the content once more, one message alone. Throws PositionLost when the number stands for another message by
 * now, and a Failure of scope item when the server hands out nothing.
 * @param before what the content said that contradicted the head
 */
export async function verifyContent(reading: Reading, { head }: TrackedCandidate, before: Origin): Promise<Verified> {
  const { source, work, lostOnce } = reading;
  const [now] = await source.heads([head.ref]);
  if (now === undefined) return { kind: "gone" };
  const isStable = now.unreadable !== undefined || identityOf(now).key === identityOf(head).key;
  if (!isStable && !lostOnce.has(head.ref.stream) && isAnother(head, now, before)) throw new PositionLost(head.ref.stream, head.ref.id);
  for await (const content of source.content([head.ref], { maximumSize: work.profile.maximumMessageSize })) {
    if (content.kind === "gone") return { kind: "gone" };
    if (content.kind === "too large") return { kind: "another", failure: tooLarge(work.mailbox.address, content.size, content.limit) };
    const comparison = compareOrigins(head, originOf(content.mime));
    if (comparison.contradict.length === 0) return { kind: "same", mime: content.mime, remark: null };
    if (canBeRewritten(comparison) || (!isStable && isWrittenAnew(comparison, head, now)))
      return { kind: "same", mime: content.mime, remark: rewritten(comparison) };
    return { kind: "another", failure: anotherMessage(work.mailbox.address, head, comparison) };
  }
  throw new Error(`the connector left a message of ${work.mailbox.address} without an answer`);
}

/**
 * Of a message whose head is another one now: whether the server gave its number to another message. That one shows itself in the same way each time. A
 * server that writes a header anew at each reading shows another one each time, and a server may show one header in a list and another one for a message
 * alone: where the folder was read again for it, it is the same message (see `lostOnce`).
 */
function isAnother(head: MessageHead, now: MessageHead, content: Origin): boolean {
  return !liesThere(head, now) || compareOrigins(now, content).contradict.length === 0;
}

/** What contradicts are fields that the server was seen to write anew, and something agrees. */
function isWrittenAnew({ agree, contradict }: Comparison, head: MessageHead, now: MessageHead): boolean {
  const changed = compareOrigins(head, now).contradict;
  return liesThere(head, now) && agree.length > 0 && contradict.every((field) => changed.includes(field));
}

/** Two heads can be of one message: it was received at one moment and is as large. */
function liesThere(head: MessageHead, now: MessageHead): boolean {
  const [before, moment] = [momentOf(head), momentOf(now)];
  return head.size === now.size && before?.getTime() === moment?.getTime();
}

function rewritten({ contradict }: Comparison): string {
  return `The server hands out the message with another ${listed(contradict)} than it shows in its list; what the list shows counts.`;
}

function anotherMessage(mailbox: string, head: MessageHead, { contradict }: Comparison): Failure {
  return new Failure({
    scope: "item",
    code: "content of another message",
    message: `Mailbox ${mailbox}: for a message in ${head.folders.join(", ")} (${head.ref.id}) the server hands out the content of another one: its ${listed(contradict)} is not that of the message.`,
    remedy:
      "Open the message with a mail program. If it shows another message there too, the mail server's index or cache of the folder is damaged and its administrator has to have it built anew; then run `waypost quarantine retry`.",
    waitingHelps: false,
  });
}

function listed(fields: readonly OriginField[]): string {
  return fields.join(", ");
}
