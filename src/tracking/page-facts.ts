import { CANDIDATES_PER_KEY, type EarlierEmail, type Facts, type Voter } from "../model/facts.ts";
import type { AddressMatch } from "../model/record.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { conversationBase } from "./conversation.ts";
import { emailHashes } from "./smart-matching.ts";

/** Tells what it was asked for. */
class EmailsByKey extends Map<string, EarlierEmail[]> {
  found: (emails: readonly EarlierEmail[]) => void = () => undefined;

  override get(key: string): EarlierEmail[] | undefined {
    const emails = super.get(key);
    if (emails !== undefined) this.found(emails);
    return emails;
  }
}

/**
 * The facts of one page, to which each head adds what it became, so that later heads of the page can answer it. The CRM's own facts
 * stay as they were; only this object grows. Emails of the ids in `except` are not there yet, whatever the CRM says.
 */
export class PageFacts implements Facts {
  readonly settings: OrganizationSettings;
  readonly records: ReadonlyMap<string, readonly AddressMatch[]>;
  readonly voters: ReadonlyMap<string, readonly Voter[]>;
  readonly mailboxOwner: Voter | null;
  readonly emailsByMessageId: EmailsByKey;
  readonly emailsByToken: EmailsByKey;
  readonly emailsByConversation: EmailsByKey;
  readonly emailsByHash: EmailsByKey;
  /** Ids of the emails that heads of the page are to become. */
  readonly #expected = new Set<string>();

  constructor(facts: Facts, except: ReadonlySet<string> = new Set()) {
    this.settings = facts.settings;
    this.records = facts.records;
    this.voters = facts.voters;
    this.mailboxOwner = facts.mailboxOwner;
    this.emailsByMessageId = copied(facts.emailsByMessageId, except);
    this.emailsByToken = copied(facts.emailsByToken, except);
    this.emailsByConversation = copied(facts.emailsByConversation, except);
    this.emailsByHash = copied(facts.emailsByHash, except);
  }

  /** The result, and the ids of those emails of the page that were found on the way to it: it holds only if they are made. */
  resting<T>(decide: () => T): { readonly result: T; readonly restsOn: ReadonlySet<string> } {
    const restsOn = new Set<string>();
    const found = (emails: readonly EarlierEmail[]) => {
      for (const { id } of emails) if (this.#expected.has(id)) restsOn.add(id);
    };
    for (const emails of [this.emailsByMessageId, this.emailsByToken, this.emailsByConversation, this.emailsByHash]) emails.found = found;
    return { result: decide(), restsOn };
  }

  /** Makes an email known to the heads that are decided after it. */
  add(email: EarlierEmail): void {
    this.#expected.add(email.id);
    appendNewest(this.emailsByMessageId, email.messageId, email);
    appendNewest(this.emailsByToken, email.trackingToken, email);
    appendNewest(this.emailsByConversation, conversationBase(email.conversationIndex), email);
    // Which of these are too new depends on the head that asks.
    for (const hash of emailHashes(email, this.settings)) append(this.emailsByHash, hash, email);
  }
}

/** Ids of all emails among the facts. */
export function emailIdsOf(facts: Facts): string[] {
  const maps = [facts.emailsByMessageId, facts.emailsByToken, facts.emailsByConversation, facts.emailsByHash];
  return [...new Set(maps.flatMap((emails) => [...emails.values()].flatMap((list) => list.map((email) => email.id))))];
}

function copied(emails: ReadonlyMap<string, readonly EarlierEmail[]>, except: ReadonlySet<string>): EmailsByKey {
  return new EmailsByKey([...emails].map(([key, list]) => [key, list.filter((email) => !except.has(email.id))]));
}

function append(emails: EmailsByKey, key: string | null, email: EarlierEmail): void {
  if (key === null) return;
  const list = emails.get(key);
  if (list === undefined) emails.set(key, [email]);
  else list.push(email);
}

/** As the CRM would give them: of one direction the newest, so that a page on which all mail names one key is not compared with itself. */
function appendNewest(emails: EmailsByKey, key: string | null, email: EarlierEmail): void {
  append(emails, key, email);
  const list = key === null ? [] : (emails.get(key) ?? []);
  const [oldest, ...newer] = list.filter((one) => one.direction === email.direction).sort(oldestFirst);
  if (oldest !== undefined && newer.length >= CANDIDATES_PER_KEY) list.splice(list.indexOf(oldest), 1);
}

/** Of two of one moment the CRM names that with the lower id first. */
function oldestFirst(one: EarlierEmail, other: EarlierEmail): number {
  return one.at.getTime() - other.at.getTime() || (one.id < other.id ? 1 : -1);
}
