import { writeAudit } from "../../ledger/audit.ts";
import { type FolderRuleRow, putFolderRule, readFolderRules, removeFolderRules } from "../../ledger/folder-rules.ts";
import { type FolderRow, listFolders } from "../../ledger/folders.ts";
import type { MailboxRow } from "../../ledger/mailboxes.ts";
import { Failure } from "../../model/failure.ts";
import type { RecordRef } from "../../model/record.ts";
import type { Transaction } from "../../model/sql.ts";
import { quote } from "../../tracking/sentence.ts";
import type { EngineContext } from "../context.ts";
import { whyNotReceived } from "../receive/choose-folders.ts";
import { ruledFolders } from "../receive/ruled-folders.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";
import { findRecord } from "./find-record.ts";

/** A rule about a folder, for a person. */
export interface FolderRuleInfo {
  /** What the folder is called. */
  readonly folder: string;
  /** The folders below it too. */
  readonly children: boolean;
  /** Null: what the other rules find. */
  readonly regarding: RecordRef | null;
  readonly by: string;
  readonly at: Date;
  /** The folder is not listed any more: it was deleted, or nobody can tell where it went. */
  readonly missing: boolean;
}

/** The rules about folders of a mailbox, and the folders that can have one. */
export interface MailboxFolders {
  readonly mailbox: string;
  readonly rules: readonly FolderRuleInfo[];
  /** In order of names; `rule`: the folder whose rule applies to it. */
  readonly folders: readonly { readonly name: string; readonly rule: string | null; readonly whyNone: string | null }[];
}

/** What a person says of a folder. `regarding`: a record, see find-record.ts. */
export interface FolderRuleRequest {
  readonly regarding: string | null;
  readonly children: boolean;
}

/** Lists the rules about folders of the mailbox with this address, with all its folders as they were listed last. */
export async function folderList(context: EngineContext, address: string): Promise<MailboxFolders> {
  const mailbox = await mailboxAt(context, address);
  const [rules, folders] = [await readFolderRules(context.database, mailbox.id), await shownFolders(context, mailbox)];
  const ruled = ruledFolders(rules, folders.map(asListed));
  return {
    mailbox: mailbox.address,
    rules: rules.map((rule) => infoOf(rule, folders)),
    folders: folders.map((one) => ({
      name: one.name,
      rule: ruled.get(one.id)?.rule.name ?? null,
      whyNone: one.selectable ? whyNotReceived(one, folders) : null,
    })),
  };
}

/**
 * From now on what lies in the folder becomes an email, whatever filters say. A rule that the folder has is replaced. Throws a Failure where the mailbox has no
 * such folder, where nothing in it counts as received, and where the mailbox has as many rules as it may have.
 */
export async function folderTrack(
  context: EngineContext,
  address: string,
  name: string,
  { regarding, children }: FolderRuleRequest,
  actor: string,
): Promise<MailboxFolders> {
  const mailbox = await mailboxAt(context, address);
  const folders = await shownFolders(context, mailbox);
  const folder = folderNamed(name, folders) ?? unknown(mailbox, name);
  const hindrance = !folder.selectable && children ? null : whyNotReceived(folder, folders);
  if (hindrance !== null) throw cannotBeTracked(mailbox, folder, hindrance);
  const crm = context.crm(mailbox.organization);
  const record = regarding === null ? null : await findRecord(crm, regarding);
  const { maxfolderbasedtrackingmappings: most } = await crm.organizationSettings();
  const at = context.now();
  await change(context, mailbox, async (tx) => {
    const others = (await readFolderRules(tx, mailbox.id)).filter((one) => one.folder !== folder.id);
    if (others.length >= most) throw tooMany(mailbox, most);
    await putFolderRule(tx, mailbox.id, { folder, children, regarding: record, by: actor, at });
    await writeAudit(tx, { at, actor, action: "track folder", subject: mailbox.address });
  });
  return folderList(context, address);
}

/** Takes the rule of a folder away. The emails stay, and what they are about. */
export async function folderUntrack(context: EngineContext, address: string, name: string, actor: string): Promise<MailboxFolders> {
  const mailbox = await mailboxAt(context, address);
  const at = context.now();
  await change(context, mailbox, async (tx) => {
    const ids = (await readFolderRules(tx, mailbox.id)).filter((one) => one.name === name || one.folder === name).map(({ id }) => id);
    if (ids.length === 0) throw noRule(mailbox, name);
    await removeFolderRules(tx, ids);
    await writeAudit(tx, { at, actor, action: "untrack folder", subject: mailbox.address });
  });
  return folderList(context, address);
}

/** One at a time for each mailbox, and the mailbox is read soon. */
async function change(context: EngineContext, mailbox: MailboxRow, work: (tx: Transaction) => Promise<void>): Promise<void> {
  await context.database.transaction(async (tx) => {
    await tx.query("select pg_advisory_xact_lock(hashtextextended('waypost folder rules ' || $1, 0))", [mailbox.id]);
    await work(tx);
  }, "change folder rules");
  await context.wake("receive", mailbox.id);
}

async function mailboxAt(context: EngineContext, address: string): Promise<MailboxRow> {
  const [mailbox] = await chooseMailboxes(context, [address]);
  if (mailbox === undefined) throw new Error(`the mailbox ${address} was found and is not there`);
  return mailbox;
}

async function shownFolders({ database }: EngineContext, { id }: MailboxRow): Promise<readonly FolderRow[]> {
  return (await listFolders(database, id)).filter(({ missingSince }) => missingSince === null);
}

function asListed(row: FolderRow) {
  return { ...row, underInbox: false, unreadable: null };
}

function infoOf({ name, folder, children, regarding, by, at }: FolderRuleRow, folders: readonly FolderRow[]): FolderRuleInfo {
  return { folder: name, children, regarding, by, at, missing: !folders.some((one) => one.id === folder) };
}

function folderNamed(name: string, folders: readonly FolderRow[]): FolderRow | undefined {
  return folders.find((one) => one.name === name) ?? folders.find((one) => one.id === name);
}

function unknown({ address }: MailboxRow, name: string): never {
  throw new Failure({
    scope: "item",
    code: "folder unknown",
    message: `The mailbox ${address} has no folder ${quote(name)}, as far as it was read.`,
    remedy: `\`waypost folder list ${address}\` lists its folders as they were when it was read last; a new one appears with the next \`waypost receive\`.`,
    waitingHelps: false,
  });
}

function cannotBeTracked({ address }: MailboxRow, { name }: FolderRow, because: string): Failure {
  return new Failure({
    scope: "item",
    code: "folder not tracked",
    message: `Nothing in the folder ${quote(name)} of ${address} can be tracked as received mail. ${because}`,
    remedy: "Choose another folder. With --children a folder that holds only folders can have a rule for those.",
    waitingHelps: false,
  });
}

function tooMany({ address }: MailboxRow, most: number): Failure {
  return new Failure({
    scope: "item",
    code: "too many folder rules",
    message: `The mailbox ${address} has ${most} rules about folders already, and maxfolderbasedtrackingmappings allows no more.`,
    remedy: "Take one away with `waypost folder untrack`, use --children above several folders, or raise the setting (up to 25).",
    waitingHelps: false,
  });
}

function noRule({ address }: MailboxRow, name: string): Failure {
  return new Failure({
    scope: "item",
    code: "no folder rule",
    message: `No folder ${quote(name)} of ${address} has a rule.`,
    remedy: `\`waypost folder list ${address}\` lists the rules.`,
    waitingHelps: false,
  });
}
