import type { FolderRule, RuledFolder, RuledFolders } from "../../model/folder-rule.ts";
import type { Folder } from "../../model/message.ts";
import { whyNotReceived } from "./choose-folders.ts";

/**
 * The rules with their folders as these are listed now. Where the identity of a folder does not survive a rename, the mark does: the rule follows it to the
 * one folder that has it and did not have it before. A folder that was made anew under the name of the rule's has the rule, unless it is another rule's.
 * One that is not listed any more keeps it: it may come back. Pure.
 * @param before the marks of the folders that were listed before, by their ids
 */
export function whereNow(
  rules: readonly FolderRule[],
  listed: readonly Folder[],
  before: ReadonlyMap<string, string | null>,
): readonly FolderRule[] {
  const now = rules.map((rule) => placeNow(rule, listed, before));
  const followed = new Set(now.flatMap(({ folder, mark }, index) => (mark !== null && mark === rules[index]?.mark ? [folder] : [])));
  return now.map((one, index) => {
    const rule = rules[index] ?? one;
    return one.mark !== rule.mark && followed.has(one.folder) ? rule : one;
  });
}

function placeNow(rule: FolderRule, listed: readonly Folder[], before: ReadonlyMap<string, string | null>): FolderRule {
  const here = listed.find((one) => one.id === rule.folder);
  const mark = here?.mark ?? null;
  if (here !== undefined && (mark === null || rule.mark === null || mark === rule.mark)) return at(rule, here);
  const [renamed, ...others] = rule.mark === null ? [] : listed.filter((one) => one.mark === rule.mark);
  if (renamed !== undefined && others.length === 0 && before.get(renamed.id) !== rule.mark) return at(rule, renamed);
  return here === undefined ? rule : at(rule, here);
}

function at(rule: FolderRule, { id, name, mark }: Folder): FolderRule {
  return { ...rule, folder: id, name, mark: mark ?? rule.mark };
}

/** Which rule applies to which of the listed folders: its own, or that of the nearest one above that has one for those below it. Pure. */
export function ruledFolders(rules: readonly FolderRule[], listed: readonly Folder[]): RuledFolders {
  const ruled = new Map<string, RuledFolder>();
  if (rules.length === 0) return ruled;
  const own = Map.groupBy(rules, (rule) => rule.folder);
  const shown = new Set(listed.map(({ id }) => id));
  const parents = rules.filter(({ children, folder }) => children && shown.has(folder));
  for (const folder of listed) {
    const rule = itsOwn(own.get(folder.id) ?? [], folder) ?? nearest(parents, folder.name);
    if (rule !== undefined && whyNotReceived(folder, listed) === null) ruled.set(folder.id, { name: folder.name, rule });
  }
  return ruled;
}

/** Of two the other waits for a folder that is gone. */
function itsOwn(rules: readonly FolderRule[], { mark }: Folder): FolderRule | undefined {
  return rules.find((rule) => rule.mark === (mark ?? null)) ?? rules[0];
}

function nearest(parents: readonly FolderRule[], name: string): FolderRule | undefined {
  return parents.filter((one) => name.startsWith(`${one.name}/`)).sort((one, other) => other.name.length - one.name.length)[0];
}
