import type { Outcome, Session } from "../imap/session.ts";
import { MAXIMUM_MESSAGE_BYTES } from "../limits.ts";

const ALWAYS = ["IMAP4rev1", "LITERAL+", "SASL-IR", "AUTH=PLAIN", "ID"];

const SIGNED_IN = [
  "ENABLE",
  "IDLE",
  "NAMESPACE",
  "UNSELECT",
  "CHILDREN",
  "SPECIAL-USE",
  "LIST-EXTENDED",
  "LIST-STATUS",
  "STATUS=SIZE",
  "UIDPLUS",
  "MOVE",
  "ESEARCH",
  "CONDSTORE",
  "QRESYNC",
  `APPENDLIMIT=${MAXIMUM_MESSAGE_BYTES}`,
];

/** What this server does and nothing else, as text after `CAPABILITY` (RFC 3501 6.1.1). */
export function capabilities(session: Session): string {
  return [...ALWAYS, ...(session.account ? SIGNED_IN : [])].join(" ");
}

export function capability(session: Session): Outcome {
  session.send(`* CAPABILITY ${capabilities(session)}\r\n`);
  return { status: "OK", text: "Capabilities listed" };
}

/** RFC 3501 6.1.2: the news that every command brings is all it is for. */
export function noop(): Outcome {
  return { status: "OK", text: "Nothing done" };
}

/** RFC 3501 6.1.3. */
export function logout(session: Session): Outcome {
  session.send("* BYE Signing out\r\n");
  session.leaving = true;
  return { status: "OK", text: "Signed out" };
}

/** RFC 2971. */
export function id(session: Session): Outcome {
  session.send('* ID ("name" "Waypost demo mail server")\r\n');
  return { status: "OK", text: "Introduced" };
}

/** RFC 5161: names that are unknown here are passed over. QRESYNC brings CONDSTORE with it (RFC 7162 3.2.3). */
export function enable(extensions: readonly string[], session: Session): Outcome {
  const enabled = ["CONDSTORE", "QRESYNC"].filter((extension) => extensions.includes(extension));
  if (enabled.length > 0) session.condstore = true;
  if (enabled.includes("QRESYNC")) session.qresync = true;
  session.send(`* ENABLED${enabled.map((extension) => ` ${extension}`).join("")}\r\n`);
  return { status: "OK", text: "Enabled" };
}
