import { TEST_STATUS, type TestStatus } from "../../ledger/mailbox-tests.ts";
import type { MailboxRow, ProfileRow } from "../../ledger/mailboxes.ts";
import { whyNotTested } from "../why-not.ts";

/** The columns of Test & Enable under their Dynamics names (product-behaviour 3.3): 0 Not Run, 1 Success, 2 Failure. */
export interface TestState {
  readonly incomingemailstatus: TestStatus;
  readonly outgoingemailstatus: TestStatus;
  /** Appointments, contacts and tasks are not synchronized yet: always 0. */
  readonly actstatus: TestStatus;
  /** Over all: 2 if a direction failed, 1 if every direction that is switched on passed, else 0. */
  readonly mailboxstatus: TestStatus;
  readonly enabledforincomingemail: boolean;
  readonly enabledforoutgoingemail: boolean;
  readonly testmailboxaccesscompletedon: Date | null;
  /** Why the test is to be run, or run again; null when its results stand. */
  readonly because: string | null;
}

/** What the ledger knows of the tests of a mailbox. Pure. */
export function testState(mailbox: MailboxRow, profile: ProfileRow): TestState {
  const { incomingStatus, outgoingStatus, actStatus, testedAt } = mailbox;
  const on = [
    { name: "incoming", status: incomingStatus, off: whyNotTested("receive", mailbox, profile) !== null },
    { name: "outgoing", status: outgoingStatus, off: whyNotTested("send", mailbox, profile) !== null },
  ].filter((one) => !one.off);
  const waiting = on.filter((one) => one.status === TEST_STATUS.notRun);
  const failed = on.some((one) => one.status === TEST_STATUS.failure);
  return {
    incomingemailstatus: incomingStatus,
    outgoingemailstatus: outgoingStatus,
    actstatus: actStatus,
    mailboxstatus: failed ? TEST_STATUS.failure : waiting.length > 0 || on.length === 0 ? TEST_STATUS.notRun : TEST_STATUS.success,
    enabledforincomingemail: mailbox.enabledForIncoming,
    enabledforoutgoingemail: mailbox.enabledForOutgoing,
    testmailboxaccesscompletedon: testedAt,
    because: waiting.length === 0 ? null : whyToRun(mailbox.address, waiting.map((one) => one.name).join(" and "), testedAt),
  };
}

function whyToRun(address: string, directions: string, testedAt: Date | null): string {
  return testedAt === null
    ? `No test for ${directions} mail was run yet: \`waypost check ${address}\`.`
    : `What the test for ${directions} mail depends on has changed since it was run. Run it again: \`waypost check ${address}\`.`;
}
