import type { Copy } from "../../ledger/by-hand.ts";
import { readMailbox } from "../../ledger/mailboxes.ts";
import { Failure } from "../../model/failure.ts";
import type { MessageHead } from "../../model/message.ts";
import { ownerWrote } from "../../tracking/sent-mail.ts";
import type { EngineContext } from "../context.ts";
import { knownAsSent, sentByWaypost } from "../receive/sent-copies.ts";

/**
 * Nobody's word makes an email of what Waypost sent itself, nor outgoing mail of what somebody else wrote. Throws a Failure where all these copies are such; those
 * of which the head is not kept are looked at when they are read.
 */
export async function assertNotOnlySent(
  context: EngineContext,
  name: string,
  organization: string,
  copies: readonly Copy[],
): Promise<void> {
  const heads = copies.flatMap(({ head }) => (head?.isSentCopy ? head : []));
  if (heads.length < copies.length) return;
  const sent = await sentByWaypost(context.database, organization, heads);
  if (heads.every((head) => knownAsSent(head, sent) !== null)) throw sentItself(name);
  for (const { mailboxId, head } of copies) if (head !== null && (await isOwn(context, mailboxId, head))) return;
  throw notSent(name, copies);
}

async function isOwn(context: EngineContext, mailboxId: string, head: MessageHead): Promise<boolean> {
  const mailbox = await readMailbox(context.database, mailboxId);
  if (mailbox === null) return true;
  const facts = await context.crm(mailbox.organization).facts({ mailbox, heads: [head] });
  return ownerWrote(head, facts, mailbox.address);
}

function sentItself(name: string): Failure {
  return new Failure({
    scope: "item",
    code: "sent by Waypost",
    message: `The message ${name} is the copy of an email that Waypost sent, and no other email is made of it, also if that one was deleted in the CRM.`,
    remedy: "Where it should be there again, restore it in the CRM.",
    waitingHelps: false,
  });
}

function notSent(name: string, copies: readonly Copy[]): Failure {
  const [first] = copies;
  return new Failure({
    scope: "item",
    code: "not sent",
    message: `The message ${name} lies among the sent mail of ${first?.mailbox ?? "a mailbox"}, but somebody else wrote it: no outgoing mail can be made of it.`,
    remedy: "Move it to a folder of received mail that is read, let the mailbox be read, and run the command again.",
    waitingHelps: false,
  });
}
