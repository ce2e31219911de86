import { Failure } from "../../model/failure.ts";

/** A message beyond the limit of the server profile. */
export function tooLarge(mailbox: string, size: number, limit: number): Failure {
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  return new Failure({
    scope: "item",
    code: "message too large",
    message: `Mailbox ${mailbox}: a message of ${megabytes(size)} is larger than the limit of ${megabytes(limit)} and was not downloaded.`,
    remedy: "Raise maximumMessageMegabytes in the server profile, then run `waypost quarantine retry`.",
    waitingHelps: false,
  });
}

/** A message that made the reader of messages fail. */
export function unreadableAsMail(what: string, cause: unknown): Failure {
  return new Failure({
    scope: "item",
    code: "message not readable as mail",
    message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy: "Nothing is lost: the message stays in its mailbox. Please report it; after an update run `waypost quarantine retry`.",
    waitingHelps: false,
    cause,
  });
}
