import { askedAgainAt, type DeletionNote, type KeptBecause } from "../../ledger/deletions.ts";
import { quote, when } from "../../tracking/sentence.ts";

const KEPT: Readonly<Record<KeptBecause, string>> = {
  "other content":
    "It has the sender, date, subject, recipients and Message-ID of the email, and other content: it is a forged or careless twin, or was changed on its way. Look at it with a mail program.",
  "too large":
    "It is larger than maximumMessageMegabytes of the server profile allows to read, so nobody knows whether the email holds it.",
  unreadable: "It cannot be read as mail, so nobody knows whether the email holds it. Look at it with a mail program.",
};

/** Characters of what is told of a refusal: room for a folder with a long name and the rights that are lacking there. */
const LONGEST_REFUSAL = 400;

/** What deleting did, or did not do, about one copy of a message: a sentence for a person. Pure. */
export function deletionSentence(note: DeletionNote, emailId: string | null): string {
  const { folders, deletedAt, askedAt, refused, gone, keptBecause } = note;
  const where = folders.length === 0 ? "the mailbox" : folders.join(" and ");
  if (deletedAt !== null)
    return `Waypost deleted it from ${where} on ${when(deletedAt)}: the mailbox deletes what is processed (deleteAfterProcessing), and its content was proven to be in the email ${emailId}.`;
  if (keptBecause === "unreadable" && refused !== null && askedAt !== null)
    return `A message in ${where} is not deleted. It could not be compared with the email ${emailId} on ${when(askedAt)}: "${quote(refused, { longest: LONGEST_REFUSAL })}". It is asked for again at the first round after ${when(askedAgainAt(askedAt))}.`;
  if (keptBecause !== null) return `A message in ${where} is not deleted. ${KEPT[keptBecause]}`;
  const asked = `${askedAt === null ? "At some time" : `On ${when(askedAt)}`} Waypost asked the mail server to delete it from ${where}`;
  const answer =
    refused === null
      ? "and was stopped before the answer was stored"
      : `and it is not known to be done: "${quote(refused, { longest: LONGEST_REFUSAL })}"`;
  const again = askedAt === null || refused === null ? "at the next round" : `at the first round after ${when(askedAgainAt(askedAt))}`;
  return `${asked}${refused === null ? " " : ", "}${answer}. ${gone ? `It is gone; its content was proven to be in the email ${emailId} before.` : `It is asked again ${again}.`}`;
}
