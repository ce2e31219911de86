import { type AlikeDecision, alikeDecisions, type Likeness } from "../../ledger/alike.ts";
import { isReadAgain } from "../../ledger/former-places.ts";
import { Failure } from "../../model/failure.ts";
import { eitherIdentity, emailIdFor, identityOf, likenessOf, strengthen } from "../../model/identity.ts";
import type { MessageHead, MessageRef } from "../../model/message.ts";
import { readAgain } from "./read-again.ts";
import type { Candidate, Reading } from "./reading.ts";

/** More at once are a folder that was renamed, and no coincidence: to download them all would take long and find nothing. */
const FEW = 50;

/** A candidate with the earlier decisions that may be about it. */
interface Question {
  readonly candidate: Candidate;
  readonly fits: readonly AlikeDecision[];
  /** Others look like it and came at the same moment, or its size is not told: which is which, only the content shows. */
  readonly isDoubtful: boolean;
}

/**
 * Messages without a Message-ID or a date that tells are known by their place. When the place means nothing any more (the folder was numbered anew,
 * renamed or deleted, the message moved), such a message is the same as one decided before if it looks the same, the server received it at the same
 * moment, its size is the same where both are told, and the earlier one lies nowhere else: that the mail system is asked. Where an email was made of
 * the earlier one, and there is a doubt or few are in question, the content is compared too. Where a doubt is left, it is decided anew, and its
 * content keeps it from becoming a second email.
 * @param candidates of one page, none of them known by its place
 * @returns the earlier decisions by the candidates' keys; each decision once
 */
export async function knownAgain(reading: Reading, candidates: readonly Candidate[]): Promise<ReadonlyMap<string, AlikeDecision>> {
  const { context, work } = reading;
  const stream = candidates[0]?.head.ref.stream ?? "";
  const asked = candidates.flatMap((candidate) => {
    const likeness = likenessOf(candidate.head);
    // The moment of reading is another one each time.
    if (likeness === null || candidate.head.receivedFrom === "reading" || candidate.head.unreadable !== undefined) return [];
    return [{ candidate, likeness, received: candidate.head.received }];
  });
  const alike = await alikeDecisions(context.database, work.mailbox.id, asked);
  if (alike.length === 0) return new Map();
  const questions = questionsOf(asked, alike, await withoutPlace(reading, alike));
  const areFew = questions.length <= FEW && !(await isReadAgain(context.database, work.mailbox.id, stream));
  const emailIds = await emailIdsByContent(
    reading,
    questions.filter(({ fits, isDoubtful }) => (isDoubtful || areFew) && fits.some(({ emailId }) => emailId !== null)),
  );
  return assigned(questions, emailIds);
}

type Asked = { readonly candidate: Candidate } & Likeness;

function questionsOf(asked: readonly Asked[], alike: readonly AlikeDecision[], free: readonly AlikeDecision[]): readonly Question[] {
  const momentOf = ({ likeness, received }: Likeness) => `${likeness} ${received.getTime()}`;
  const [alikeAt, freeAt, askedAt] = [Map.groupBy(alike, momentOf), Map.groupBy(free, momentOf), Map.groupBy(asked, momentOf)];
  return asked.flatMap((one) => {
    const { candidate } = one;
    const { size } = candidate.head;
    const moment = momentOf(one);
    const fits = (freeAt.get(moment) ?? []).filter((earlier) => sizesAgree(earlier.size, size));
    const isAlone = alikeAt.get(moment)?.length === 1 && askedAt.get(moment)?.length === 1;
    const isSized = size > 0 && fits.every((earlier) => earlier.size === size);
    return fits.length === 0 ? [] : [{ candidate, fits, isDoubtful: !isAlone || !isSized }];
  });
}

/**
 * Each decision once, and where the content was read, only the one of which the email was made, or one of which none was; none where it was to be read
 * and does not come.
 */
function assigned(questions: readonly Question[], emailIds: EmailIds): ReadonlyMap<string, AlikeDecision> {
  const taken = new Set<number>();
  const known = new Map<string, AlikeDecision>();
  for (const { candidate, fits } of questions) {
    const free = fits.filter(({ id }) => !taken.has(id));
    const its = emailIds.get(candidate.key);
    if (its === null) continue;
    const earlier =
      its === undefined
        ? free[0]
        : (free.find(({ emailId }) => emailId !== null && its.includes(emailId)) ?? free.find(({ emailId }) => emailId === null));
    if (earlier === undefined) continue;
    taken.add(earlier.id);
    known.set(candidate.key, earlier);
  }
  return known;
}

/** The ids of the emails that may have been made of candidates, by their keys; null for what is not handed out, or cannot be read. */
type EmailIds = ReadonlyMap<string, readonly string[] | null>;

/** Both of what is received and of the copy that the sender keeps: it may have been moved. */
async function emailIdsByContent({ context, work, source }: Reading, questions: readonly Question[]): Promise<EmailIds> {
  const emailIds = new Map<string, readonly string[] | null>(questions.map(({ candidate }) => [candidate.key, null]));
  const byId = new Map(questions.map(({ candidate }) => [candidate.head.ref.id, candidate]));
  if (byId.size === 0) return emailIds;
  const refs = [...byId.values()].map(({ head }) => head.ref);
  try {
    for await (const content of source.content(refs, { maximumSize: work.profile.maximumMessageSize })) {
      const candidate = byId.get(content.ref.id);
      const read = content.kind === "mime" && candidate !== undefined ? await readAgain(context, content.mime, true) : null;
      const fingerprint = read?.fingerprint ?? null;
      if (candidate === undefined || fingerprint === null) continue;
      const ids = eitherIdentity(candidate.head).map((one) => emailIdFor(work.mailbox.organization, strengthen(one, fingerprint).key));
      emailIds.set(candidate.key, ids);
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
  }
  return emailIds;
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
