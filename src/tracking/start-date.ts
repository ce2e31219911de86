import { REASON } from "../model/decision.ts";
import { type Gate, pass, skip } from "./gate.ts";
import { no, RULE, yes } from "./rule.ts";
import { when } from "./sentence.ts";

/**
 * A mailbox is read from its start date on. What counts is when the server received the message: the Date header is written by the
 * sender. A message of exactly that moment is read.
 */
export const startDate: Gate = ({ head, context: { mailbox } }) => {
  const received = `The server received the message on ${when(head.received)}`;
  const start = `the start date of ${mailbox.address}, ${when(mailbox.startDate)}`;
  return head.received < mailbox.startDate
    ? skip(no(RULE.startDate, `${received}, before ${start}.`), REASON.unknown)
    : pass(yes(RULE.startDate, `${received}, not before ${start}.`));
};
