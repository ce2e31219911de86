import { readAudit } from "../../ledger/audit.ts";
import { listFolders } from "../../ledger/folders.ts";
import { listMailboxes, type MailboxRow, mailboxesByAddress, type ProfileRow, readProfile, readProfiles } from "../../ledger/mailboxes.ts";
import { addressKey } from "../../model/address.ts";
import type { Direction } from "../../model/mailbox.ts";
import { when } from "../../tracking/sentence.ts";
import type { EngineContext } from "../context.ts";
import { openingWords } from "../opening.ts";
import { ELSEWHERE } from "../trouble.ts";
import { whyNot, whyWaiting } from "../why-not.ts";
import { testState } from "./test-state.ts";

/** Why a mailbox is or is not worked on. */
export interface MailboxExplanation {
  readonly mailbox: string;
  /** Whole sentences: each direction, the test, and who approved or rejected the address. */
  readonly sentences: readonly string[];
}

/** Why an email has not left that was never taken up. */
export interface PendingExplanation {
  readonly emailId: string;
  readonly sender: string | null;
  readonly because: string;
}

const STATUS_WORDS = ["Not Run", "Success", "Failure"] as const;

/** The mailboxes of this address; none where the key is no address of one. */
export async function explainMailboxes(context: EngineContext, key: string): Promise<MailboxExplanation[]> {
  const found: MailboxExplanation[] = [];
  for (const mailbox of (await listMailboxes(context.database)).filter((one) => one.address === addressKey(key))) {
    const profile = await readProfile(context.database, mailbox.profile);
    if (!profile) continue;
    const audit = await readAudit(context.database, mailbox.address);
    found.push({
      mailbox: mailbox.address,
      sentences: [
        ...directions(context, mailbox, profile),
        ...(await remarks(context, mailbox)),
        ...tests(mailbox, profile),
        ...audit.map((entry) => `${entry.actor} ${entry.action === "approve" ? "approved" : "rejected"} the address on ${when(entry.at)}.`),
      ],
    });
  }
  return found;
}

function directions(context: EngineContext, mailbox: MailboxRow, profile: ProfileRow): string[] {
  const now = context.now();
  const how = (direction: Direction) => openingWords(context.opening(mailbox, direction));
  const receive = whyNot("receive", mailbox, profile) ?? workedOnElsewhere("receive", mailbox);
  const send = whyNot("send", mailbox, profile) ?? workedOnElsewhere("send", mailbox);
  const waits = (direction: Direction, off: string | null) => {
    const waiting = off === null ? whyWaiting(direction, mailbox, profile, now) : null;
    return waiting === null ? [] : [waiting.because];
  };
  return [
    receive === null
      ? `It is read ${how("receive")}; the server profile is "${profile.name}".`
      : `It is not read: no connection is made for incoming mail. ${receive}`,
    ...waits("receive", receive),
    send === null
      ? `Its emails are sent ${how("send")}; the server profile is "${profile.name}".`
      : `Its emails stay in Pending Send: no connection is made for outgoing mail. ${send}`,
    ...waits("send", send),
  ];
}

/** What the CRM's own program did with the mailbox when it was last asked. */
function workedOnElsewhere(direction: Direction, mailbox: MailboxRow): string | null {
  const error = mailbox[`${direction}Error`];
  return error?.code === ELSEWHERE ? `${error.message} ${error.remedy}` : null;
}

/** What people should know of its folders as the mail system keeps them. */
async function remarks({ database }: EngineContext, { id }: MailboxRow): Promise<string[]> {
  const folders = await listFolders(database, id);
  return folders.flatMap(({ name, remark, missingSince }) =>
    remark === null || missingSince !== null ? [] : [`The folder ${name}: ${remark}`],
  );
}

function tests(mailbox: MailboxRow, profile: ProfileRow): string[] {
  const { incomingemailstatus, outgoingemailstatus, testmailboxaccesscompletedon, because } = testState(mailbox, profile);
  const ran = testmailboxaccesscompletedon === null ? "" : ` on ${when(testmailboxaccesscompletedon)}`;
  return [
    `Test of incoming mail: ${STATUS_WORDS[incomingemailstatus]}; of outgoing mail: ${STATUS_WORDS[outgoingemailstatus]}${ran}.`,
    ...(because === null ? [] : [because]),
  ];
}

/** An email of the CRM by its id that nothing was done about, though its sender should have it sent. */
export async function explainPending(
  context: EngineContext,
  organizations: readonly string[],
  key: string,
): Promise<PendingExplanation | null> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(key)) return null;
  for (const organization of organizations) {
    const email = await context.crm(organization).outgoing(key);
    if (email === null) continue;
    const sender = email.from?.address.address ?? null;
    const because = await whyPending(context, organization, sender);
    return because === null ? null : { emailId: email.id, sender, because };
  }
  return null;
}

async function whyPending(context: EngineContext, organization: string, sender: string | null): Promise<string | null> {
  if (sender === null) return "It has no sender.";
  const [mailbox] = await mailboxesByAddress(context.database, organization, [sender]);
  if (!mailbox) return `There is no mailbox ${sender} in Waypost.`;
  const profile = await readProfile(context.database, mailbox.profile);
  return profile === null ? `The server profile ${mailbox.profile} is gone.` : whyNot("send", mailbox, profile);
}

/** Mailboxes whose server is not connected to for incoming mail. */
export async function mailboxesNotRead(context: EngineContext): Promise<{ mailbox: string; because: string }[]> {
  const profiles = new Map((await readProfiles(context.database)).map((one) => [one.name, one]));
  return (await listMailboxes(context.database)).flatMap((mailbox) => {
    const profile = profiles.get(mailbox.profile);
    const because = profile && whyNot("receive", mailbox, profile);
    return because ? [{ mailbox: mailbox.address, because }] : [];
  });
}
