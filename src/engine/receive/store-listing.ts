import { closeAlertsOfOtherFolders, closeQuietAlerts } from "../../ledger/alerts.ts";
import { fileContents, moveFolderRules, type NowRuled } from "../../ledger/folder-rules.ts";
import { type ChosenFolder, storeFolders } from "../../ledger/folders.ts";
import { isAsStored, type StoredListing } from "../../ledger/stored-listing.ts";
import { LOOP_WINDOW } from "../../model/automatic-answer.ts";
import type { FolderRule } from "../../model/folder-rule.ts";
import { closeCategoryAlerts } from "./follow-categories.ts";
import { tellHiddenFolders } from "./hidden-folders.ts";
import { LOOP_CODE } from "./loops.ts";
import type { Reading } from "./reading.ts";

/** Stores what the server listed, and closes the alerts that came to their end; where all is as before, as it mostly is, there is nothing to store. */
export async function storeListing(
  { context, work: { mailbox, profile }, lease }: Reading,
  folders: readonly ChosenFolder[],
  rules: readonly FolderRule[],
  stored: StoredListing,
): Promise<void> {
  const { hidesFolders = false } = context.mailSystem(profile).capabilities;
  const mayHide = hidesFolders && stored.hasMissing;
  if (rules.length === 0 && !stored.hasAlerts && !mayHide && isAsStored(folders, stored)) return;
  await context.database.transaction(async (tx) => {
    const closeAlerts = async () => {
      const hidden = hidesFolders ? await tellHiddenFolders(tx, mailbox, context.now()) : [];
      const streams = [...new Set([...folders.filter(({ wanted }) => wanted).map(({ stream }) => stream), ...hidden])];
      const now = context.now();
      await Promise.all([
        closeAlertsOfOtherFolders(tx, mailbox.id, streams, now),
        closeCategoryAlerts(tx, mailbox.id, now),
        closeQuietAlerts(tx, "mailbox", mailbox.id, LOOP_CODE, new Date(now.getTime() - LOOP_WINDOW), now),
      ]);
    };
    await lease.assertHeld(tx);
    await moveFolderRules(tx, rules);
    await fileContents(tx, mailbox.id, nowRuled(folders));
    await Promise.all([storeFolders(tx, mailbox.id, folders, context.now()), closeAlerts()]);
  }, "store folders");
}

function nowRuled(folders: readonly ChosenFolder[]): readonly NowRuled[] {
  return folders.flatMap(({ id, ruleId }) => (ruleId == null ? [] : [{ id, ruleId }]));
}
