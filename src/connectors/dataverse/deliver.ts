import type { Delivered, IncomingEmail } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import { anyId } from "./any-of.ts";
import type { ChangeSet, ChangeSetAnswer, Request } from "./client/client.ts";
import { answered } from "./client/client.ts";
import { versionOf } from "./generation.ts";
import { readMark } from "./mark.ts";
import { withoutMissing } from "./missing-references.ts";
import { attachmentId, createAttachment, createEmail, finishEmail, type Unfinished } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { addQueueItems, isQueuedAlready, queueItem, queuesHolding } from "./queue-items.ts";
import { readAll } from "./read.ts";
import { keyOf, textOf } from "./row.ts";
import { readEmails } from "./standing.ts";
import type { Tables } from "./tables.ts";
import { takesBlocks, uploadAttachment } from "./upload.ts";

/** Bytes of attachments that go with their email in one change set; an email with more becomes whole in steps. */
const WITH_THE_EMAIL = 8 * 1024 * 1024;
/** Bytes of attachments asked for at once: as base64 they stand in memory a second time. */
const AT_ONCE = 24 * 1024 * 1024;
/** Bytes of an attachment that goes in one request, where the organization takes larger ones in blocks. */
const IN_ONE_REQUEST = 4 * 1024 * 1024;
/** Emails asked for at once: each is some hundred milliseconds' work for the organization, and an exchange may take two minutes. */
const EMAILS_AT_ONCE = 50;
/** Looks at an email that somebody else keeps changing. */
const MOST_TRIES = 5;

/**
 * Makes emails of messages, with parties, attachments, state and queue items. An email whose id exists already is left as it is, unless it was left
 * incomplete: then it is completed. One answer per email given, in their order; the same id twice is created once.
 *
 * An email is one change set: all of it is there or nothing. One with large attachments stays a draft that is marked incomplete until its last attachment
 * is there; after a crash, delivering it again goes on where it stopped. So does one that the organization puts into a queue by itself, which refuses the item
 * of the change set.
 * @throws Failure of scope item when the organization refuses one of them, after the others are delivered; a wider one when it cannot be reached
 */
export async function deliverEmails(organization: Organization, emails: readonly IncomingEmail[]): Promise<Delivered[]> {
  const seen = new Set<string>();
  // In the order given: an email may belong to one before it.
  const once = emails.filter(({ id }) => !seen.has(id) && seen.add(id));
  const created = new Set<string>();
  const refusals: unknown[] = [];
  const refused = new Set<string>();
  for (const some of portions(once)) {
    const { made, failures } = await deliverSome(organization, some, refused);
    for (const id of made) created.add(id);
    refusals.push(...failures);
  }
  // Trouble of the whole organization is told before that of one email, which would be quarantined for it.
  if (refusals.length > 0) throw refusals.find((one) => !(one instanceof Failure) || one.scope !== "item") ?? refusals[0];
  return emails.map(({ id }) => ({ id, result: created.delete(id) ? "created" : "existed" }));
}

function* portions(emails: readonly IncomingEmail[]): Generator<readonly IncomingEmail[]> {
  let some: IncomingEmail[] = [];
  let bytes = 0;
  for (const email of emails) {
    const its = sizeOf(email);
    if (some.length > 0 && (some.length >= EMAILS_AT_ONCE || bytes + its > AT_ONCE)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(email);
    bytes += its;
  }
  if (some.length > 0) yield some;
}

function sizeOf({ attachments }: IncomingEmail): number {
  return attachments.reduce((sum, { body }) => sum + body.length, 0);
}

/** @param refused the emails that were refused before these; what is refused of these is added */
async function deliverSome(
  organization: Organization,
  emails: readonly IncomingEmail[],
  refused: Set<string>,
): Promise<{ readonly made: readonly string[]; readonly failures: readonly unknown[] }> {
  const tables = await organization.tables();
  const answers = await organization.client.changeSets(emails.map((email) => changesOf(tables, email)));
  const made: string[] = [];
  const begun: IncomingEmail[] = [];
  const toLookAt: { readonly email: IncomingEmail; readonly failure: unknown }[] = [];
  const failures: unknown[] = [];
  for (const [index, email] of emails.entries()) {
    const first = answers[index];
    // It belongs to one that is refused just now: whoever delivers decides anew about both.
    if (first?.kind === "refused" && !isThere(first) && emailsBefore(email).some((id) => refused.has(id))) {
      refused.add(email.id);
      failures.push(first.failure);
      continue;
    }
    let answer = await settled(organization, email, first, (one) => changesOf(tables, one));
    const needsSteps = !isLarge(email) && (isQueuedAlready(answer) || isTooLarge(answer));
    const inSteps = isLarge(email) || needsSteps;
    if (needsSteps) {
      const [beginning] = await organization.client.changeSets([beginningOf(tables, email)]);
      answer = await settled(organization, email, beginning, (one) => beginningOf(tables, one));
    }
    if (answer.kind === "done") {
      made.push(email.id);
      if (inSteps) begun.push(email);
    }
    // What nobody knows the outcome of is looked up before anything else is tried (invariant 8).
    else if (isThere(answer) || answer.kind === "unknown") toLookAt.push({ email, failure: answer.failure });
    else {
      failures.push(answer.failure);
      refused.add(email.id);
    }
  }
  const rows = await readEmails(
    organization,
    toLookAt.map(({ email }) => email.id),
    ["activityadditionalparams"],
  );
  failures.push(...toLookAt.flatMap(({ email, failure }) => (rows.has(email.id) ? [] : [failure])));
  const left = toLookAt.filter(({ email }) => readMark(textOf(rows.get(email.id) ?? {}, "activityadditionalparams")).incomplete === true);
  for (const email of [...begun, ...left.map((one) => one.email)]) await complete(organization, tables, email);
  return { made, failures };
}

/** Ids of the emails that it refers to. */
function emailsBefore({ placement, about }: IncomingEmail): readonly string[] {
  return [placement.parentEmailId, placement.correlatedEmailId, about?.emailId ?? null].filter((id) => id !== null);
}

/** What became of one email; where something that it refers to is gone, it is made without that, and where it has come to be there by now, with it. */
async function settled(
  organization: Organization,
  email: IncomingEmail,
  answer: ChangeSetAnswer | undefined,
  changes: (email: IncomingEmail) => ChangeSet,
): Promise<ChangeSetAnswer> {
  if (answer === undefined) throw new Error("fewer answers than change sets");
  if (answer.kind !== "refused" || isThere(answer) || isQueuedAlready(answer) || isTooLarge(answer)) return answer;
  const remaining = await withoutMissing(organization, email);
  if (remaining === email && answer.status !== 404) return answer;
  const [again] = await organization.client.changeSets([changes(remaining)]);
  return again ?? answer;
}

/** The row of that id was there: DuplicateRecord (wire 7). */
function isThere(answer: ChangeSetAnswer): boolean {
  return answer.kind === "refused" && (answer.status === 412 || answer.code === "0x80040237");
}

/** Too large for one request: for what stands before the organization, where that takes less than is known of it. */
function isTooLarge(answer: ChangeSetAnswer): boolean {
  return answer.kind === "refused" && answer.failure.code === "request too large";
}

function changesOf(tables: Tables, email: IncomingEmail): ChangeSet {
  if (isLarge(email)) return beginningOf(tables, email);
  const attachments = email.attachments.map((one, index) => createAttachment(tables, email.id, one, index + 1));
  return { changes: [createEmail(tables, email, false), ...attachments, ...lastChanges(tables, email, null, email.placement.queueIds)] };
}

/** The email as a draft that {@link complete} makes whole. */
function beginningOf(tables: Tables, email: IncomingEmail): ChangeSet {
  return { changes: [createEmail(tables, email, true)] };
}

function isLarge(email: IncomingEmail): boolean {
  return sizeOf(email) > WITH_THE_EMAIL;
}

function lastChanges(tables: Tables, email: IncomingEmail, unfinished: Unfinished | null, queueIds: readonly string[]): Request[] {
  return [finishEmail(tables, email, unfinished), ...[...new Set(queueIds)].map((queueId) => queueItem(tables, queueId, email.id))];
}

/** Adds the attachments that are missing, one by one, then ends what makes it an email. Others may be doing the same. */
async function complete(organization: Organization, tables: Tables, email: IncomingEmail): Promise<void> {
  const there = await attachmentsThere(organization, tables, email.id);
  for (const [index, attachment] of email.attachments.entries()) {
    const number = index + 1;
    if (there.has(attachmentId(email.id, number))) continue;
    try {
      if (attachment.body.length > IN_ONE_REQUEST && (await takesBlocks(organization)))
        await uploadAttachment(organization, email.id, attachment, number);
      else answered(await organization.client.send(createAttachment(tables, email.id, attachment, number)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const isDone = (await attachmentsThere(organization, tables, email.id)).has(attachmentId(email.id, number));
      if (!isDone) throw error;
    }
  }
  await finish(organization, tables, email);
}

/** Ids of the attachments that an email has. */
async function attachmentsThere(organization: Organization, tables: Tables, emailId: string): Promise<ReadonlySet<string>> {
  const [filter = ""] = anyId("_objectid_value", [emailId]);
  const select = tables.select("activitymimeattachment", ["activitymimeattachmentid"]);
  const rows = await readAll(organization.client, [{ set: tables.set("activitymimeattachment"), select, filter }]);
  return new Set(rows.map((row) => keyOf(row, "activitymimeattachmentid")));
}

/**
 * Makes an email of a draft whose attachments are all there, in the version that was looked at: what somebody changed meanwhile is looked at again, and whatever
 * fails is no failure where somebody else has made an email of it by then. Where the organization itself puts into a queue what becomes an email, and so refuses
 * the item that comes with that, it becomes an email first, still marked incomplete, and then gets the items that are missing.
 */
async function finish(organization: Organization, tables: Tables, email: IncomingEmail): Promise<void> {
  const remaining = await withoutMissing(organization, email);
  const { queueIds } = remaining.placement;
  let failure: Failure | null = null;
  let withoutQueues = false;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const row = (await readEmails(organization, [email.id], ["activityadditionalparams"])).get(email.id);
    const parameters = textOf(row ?? {}, "activityadditionalparams");
    if (row !== undefined && readMark(parameters).incomplete !== true) {
      for (const queueId of new Set(queueIds)) await addQueueItems(organization, queueId, [email.id]);
      return;
    }
    if (failure !== null && failure.code !== "other version") throw failure;
    const unfinished = { version: row === undefined ? "*" : versionOf(row), parameters };
    const changes = withoutQueues
      ? [finishEmail(tables, remaining, unfinished, true)]
      : lastChanges(tables, remaining, unfinished, await queuesLacking(organization, remaining));
    const [answer] = await organization.client.changeSets([{ changes }]);
    if (answer === undefined) throw new Error("no answer to a change set");
    if (answer.kind === "done" && !withoutQueues) return;
    withoutQueues = isQueuedAlready(answer);
    failure = answer.kind === "done" || withoutQueues ? null : answer.failure;
  }
  throw failure ?? keepsMoving(email.id);
}

async function queuesLacking(organization: Organization, { id, placement }: IncomingEmail): Promise<readonly string[]> {
  const holding = await queuesHolding(organization, id);
  return placement.queueIds.filter((queueId) => !holding.has(queueId));
}

function keepsMoving(id: string): Failure {
  return new Failure({
    scope: "item",
    code: "email keeps changing",
    message: `The email ${id} was put into a queue by somebody else each time that it was to be completed.`,
    remedy: "Look which plug-in or rule of the organization moves new emails between queues; then have the message processed again.",
    waitingHelps: true,
  });
}
