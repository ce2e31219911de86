import { givenRegarding, noteOnEmails, storeSaidRegarding } from "../../ledger/email-regarding.ts";
import { type FiledMessage, readFiled, settleFiled } from "../../ledger/filed.ts";
import { holdWishes, latestWish, readWishes, wishKeys } from "../../ledger/wishes.ts";
import { type RuledFolder, ruledAmong } from "../../model/folder-rule.ts";
import type { RecordRef } from "../../model/record.ts";
import type { Sql, Transaction } from "../../model/sql.ts";
import { regardingAnswerOfFolder, regardingKeptAnswer } from "../../tracking/in-folder.ts";
import { type Slice, SliceClock } from "../connections/slice.ts";
import type { Reading } from "./reading.ts";

const BATCH = 200;

/**
 * What follows for messages that came to lie in a folder with a rule, by a move or because the rule is new: what was skipped is decided again, and an email
 * is about the record of the folder from now on (product-behaviour 4.13). In Dynamics the folder's record overrules people at each synchronization; here
 * a person's word about an email stands, by hand or in the CRM. Of two mailboxes the folder of the first has the say, while its rule is there.
 * After a slice the mailbox gives way if others wait; false then, if something is left.
 */
export async function followFolders(reading: Reading, slice: Slice): Promise<boolean> {
  if (reading.ruled.size === 0) return true;
  const { context, work, signal } = reading;
  const clock = new SliceClock(slice);
  while (!signal.aborted) {
    const filed = await readFiled(context.database, work.mailbox.id, BATCH);
    if (filed.length === 0) return true;
    await follow(reading, filed);
    if (filed.length < BATCH) return true;
    if (await clock.isOver()) return false;
  }
  return true;
}

async function follow(reading: Reading, filed: readonly FiledMessage[]): Promise<void> {
  const { context, work, lease } = reading;
  const { id: mailboxId, organization } = work.mailbox;
  const crm = context.crm(organization);
  // A CRM that stands elsewhere is told first, and takes it twice as once.
  const told = crm.joinsTransaction ? null : await relate(reading, context.database, filed);
  await context.database.transaction(async (tx) => {
    await holdWishes(tx, organization);
    await lease.assertHeld(tx);
    await note(organization, tx, told ?? (await relate(reading, tx, filed, tx)));
    await settleFiled(
      tx,
      mailboxId,
      filed.map(({ decisionId }) => decisionId),
    );
  }, "follow folders");
}

/** An email that is to be about the record of a folder. */
interface Linked {
  readonly emailId: string;
  readonly folder: RuledFolder;
  readonly from: RecordRef | null;
  readonly to: RecordRef;
}

/** The emails that the folders have a say about; `kept`: of those that somebody in the CRM said otherwise of. */
interface Told {
  readonly linked: readonly Linked[];
  readonly kept: readonly Linked[];
}

async function relate(reading: Reading, sql: Sql, filed: readonly FiledMessage[], within?: Transaction): Promise<Told> {
  const wanted = await linksOf(reading, sql, filed);
  if (wanted.length === 0) return { linked: [], kept: [] };
  const crm = reading.context.crm(reading.work.mailbox.organization);
  const relations = wanted.map(({ emailId, from, to }) => ({ id: emailId, from, to }));
  const set = await crm.relate(relations, within);
  const refused = wanted.filter(({ emailId }) => !set.has(emailId));
  return { linked: wanted.filter(({ emailId }) => set.has(emailId)), kept: refused };
}

/** Each email once. Nobody has said by hand what it is about, nor another mailbox's folder. */
async function linksOf({ work: { mailbox }, ruled }: Reading, sql: Sql, filed: readonly FiledMessage[]): Promise<readonly Linked[]> {
  const emails = new Map<string, { readonly message: FiledMessage; readonly folder: RuledFolder; readonly to: RecordRef }>();
  for (const message of filed) {
    const folder = ruledAmong(message.folders, ruled);
    const isEmail = message.outcome === "tracked" || message.outcome === "duplicate";
    if (isEmail && message.emailId !== null && folder?.rule.regarding)
      emails.set(message.emailId, { message, folder, to: folder.rule.regarding });
  }
  if (emails.size === 0) return [];
  const keys = ({ decisionKey, head, emailId }: FiledMessage) =>
    wishKeys(mailbox.organization, { mailboxId: mailbox.id, decisionKey, head, emailId });
  const wishes = await readWishes(sql, mailbox.organization, [...new Set([...emails.values()].flatMap(({ message }) => keys(message)))]);
  const given = await givenRegarding(sql, mailbox.organization, [...emails.keys()]);
  return [...emails].flatMap(([emailId, { message, folder, to }]) => {
    const { by, regarding: from, mailboxId } = given.get(emailId) ?? { by: "a message", regarding: null, mailboxId: null };
    const isOthers = by === "a person" || (by === "a folder" && mailboxId !== mailbox.id);
    return isOthers || latestWish(wishes, keys(message))?.regarding ? [] : [{ emailId, folder, from, to }];
  });
}

async function note(organization: string, tx: Transaction, { linked, kept }: Told): Promise<void> {
  const isNew = ({ from, to }: Linked) => from?.type !== to.type || from.id !== to.id;
  await storeSaidRegarding(
    tx,
    organization,
    linked.map(({ emailId, folder, to }) => ({ emailId, ruleId: folder.rule.id, regarding: to })),
  );
  await noteOnEmails(tx, organization, [
    ...linked.filter(isNew).map(({ emailId, folder, to }) => ({ emailId, rule: regardingAnswerOfFolder(folder, to) })),
    ...kept.map(({ emailId, folder, to }) => ({ emailId, rule: regardingKeptAnswer(folder, to) })),
  ]);
}
