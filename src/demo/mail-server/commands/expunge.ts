import { resolveSet, type SequenceSet, setHolds } from "../imap/sequence-set.ts";
import type { Outcome, Session } from "../imap/session.ts";
import { markedDeleted } from "./select.ts";

/** EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1). The expunged numbers follow as news of this very command. */
export function expunge(uids: SequenceSet | null, session: Session): Outcome {
  const { folder, readOnly, largestUid } = session.selected();
  if (readOnly) return { status: "NO", text: "Mailbox is open for reading only" };
  const ranges = uids === null ? null : resolveSet(uids, largestUid);
  const gone = folder.expunge(markedDeleted(folder).filter((uid) => ranges === null || setHolds(ranges, uid)));
  const text = `${gone.length} expunged`;
  // RFC 7162 3.2.7
  return session.qresync && gone.length > 0
    ? { status: "OK", code: `HIGHESTMODSEQ ${folder.highestModseq}`, text }
    : { status: "OK", text };
}
