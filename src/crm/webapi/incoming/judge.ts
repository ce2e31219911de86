import { addressKey } from "../../../model/address.ts";
import { type Decision, REASON } from "../../../model/decision.ts";
import type { Facts } from "../../../model/facts.ts";
import type { MailboxOwner } from "../../../model/mailbox.ts";
import type { MessageHead } from "../../../model/message.ts";
import type { OrganizationSettings } from "../../../model/settings.ts";
import type { Wish } from "../../../model/wish.ts";
import { RULE, yes } from "../../../tracking/rule.ts";
import { track } from "../../../tracking/track.ts";
import { readVoters } from "../../address-index.ts";
import { readFacts } from "../../facts.ts";
import type { Turn } from "../service.ts";

/** Mail of all times is judged: a start date is a mailbox's, and who calls has looked at it. */
const EVER = new Date(0);

/** Where a message is read, and who wants it tracked whatever the filters say. */
export interface Reading {
  /** Address of the mailbox; null: nobody says in which. */
  readonly mailbox: string | null;
  /** Set where a person asked for it. */
  readonly wish?: Wish;
}

export interface Judged {
  readonly decision: Decision;
  readonly settings: OrganizationSettings;
}

/**
 * Whether the CRM takes a message, and how it would stand there: the same rules over the same facts as where the embedded CRM is served in process
 * (product-behaviour 4.4 to 4.13). The owner of the mailbox is the user or queue with its address. Writes nothing.
 */
export async function judge(turn: Turn, head: MessageHead, { mailbox, wish }: Reading): Promise<Judged> {
  const owner = mailbox === null ? NOBODY : await ownerOf(turn, mailbox);
  const its = { address: mailbox ?? "", owner };
  const facts = await readFacts(turn.sql, { mailbox: its, heads: [head] });
  return { decision: decide(turn, head, facts, its, wish), settings: facts.settings };
}

/** As judge, of several messages of which nobody says in which mailbox they are: four statements, however many. */
export async function judgeAll(turn: Turn, heads: readonly MessageHead[]): Promise<readonly Decision[]> {
  const mailbox = { address: "", owner: NOBODY };
  const facts = await readFacts(turn.sql, { mailbox, heads });
  return heads.map((head) => decide(turn, head, facts, mailbox));
}

interface ReadMailbox {
  readonly address: string;
  readonly owner: MailboxOwner;
}

function decide(turn: Turn, head: MessageHead, facts: Facts, mailbox: ReadMailbox, wish?: Wish): Decision {
  const emailId = turn.service.behaviour.messageIdTellsDuplicates ? sameMessageId(head, facts) : null;
  if (emailId !== null) return duplicateOf(emailId);
  return track(head, facts, { mailbox: { ...mailbox, startDate: EVER }, known: { emailId: null, how: null }, ...(wish && { wish }) });
}

const NOBODY: MailboxOwner = { type: "forward" };

async function ownerOf({ sql }: Turn, mailbox: string): Promise<MailboxOwner> {
  const key = addressKey(mailbox);
  const { byAddress } = await readVoters(sql, [key], NOBODY);
  const [first] = [...(byAddress.get(key) ?? [])].sort((one, other) => rank(one.record) - rank(other.record));
  if (first === undefined) return NOBODY;
  return { type: first.record.type === "queue" ? "queue" : "systemuser", id: first.record.id };
}

/** An address on a user and a queue is the user's mailbox. */
function rank({ type }: { readonly type: string }): number {
  return type === "queue" ? 1 : 0;
}

/** Message-IDs are unique among incoming emails, and among outgoing ones (product-behaviour 4.11). */
function sameMessageId({ messageId, isSentCopy }: MessageHead, facts: Facts): string | null {
  if (messageId === null) return null;
  const direction = isSentCopy ? "outgoing" : "incoming";
  const same = (facts.emailsByMessageId.get(messageId) ?? []).filter((one) => one.direction === direction && one.messageId === messageId);
  return same.map(({ id }) => id).sort()[0] ?? null;
}

function duplicateOf(emailId: string): Decision {
  const answer = yes(RULE.duplicate, "The CRM has an email with this Message-ID.", { isGeneral: true });
  return { outcome: "duplicate", reason: REASON.duplicate, rules: [answer], placement: null, emailId, waitingFor: [] };
}

/** What the caller wants stands above the filters. */
export function wishOf({ caller, service }: Turn): Wish {
  return { verb: "track", by: caller.name, at: service.now(), regarding: null };
}
