import { decideAnew } from "../../ledger/decisions.ts";
import { type Deletable, type KeptBecause, type Looked, noteLooked, noteWithheld } from "../../ledger/deletions.ts";
import { forgetPlaces } from "../../ledger/former-places.ts";
import { toldBefore } from "../../ledger/told-before.ts";
import { Failure, isWiderThanFolder } from "../../model/failure.ts";
import { decisionKey, eitherIdentity, emailIdFor, identityOf, strengthen } from "../../model/identity.ts";
import type { Content, MessageHead, MessageRef } from "../../model/message.ts";
import type { Undone } from "../../ports.ts";
import { readAgain } from "./read-again.ts";
import { MOST_BROKEN } from "./read-streams.ts";
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
  /** The mail system does not hand them out, and why. */
  readonly withheld: Undone[];
  /** Their id was given to others: decisions to make again. */
  readonly anew: number[];
}

/** What came of proving. */
export interface Proof {
  readonly proven: readonly Deletable[];
  /** They could not be looked at; the ledger says so. */
  readonly withheld: readonly Undone[];
}

/**
 * Of these messages those that are proven to be in the CRM: where one lay lies the same one, by its head, and its content is the content of the email.
 * `whole` has the hash of each email's content. What was read at this very place is not downloaded again unless another message may have taken
 * the place; what was known by its head alone (a copy, a message that another mailbox delivered first, a forged twin) is. A twin with other content stays, and the ledger says so.
 * A message that is not handed out keeps no other from being looked at, nor does a stream that cannot be read: `unreadable` is told of it. Throws the trouble that
 * reaches further, also when it comes in more streams of the round than a few.
 */
export async function proveContent(
  reading: Reading,
  candidates: readonly Deletable[],
  whole: ReadonlyMap<string, string>,
  unreadable: Map<string, Failure>,
): Promise<Proof> {
  const { context, work, lease } = reading;
  const findings: Findings = { proven: [], looked: [], withheld: [], anew: [] };
  const reused = new Map<string, number>();
  let trouble: Failure | undefined;
  for (const [stream, some] of Map.groupBy(candidates, (one) => one.ref.stream)) {
    try {
      const { lying, others } = await lookAtHeads(reading, stream, some, findings);
      if (others > 0) reused.set(stream, others);
      await compare(reading, lying, whole, findings);
    } catch (error) {
      if (!(error instanceof Failure) || error.scope === "process" || error.scope === "organization") throw error;
      const failure = ofStream(reading, stream, error);
      withhold(findings, some, failure);
      if (isWiderThanFolder(failure)) trouble = failure;
      else unreadable.set(stream, failure);
    }
    if (trouble !== undefined) break;
  }
  await context.database.transaction(async (tx) => {
    await lease.assertHeld(tx);
    await noteLooked(tx, work.mailbox.id, findings.looked);
    const withheld = findings.withheld.map(({ ref, failure }) => ({ ref, because: failure.serverSaid ?? failure.message }));
    await noteWithheld(tx, work.mailbox.id, withheld, context.now());
    await decideAnew(tx, findings.anew);
    for (const stream of reused.keys()) await forgetPlaces(tx, work.mailbox.id, stream);
  }, "note what was looked at");
  tell(reading, findings, reused);
  if (trouble !== undefined) throw trouble;
  return { proven: findings.proven.filter((one) => !reused.has(one.ref.stream)), withheld: findings.withheld };
}

/** The failure as one of this stream, where it can be that: of a few streams in a round, as while they are read. */
function ofStream({ broken }: Reading, stream: string, failure: Failure): Failure {
  if (failure.ofFolder === undefined || (broken.size >= MOST_BROKEN && !broken.has(stream))) return failure;
  broken.add(stream);
  return failure.ofFolder;
}

/** Of these messages of one stream those that were not looked at before the failure came. */
function withhold({ proven, looked, withheld, anew }: Findings, some: readonly Deletable[], failure: Failure): void {
  const done = new Set([...proven, ...looked, ...withheld].map(({ ref }) => keyOf(ref)));
  for (const { ref, decisionId } of some) if (!done.has(keyOf(ref)) && !anew.includes(decisionId)) withheld.push({ ref, failure });
}

function keyOf({ stream, id }: MessageRef): string {
  return `${stream}\n${id}`;
}

/** `others`: how many lie there that were never decided, because the mail system gave out an id again. The folder is read again (invariant 3). */
async function lookAtHeads(
  reading: Reading,
  stream: string,
  some: readonly Deletable[],
  { withheld }: Findings,
): Promise<{ lying: Lying[]; others: number }> {
  const heads = new Map((await reading.source.heads(some.map((one) => one.ref))).map((head) => [head.ref.id, head]));
  const there = some.flatMap((one) => {
    const head = heads.get(one.ref.id);
    if (head?.unreadable !== undefined) withheld.push({ ref: one.ref, failure: headWithheld(reading, head) });
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

function headWithheld({ work }: Reading, { ref, unreadable }: MessageHead): Failure {
  return new Failure({
    scope: "item",
    code: "message unreadable",
    message: `The server does not hand out the header of a message of ${work.mailbox.address} (${ref.id}), so that it cannot be compared with the email and deleted.`,
    serverSaid: unreadable,
    remedy: "Look whether another mail program can open the message; if not, it is damaged on the server.",
    waitingHelps: true,
  });
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
  if (likeness !== null) return identityOf(head).key === likeness;
  return eitherIdentity(head).some((one) => decisionKey(one, head) === identity);
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
      unread.delete(content.ref.id);
      if (its !== undefined) await compareContent(reading, its, content, whole, findings);
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    for (const { one } of unread.values()) findings.withheld.push({ ref: one.ref, failure: error });
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
  const read = await readAgain(reading.context, content.mime, identityOf(head).weak);
  if (read === null) return keep("unreadable");
  const isSame = read.hash === whole.get(one.emailId);
  if (isSame) findings.proven.push(one);
  else if (read.fingerprint !== null && isAnother(reading, one, head, read.fingerprint)) return void findings.anew.push(one.decisionId);
  findings.looked.push({ ref, content: { hash: read.hash, size: head.size }, keptBecause: isSame ? null : "other content" });
}

/** Of a message without a Message-ID or a date that tells, the email's id was made of what the content shows. */
function isAnother({ work }: Reading, one: Deletable, head: MessageHead, fingerprint: string): boolean {
  const { organization } = work.mailbox;
  return eitherIdentity(head).every((its) => emailIdFor(organization, strengthen(its, fingerprint).key) !== one.emailId);
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
