import { NumberLists } from "../model/number-lists.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import type { Sql } from "../model/sql.ts";
import type { Trial, TrialOptions } from "../ports.ts";
import { type CorrelationKeys, correlationKeys, type HashKey } from "../tracking/correlation-keys.ts";
import { emailHashes, hashesAreMade, hashesDiffer, smartMatchingIsOn } from "../tracking/smart-matching.ts";
import { earlierEmails, readEmails } from "./earlier-emails.ts";
import { findableEmails } from "./email-hashes.ts";
import { byKeys, readPeople } from "./facts.ts";
import { readSettings } from "./settings.ts";

/** Whoever stands on a head may be a correspondent: who is one depends on the mailbox, and heads of several are looked up together. */
const NOBODY_IS_OWN = () => false;

/** See Crm.trial. For other settings of smart matching than those in force no hashes are stored: they are made here, and kept as numbers. */
export async function openTrial(sql: Sql, options: TrialOptions): Promise<Trial> {
  const { settings, perKey } = options;
  const stored = (await readSettings(sql)).settings;
  const indexes = new Map<OrganizationSettings, HashIndex>();
  for (const one of settings) {
    const isMissing = smartMatchingIsOn(one) && hashesAreMade(one) && hashesDiffer(stored, one);
    if (isMissing) indexes.set(one, await indexUnder(sql, one, options));
  }
  return {
    facts: async (query) => {
      const people = await readPeople(sql, query, [...new Set(settings.map((one) => one.PlusAddressSeparator))]);
      const keys = settings.map((one) => ({ under: one, ...correlationKeys(query, one, NOBODY_IS_OWN) }));
      const alike = keys.flatMap(({ under, hashes }) => hashes.flatMap((key) => indexes.get(under)?.find(key, perKey) ?? []));
      const all = together(keys.map(({ under, ...one }) => (indexes.has(under) ? { ...one, hashes: [] } : one)));
      return { settings: stored, ...people, ...byKeys(await earlierEmails(sql, all, { perKey, alike })) };
    },
  };
}

/** Each key once. */
function together(all: readonly CorrelationKeys[]): CorrelationKeys {
  const hashes = all.flatMap((one) => one.hashes);
  return {
    messageIds: [...new Set(all.flatMap((one) => one.messageIds))],
    tokens: [...new Set(all.flatMap((one) => one.tokens))],
    conversations: [...new Set(all.flatMap((one) => one.conversations))],
    hashes: [...new Map(hashes.map((one) => [`${one.key} ${one.from.getTime()} ${one.to.getTime()}`, one])).values()],
    sent: all[0]?.sent ?? [],
  };
}

/** Emails by the hashes that they would have. */
class HashIndex {
  readonly #lists = new NumberLists();
  readonly #emails: readonly { readonly id: string; readonly at: number }[];

  /** The emails, the newest first, with the hashes of each. */
  constructor(emails: readonly { readonly id: string; readonly at: number; readonly hashes: Float64Array }[]) {
    this.#emails = emails.map(({ id, at }) => ({ id, at }));
    for (let place = emails.length - 1; place >= 0; place--) for (const hash of emails[place]?.hashes ?? []) this.#lists.add(hash, place);
  }

  /** The newest that have the hash and lie within its time. */
  find({ key, from, to }: HashKey, most: number): { readonly hash: string; readonly emailId: string }[] {
    const lies = (place: number) => {
      const at = this.#emails[place]?.at ?? Number.NaN;
      return at >= from.getTime() && at <= to.getTime();
    };
    return this.#lists.newest(Number(key), most, lies).flatMap((place) => {
      const emailId = this.#emails[place]?.id;
      return emailId === undefined ? [] : [{ hash: key, emailId }];
    });
  }
}

/** As many emails as would get hashes if the settings were in force from now on, as far back as is asked for. */
async function indexUnder(sql: Sql, settings: OrganizationSettings, { emailsSince, signal }: TrialOptions): Promise<HashIndex> {
  const emails: { id: string; at: number; hashes: Float64Array }[] = [];
  if (emailsSince === null) return new HashIndex(emails);
  for await (const ids of findableEmails(sql, emailsSince)) {
    if (signal?.aborted) break;
    const found = await readEmails(sql, ids);
    for (const email of ids.flatMap((id) => found.get(id) ?? [])) {
      emails.push({ id: email.id, at: email.at.getTime(), hashes: Float64Array.from(emailHashes(email, settings), Number) });
    }
  }
  return new HashIndex(emails);
}
