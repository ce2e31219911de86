import { type AlikeDecision, alikeDecisions } from "../../ledger/alike.ts";
import { Failure } from "../../model/failure.ts";
import { identityOf, likenessOf } from "../../model/identity.ts";
import type { MessageHead, MessageRef } from "../../model/message.ts";
import type { Candidate, Reading } from "./reading.ts";

/**
 * Messages without a Message-ID or a date that tells are known by their place. When the place means nothing any more (the folder was numbered anew,
 * renamed or deleted, the message moved), such a message is the same as one decided before if it looks the same, the server received it at the same
 * moment, its size is the same where both are told, and the earlier one lies nowhere else: that the mail system is asked. Where a doubt is left, it is
 * decided anew, and its content keeps it from becoming a second email.
 * @param candidates of one page, none of them known by its place
 * @returns ids of the earlier decisions by the candidates' keys; each decision once
 */
export async function knownAgain(reading: Reading, candidates: readonly Candidate[]): Promise<ReadonlyMap<string, number>> {
  const { context, work } = reading;
  const asked = candidates.flatMap((candidate) => {
    const likeness = likenessOf(candidate.head);
    // The moment of reading is another one each time.
    if (likeness === null || candidate.head.receivedFrom === "reading" || candidate.head.unreadable !== undefined) return [];
    return [{ candidate, likeness, received: candidate.head.received }];
  });
  const alike = await alikeDecisions(context.database, work.mailbox.id, asked);
  if (alike.length === 0) return new Map();
  const free = await withoutPlace(reading, alike);
  const known = new Map<string, number>();
  for (const { candidate, likeness, received } of asked) {
    const index = free.findIndex(
      (one) => one.likeness === likeness && one.received.getTime() === received.getTime() && sizesAgree(one.size, candidate.head.size),
    );
    const [earlier] = index < 0 ? [] : free.splice(index, 1);
    if (earlier !== undefined) known.set(candidate.key, earlier.id);
  }
  return known;
}

/** Some servers announce 0 of what they have not counted yet. */
function sizesAgree(one: number | null, other: number): boolean {
  return one === null || one === 0 || other === 0 || one === other;
}

/** Those that lie nowhere any more: what the ledger does not know yet, because the folder is read later in the round, the mail system does. */
async function withoutPlace(reading: Reading, alike: readonly AlikeDecision[]): Promise<AlikeDecision[]> {
  const lying = new Set<string>();
  const places = new Map(alike.flatMap((one) => one.places.map((ref) => [placeKey(ref), { ref, likeness: one.likeness }])));
  for (const some of Map.groupBy(places.values(), ({ ref }) => ref.stream).values()) {
    const heads = await headsThere(
      reading,
      some.map(({ ref }) => ref),
    );
    for (const { ref, likeness } of some) {
      const head = heads?.get(ref.id);
      if (heads === null || (head !== undefined && (head.unreadable !== undefined || identityOf(head).key === likeness)))
        lying.add(placeKey(ref));
    }
  }
  return alike.filter((one) => !one.places.some((ref) => lying.has(placeKey(ref))));
}

/** What lies at these places of one stream now, by id; null where the folder's own trouble keeps it from being told. */
async function headsThere({ source }: Reading, refs: readonly MessageRef[]): Promise<ReadonlyMap<string, MessageHead> | null> {
  try {
    return new Map((await source.heads(refs)).map((head) => [head.ref.id, head]));
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "folder") throw error;
    return error.code === "folder gone" ? new Map() : null;
  }
}

function placeKey({ stream, id }: MessageRef): string {
  return `${stream} ${id}`;
}
