import type { RuleAnswer } from "../model/decision.ts";
import type { RuledFolder } from "../model/folder-rule.ts";
import type { RecordRef } from "../model/record.ts";
import { type Gate, pass } from "./gate.ts";
import { RULE, yes } from "./rule.ts";
import { quote } from "./sentence.ts";

/** Whoever puts a message into a folder with a rule wants an email of it, whatever filters say (product-behaviour 4.4, 4.13). */
export const inFolder: Gate = ({ context: { folder } }) => (folder === undefined ? null : pass(inFolderAnswer(folder)));

/** Stands for the folder in which a message lay when it was decided: which one it was changes no outcome. */
export const SOME_FOLDER: RuledFolder = {
  name: "",
  rule: { id: 0, folder: "", name: "", mark: null, children: false, regarding: null },
};

function inFolderAnswer({ name, rule }: RuledFolder): RuleAnswer {
  const whose = name === rule.name ? "which has a rule" : `below ${quote(rule.name)}, which has a rule for all folders below it`;
  return yes(
    RULE.folder,
    `It lies in the folder ${quote(name)}, ${whose}: it is tracked whatever automatic tracking, sender, mail between users and filters say.`,
    rule.regarding === null ? {} : { records: [rule.regarding] },
  );
}

/** What stands in the decision about a message whose email is about the record of a folder. */
export function regardingAnswerOfFolder({ name }: RuledFolder, record: RecordRef): RuleAnswer {
  return yes(RULE.regarding, `It is about the ${record.type} ${quote(record.name)}, like the folder ${quote(name)} in which it lies.`, {
    records: [record],
  });
}

/** What stands in the decision about a message whose email the folder's record was kept from: somebody in the CRM said otherwise, or deleted it. */
export function regardingKeptAnswer({ name }: RuledFolder, record: RecordRef): RuleAnswer {
  return yes(
    RULE.folder,
    `It lies in the folder ${quote(name)}, which is about the ${record.type} ${quote(record.name)}. The email was changed or deleted in the CRM since; that stands.`,
    { records: [record] },
  );
}
