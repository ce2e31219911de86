import type { DraftEmail } from "../crm/create-email.ts";
import type { EmbeddedCrm } from "../crm/embedded.ts";
import type { Attachment } from "../model/message.ts";
import type { DemoMailServer } from "./mail-server/mail-server.ts";
import { ACCOUNT_ID, QUEUE } from "./people.ts";

/** A message as a stranger's mail program writes it. */
export interface DemoMessage {
  readonly from: string;
  readonly to: string;
  readonly cc?: string;
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
  readonly inReplyTo?: string;
}

/** Two offers leave the CRM: one from Alice with a price list, one from the support queue. `alice` is the id of the user who presses Send. */
export async function sendOffers(crm: Pick<EmbeddedCrm, "createEmails" | "sendEmail">, alice: string): Promise<void> {
  const drafts: DraftEmail[] = [
    {
      subject: "Our offer for the spring order",
      html: "<p>Dear Carol,</p><p>here is our offer. <b>It stands until Friday.</b></p><p>Alice</p>",
      from: { address: { name: "Alice Adams", address: "alice@contoso.example" } },
      to: [{ address: { name: "Carol Chen", address: "carol.chen@fabrikam.example" } }],
      regarding: { type: "account", id: ACCOUNT_ID, name: "Fabrikam Ltd" },
      attachments: [priceList()],
    },
    {
      subject: "Your request is being worked on",
      text: "Dear Erin,\n\nwe have your request and will answer tomorrow.\n\nSupport",
      from: { address: { name: QUEUE.name, address: QUEUE.email } },
      to: [{ address: { name: "Erin Ek", address: "erin@tailspin.example" } }],
    },
  ];
  for (const id of await crm.createEmails(drafts)) await crm.sendEmail(id, alice);
}

function priceList(): Attachment {
  return {
    filename: "prices.csv",
    mimetype: "text/csv",
    contentId: null,
    inline: false,
    body: Buffer.from("article,price\nchair,49.00\ntable,199.00\n"),
  };
}

/**
 * Mail arrives: a reply to the offer, the same for a colleague, a lead's question to the queue, a customer's note in a sub-folder, and a stranger's
 * advertisement. The reply waits for the offer. Returns false, with nothing delivered, when `patient` aborts before the offer went out.
 */
export async function arrive(server: DemoMailServer, patient: AbortSignal): Promise<boolean> {
  const offer = await untilSent(server, "carol.chen@fabrikam.example", patient);
  if (offer === null) return false;
  const reply: DemoMessage = {
    from: "Carol Chen <carol.chen@fabrikam.example>",
    to: "Alice Adams <alice@contoso.example>",
    cc: "Bob Brown <bob@contoso.example>",
    subject: `Re: ${offer.subject}`,
    text: "Dear Alice,\n\nthank you, we take it.\n\nCarol",
    messageId: "reply-1@fabrikam.example",
    inReplyTo: offer.messageId,
  };
  server.deliver("alice@contoso.example", mime(reply));
  server.deliver("bob@contoso.example", mime(reply));
  server.deliver(
    QUEUE.email,
    mime({
      from: "Erin Ek <erin@tailspin.example>",
      to: `Support <${QUEUE.email}>`,
      subject: "A part is missing",
      text: "Two screws were not in the box.\n\nErin",
      messageId: "screws@tailspin.example",
    }),
  );
  server.deliver(
    "bob@contoso.example",
    mime({
      from: "Dave Dunn <dave@northwind.example>",
      to: "bob@contoso.example",
      subject: "Visit next week",
      text: "Does Tuesday suit you?\n\nDave",
      messageId: "visit@northwind.example",
    }),
    { folder: "INBOX/Customers" },
  );
  server.deliver(
    "alice@contoso.example",
    mime({
      from: "Bargains <news@bargains.example>",
      to: "alice@contoso.example",
      subject: "Only today",
      text: "Everything must go.",
      messageId: "today@bargains.example",
    }),
  );
  return true;
}

/** The message that the mail server accepted for an address outside, as its receiver sees it; null when that does not happen in time. */
async function untilSent(
  server: DemoMailServer,
  address: string,
  patient: AbortSignal,
): Promise<{ subject: string; messageId: string } | null> {
  const found = Promise.withResolvers<Buffer | null>();
  const giveUp = () => found.resolve(null);
  const stop = server.onDelivery((delivery) => {
    if (delivery.kind === "outside" && delivery.address === address) found.resolve(delivery.submission.mime);
  });
  patient.addEventListener("abort", giveUp);
  if (patient.aborted) giveUp();
  const already = server.outside.find((one) => one.address === address);
  if (already) found.resolve(already.submission.mime);
  try {
    const mime = await found.promise;
    if (mime === null) return null;
    const text = mime.toString("latin1");
    return { subject: field(text, "subject"), messageId: field(text, "message-id").replace(/^<|>$/g, "") };
  } finally {
    stop();
    patient.removeEventListener("abort", giveUp);
  }
}

function field(text: string, name: string): string {
  const head = text.slice(0, text.indexOf("\r\n\r\n")).replace(/\r\n[ \t]+/g, " ");
  return new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1] ?? "";
}

function mime(message: DemoMessage): string {
  return [
    `From: ${message.from}`,
    `To: ${message.to}`,
    ...(message.cc ? [`Cc: ${message.cc}`] : []),
    `Subject: ${message.subject}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${message.messageId}>`,
    ...(message.inReplyTo ? [`In-Reply-To: <${message.inReplyTo}>`, `References: <${message.inReplyTo}>`] : []),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "",
    message.text,
    "",
  ].join("\r\n");
}
