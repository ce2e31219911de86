import { setImmediate as othersTurn } from "node:timers/promises";
import { writeAudit } from "../../ledger/audit.ts";
import { noteOnEmails } from "../../ledger/email-regarding.ts";
import { Failure } from "../../model/failure.ts";
import type { RecordRef } from "../../model/record.ts";
import type { AddedAddress, Crm, Resolving } from "../../ports.ts";
import { resolvedByHand } from "../../tracking/resolved-by-hand.ts";
import type { EngineContext } from "../context.ts";
import { findMessage } from "./find-message.ts";
import { findRecord, recordUnknown } from "./find-record.ts";
import { joined } from "./joined.ts";
import type { Progress } from "./run-now.ts";
import { usableKey } from "./usable-address.ts";

/** Parties that are resolved in one transaction: some milliseconds, after which others have their turn. */
const PARTIES_AT_A_TIME = 500;

export interface ResolveOptions {
  /** A message on whose email the address is resolved, whatever the setting says of others; null: none in particular. */
  readonly message: string | null;
  /** The address stands beside the record's e-mail columns, also where one is free. */
  readonly beside: boolean;
}

/** What is asked, where, and by whom. */
interface ResolveRequest extends ResolveOptions {
  readonly organizations: readonly string[];
  readonly address: string;
  readonly record: string;
  readonly actor: string;
}

/** What came of `resolve`. */
export interface ResolveResult {
  readonly address: string;
  readonly record: RecordRef;
  readonly place: AddedAddress["place"];
  /** Emails on which the address was unresolved and is the record now. */
  readonly emails: number;
  /** What resolvesimilarunresolvedemailaddress says: whether the emails that have the address are gone through. */
  readonly spreads: boolean;
  /** It was interrupted; run again, it goes on. */
  readonly unfinished: boolean;
}

/**
 * A person says which record an unresolved address is (product-behaviour 4.8). The address stands for the record from now on; where
 * resolvesimilarunresolvedemailaddress says so, on all emails that have it unresolved, some hundred at a time. What they are about is not touched. Said
 * again it goes on where it was interrupted.
 */
export async function resolve(
  context: EngineContext,
  { organizations, address, record: name, message, beside, actor }: ResolveRequest,
  signal: AbortSignal,
  progress: Progress,
): Promise<ResolveResult> {
  const key = usableKey(address);
  const about = message === null ? null : await findMessage(context, message);
  const { organization, record } = await recordIn(context, about === null ? organizations : [about.organization], name);
  const crm = context.crm(organization);
  const at = context.now();
  const added = await joined(context, crm, "resolve address", async (tx) => {
    const result = await crm.addAddress(record, address.trim(), beside ? "beside" : "column", tx);
    if (result === null) throw recordUnknown(name, "It is no contact, account or lead any more.");
    await writeAudit(tx ?? context.database, { at, actor, action: "resolve", subject: `address ${key}` });
    return result;
  });
  const resolving = { address: key, record, column: added.column, limit: PARTIES_AT_A_TIME };
  const named =
    about?.emailId == null ? 0 : await onEmail(context, organization, { ...resolving, emailId: about.emailId }, { by: actor, at });
  const { resolvesimilarunresolvedemailaddress: spreads } = await crm.organizationSettings();
  const rest = spreads
    ? await onAll(context, crm, { ...resolving, emailId: null }, signal, (emails) => progress(emails, emails, "emails"))
    : { emails: 0, unfinished: false };
  const emails = named + rest.emails;
  context.log.info({ record: record.id, emails, actor }, "address resolved by hand");
  return { address: key, record, place: added.place, emails, spreads, unfinished: rest.unfinished };
}

/** Resolves the address on the email of one message, whose decision tells of it. Number of emails on which that changed something. */
async function onEmail(
  context: EngineContext,
  organization: string,
  resolving: Resolving & { readonly emailId: string },
  said: { readonly by: string; readonly at: Date },
): Promise<number> {
  const crm = context.crm(organization);
  const { emails } = await joined(context, crm, "resolve parties", (tx) => crm.resolveParties(resolving, tx));
  if (emails === 0) return 0;
  const answer = resolvedByHand(said, resolving.address, resolving.record);
  await context.database.transaction(
    (tx) => noteOnEmails(tx, organization, [{ emailId: resolving.emailId, rule: answer }]),
    "note on email",
  );
  return emails;
}

/** Resolves it on all emails, giving way after each of a few hundred. */
async function onAll(
  context: EngineContext,
  crm: Crm,
  resolving: Resolving,
  signal: AbortSignal,
  tell: (emails: number) => void,
): Promise<{ readonly emails: number; readonly unfinished: boolean }> {
  for (let emails = 0; ; ) {
    if (signal.aborted) return { emails, unfinished: true };
    const done = await joined(context, crm, "resolve parties", (tx) => crm.resolveParties(resolving, tx));
    if (done.parties === 0) return { emails, unfinished: false };
    emails += done.emails;
    tell(emails);
    await othersTurn();
  }
}

/** The record in the first of the organizations that has it. */
async function recordIn(
  context: EngineContext,
  organizations: readonly string[],
  name: string,
): Promise<{ readonly organization: string; readonly record: RecordRef }> {
  let trouble: Failure | null = null;
  for (const organization of organizations) {
    try {
      return { organization, record: await findRecord(context.crm(organization), name) };
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "record unknown") throw error;
      trouble = error;
    }
  }
  throw trouble ?? recordUnknown(name, "There is no organization.");
}
