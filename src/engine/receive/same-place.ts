import type { ToldBefore } from "../../ledger/told-before.ts";
import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import { momentOf, remainderOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import { compareOrigins } from "../../model/origin.ts";
import { isSameSubject } from "../../model/subject.ts";
import { readAgain } from "./read-again.ts";
import type { Reading } from "./reading.ts";

/** A message that looks otherwise than what was told of the one in its place before. */
export interface Changed {
  readonly head: MessageHead;
  readonly told: ToldBefore;
}

/**
 * `same`: its server writes the header anew. `another`: the server gave the place to another message. `look-alike`: so it seems, but only the content, or
 * fields that servers were seen to write anew, tell it from the one that was there. `no email`: it may be either, and none became an email, so that there
 * is no content to compare: deciding it for itself can double nothing, and the decision about what was there stays that one's.
 */
export type Likely = "same" | "another" | "look-alike" | "no email";

/**
 * Some servers write the fields anew by which a message is known (Message-ID, sender, date), and some give a place to another message. It is the same
 * one where it was received at the same moment, is as large, has its subject or its Message-ID, and the content of the email that was made of it.
 * Where there is no such email to compare with (a person deleted it, or it does not hold all of the message), or the server does not hand out the
 * content, most fields have to agree besides; so they have where the server tells no moment of receipt. What was an email of its own although it
 * looked like the one in its place before is the same from then on: a server that writes content anew too makes two emails of one message, and no
 * third. What is in quarantine waits there until a person asks for it, also where its header is another one.
 * @returns by the ids of the refs, which are all of one stream
 */
export async function lyingThere(reading: Reading, changed: readonly Changed[]): Promise<ReadonlyMap<string, Likely>> {
  const answers = new Map<string, Likely>(changed.map(({ head }) => [head.ref.id, "another"]));
  const possible = changed.filter(canBeSame);
  const emailIds = possible.flatMap(({ told }) => told.emailId ?? []);
  const whole = emailIds.length === 0 ? new Map<string, string>() : await crmOf(reading).whole([...new Set(emailIds)]);
  const hashes = await contentHashes(
    reading,
    possible.filter(({ told }) => told.emailId !== null && whole.has(told.emailId)),
  );
  for (const one of possible) {
    const { head, told } = one;
    const expected = told.emailId === null ? undefined : whole.get(told.emailId);
    const hash = hashes.get(head.ref.id);
    const isSame = expected !== undefined && hash !== undefined ? hash === expected : mostAgrees(one);
    if (told.emailId !== null) answers.set(head.ref.id, isSame || told.isLookAlike ? "same" : "look-alike");
    else answers.set(head.ref.id, told.outcome === "quarantined" ? "same" : "no email");
  }
  return answers;
}

function crmOf({ context, work }: Reading) {
  return context.crm(work.mailbox.organization);
}

function canBeSame(one: Changed): boolean {
  const { head, told } = one;
  // Who left proves nothing: the server, or somebody who deleted it, made the place free for another.
  if (told.gone || head.unreadable !== undefined || head.sharesId === true || !sizesAgree(told.head, head)) return false;
  if (told.emailId !== null && !isNamedAlike(one)) return false;
  const [before, now] = [told.head === null ? told.received : momentOf(told.head), momentOf(head)];
  return before === null || now === null ? mostAgrees(one) : before.getTime() === now.getTime();
}

/** A notification is as large as the next one and says the same; what it is about differs. */
function isNamedAlike({ head, told }: Changed): boolean {
  if (told.head === null) return true;
  const isSameId = told.head.messageId !== null && told.head.messageId === head.messageId;
  return isSameId || isSameSubject(told.head.subject, head.subject);
}

/** Some servers announce 0 of what they have not counted yet. */
function sizesAgree(before: MessageHead | null, { size }: MessageHead): boolean {
  return before === null || before.size === 0 || size === 0 || before.size === size;
}

function mostAgrees({ head, told }: Changed): boolean {
  if (told.head === null) return told.remainder === remainderOf(head);
  const { agree, contradict } = compareOrigins(told.head, head);
  const [before, now] = [recipientsOf(told.head), recipientsOf(head)];
  return agree.length + Number(before === now && now !== "") > contradict.length + Number(before !== now);
}

function recipientsOf({ to, cc }: MessageHead): string {
  return [...to, ...cc].map(({ address }) => addressKey(address)).join(",");
}

/** The hashes of what the mail system hands out of these messages, by the ids of their refs. */
async function contentHashes({ context, work, source }: Reading, changed: readonly Changed[]): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  if (changed.length === 0) return hashes;
  const refs = changed.map(({ head }) => head.ref);
  try {
    for await (const content of source.content(refs, { maximumSize: work.profile.maximumMessageSize })) {
      const read = content.kind === "mime" ? await readAgain(context, content.mime, false) : null;
      if (read !== null) hashes.set(content.ref.id, read.hash);
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
  }
  return hashes;
}
