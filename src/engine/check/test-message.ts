import { randomUUID } from "node:crypto";
import { testSubject } from "../../ledger/mailbox-tests.ts";
import { compose } from "../../mime/compose.ts";
import { domainOf } from "../../model/address.ts";
import type { EngineContext, Work } from "../context.ts";
import type { CheckOptions } from "./check-step.ts";

/** A test message on its way. */
export interface Test {
  readonly messageId: string;
  readonly token: string;
  readonly mime: Buffer;
  readonly sentAt: Date;
}

/** What the search works with. */
export interface TestSearch {
  readonly context: EngineContext;
  readonly work: Work;
  readonly options: CheckOptions;
}

/** A message from the mailbox to itself that says what it is, and that no program answers. */
export async function testMessageFor(context: EngineContext, { mailbox }: Work): Promise<Test> {
  const token = randomUUID().replaceAll("-", "");
  const messageId = `${token}.test.waypost@${/^[\w.-]+$/.test(domainOf(mailbox.address)) ? domainOf(mailbox.address) : "waypost.invalid"}`;
  const sentAt = context.now();
  const self = { name: "Waypost", address: mailbox.address };
  const { mime } = await compose({
    emailId: null,
    autoSubmitted: true,
    messageId,
    date: sentAt,
    from: self,
    to: [{ name: "", address: mailbox.address }],
    cc: [],
    bcc: [],
    subject: testSubject(token),
    inReplyTo: null,
    references: [],
    html: null,
    text: `Waypost sent this message from ${mailbox.address} to itself, to test that mail leaves and arrives.\n\nNothing is to be done. It becomes no email in the CRM, and may be deleted.\n`,
    attachments: [],
    importance: 1,
    readReceiptRequested: false,
  });
  return { messageId, token, mime, sentAt };
}
