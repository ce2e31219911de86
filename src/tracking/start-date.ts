import { REASON } from "../model/decision.ts";
import { type Gate, pass, skip } from "./gate.ts";
import { no, RULE, yes } from "./rule.ts";
import { when } from "./sentence.ts";

/**
 * A mailbox is read from its start date on. What counts is when the server received the message: the Date header is written by the
 * sender. A message of exactly that moment is read.
 */
export const startDate: Gate = ({ head, context: { mailbox } }) => {
  const received = `${TOLD[head.receivedFrom ?? "server"]} ${when(head.received)}`;
  const start = `the start date of ${mailbox.address}, ${when(mailbox.startDate)}`;
  return head.received < mailbox.startDate
    ? skip(no(RULE.startDate, `${received}, before ${start}.`), REASON.unknown)
    : pass(yes(RULE.startDate, `${received}, not before ${start}.`));
};

/** The sentence says where the date comes from: POP3 tells none of its own. */
const TOLD = {
  server: "The server received the message on",
  trace: "The topmost Received line of the message is of",
  sender: "No mail server wrote into the message when it received it, so its sender's date counts, which is",
  reading: "Nothing tells when the message was received, so the moment of reading counts, which is",
} as const;
