import type { MessageHead } from "../model/message.ts";

/** Message-IDs that are asked after for one head. Honest threads name their neighbours at the end; a hostile one could name thousands. */
export const MAXIMUM_ANSWERED = 20;

/** The messages that a head says it answers (In-Reply-To), without itself. */
export function inReplyToIds(head: MessageHead): readonly string[] {
  if (head.inReplyTo.length === 0) return head.inReplyTo;
  return [...new Set(head.inReplyTo)].filter((id) => id !== "" && id !== head.messageId).slice(0, MAXIMUM_ANSWERED);
}

/** The other messages of its thread, newest first (References), without itself and those of In-Reply-To. */
export function referenceIds(head: MessageHead): readonly string[] {
  if (head.references.length === 0) return head.references;
  const answered = inReplyToIds(head);
  const newestFirst = [...new Set(head.references.toReversed())].filter(
    (id) => id !== "" && id !== head.messageId && !answered.includes(id),
  );
  return newestFirst.slice(0, MAXIMUM_ANSWERED - answered.length);
}

/** All of them, at most twenty: In-Reply-To, then References newest first. */
export function answeredIds(head: MessageHead): readonly string[] {
  return [...inReplyToIds(head), ...referenceIds(head)];
}
