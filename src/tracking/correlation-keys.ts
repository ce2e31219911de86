import { addressKey } from "../model/address.ts";
import type { FactsQuery } from "../model/facts.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { answeredIds } from "./answered.ts";
import { conversationBase } from "./conversation.ts";
import { correspondentsOf } from "./evidence.ts";
import { hashesToFind, smartMatchingWindow } from "./smart-method.ts";
import { tokensIn } from "./token.ts";
import { whereRead } from "./where-read.ts";

/** What earlier emails are looked for by. */
export interface CorrelationKeys {
  readonly messageIds: readonly string[];
  readonly tokens: readonly string[];
  readonly conversations: readonly string[];
  /** Each once per head: when the email must have been depends on the head. */
  readonly hashes: readonly HashKey[];
  /** Emails that stand for a Message-ID although the CRM may know them under another one; see FactsQuery. */
  readonly sent: readonly { readonly messageId: string; readonly emailId: string }[];
}

/** A hash of smart matching, and the time within which the emails lie that are wanted. */
export interface HashKey {
  readonly key: string;
  readonly from: Date;
  readonly to: Date;
}

/**
 * The keys by which the heads may belong to earlier emails: ids that they are, answer, refer to or report about; tokens; conversations; hashes. `isOwn`
 * tells the addresses of users and queues.
 */
export function correlationKeys(
  { heads, mailbox, reported = [] }: Pick<FactsQuery, "heads" | "reported"> & { readonly mailbox: Pick<FactsQuery["mailbox"], "address"> },
  settings: OrganizationSettings,
  isOwn: (address: string) => boolean,
): CorrelationKeys {
  const hashes: HashKey[] = [];
  const messageIds = new Set<string>();
  const tokens = new Set<string>();
  const conversations = new Set<string>();
  for (const head of heads) {
    for (const id of [head.messageId, ...answeredIds(head)]) if (id !== null) messageIds.add(id);
    for (const token of tokensIn(head.subject, settings)) tokens.add(token);
    const conversation = conversationBase(head.conversationIndex);
    if (conversation !== null) conversations.add(conversation);
    const window = smartMatchingWindow(head);
    const correspondents = () => correspondentsOf(head, addressKey(whereRead(head, mailbox.address)), isOwn);
    for (const key of hashesToFind(head, settings, correspondents)) hashes.push({ key, ...window });
  }
  for (const { messageId } of reported) messageIds.add(messageId);
  const sent = reported.flatMap(({ messageId, emailId }) => (emailId === null ? [] : [{ messageId, emailId }]));
  return { messageIds: [...messageIds], tokens: [...tokens], conversations: [...conversations], hashes, sent };
}
