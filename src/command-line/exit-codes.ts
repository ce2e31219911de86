import type { Failure } from "../model/failure.ts";

/** Exit codes of the `waypost` command, for scripts. */
export const EXIT = { ok: 0, failed: 1, usage: 2, attention: 3, notFound: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each of them means: the words of every `--help` and of docs/command-line.md. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "done, and nothing needs anybody",
  1: "could not be done, or not yet: the message says why, and what to do or until when a mailbox waits",
  2: "the command line or the configuration is wrong",
  3: "done, but something needs a person: an open alert, a quarantined message, an email that failed or whose outcome is unknown, a new access token that a mail server refuses or that none was shown to, a mailbox that you named and that may not be touched (inactive, not approved, switched off)",
  4: "what was asked about does not exist: a message that was never seen, a record, a mailbox, a server profile, a number in quarantine, an email to decide about, a server of an address",
};

/** The exit code for mailboxes that were asked for and left alone: what waits was not done, and one that is off needs whoever named it. */
export function exitCodeOfLeft(left: readonly { readonly state: "off" | "waits"; readonly named: boolean }[]): ExitCode {
  if (left.some((one) => one.state === "waits")) return EXIT.failed;
  return left.some((one) => one.named) ? EXIT.attention : EXIT.ok;
}

const BY_FAILURE: ReadonlyMap<string, ExitCode> = new Map([
  ["configuration wrong", EXIT.usage],
  ["configuration missing", EXIT.usage],
  ["no mail address", EXIT.usage],
  ["settings refused", EXIT.usage],
  ["organization not clear", EXIT.usage],
  ["mailbox unknown", EXIT.notFound],
  ["forward mailbox unknown", EXIT.notFound],
  ["profile unknown", EXIT.notFound],
  ["message unknown", EXIT.notFound],
  ["record unknown", EXIT.notFound],
  ["user or queue unknown", EXIT.notFound],
  ["folder unknown", EXIT.notFound],
  ["no folder rule", EXIT.notFound],
  ["organization unknown", EXIT.notFound],
  ["no server-side synchronization", EXIT.notFound],
  ["file exists", EXIT.usage],
  ["file elsewhere", EXIT.usage],
  ["no terminal", EXIT.usage],
  ["not unknown", EXIT.notFound],
]);

/** The exit code after a failure; null is an error that is none, a fault of the program. */
export function exitCodeOf(failure: Failure | null): ExitCode {
  return (failure && BY_FAILURE.get(failure.code)) ?? EXIT.failed;
}
