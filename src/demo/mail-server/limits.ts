/** Every limit of the demo's mail server in one place: it keeps all mail in memory and reads whatever a client sends. */

/** Largest message, as announced by SMTP SIZE and IMAP APPENDLIMIT; the usual limit of public mail systems. */
export const MAXIMUM_MESSAGE_BYTES = 25 * 1024 * 1024;

/** Room for a year of busy sample mail; more would only slow the demo down. */
export const MAXIMUM_MESSAGES_PER_FOLDER = 20_000;

/** All folders of one account together, so that a runaway client ends in "over quota", not in a dead process. */
export const MAXIMUM_ACCOUNT_BYTES = 512 * 1024 * 1024;

export const MAXIMUM_FOLDERS_PER_ACCOUNT = 500;

/** Characters of a whole folder path. */
export const MAXIMUM_FOLDER_PATH_LENGTH = 255;

/** Levels of a folder path. */
export const MAXIMUM_FOLDER_DEPTH = 10;

/** Keywords on one message; Maildir servers stop at 26. */
export const MAXIMUM_KEYWORDS = 50;

/** Expunged UIDs remembered per folder for QRESYNC; older ones are answered from the gaps instead (RFC 7162 3.2.5.2). */
export const MAXIMUM_VANISHED = 10_000;

/** One line of a command without its literals. RFC 7162 section 4 asks for 8192 at least; sets of UIDs may be longer. */
export const MAXIMUM_LINE_BYTES = 64 * 1024;

/** A stranger needs literals for a name and a password only. */
export const MAXIMUM_LITERAL_BEFORE_SIGN_IN = 1024;

/** Nesting of NOT, OR and parentheses in SEARCH: the parser and the matcher are recursive. */
export const MAXIMUM_SEARCH_DEPTH = 32;

/** Patterns of one LIST command, and characters of one: each is tried on each folder. */
export const MAXIMUM_LIST_PATTERNS = 100;
export const MAXIMUM_LIST_PATTERN_LENGTH = 512;

/** BAD answers in a row before the connection is closed: what speaks so is no IMAP client. */
export const MAXIMUM_BAD_COMMANDS = 25;

export const MAXIMUM_CONNECTIONS = 256;

/** RFC 3501 5.4: the autologout timer must be at least 30 minutes. */
export const IDLE_LOGOUT_MS = 30 * 60 * 1000;

/** A connection that never signs in holds a place only so long. */
export const SIGN_IN_MS = 60 * 1000;

/** Parts of one message that are listed; those beyond are still in its source. */
export const MAXIMUM_PARTS = 500;

export const MAXIMUM_PART_DEPTH = 20;

/** Addresses of one header field that ENVELOPE reports. */
export const MAXIMUM_ENVELOPE_ADDRESSES = 1000;

/** Characters of an address field that ENVELOPE looks at: unclosed quotes make reading it quadratic. */
export const MAXIMUM_ADDRESS_FIELD_LENGTH = 32 * 1024;

/** Messages accepted by SMTP that are kept for inspection, the oldest dropped first. */
export const MAXIMUM_KEPT_SUBMISSIONS = 500;
export const MAXIMUM_KEPT_BYTES = 128 * 1024 * 1024;

export const MAXIMUM_RECIPIENTS = 1000;
