import type { EarlierCopy } from "../../ledger/earlier-copies.ts";
import { latestWish, readWishes, type WishedMessage, wishKeys } from "../../ledger/wishes.ts";
import type { Facts } from "../../model/facts.ts";
import { Failure } from "../../model/failure.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Sql } from "../../model/sql.ts";
import type { Wish } from "../../model/wish.ts";
import type { KnownCopy } from "../../tracking/question.ts";
import type { Candidate, Reading } from "./reading.ts";

/** What people said by hand about the messages of a page, and about the emails that these may be. */
export interface Wishes {
  /** One for each candidate, in their order. */
  readonly wishes: readonly (Wish | undefined)[];
  /** By the ids of the emails. */
  readonly untracked: ReadonlyMap<string, Wish>;
  /** The copies with what people said of them, by Message-ID. */
  readonly copies: ReadonlyMap<string, readonly KnownCopy[]>;
}

/** What people said about the messages of a page. */
export async function wishesOf(
  reading: Reading,
  candidates: readonly Candidate[],
  facts: Facts,
  copies: readonly EarlierCopy[],
): Promise<Wishes> {
  const { context, work } = reading;
  const { id: mailboxId, organization } = work.mailbox;
  const messages = candidates.map(({ key, head }) => ({ mailboxId, decisionKey: key, head }));
  return wishesAbout(context.database, organization, messages, facts, copies);
}

/** One look-up for all. Among the emails are those of the messages' own Message-IDs: copies may differ a little in their heads. */
export async function wishesAbout(
  sql: Sql,
  organization: string,
  messages: readonly (WishedMessage & { readonly head: MessageHead })[],
  facts: Facts,
  copies: readonly EarlierCopy[],
): Promise<Wishes> {
  const keysOfCopies = copies.map((one) => wishKeys(organization, one));
  const keys = messages.map((one) => wishKeys(organization, one));
  const emailIds = messages.flatMap(({ head }) =>
    (head.messageId === null ? [] : (facts.emailsByMessageId.get(head.messageId) ?? [])).map(({ id }) => id),
  );
  const found = await readWishes(sql, organization, [...new Set([...keys.flat(), ...emailIds, ...keysOfCopies.flat()])]);
  const known = copies.map(({ head, mailboxAddress, emailId }, index): KnownCopy => {
    const wish = latestWish(found, keysOfCopies[index] ?? []);
    return { head, mailbox: mailboxAddress, emailId, untracked: wish?.verb === "untrack" ? wish : undefined };
  });
  return {
    wishes: keys.map((its) => latestWish(found, its)),
    untracked: untrackedAmong(found, emailIds),
    copies: Map.groupBy(known, ({ head }) => head.messageId ?? ""),
  };
}

/** Those of these emails that a person untracked. */
export async function untrackedEmails(sql: Sql, organization: string, emailIds: readonly string[]): Promise<ReadonlyMap<string, Wish>> {
  return untrackedAmong(await readWishes(sql, organization, emailIds), emailIds);
}

function untrackedAmong(wishes: ReadonlyMap<string, Wish>, emailIds: readonly string[]): ReadonlyMap<string, Wish> {
  const untracked = new Map<string, Wish>();
  for (const id of emailIds) {
    const wish = wishes.get(id);
    if (wish?.verb === "untrack") untracked.set(id, wish);
  }
  return untracked;
}

/** A message with the wish that it was decided with. */
export interface DecidedWith {
  readonly key: string;
  readonly head: MessageHead;
  readonly wish: Wish | undefined;
  /** The email that is made of it; left out: none. */
  readonly emailId?: string | undefined;
}

const WORD_GIVEN = "word given meanwhile";

/** Whether it failed for what a person said meanwhile. */
export function isWordGiven(error: unknown): boolean {
  return error instanceof Failure && error.code === WORD_GIVEN;
}

/**
 * What a person said since these were decided must not be passed over: throws then, and they are decided again, with that word. Nothing is said any more after it
 * in a transaction that {@link holdWishes}.
 */
export async function assertNothingSaidSince(reading: Reading, sql: Sql, decided: readonly DecidedWith[]): Promise<void> {
  const { mailbox } = reading.work;
  const { now, keys } = await saidAbout(reading, sql, decided);
  const isSaid = decided.some(({ wish, emailId }, index) => {
    const its = keys[index] ?? [];
    if (latestWish(now, its)?.at.getTime() !== wish?.at.getTime()) return true;
    // Of what only its content tells, nothing was known before that was read.
    return emailId !== undefined && latestWish(now, [emailId, ...its])?.verb === "untrack";
  });
  if (!isSaid) return;
  throw new Failure({
    scope: "process",
    code: WORD_GIVEN,
    message: `Somebody tracked or untracked a message of ${mailbox.address} by hand while it was decided.`,
    remedy: "Nothing is to be done: it is decided again by itself, with that word.",
    waitingHelps: true,
    alertAfter: 2,
  });
}

/** The emails of those messages that a person wants none of. */
export async function unwantedOf(reading: Reading, sql: Sql, decided: readonly DecidedWith[]): Promise<readonly string[]> {
  const { now, keys } = await saidAbout(reading, sql, decided);
  return decided.flatMap(({ emailId }, index) =>
    emailId !== undefined && latestWish(now, [emailId, ...(keys[index] ?? [])])?.verb === "untrack" ? [emailId] : [],
  );
}

async function saidAbout(
  reading: Reading,
  sql: Sql,
  decided: readonly DecidedWith[],
): Promise<{ readonly now: ReadonlyMap<string, Wish>; readonly keys: readonly (readonly string[])[] }> {
  const keys = decided.map(({ key, head }) => keysOf(reading, key, head));
  const emailIds = decided.flatMap(({ emailId }) => emailId ?? []);
  return { now: await readWishes(sql, reading.work.mailbox.organization, [...new Set([...keys.flat(), ...emailIds])]), keys };
}

function keysOf({ work: { mailbox } }: Reading, decisionKey: string, head: MessageHead): string[] {
  return wishKeys(mailbox.organization, { mailboxId: mailbox.id, decisionKey, head });
}
