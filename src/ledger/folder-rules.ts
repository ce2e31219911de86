import type { FolderRule } from "../model/folder-rule.ts";
import type { RecordRef } from "../model/record.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson, storableText } from "../model/text.ts";

/** A rule with who made it. */
export interface FolderRuleRow extends FolderRule {
  readonly by: string;
  readonly at: Date;
}

/** The rules about folders of a mailbox, oldest first. */
export async function readFolderRules(sql: Sql, mailboxId: string): Promise<FolderRuleRow[]> {
  const { rows } = await sql.query<FolderRuleRow>(
    `select id, folder_id as folder, folder_name as name, mark, children, regarding, actor as by, made_at as at
     from waypost.tracking_folder where mailbox_id = $1 order by id`,
    [mailboxId],
  );
  return rows;
}

/** What a person says of a folder. */
export interface NewFolderRule {
  readonly folder: { readonly id: string; readonly name: string; readonly mark: string | null };
  readonly children: boolean;
  readonly regarding: RecordRef | null;
  readonly by: string;
  readonly at: Date;
}

/** Makes a rule, in the place of the one that the folder had: another rule, so that what lies there is looked at again. */
export async function putFolderRule(
  tx: Transaction,
  mailboxId: string,
  { folder, children, regarding, by, at }: NewFolderRule,
): Promise<void> {
  await tx.query("delete from waypost.tracking_folder where mailbox_id = $1 and folder_id = $2", [mailboxId, folder.id]);
  await tx.query(
    `insert into waypost.tracking_folder (mailbox_id, folder_id, folder_name, mark, children, regarding, actor, made_at)
     values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)`,
    [mailboxId, folder.id, folder.name, folder.mark, children, regarding === null ? null : storableJson(regarding), storableText(by), at],
  );
}

/** Takes rules away; what they made stays. */
export async function removeFolderRules(tx: Transaction, ids: readonly number[]): Promise<void> {
  await tx.query("delete from waypost.tracking_folder where id = any($1::bigint[])", [ids]);
}

/** Stores where the folders of rules are now. A rule that somebody took away meanwhile stays away. */
export async function moveFolderRules(tx: Transaction, rules: readonly FolderRule[]): Promise<void> {
  if (rules.length === 0) return;
  await tx.query(
    `update waypost.tracking_folder rule set folder_id = now.folder, folder_name = now.name, mark = now.mark
     from jsonb_to_recordset($1::jsonb) now (id bigint, folder text, name text, mark text)
     where rule.id = now.id and (rule.folder_id, rule.folder_name, rule.mark) is distinct from (now.folder, now.name, now.mark)`,
    [storableJson(rules)],
  );
}

/** A folder with the rule that applies to it from now on. */
export interface NowRuled {
  readonly id: string;
  readonly ruleId: number;
}

/** What lies in folders that come under a rule, or under another one than before, is to be looked at. Must come before the listing is stored. */
export async function fileContents(tx: Transaction, mailboxId: string, folders: readonly NowRuled[]): Promise<void> {
  if (folders.length === 0) return;
  await tx.query(
    // OFFSET 0 keeps the planner to the index of the stream, also without statistics.
    `insert into waypost.filed (mailbox_id, decision_id)
     select distinct $1::uuid, place.decision_id from jsonb_to_recordset($2::jsonb) now (id text, "ruleId" bigint)
       join waypost.folder before on before.mailbox_id = $1 and before.id = now.id and before.rule_id is distinct from now."ruleId"
       cross join lateral (
         select decision_id from waypost.location
         where mailbox_id = before.mailbox_id and stream_id = before.stream_id and gone_at is null and before.id = any(folders) offset 0) place
     on conflict do nothing`,
    [mailboxId, storableJson(folders)],
  );
}

/** What a page shows of folders with a rule. */
export interface SeenThere {
  /** Decisions about known messages that came to lie there. */
  readonly moved: readonly number[];
  readonly stream: string;
  /** Ids of the refs of all that lies there. */
  readonly refs: readonly string[];
}

/** Messages that came to lie in a folder with a rule are to be looked at, and those too that turned out to be an email already. */
export async function fileSeen(tx: Transaction, mailboxId: string, { moved, stream, refs }: SeenThere): Promise<void> {
  await tx.query(
    `insert into waypost.filed (mailbox_id, decision_id)
     select distinct $1::uuid, id from waypost.decision where id = any($2::bigint[]) or outcome = 'duplicate' and id = any(array(
       select decision_id from waypost.location where mailbox_id = $1 and stream_id = $3 and ref_id = any($4)))
     on conflict do nothing`,
    [mailboxId, moved, stream, refs],
  );
}
