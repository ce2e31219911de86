import type { Failure } from "../model/failure.ts";

/** Exit codes of the `waypost` command, for scripts (docs/command-line.md). */
export const EXIT = {
  /** Done, and nothing needs anybody. */
  ok: 0,
  /** It could not be done; the message says why and what to do. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** Done, but something needs a person: an open alert, a quarantined message, an email that failed or whose outcome is unknown. */
  attention: 3,
  /** What was asked about does not exist. */
  notFound: 4,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code for mailboxes that were asked for and left alone: what waits was not done, and one that is off needs whoever named it. */
export function exitCodeOfLeft(left: readonly { readonly state: "off" | "waits"; readonly named: boolean }[]): ExitCode {
  if (left.some((one) => one.state === "waits")) return EXIT.failed;
  return left.some((one) => one.named) ? EXIT.attention : EXIT.ok;
}

const BY_FAILURE: ReadonlyMap<string, ExitCode> = new Map([
  ["configuration wrong", EXIT.usage],
  ["configuration missing", EXIT.usage],
  ["no mail address", EXIT.usage],
  ["mailbox unknown", EXIT.notFound],
  ["profile unknown", EXIT.notFound],
  ["not unknown", EXIT.notFound],
]);

/** The exit code after a failure; null is an error that is none, a fault of the program. */
export function exitCodeOf(failure: Failure | null): ExitCode {
  return (failure && BY_FAILURE.get(failure.code)) ?? EXIT.failed;
}
