import type { RecordRef } from "./record.ts";

/** A rule of a mailbox: what lies in a folder becomes an email (Dynamics: `mailboxtrackingfolder`). */
export interface FolderRule {
  readonly id: number;
  /** The folder by its identity, see Folder. */
  readonly folder: string;
  /** What the folder was called when it was listed last. */
  readonly name: string;
  /** See Folder. */
  readonly mark: string | null;
  /** The folders below it too. */
  readonly children: boolean;
  /** What the emails are about; null: what the other rules find. */
  readonly regarding: RecordRef | null;
}

/** A folder to which a rule applies, its own or that of one above it. */
export interface RuledFolder {
  /** What it is called now. */
  readonly name: string;
  readonly rule: FolderRule;
}

/** The rule that applies to each folder, by the folder's id. */
export type RuledFolders = ReadonlyMap<string, RuledFolder>;

/**
 * Of the folders in which a message lies, the one whose rule counts: one that says what the email is about before one that does not, else the older
 * rule. Undefined where none has a rule. Pure.
 */
export function ruledAmong(folders: Iterable<string>, ruled: RuledFolders): RuledFolder | undefined {
  const found = [...new Set(folders)].flatMap((id) => ruled.get(id) ?? []);
  return found.sort(
    (one, other) => Number(other.rule.regarding !== null) - Number(one.rule.regarding !== null) || one.rule.id - other.rule.id,
  )[0];
}
