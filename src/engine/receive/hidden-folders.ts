import { alertOf, openAlert } from "../../ledger/alerts.ts";
import { type FolderRow, listFolders } from "../../ledger/folders.ts";
import type { MailboxRow } from "../../ledger/mailboxes.ts";
import { Failure } from "../../model/failure.ts";
import type { Sql } from "../../model/sql.ts";
import { ACTIVITY } from "../trouble.ts";
import { REFUSED } from "./choose-folders.ts";

/** How long somebody is told of it: whoever took a right away by mistake will notice, and whoever deleted a folder needs no longer reminder. */
const TOLD_FOR = 7 * 24 * 60 * 60 * 1000;

/**
 * Folders that were to be read and are not listed any more, in a mailbox of which only what is shared can be seen: to somebody without any right a
 * folder looks as if it were not there (RFC 4314 6), so nobody can tell whether it was deleted, and to be silent would be to lose mail. Each has
 * an alert until it is back, or for a week.
 * @returns the streams with such an alert
 */
export async function tellHiddenFolders(sql: Sql, mailbox: MailboxRow, now: Date): Promise<readonly string[]> {
  const hidden = (await listFolders(sql, mailbox.id)).filter(
    ({ missingSince, notReadBecause }) =>
      missingSince !== null &&
      (notReadBecause === null || notReadBecause.startsWith(REFUSED)) &&
      now.getTime() - missingSince.getTime() < TOLD_FOR,
  );
  for (const folder of hidden) {
    const alert = alertOf(notShown(mailbox, folder), ACTIVITY.receive, `${mailbox.id}/${folder.stream}`);
    await openAlert(sql, alert, now);
  }
  return hidden.map((folder) => folder.stream);
}

function notShown(mailbox: MailboxRow, folder: FolderRow): Failure {
  return new Failure({
    scope: "folder",
    code: "folder not shown",
    message: `Mailbox ${mailbox.address}: the folder ${folder.name} is not shown to the service account any more. It was deleted or renamed, or the right to see it was taken away.`,
    remedy:
      "Nothing, if it was deleted or renamed on purpose: this alert closes after a week. Else have the rights l (see) and r (read) on it granted again.",
    waitingHelps: false,
  });
}
