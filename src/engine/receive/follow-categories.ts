import { closeQuietAlerts, openAlert } from "../../ledger/alerts.ts";
import { auditCopies, setClaims, skipCopies } from "../../ledger/by-hand.ts";
import {
  type Categorized,
  countCategorized,
  forgetCategorized,
  hideCategorized,
  type NewlyCategorized,
  newlyCategorized,
  noLongerCategorized,
  storeCategorized,
} from "../../ledger/categorized.ts";
import { decideAnew } from "../../ledger/decisions.ts";
import type { MailboxRow } from "../../ledger/mailboxes.ts";
import { changeWishes, mailboxKey, readWishes, storeWish } from "../../ledger/wishes.ts";
import { Failure, isWiderThanFolder } from "../../model/failure.ts";
import type { MessageHead, MessageRef } from "../../model/message.ts";
import type { Transaction } from "../../model/sql.ts";
import type { Wish } from "../../model/wish.ts";
import type { MailSource } from "../../ports.ts";
import { untrackedAnswer } from "../../tracking/asked-for.ts";
import type { Reading } from "./reading.ts";

/** Messages of which one transaction takes the category for a word. */
const BATCH = 500;

/** More that lose the category between two looks are a program's work, or a mail store that was moved without keywords, and nobody's word. */
const MOST_REMOVED = 100;

/** Of what bears it in a small mailbox, so many are nobody's word if they are most of it. */
const MANY_OF_FEW = 10;

const MANY_REMOVED = "categories removed";

/** How long somebody is told of that. */
const TOLD_FOR = 7 * 24 * 60 * 60 * 1000;

/**
 * A person gives a message the category in a mail program, and takes it away again (product-behaviour 4.14). Either is the word of the mailbox's owner about
 * this very message in this mailbox, as if said by hand; of other mailboxes it says nothing, and the email in the CRM stays. What counts is what the
 * messages bear now against what they bore at the last look, so that nothing hangs on when it was changed.
 */
export async function followCategories(reading: Reading): Promise<void> {
  const { context, work, bearing, signal } = reading;
  const { keyword } = bearing;
  if (keyword === null || bearing.byStream.size === 0 || signal.aborted) return;
  const mailboxId = work.mailbox.id;
  const refs = [...bearing.byStream.values()].flat();
  const known = await countCategorized(context.database, mailboxId, MOST_REMOVED * 2);
  if (known > 0) {
    const looked = [...bearing.byStream.keys()];
    const lost = await withoutKeyword(reading, keyword, await noLongerCategorized(context.database, mailboxId, keyword, looked, refs));
    if (lost.length > 0) await takeBack(reading, keyword, lost, known);
  }
  while (!signal.aborted) {
    const added = await newlyCategorized(context.database, mailboxId, keyword, refs, BATCH);
    if (added.length === 0) return;
    const confirmed = await withKeyword(reading, keyword, added);
    await ask(reading, keyword, confirmed);
    // What the server finds and its flags deny is nobody's word, and what it finds besides is left for another time.
    if (confirmed.length < added.length) return;
  }
}

async function ask({ context, work: { mailbox }, lease }: Reading, keyword: string, added: readonly NewlyCategorized[]): Promise<void> {
  const said = wordOf(mailbox, keyword, "track", context.now());
  const heard = added.filter(({ outcome, isOurs }) => (outcome === "skipped" || outcome === "quarantined") && !isOurs);
  const emails = heard.flatMap(({ emailId }) => emailId ?? []);
  const deleted = emails.length === 0 ? new Set<string>() : await context.crm(mailbox.organization).deleted(emails);
  await context.database.transaction(async (tx) => {
    await changeWishes(tx, mailbox.organization);
    await lease.assertHeld(tx);
    await storeCategorized(tx, mailbox.id, keyword, idsOf(added));
    const keyOfIts = ({ decisionKey }: NewlyCategorized) => mailboxKey({ mailboxId: mailbox.id, decisionKey });
    const standing = await readWishes(tx, mailbox.organization, heard.map(keyOfIts));
    const asking = heard.filter((one) => isHeard(standing.get(keyOfIts(one)), said));
    await keep(tx, mailbox, asking, said);
    // A deleted email is wanted again by that: the claims that keep it from being made are taken back.
    const made = asking.filter(({ emailId }) => emailId !== null && deleted.has(emailId));
    await setClaims(
      tx,
      made.map(({ emailId }) => ({ organization: mailbox.organization, head: null, emailId })),
      null,
    );
    await decideAnew(tx, idsOf(asking.filter(({ outcome }) => outcome === "skipped")));
  }, "track by category");
}

/**
 * Who asked for it by hand may have said what it is about, too; and what was untracked by hand may have borne the category before that, though nobody looked:
 * only where it was seen to lose it since, which untracked it by the category, is it known to be given anew.
 */
function isHeard(standing: Wish | undefined, said: Wish): boolean {
  return standing === undefined || (standing.verb === "untrack" && standing.by === said.by);
}

/** @param known how many bore it, as far as it matters */
async function takeBack(
  { context, work: { mailbox }, lease }: Reading,
  keyword: string,
  lost: readonly Categorized[],
  known: number,
): Promise<void> {
  const now = context.now();
  const said = wordOf(mailbox, keyword, "untrack", now);
  const areTooMany = lost.length > MOST_REMOVED || (lost.length >= MANY_OF_FEW && lost.length * 2 > known);
  await context.database.transaction(async (tx) => {
    await changeWishes(tx, mailbox.organization);
    await lease.assertHeld(tx);
    if (areTooMany) {
      await hideCategorized(tx, mailbox.id, idsOf(lost));
      await openAlert(tx, manyRemoved(mailbox, keyword, lost.length), now);
      return;
    }
    await forgetCategorized(tx, mailbox.id, idsOf(lost));
    await keep(tx, mailbox, lost, said);
    await skipCopies(tx, lost, untrackedAnswer(said), now);
  }, "untrack by category");
}

/** The alert about many that lost it closes by itself. */
export async function closeCategoryAlerts(tx: Transaction, mailboxId: string, now: Date): Promise<void> {
  await closeQuietAlerts(tx, "mailbox", mailboxId, MANY_REMOVED, new Date(now.getTime() - TOLD_FOR), now);
}

/** Stores the word about these messages of the mailbox, with an entry in the audit for each. */
async function keep(
  tx: Transaction,
  { id: mailboxId, organization }: MailboxRow,
  messages: readonly Pick<Categorized, "id" | "decisionKey">[],
  said: Wish,
): Promise<void> {
  if (messages.length === 0) return;
  const keys = messages.map(({ decisionKey }) => mailboxKey({ mailboxId, decisionKey }));
  await storeWish(tx, organization, keys, said);
  await auditCopies(tx, messages, { at: said.at, actor: said.by, action: said.verb });
}

function wordOf({ address }: MailboxRow, keyword: string, verb: Wish["verb"], at: Date): Wish {
  return { verb, by: `${address} by the category ${keyword}`, at, regarding: null };
}

function idsOf(messages: readonly { readonly id: number }[]): readonly number[] {
  return messages.map(({ id }) => id);
}

/** Those that bear it where they lie, by their flags. */
async function withKeyword(reading: Reading, keyword: string, asked: readonly NewlyCategorized[]): Promise<readonly NewlyCategorized[]> {
  const seen = await headsAt(reading, asked);
  return asked.filter(({ refs }) => refs.some((ref) => isBearing(seen.get(keyOf(ref)), keyword)));
}

function isBearing(head: MessageHead | undefined, keyword: string): boolean {
  return head !== undefined && bears(head, keyword);
}

/** Those that lie where they lay and bear it no more: what left meanwhile did not lose it. */
async function withoutKeyword(reading: Reading, keyword: string, asked: readonly Categorized[]): Promise<readonly Categorized[]> {
  if (asked.length === 0) return [];
  const seen = await headsAt(reading, asked);
  return asked.filter(({ refs }) => {
    const there = refs.flatMap((ref) => seen.get(keyOf(ref)) ?? []);
    return there.length > 0 && there.every((head) => head.unreadable === undefined && !bears(head, keyword));
  });
}

/** What lies at the places of these messages, by place. */
async function headsAt(
  { source }: Reading,
  asked: readonly { readonly refs: readonly MessageRef[] }[],
): Promise<ReadonlyMap<string, MessageHead>> {
  const seen = new Map<string, MessageHead>();
  for (const some of Map.groupBy(
    asked.flatMap(({ refs }) => refs),
    ({ stream }) => stream,
  ).values())
    for (const head of await headsOf(source, some)) seen.set(keyOf(head.ref), head);
  return seen;
}

/** What a folder that is in trouble does not show was not lost. */
async function headsOf(source: MailSource, refs: readonly MessageRef[]): Promise<readonly MessageHead[]> {
  try {
    return await source.heads(refs);
  } catch (error) {
    if (!(error instanceof Failure) || isWiderThanFolder(error)) throw error;
    return [];
  }
}

function bears({ flags }: MessageHead, keyword: string): boolean {
  return flags.some((flag) => flag.toLowerCase() === keyword.toLowerCase());
}

function keyOf({ stream, id }: MessageRef): string {
  return `${stream}\n${id}`;
}

function manyRemoved({ id, address }: MailboxRow, keyword: string, count: number) {
  return {
    scope: "mailbox" as const,
    subject: id,
    code: MANY_REMOVED,
    message: `Mailbox ${address}: ${count} messages lost the category ${keyword} at once. That is taken for nobody's word: they stay tracked.`,
    remedy:
      "Nothing, if the mail store was moved or a program did it. To untrack some, use `waypost untrack`. This alert closes after a week.",
  };
}
