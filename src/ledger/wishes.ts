import { emailIdentityOf, emailIdFor, identityIn } from "../model/identity.ts";
import type { MessageHead } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson, storableText } from "../model/text.ts";
import type { Wish } from "../model/wish.ts";

/** By what a wish about a message is found: its mailbox, the key of the decision there, and its head where it is known. */
export interface WishedMessage {
  readonly mailboxId: string;
  readonly decisionKey: string;
  readonly head: MessageHead | null;
  /** The email that was made of it. */
  readonly emailId?: string | null;
}

/** The email that a message is or would be, as far as its head tells; null where only the content does, or there is no head. Pure. */
export function wouldBe(organization: string, head: MessageHead | null): string | null {
  const identity = head === null || head.unreadable !== undefined ? null : emailIdentityOf(head);
  return identity === null || identity.weak ? null : emailIdFor(organization, identity.key);
}

/** The keys under which the wish about a message stands. Pure. */
export function wishKeys(organization: string, { mailboxId, decisionKey, head, emailId = null }: WishedMessage): string[] {
  // Where the head is gone the key of the decision holds the identity, unless that is weak: then nobody else has this key.
  const email = head === null ? emailIdFor(organization, identityIn(decisionKey)) : wouldBe(organization, head);
  const keys = [emailId, email, mailboxKey({ mailboxId, decisionKey })];
  return [...new Set(keys.filter((key) => key !== null))];
}

/** The key under which a word about the message in this one mailbox stands. Pure. */
export function mailboxKey({ mailboxId, decisionKey }: Pick<WishedMessage, "mailboxId" | "decisionKey">): string {
  return `${mailboxId} ${decisionKey}`;
}

/** The wishes under these keys. */
export async function readWishes(sql: Sql, organization: string, keys: readonly string[]): Promise<ReadonlyMap<string, Wish>> {
  if (keys.length === 0) return new Map();
  const { rows } = await sql.query<Wish & { readonly message: string }>(
    `select message, verb, actor as by, wished_at as at, regarding from waypost.wish where organization = $1 and message = any($2::text[])`,
    [organization, keys],
  );
  return new Map(rows.map(({ message, ...wish }) => [message, wish]));
}

/** What was said last under any of these keys. Pure. */
export function latestWish(wishes: ReadonlyMap<string, Wish>, keys: readonly string[]): Wish | undefined {
  let latest: Wish | undefined;
  for (const key of keys) {
    const wish = wishes.get(key);
    if (wish !== undefined && (latest === undefined || wish.at > latest.at)) latest = wish;
  }
  return latest;
}

/** Stores a wish under all these keys, in the place of earlier ones. */
export async function storeWish(tx: Transaction, organization: string, keys: readonly string[], wish: Wish): Promise<void> {
  await tx.query(
    `insert into waypost.wish (organization, message, verb, regarding, actor, wished_at)
     select $1, key, $3, $4::jsonb, $5, $6 from unnest($2::text[]) as one (key) order by key
     on conflict (organization, message) do update set verb = excluded.verb, regarding = excluded.regarding, actor = excluded.actor, wished_at = excluded.wished_at`,
    [
      organization,
      [...new Set(keys)],
      wish.verb,
      wish.regarding === null ? null : storableJson(wish.regarding),
      storableText(wish.by),
      wish.at,
    ],
  );
}

/** To the end of the transaction nobody says anything new about messages of the organization. Must come first in it, before any row is locked. */
export async function holdWishes(tx: Transaction, organization: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock_shared(${BY_HAND})`, [organization]);
}

/** Waits for those that {@link holdWishes} and keeps others out, to the end of the transaction. Must come first in it. */
export async function changeWishes(tx: Transaction, organization: string): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(${BY_HAND})`, [organization]);
}

const BY_HAND = "hashtextextended('waypost by hand ' || $1, 0)";
