import { type Copy, type CopyQuery, findCopies, messageKey } from "../../ledger/by-hand.ts";
import { wouldBe } from "../../ledger/wishes.ts";
import { Failure } from "../../model/failure.ts";
import { listing } from "../../tracking/sentence.ts";
import type { EngineContext } from "../context.ts";

/** One message, in whichever mailboxes of one organization it was seen. */
export interface FoundMessage {
  readonly organization: string;
  /** At least one; first the one that was asked for. */
  readonly copies: readonly Copy[];
  /** The email that was made of it; a person may have deleted it. */
  readonly emailId: string | null;
}

/** What a name may be. Pure. */
export function namesOf(name: string): CopyQuery {
  const bare = name.trim().replace(/^<(.*)>$/s, "$1");
  return { messageId: bare, emailId: ID.test(bare) ? bare : null, number: /^\d{1,15}$/.test(bare) ? Number(bare) : null };
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The message that a person names by Message-ID (with or without angle brackets), number of a decision, or id of its email, with all its copies.
 * Throws a Failure `message unknown`, or `message not clear` where several messages go by that name.
 */
export async function findMessage({ database }: EngineContext, name: string): Promise<FoundMessage> {
  const names = namesOf(name);
  const named = await findCopies(database, names);
  const meant = named.filter((one) => one.id === names.number);
  const [first, ...others] = meant.length > 0 ? meant : named;
  if (first === undefined) throw unknown(name);
  if (others.some((one) => messageKey(one) !== messageKey(first))) throw notClear(name, [first, ...others]);
  const emailId = first.emailId ?? wouldBe(first.organization, first.head);
  const like = await findCopies(database, { messageId: first.messageId, emailId, number: first.id });
  const rest = like.filter((one) => one.id !== first.id && messageKey(one) === messageKey(first));
  const copies = [first, ...rest];
  return { organization: first.organization, copies, emailId: copies.find((one) => one.emailId !== null)?.emailId ?? null };
}

function unknown(name: string): Failure {
  return new Failure({
    scope: "item",
    code: "message unknown",
    message: `No mailbox that is read has seen a message ${name}.`,
    remedy: "Name it by its Message-ID or by the number that `waypost explain` shows. `waypost status` says which folders are read.",
    waitingHelps: false,
  });
}

function notClear(name: string, copies: readonly Copy[]): Failure {
  const choice = copies.map(({ id, mailbox }) => `${id} in ${mailbox}`);
  return new Failure({
    scope: "item",
    code: "message not clear",
    message: `Several messages go by the name ${name}: ${listing(choice, 10)}.`,
    remedy: "Give the number of the one that you mean; `waypost explain` tells more about each.",
    waitingHelps: false,
  });
}
