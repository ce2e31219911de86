import { closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { type MailboxRow, mailboxesByAddress, readProfile } from "../../ledger/mailboxes.ts";
import { mailboxesWithUnfinished } from "../../ledger/outbox.ts";
import { onBehalfOf } from "../../wire/on-behalf-of.ts";
import type { EngineContext } from "../context.ts";
import { whyNot } from "../why-not.ts";

/** Wakes the mailboxes with unfinished sending: what was claimed and has not come to its end. */
export async function wakeUnfinished(context: EngineContext): Promise<void> {
  for (const mailboxId of await mailboxesWithUnfinished(context.database, context.now())) await context.wake("send", mailboxId);
}

/**
 * Wakes the mailbox of every sender with pending emails in the organization. A sender whose mailbox may not send keeps its emails in Pending Send, and an alert says
 * why: the classic question "why is my mail still pending?" has an answer.
 */
export async function dispatchPending(context: EngineContext, organization: string): Promise<void> {
  await onBehalfOf("pending", () => wakeSenders(context, organization));
}

async function wakeSenders(context: EngineContext, organization: string): Promise<void> {
  const senders = await context.crm(organization).pendingSenders(context.now());
  const mailboxes = await mailboxesByAddress(
    context.database,
    organization,
    senders.flatMap((one) => one.senderAddress ?? []),
  );
  const byAddress = new Map(mailboxes.map((one) => [one.address, one]));
  const stuck = new Map<string, string>();
  for (const { senderAddress, emails } of senders) {
    const mailbox = senderAddress === null ? undefined : byAddress.get(senderAddress);
    const reason = await reasonNotToSend(context, senderAddress, mailbox);
    if (reason === null && mailbox) await context.wake("send", mailbox.id);
    else if (reason !== null)
      stuck.set(senderAddress ?? "", `${emails} ${emails === 1 ? "email stays" : "emails stay"} in Pending Send. ${reason}`);
  }
  await reportStuck(context, organization, stuck);
}

async function reasonNotToSend(
  context: EngineContext,
  senderAddress: string | null,
  mailbox: MailboxRow | undefined,
): Promise<string | null> {
  if (senderAddress === null) return "They have no sender.";
  if (!mailbox) return `There is no mailbox ${senderAddress} in Waypost.`;
  const profile = await readProfile(context.database, mailbox.profile);
  return profile === null ? `The server profile ${mailbox.profile} is gone.` : whyNot("send", mailbox, profile);
}

/** One alert for each sender that cannot send; closed when it can, or has nothing pending any more. */
async function reportStuck(context: EngineContext, organization: string, stuck: ReadonlyMap<string, string>): Promise<void> {
  const now = context.now();
  const { rows } = await context.database.query<{ code: string }>(
    "select code from waypost.alert where scope = 'organization' and subject = $1 and closed_at is null and starts_with(code, 'pending: ')",
    [organization],
  );
  for (const { code } of rows) {
    if (!stuck.has(code.slice("pending: ".length))) await closeAlerts(context.database, "organization", organization, code, now);
  }
  for (const [sender, message] of stuck) {
    await openAlert(
      context.database,
      {
        scope: "organization",
        subject: organization,
        code: `pending: ${sender}`,
        message,
        remedy: "Give the sender a mailbox that may send: active, approved, with an outgoing server. `waypost status` lists them.",
      },
      now,
    );
  }
}
