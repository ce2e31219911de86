import type { Outcome, Session } from "../imap/session.ts";
import { normalizedPath } from "../store.ts";

/** RFC 3501 6.3.3. */
export function create(path: string, session: Session): Outcome {
  session.signedIn().create(path);
  return { status: "OK", text: "Mailbox made" };
}

/** RFC 3501 6.3.4. The session's own selection of the folder ends; others are told good-bye. */
export function remove(path: string, session: Session): Outcome {
  const account = session.signedIn();
  const folder = account.folder(path);
  if (folder && session.selection?.folder === folder && !account.hasChildren(folder.path)) session.deselect();
  account.delete(path);
  return { status: "OK", text: "Mailbox deleted" };
}

/** RFC 3501 6.3.5. */
export function rename(from: string, to: string, session: Session): Outcome {
  session.signedIn().rename(from, to);
  return { status: "OK", text: "Mailbox renamed" };
}

/** RFC 3501 6.3.6: this server takes only names that exist. */
export function subscribe(path: string, session: Session): Outcome {
  const account = session.signedIn();
  account.subscriptions.add(account.require(path).path);
  return { status: "OK", text: "Subscribed" };
}

/** RFC 3501 6.3.7. */
export function unsubscribe(path: string, session: Session): Outcome {
  const removed = session.signedIn().subscriptions.delete(normalizedPath(path));
  return removed ? { status: "OK", text: "Unsubscribed" } : { status: "NO", text: "Was not subscribed" };
}
