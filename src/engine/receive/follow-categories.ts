import { closeQuietAlerts, openAlert } from "../../ledger/alerts.ts";
import { auditCopies, skipCopies } from "../../ledger/by-hand.ts";
import {
  type Categorized,
  forgetCategorized,
  hasCategorized,
  type NewlyCategorized,
  newlyCategorized,
  noLongerCategorized,
  storeCategorized,
} from "../../ledger/categorized.ts";
import { decideAnew } from "../../ledger/decisions.ts";
import type { MailboxRow } from "../../ledger/mailboxes.ts";
import { changeWishes, mailboxKey, storeWish } from "../../ledger/wishes.ts";
import type { MessageHead, MessageRef } from "../../model/message.ts";
import type { Transaction } from "../../model/sql.ts";
import type { Wish } from "../../model/wish.ts";
import { untrackedAnswer } from "../../tracking/asked-for.ts";
import type { Reading } from "./reading.ts";

/** Messages of which one transaction takes the category for a word. */
const BATCH = 500;

/** More that lose the category between two looks are a program's work, or a mail store that was moved without keywords, and nobody's word. */
const MOST_REMOVED = 100;

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
  if (await hasCategorized(context.database, mailboxId)) {
    const looked = [...bearing.byStream.keys()];
    const lost = await withoutKeyword(reading, keyword, await noLongerCategorized(context.database, mailboxId, looked, refs));
    if (lost.length > 0) await takeBack(reading, keyword, lost);
  }
  while (!signal.aborted) {
    const added = await newlyCategorized(context.database, mailboxId, refs, BATCH);
    if (added.length === 0) return;
    await ask(reading, keyword, added);
  }
}

async function ask({ context, work: { mailbox }, lease }: Reading, keyword: string, added: readonly NewlyCategorized[]): Promise<void> {
  const said = wordOf(mailbox, keyword, "track", context.now());
  const skipped = added.filter(({ outcome, isDecidable, isOurs }) => outcome === "skipped" && isDecidable && !isOurs);
  await context.database.transaction(async (tx) => {
    await changeWishes(tx, mailbox.organization);
    await lease.assertHeld(tx);
    await storeCategorized(tx, mailbox.id, idsOf(added));
    await keep(tx, mailbox, skipped, said);
    await decideAnew(tx, idsOf(skipped));
  }, "track by category");
}

async function takeBack({ context, work: { mailbox }, lease }: Reading, keyword: string, lost: readonly Categorized[]): Promise<void> {
  const now = context.now();
  const said = wordOf(mailbox, keyword, "untrack", now);
  const areTooMany = lost.length > MOST_REMOVED;
  await context.database.transaction(async (tx) => {
    await changeWishes(tx, mailbox.organization);
    await lease.assertHeld(tx);
    await forgetCategorized(tx, mailbox.id, idsOf(lost));
    if (areTooMany) {
      await openAlert(tx, manyRemoved(mailbox, keyword, lost.length), now);
      return;
    }
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

/** Those that lie where they lay and bear it no more: what left meanwhile did not lose it. */
async function withoutKeyword({ source }: Reading, keyword: string, asked: readonly Categorized[]): Promise<readonly Categorized[]> {
  if (asked.length === 0) return [];
  const seen = new Map<string, MessageHead>();
  for (const some of Map.groupBy(
    asked.flatMap(({ refs }) => refs),
    ({ stream }) => stream,
  ).values())
    for (const head of await source.heads(some)) seen.set(keyOf(head.ref), head);
  return asked.filter(({ refs }) => {
    const there = refs.flatMap((ref) => seen.get(keyOf(ref)) ?? []);
    return there.length > 0 && there.every((head) => head.unreadable === undefined && !bears(head, keyword));
  });
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
