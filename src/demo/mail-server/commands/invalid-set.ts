import type { Outcome } from "../imap/session.ts";

/** RFC 3501 section 9, seq-number: the answer to a sequence number that is not in use. */
export const INVALID_SET: Outcome = { status: "BAD", text: "Sequence number is out of range" };
