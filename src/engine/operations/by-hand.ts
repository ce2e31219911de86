import { auditCopies, type Copy, setClaims, skipCopies, wish } from "../../ledger/by-hand.ts";
import { decideAnew } from "../../ledger/decisions.ts";
import { noteOnEmails, storeSaidRegarding } from "../../ledger/email-regarding.ts";
import { changeWishes } from "../../ledger/wishes.ts";
import type { RecordRef } from "../../model/record.ts";
import type { Wish } from "../../model/wish.ts";
import { regardingAnswerByHand, untrackedAnswer } from "../../tracking/asked-for.ts";
import type { EngineContext } from "../context.ts";
import { readWork } from "../read-work.ts";
import { whyNot } from "../why-not.ts";
import { isTest, liesNowhere, noEmail } from "./by-hand-failures.ts";
import { type FoundMessage, findMessage } from "./find-message.ts";
import { findRecord } from "./find-record.ts";
import { assertNotOnlySent } from "./sent-by-hand.ts";

/** A message as one mailbox knows it, for the answer to a person. */
export interface TouchedMessage {
  readonly decisionId: number;
  readonly mailbox: string;
  readonly messageId: string | null;
}

/** What came of `track`. */
export interface TrackResult {
  /** `asked`: it becomes an email as soon as one of the mailboxes is worked on. `an email already`: nothing had to be done for that. */
  readonly state: "asked" | "an email already";
  readonly messages: readonly TouchedMessage[];
  readonly emailId: string | null;
  /** What it is about from now on by this word; null: nothing was said of that. */
  readonly regarding: RecordRef | null;
  /** Why mailboxes that would have to be read are left alone, as sentences. */
  readonly left: readonly string[];
}

/** What came of `untrack`. */
export interface UntrackResult {
  readonly messages: readonly TouchedMessage[];
  readonly emailId: string | null;
  /** What became of the email in the CRM. */
  readonly email: "deleted" | "stays" | "none";
}

/** What came of `regarding`. */
export interface RegardingResult {
  readonly messages: readonly TouchedMessage[];
  readonly emailId: string;
  /** Null: about nothing. */
  readonly regarding: RecordRef | null;
}

/**
 * A person wants this message as an email, whatever the rules say (promote; product-behaviour 4.4), also where it was untracked or its email was deleted.
 * It is decided again with that wish where it lies. Throws a Failure where it cannot be, and changes nothing then.
 */
export async function track(context: EngineContext, name: string, regarding: string | null, actor: string): Promise<TrackResult> {
  const message = await findMessage(context, name);
  if (message.copies.some((one) => one.isTest)) throw isTest(name);
  const crm = context.crm(message.organization);
  const record = regarding === null ? null : await findRecord(crm, regarding);
  const stands = await emailStands(context, message);
  if (stands && message.copies.some(isEmail)) {
    if (record !== null) await setRegarding(context, message, record, actor);
    return { ...told(message), state: "an email already", regarding: record, left: [] };
  }
  const lying = message.copies.filter((one) => one.lies);
  if (lying.length === 0) throw liesNowhere(name, message.copies);
  await assertNotOnlySent(context, name, message.organization, lying);
  if (stands && record !== null && message.emailId !== null && !crm.joinsTransaction) await crm.setRegarding(message.emailId, record);
  await context.database.transaction(async (tx) => {
    await changeWishes(tx, message.organization);
    await wish(tx, message.copies, wishOf("track", context, actor, record));
    await setClaims(tx, message.copies, null);
    await decideAnew(
      tx,
      lying.map((one) => one.id),
    );
    if (stands && record !== null && message.emailId !== null && crm.joinsTransaction) await crm.setRegarding(message.emailId, record, tx);
  }, "track by hand");
  const left = await wakeThose(context, lying);
  context.log.info({ decisions: lying.map((one) => one.id), actor }, "message tracked by hand");
  return { ...told(message), state: "asked", regarding: record, left };
}

/**
 * A person wants no email of this message: no mailbox of the organization has it as one from now on, and nothing but `track` brings it back. The email in the
 * CRM stays, or is deleted with what belongs to it.
 */
export async function untrack(context: EngineContext, name: string, deleteEmail: boolean, actor: string): Promise<UntrackResult> {
  const message = await findMessage(context, name);
  const { organization, copies, emailId } = message;
  const crm = context.crm(organization);
  const said = wishOf("untrack", context, actor, null);
  let deleted = false;
  await context.database.transaction(async (tx) => {
    await changeWishes(tx, organization);
    await wish(tx, copies, said);
    await setClaims(tx, copies, said.at);
    await skipCopies(tx, copies, untrackedAnswer(said), said.at);
    if (!deleteEmail || emailId === null) return;
    await auditCopies(tx, copies, { at: said.at, actor, action: "delete email" });
    if (crm.joinsTransaction) deleted = await crm.remove(emailId, tx);
  }, "untrack by hand");
  // Elsewhere it goes last: what fails then is done by the same command, and nothing makes the email again meanwhile.
  if (deleteEmail && emailId !== null && !crm.joinsTransaction) deleted = await crm.remove(emailId);
  context.log.info({ decisions: copies.map((one) => one.id), actor, deleted }, "message untracked by hand");
  const email = deleted ? "deleted" : (await emailStands(context, message)) ? "stays" : "none";
  return { ...told(message), email };
}

/** A person says what the email of a message is about: a record, or `none`. */
export async function regarding(context: EngineContext, name: string, record: string, actor: string): Promise<RegardingResult> {
  const message = await findMessage(context, name);
  const found = record === "none" ? null : await findRecord(context.crm(message.organization), record);
  const emailId = message.copies.some(isEmail) ? await setRegarding(context, message, found, actor) : null;
  if (emailId === null) throw noEmail(name, message.copies);
  return { ...told(message), emailId, regarding: found };
}

/** Returns the id of the email, or null where it is not there (any more): then nothing was changed. */
async function setRegarding(
  context: EngineContext,
  { organization, copies, emailId }: FoundMessage,
  record: RecordRef | null,
  actor: string,
): Promise<string | null> {
  if (emailId === null) return null;
  const crm = context.crm(organization);
  const at = context.now();
  if (!crm.joinsTransaction && !(await crm.setRegarding(emailId, record))) return null;
  const isSet = await context.database.transaction(async (tx) => {
    await changeWishes(tx, organization);
    if (crm.joinsTransaction && !(await crm.setRegarding(emailId, record, tx))) return false;
    await storeSaidRegarding(tx, organization, [{ emailId, ruleId: null, regarding: record }]);
    await noteOnEmails(tx, organization, [{ emailId, rule: regardingAnswerByHand({ by: actor, at }, record) }]);
    await auditCopies(tx, copies, { at, actor, action: "regarding" });
    return true;
  }, "set regarding by hand");
  return isSet ? emailId : null;
}

function wishOf(verb: Wish["verb"], context: EngineContext, by: string, regarding: RecordRef | null): Wish {
  return { verb, by, at: context.now(), regarding };
}

function isEmail({ outcome }: Copy): boolean {
  return outcome === "tracked" || outcome === "duplicate";
}

async function emailStands(context: EngineContext, { organization, emailId }: FoundMessage): Promise<boolean> {
  return emailId !== null && (await context.crm(organization).standing([emailId])).has(emailId);
}

function told({ copies, emailId }: FoundMessage): { readonly messages: readonly TouchedMessage[]; readonly emailId: string | null } {
  return { messages: copies.map(({ id, mailbox, messageId }) => ({ decisionId: id, mailbox, messageId })), emailId };
}

/** Wakes the mailboxes; returns why some are left alone. */
async function wakeThose(context: EngineContext, copies: readonly Copy[]): Promise<string[]> {
  const left: string[] = [];
  for (const id of new Set(copies.map((one) => one.mailboxId))) {
    await context.wake("receive", id);
    const work = await readWork(context, id);
    const because = work === null ? null : whyNot("receive", work.mailbox, work.profile);
    if (because !== null) left.push(because);
  }
  return left;
}
