import { decideAnew } from "../../ledger/decisions.ts";
import { type Deletable, type KeptBecause, type Looked, noteLooked } from "../../ledger/deletions.ts";
import { forgetPlaces } from "../../ledger/former-places.ts";
import { toldBefore } from "../../ledger/told-before.ts";
import { Failure } from "../../model/failure.ts";
import { decisionKey, emailIdFor, identityOf, strengthen } from "../../model/identity.ts";
import type { Content, MessageHead } from "../../model/message.ts";
import { readAgain } from "./read-again.ts";
import type { Reading } from "./reading.ts";
import { lyingThere } from "./same-place.ts";

/** A message that lies where it lay, by its head. */
interface Lying {
  readonly one: Deletable;
  readonly head: MessageHead;
}

/** What came of looking at some. */
interface Findings {
  /** Their content is the email's. */
  readonly proven: Deletable[];
  readonly looked: Looked[];
  /** Their id was given to others: decisions to make again. */
  readonly anew: number[];
}

/**
 * Of these messages those that are proven to be in the CRM: where one lay lies the same one, by its head, and its content is the content of the email.
 * `whole` has the hash of each email's content. What was read at this very place is not downloaded again unless another message may have taken
 * the place; what was known by its head alone (a copy, a message that another mailbox delivered first, a forged twin) is. A twin with other content stays, and the ledger says so.
 * A stream that cannot be read keeps no other from being looked at: `unreadable` is told of it.
 */
export async function proveContent(
  reading: Reading,
  candidates: readonly Deletable[],
  whole: ReadonlyMap<string, string>,
  unreadable: Map<string, Failure>,
): Promise<Deletable[]> {
  const { context, work, lease } = reading;
  const findings: Findings = { proven: [], looked: [], anew: [] };
  const reused = new Map<string, number>();
  for (const [stream, some] of Map.groupBy(candidates, (one) => one.ref.stream)) {
    try {
      const { lying, others } = await lookAtHeads(reading, stream, some);
      if (others > 0) reused.set(stream, others);
      await compare(reading, lying, whole, findings);
    } catch (error) {
      if (!(error instanceof Failure) || error.scope !== "folder") throw error;
      unreadable.set(stream, error);
    }
  }
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await noteLooked(tx, work.mailbox.id, findings.looked);
    await decideAnew(tx, findings.anew);
    for (const stream of reused.keys()) await forgetPlaces(tx, work.mailbox.id, stream);
  }, "note what was looked at");
  tell(reading, findings, reused);
  return findings.proven.filter((one) => !reused.has(one.ref.stream));
}

/** `others`: how many lie there that were never decided, because the mail system gave out an id again. The folder is read again (invariant 3). */
async function lookAtHeads(reading: Reading, stream: string, some: readonly Deletable[]): Promise<{ lying: Lying[]; others: number }> {
  const heads = new Map((await reading.source.heads(some.map((one) => one.ref))).map((head) => [head.ref.id, head]));
  const there = some.flatMap((one) => {
    const head = heads.get(one.ref.id);
    return head === undefined || head.unreadable !== undefined ? [] : [{ one, head }];
  });
  const same = await writtenAnew(
    reading,
    stream,
    there.filter(({ one, head }) => !looksAsDecided(one, head)),
  );
  const lying = there.filter(({ one, head }) => looksAsDecided(one, head) || same.has(one.ref.id));
  return { lying, others: there.length - lying.length };
}

/** The ids of the refs of those whose header the server writes anew. */
async function writtenAnew(reading: Reading, stream: string, lying: readonly Lying[]): Promise<ReadonlySet<string>> {
  if (lying.length === 0) return new Set();
  const { context, work } = reading;
  const told = await toldBefore(
    context.database,
    work.mailbox.id,
    stream,
    lying.map(({ one }) => one.ref.id),
  );
  const changed = lying.flatMap(({ head }) => {
    const its = told.get(head.ref.id);
    return its === undefined ? [] : [{ head, told: its }];
  });
  const likely = await lyingThere(reading, changed);
  return new Set([...likely].flatMap(([id, answer]) => (answer === "same" ? [id] : [])));
}

/** Of a weak identity the key may be that of another place, where the message lay when it was decided. */
function looksAsDecided({ identity, likeness }: Deletable, head: MessageHead): boolean {
  const its = identityOf(head);
  return likeness === null ? decisionKey(its, head) === identity : its.key === likeness;
}

async function compare(reading: Reading, lying: readonly Lying[], whole: ReadonlyMap<string, string>, findings: Findings): Promise<void> {
  const unread = new Map<string, Lying>();
  for (const its of lying) {
    const { one } = its;
    if (!isKnown(its)) unread.set(one.ref.id, its);
    else if (one.content?.hash === whole.get(one.emailId)) findings.proven.push(one);
    else findings.looked.push({ ref: one.ref, content: one.content, keptBecause: "other content" });
  }
  if (unread.size === 0) return;
  const refs = [...unread.values()].map(({ one }) => one.ref);
  try {
    for await (const content of reading.source.content(refs, { maximumSize: reading.work.profile.maximumMessageSize })) {
      const its = unread.get(content.ref.id);
      if (its !== undefined) await compareContent(reading, its, content, whole, findings);
    }
  } catch (error) {
    // What the server does not hand out is not proven; it is asked for again at the next round.
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
  }
}

/**
 * What lies there is what was read there. An id that was given out again may hide behind the same weak head, or behind a twin, which has the id of
 * another when that one is gone, by anybody's hand: also by a deletion of ours of which no answer came. Of one that looks otherwise now, only its
 * content proves that it is the same.
 */
function isKnown({ one, head }: Lying): boolean {
  if (head.sharesId === true || one.hasTwins || one.triedAt !== null || !looksAsDecided(one, head)) return false;
  return one.content !== null && one.content.size === head.size && !identityOf(head).weak;
}

async function compareContent(
  reading: Reading,
  { one, head }: Lying,
  content: Content,
  whole: ReadonlyMap<string, string>,
  findings: Findings,
): Promise<void> {
  const { ref } = one;
  const keep = (keptBecause: KeptBecause) => void findings.looked.push({ ref, content: null, keptBecause });
  if (content.kind === "gone") return;
  if (content.kind === "too large") return keep("too large");
  const identity = identityOf(head);
  const read = await readAgain(reading.context, content.mime, identity.weak);
  if (read === null) return keep("unreadable");
  const isSame = read.hash === whole.get(one.emailId);
  if (isSame) findings.proven.push(one);
  else if (read.fingerprint !== null && isAnother(reading, one, identity, read.fingerprint)) return void findings.anew.push(one.decisionId);
  findings.looked.push({ ref, content: { hash: read.hash, size: head.size }, keptBecause: isSame ? null : "other content" });
}

/** Of a message without a Message-ID or a date that tells, the email's id was made of what the content shows. */
function isAnother({ work }: Reading, one: Deletable, identity: ReturnType<typeof identityOf>, fingerprint: string): boolean {
  return emailIdFor(work.mailbox.organization, strengthen(identity, fingerprint).key) !== one.emailId;
}

function tell({ context, work }: Reading, { looked, anew }: Findings, reused: ReadonlyMap<string, number>): void {
  const mailbox = work.mailbox.address;
  const kept = looked.filter((one) => one.keptBecause !== null).length;
  if (kept > 0)
    context.log.warn(
      { mailbox, messages: kept },
      "messages that look like processed ones are not what the CRM holds: they stay in the mailbox; `waypost explain` names each",
    );
  if (anew.length > 0)
    context.log.warn(
      { mailbox, messages: anew.length },
      "the mail system gave the ids of processed messages to others: they are decided anew",
    );
  for (const [stream, messages] of reused)
    context.log.warn(
      { mailbox, stream, messages },
      "the mail system gave the ids of processed messages to others: nothing of them is deleted, and the folder is read again",
    );
}
