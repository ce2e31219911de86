import type { EarlierEmail } from "../../model/facts.ts";
import { emailIdFor } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import { emailFact } from "../../tracking/email-fact.ts";
import { relatedIds, threadKeys } from "../../tracking/what-if.ts";
import type { TrackedCandidate } from "./reading.ts";

/** Emails of one key that later messages are shown, the newest. */
const PER_KEY = 20;

/** Emails that are remembered: some 50 MB. Later ones are answered by nothing that is foretold. */
const MOST_EMAILS = 50_000;

/** The email that a message would become, as later ones see it; null where only its content tells its id. */
export function emailOf({ head, identity, decision: { placement } }: TrackedCandidate, organization: string): EarlierEmail | null {
  return identity.weak || placement === null ? null : emailFact(head, placement, emailIdFor(organization, identity.key));
}

/** Emails that messages would become and did not, by what later messages may have in common with them. */
export class MadeEmails {
  readonly #settings: OrganizationSettings;
  readonly #byKey = new Map<string, EarlierEmail[]>();
  #count = 0;

  constructor(settings: OrganizationSettings) {
    this.#settings = settings;
  }

  add(head: MessageHead, email: EarlierEmail): void {
    if (this.#count >= MOST_EMAILS) return;
    this.#count++;
    for (const key of [...(head.messageId === null ? [] : [idKey(head.messageId)]), ...threadKeys(head, [this.#settings])]) {
      const its = this.#byKey.get(key) ?? [];
      this.#byKey.set(key, [...its.slice(1 - PER_KEY), email]);
    }
  }

  has(messageId: string): boolean {
    return this.#byKey.has(idKey(messageId));
  }

  /** Those that one of these messages may answer, or be. */
  before(heads: readonly MessageHead[]): readonly EarlierEmail[] {
    const keys = new Set(heads.flatMap((head) => [...relatedIds(head).map(idKey), ...threadKeys(head, [this.#settings])]));
    return [...new Set([...keys].flatMap((key) => this.#byKey.get(key) ?? []))];
  }
}

function idKey(messageId: string): string {
  return `id ${messageId}`;
}
