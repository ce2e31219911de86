import { REASON } from "../model/decision.ts";
import { type Gate, skip } from "./gate.ts";
import { RULE, yes } from "./rule.ts";
import { when } from "./sentence.ts";

/** Messages by which Waypost tests a mailbox, and what programs answer to them, are nobody's mail: they never become emails. */
export const testMessage: Gate = ({ context: { test } }) => {
  if (test === undefined) return null;
  const { kind, mailbox, sentAt } = test;
  const what = kind === "test message" ? "Waypost sent this message itself" : "It answers a message that Waypost sent";
  return skip(yes(RULE.testMessage, `${what} on ${when(sentAt)} to test ${mailbox}.`), REASON.unknown);
};
