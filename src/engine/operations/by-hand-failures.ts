import type { Copy } from "../../ledger/by-hand.ts";
import { Failure } from "../../model/failure.ts";
import { listing } from "../../tracking/sentence.ts";

/** A message that was asked for and cannot be read. */
export function liesNowhere(name: string, copies: readonly Copy[]): Failure {
  const mailboxes = listing([...new Set(copies.map((one) => one.mailbox))]);
  return new Failure({
    scope: "item",
    code: "message gone",
    message: `The message ${name} lies in no folder of ${mailboxes} that is read, so no email can be made of it.`,
    remedy: "Move it into a folder that is read (`waypost status` lists them), let the mailbox be read, and run the command again.",
    waitingHelps: false,
  });
}

/** A message of a test, which nobody's word makes an email. */
export function isTest(name: string): Failure {
  return new Failure({
    scope: "item",
    code: "test message",
    message: `The message ${name} belongs to a test of a mailbox, and a test is never tracked.`,
    remedy: "Nothing is to be done.",
    waitingHelps: false,
  });
}

/** A message whose email is not there. */
export function noEmail(name: string, copies: readonly Copy[]): Failure {
  const [first] = copies;
  return new Failure({
    scope: "item",
    code: "no email",
    message: `The message ${name} is no email of the CRM.`,
    remedy: `\`waypost track ${first?.id ?? "<number>"} --regarding <record>\` makes one of it that is about the record.`,
    waitingHelps: false,
  });
}
