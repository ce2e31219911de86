import { REASON } from "../model/decision.ts";
import { type Gate, skip } from "./gate.ts";
import { RULE, yes } from "./rule.ts";
import { when } from "./sentence.ts";

const WHAT = {
  "test message": "Waypost sent this message itself",
  answer: "It answers a message that Waypost sent",
  bounce: "It brings back as undeliverable a message that Waypost sent",
} as const;

/** Messages by which Waypost tests a mailbox, and what programs answer to them, are nobody's mail: they never become emails. */
export const testMessage: Gate = ({ context: { test } }) => {
  if (test === undefined) return null;
  const { kind, mailbox, sentAt } = test;
  return skip(yes(RULE.testMessage, `${WHAT[kind]} on ${when(sentAt)} to test ${mailbox}.`), REASON.unknown);
};
