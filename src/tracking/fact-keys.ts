import { type Address, addressKey } from "../model/address.ts";
import type { MessageHead } from "../model/message.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { answeredIds } from "./answered.ts";
import { conversationBase } from "./conversation.ts";
import { namesOf } from "./plus-address.ts";
import { recipientFields } from "./recipients.ts";
import { tokensIn } from "./token.ts";

/** Everything that a CRM is asked for about one page, each key once. */
export interface FactKeys {
  /** Key forms, for records and for voters; the mailbox's own address too. */
  readonly addresses: readonly string[];
  /** Message-IDs that the heads are, answer or refer to. */
  readonly messageIds: readonly string[];
  /** Tracking tokens in the subjects, as the CRM stores them. */
  readonly tokens: readonly string[];
  /** Bases of conversation indexes; see conversationBase. */
  readonly conversations: readonly string[];
}

/**
 * The keys of a page. The rules look nothing else up but the hashes of smart matching, which depend on who is a user (hashesToFind), so facts for
 * these keys are all others. The settings come first, because what is a token depends on them: a CRM reads its settings, then calls this, then
 * looks everything up at once.
 */
export function factKeys(heads: readonly MessageHead[], mailboxAddress: string, settings: OrganizationSettings): FactKeys {
  const addresses = new Set([addressKey(mailboxAddress)]);
  const messageIds = new Set<string>();
  const tokens = new Set<string>();
  const conversations = new Set<string>();
  for (const head of heads) {
    if (head.forwarded?.kind === "original") addresses.add(addressKey(head.forwarded.forwarder));
    for (const one of addressesOf(head)) {
      const key = addressKey(one.address);
      for (const each of [key, ...namesOf(key, settings.PlusAddressSeparator)]) addresses.add(each);
    }
    for (const id of answeredIds(head)) messageIds.add(id);
    if (head.messageId !== null) messageIds.add(head.messageId);
    for (const token of tokensIn(head.subject, settings)) tokens.add(token);
    const base = conversationBase(head.conversationIndex);
    if (base !== null) conversations.add(base);
  }
  addresses.delete("");
  return { addresses: [...addresses], messageIds: [...messageIds], tokens: [...tokens], conversations: [...conversations] };
}

function addressesOf(head: MessageHead): readonly Address[] {
  const recipients = recipientFields(head).flatMap(([, list]) => list);
  return head.sender === null ? [...head.from, ...recipients] : [...head.from, head.sender, ...recipients];
}
