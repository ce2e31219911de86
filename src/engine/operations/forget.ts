import { domainToASCII, domainToUnicode } from "node:url";
import { writeAudit } from "../../ledger/audit.ts";
import { countWaitingWith, purgeHeadsWith, purgeWordsWith } from "../../ledger/retention.ts";
import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import { eachPart } from "../purge.ts";

/** What was purged of an address, and what is left. */
export interface Forgotten {
  readonly address: string;
  /** Messages that were no emails, or whose emails were deleted, of which nothing is known any more. */
  readonly messages: number;
  /** Closed alerts, and entries of the quarantine, that named it. */
  readonly words: number;
  /** Messages with it that wait in quarantine, or to be decided again: they keep what is known of them until they are decided. */
  readonly waiting: number;
  /** Emails of the CRM with it, the newest first, at most {@link MOST_EMAILS}: they are the CRM's business and stay. */
  readonly emails: readonly string[];
}

/** Emails of an address that are listed. */
export const MOST_EMAILS = 1000;

/**
 * Purges what is known of an address from mail that is no email, or no more (a person's right to be forgotten): heads, senders, recipients, and what the rules said, whatever
 * their age. The fingerprints stay, so that no such message is taken for a new one. The audit says that it was done, and not for whom.
 */
export async function forget(context: EngineContext, organizations: readonly string[], address: string, actor: string): Promise<Forgotten> {
  const { database } = context;
  const key = addressKey(address);
  if (!/^[^\s@"\\]+@[^\s@"\\]+$/.test(key)) throw noAddress(address);
  await database.transaction(
    (tx) => writeAudit(tx, { at: context.now(), actor, action: "forget address", subject: "privacy" }),
    "audit that an address is forgotten",
  );
  let [messages, words, waiting] = [0, 0, 0];
  const emails: string[] = [];
  for (const spelling of spellingsOf(key)) {
    messages += await eachPart(context, organizations, new AbortController().signal, (tx, walk) =>
      purgeHeadsWith(tx, spelling, walk, context.now()),
    );
    words += await database.transaction((tx) => purgeWordsWith(tx, spelling), "forget the words about an address");
    waiting += await countWaitingWith(database, spelling);
    for (const organization of organizations) emails.push(...(await context.crm(organization).emailsOf(spelling, MOST_EMAILS)));
  }
  return { address: key, messages, words, waiting, emails };
}

/** The address with its domain as it is given, and in both forms of an international one (RFC 5890 2.3.2.1): mail has the one or the other. */
function spellingsOf(key: string): ReadonlySet<string> {
  const at = key.lastIndexOf("@") + 1;
  const [local, domain] = [key.slice(0, at), key.slice(at)];
  const forms = [domain, domainToASCII(domain), domainToUnicode(domain)].filter((one) => one !== "");
  return new Set(forms.map((one) => local + one));
}

function noAddress(address: string): Failure {
  return new Failure({
    scope: "item",
    code: "no address",
    message: `"${address}" is no e-mail address.`,
    remedy: "Give one like carla@customer.example.",
    waitingHelps: false,
  });
}
